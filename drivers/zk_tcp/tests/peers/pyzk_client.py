"""Speaks with a terminal by pyzk and tells on standard output, one JSON object a line, what it got.

Usage: pyzk_client.py PORT tcp|udp KEY
"""

import json
import sys

from zk import ZK


def tell(what, value):
    print(json.dumps({what: value}), flush=True)


def main():
    port, carrier, key = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    client = ZK("127.0.0.1", port=port, timeout=5, password=key, force_udp=carrier == "udp", ommit_ping=True)
    terminal = client.connect()
    tell("serial", terminal.get_serialnumber())
    tell("platform", terminal.get_platform())
    tell("time", terminal.get_time().isoformat())
    tell("users", sorted(user.user_id for user in terminal.get_users()))
    punches = terminal.get_attendance()
    tell("punches", sorted("%s|%s" % (punch.user_id, punch.timestamp.isoformat()) for punch in punches))
    for punch in terminal.live_capture(new_timeout=5):
        tell("live", None if punch is None else punch.user_id)
        break
    terminal.disconnect()
    tell("bye", True)


main()
