# Everything punchgate says to an operator, in English. zh-CN.ftl has the same ids with the same variables.

## Configuration: faults

config-at = { $place }: { $what }
config-unreadable = cannot read { $path }: { $why }
config-too-long = { $path } is longer than { $limit }; this is no configuration
config-not-utf8 = { $path } is not UTF-8 from byte { $offset } on; save it as UTF-8
config-syntax = not valid TOML: { $why }
config-huge-number = the number { $got } is too large
config-clash = { $key } is a { $got } here, but a { $there } at { $other }
config-unknown-key = unknown key `{ $key }`{ $section ->
        [none] {""}
       *[other] {" "}in [{ $section }]
    }{ $nearest ->
        [none] {""}
       *[other] ; did you mean `{ $nearest }`?
    } known keys: { $known }
config-wrong-type = `{ $key }` wants { $wanted }, but this is a { $got }
config-bad-value = `{ $key }` wants { $wanted }, got "{ $got }"
config-bare-duration = `{ $key }` needs a unit: write "{ $got }s", "{ $got }m" or "{ $got }h" (units: ms s m h d)
config-bare-size = `{ $key }` needs a unit: write "{ $got }MiB" or "{ $got }GiB" (units: B kB KiB MB MiB GB GiB TiB)
config-out-of-range = `{ $key }` is { $got }, wanted { $min } to { $max }
config-missing = `{ $key }` is missing in [{ $section }]
config-unknown-word = `{ $key }` does not know "{ $got }"{ $nearest ->
        [none] {""}
       *[other] ; did you mean "{ $nearest }"?
    } known: { $known }
config-unknown-zone = `{ $key }`: there is no time zone "{ $got }"{ $nearest ->
        [none] {""}
       *[other] ; did you mean "{ $nearest }"?
    } (IANA names, for example "Asia/Shanghai")
config-needs-timezone = device "{ $device }" keeps time, so it needs `timezone`: the zone its clock shows, for example timezone = "Asia/Shanghai" (driver { $driver })
config-unknown-driver = device "{ $device }": unknown driver "{ $got }"{ $nearest ->
        [none] {""}
       *[other] ; did you mean "{ $nearest }"?
    } known drivers: { $known }
config-duplicate = there are two of { $what } "{ $name }"; the other is at { $other }; rename or remove one
config-wrong-link = device "{ $device }": `{ $key }` does not go with a { $link } link (driver { $driver }); remove it
config-missing-link = device "{ $device }" needs `{ $key }` (driver { $driver }): { $key ->
        [port] the serial port, best by name: port = "/dev/serial/by-id/…"
       *[other] where it is: address = "192.168.1.201:4370"
    }
config-window-too-long = policy "{ $policy }": `window` ({ $window }) is longer than `unrelated_after` ({ $unrelated }); make `unrelated_after` at least as long
config-clock-received = device "{ $device }" keeps time (driver { $driver }), so clock = "received" would misdate what it has stored; use "correct" or "trust"
config-inline-secret = `{ $key }` must not stand in the configuration; put it into a file only its owner can read and write { $key } = {"{"} file = "/etc/punchgate/secrets/NAME" {"}"}, or { $key } = {"{"} credential = "NAME" {"}"} with LoadCredential= in the unit
config-secret-unreadable = `{ $key }`: cannot read { $path }: { $why }
config-secret-exposed = `{ $key }`: { $path } can be read or changed by others (mode { $mode }); run: chmod 600 { $path }
config-secret-empty = `{ $key }`: { $path } is empty
config-no-credentials = `{ $key }`: credential "{ $name }" can only be read under systemd; add LoadCredential={ $name }:/path to the unit, or use {"{"} file = "…" {"}"}
config-option = device "{ $device }": { $why }
config-url-password = upstream "{ $upstream }": the url must not hold a user or password; use `secret`

## What a key wants

wanted-text = a text in quotes
wanted-flag = true or false
wanted-number = a whole number
wanted-list = a list in square brackets
wanted-table = a table
wanted-duration = a duration with a unit such as "15m", "5s", "4h" or "35d"
wanted-size = a size with a unit such as "64MiB" or "2GiB"
wanted-date = a day such as 2018-01-01
wanted-instant = an instant with its offset such as "2026-03-02T00:00:00+08:00"
wanted-address = a host and port such as "192.168.1.201:4370"
wanted-listen = an address and port to listen on such as "127.0.0.1:8081" or "[::]:8081"
wanted-url = an address that starts with http:// or https://
wanted-path = a path in quotes
wanted-secret = {"{"} file = "/path" {"}"} or {"{"} credential = "NAME" {"}"}
wanted-name = a name of 1 to 64 small letters, digits, - _ or .
wanted-store-size = at least 1MiB
wanted-schedule = more than nothing and at most "1d"

## Configuration: warnings

warning-unknown-source = policy "{ $policy }": `{ $selector }` names the source "{ $source }", but no device has that name
warning-unknown-zone = policy "{ $policy }": `{ $selector }` names the zone "{ $zone }", but no device has it
warning-overlap = policy "{ $policy }": one punch can match `first` and `second`; it is then taken as `first`
warning-no-devices = no device is configured; nothing will punch
warning-no-upstreams = no upstream is configured; punches stay here
warning-nobody-known = unknown = "hold" without directory files: punches of devices that do not name people will never leave; add [directory] files or set unknown = "quarantine"
warning-exposed = the { $listener } listener ({ $listen }) can be reached from other machines without encryption
warning-cleartext = upstream "{ $upstream }": punches leave unencrypted for { $url }

## check

check-good = { $file } is good
check-bad = { $file } cannot be used; problems: { $count }
check-gateway = gateway
check-devices = devices
check-listeners = listeners
check-upstreams = upstreams
check-policies = policies
check-warnings = warnings
check-none = none
check-unzoned = no zone
check-no-clock = no clock
check-unused = not opened: no device calls by HTTP
check-policy-line = { $name }: { $first } then { $second }, within { $window }
check-policy-line-any = { $name }: { $first } and { $second } in any order, within { $window }
check-anything = any punch
check-upstream-line = { $name }: { $driver } { $url } ({ $send }; up to { $max }, every { $every })

## replay

replay-bad-line = { $file }:{ $line }: { $why }
directory-line = { $file }: { $why }

## Command line

cli-about = A gateway between attendance and door devices and the systems that need their punches
cli-run = Run the gateway
cli-check = Read the configuration and print the plan, without touching a device
cli-config = Look at the configuration
cli-config-print = Print the configuration that is in effect; secrets show only where they are
cli-arg-config = The configuration file; conf.d/*.toml beside it are read too
cli-arg-lang = The language of messages: en or zh-CN
cli-arg-json = Print JSON
cli-examples = Examples:
cli-help = Print help
cli-version = Print the version
cli-io = cannot read or write: { $why }
cli-replay = Say what the rules make of the punches in a file: records and verdicts as JSON lines
cli-arg-until = How far the data are complete, such as 2026-03-02T12:00:00Z; altogether when left out
cli-arg-punches = JSON lines, one punch each; - is standard input
cli-status = Ask the running gateway how it is
cli-decode = Say what a captured conversation says: messages, readings and what was not understood, as JSON lines
cli-sim = Run a simulated device on a real port until it is stopped
cli-device-time = Show each device's clock against the gateway's; set it with --set
cli-arg-name = One device; all that have a clock when left out
cli-arg-set = Set the clock to the gateway's time; without this nothing is changed
cli-store = Look at the journal
cli-store-verify = Check every record of the journal; the gateway may run meanwhile
cli-store-rebuild = Build the buffer from the journal again, while no gateway runs
cli-arg-after = Begin after the record with this number
cli-store-export = Print every entry of the journal as JSON lines
cli-arg-driver = The driver whose protocol it is
cli-arg-device_timezone = The time zone of the device; with it, instants are told too
cli-arg-option = A driver option, as KEY=VALUE; may be repeated
cli-arg-capture = A capture (> device to us, < us to device), bare hex lines, or a raw HTTP request; - is standard input
cli-arg-device = The driver whose device is simulated
cli-arg-listen = Where to listen; for devices that call, whom to call
cli-arg-pty = Simulate behind a pseudo-terminal with this name
cli-arg-script = Punches as JSON lines: after, credential, factor, direction
cli-arg-held = How many punches the device holds at the start
cli-arg-knob = A knob of the simulator, as KEY=VALUE; may be repeated

## Running

run-failed = the gateway cannot start: failed to { $why }
run-refused = the gateway does not start: { $why }
store-folder-symlink = the state directory { $path } is a symbolic link to { $target }; set [store] path to the folder itself
store-folder-no-directory = { $path } is no directory; move it away, or set [store] path to another place
store-folder-owner = the state directory { $path } belongs to user { $owner }, this program runs as { $ours }; run it as that user, or chown the folder
store-folder-writable = others may write in the state directory { $path } (mode { $mode }); look what is in it, then chmod 700
store-folder-io = the state directory { $path } cannot be used: { $why }
store-locked = { $path } is locked by another process: another punchgate runs on this state directory; stop it, or give this one its own [store] path
store-network = { $path } is on { $kind }, a network file system, where locks and syncs cannot be trusted; use a local disk
store-newer = { $segment } has format { $found } and this program reads up to { $known }: a newer punchgate wrote it; run that one again. Nothing was changed
store-gap = { $records } records of the journal are lost: { $first } to { $last }, in { $segment } bytes { $from_byte } to { $to_byte }, stored between { $since } and { $until }; terminals that keep a log are read again, what others said is gone
store-gap-open = the journal cannot be read from record { $first } on, in { $segment } bytes { $from_byte } to { $to_byte }, stored after { $since }; how many records it held is not known; terminals that keep a log are read again
store-copied = the journal was copied here (restored from a backup, or cloned): what was stored after the copy was made is not in it; epoch { $epoch } begins. Terminals that keep a log are read again; ask for the rest where it came from
store-files-gone = files of the journal were removed while the gateway runs: { $names }; find out who cleans its state directory, and restart it once the upstreams have everything
store-ballast-released = the disk is full: the ballast was given up for readings that nobody else holds; free space
store-max-size = the journal has { $bytes } bytes and may have { $limit } ([store] max_size), and what it holds is not delivered everywhere
status-rebuilding = the buffer is being built again: { $decided } of { $to } records
no-such-driver = there is no driver "{ $driver }"; known drivers: { $known }
no-such-zone = no such time zone: { $why } (IANA names, for example Asia/Shanghai)
bad-option = option not understood: { $why }
bad-script = script not understood: { $why }
status-unreachable = no gateway answers on { $address }: { $why }; is it running, and is [admin] listen right?
status-ready = ready
status-not-ready = not ready
status-journal = journal: { $tail } records, { $decided } decided
status-quarantined = { $count } punches of credentials that nobody has; they { $held ->
        [yes] wait for the directory to know them
       *[no] are forwarded without a person
    }
fault-unreachable = failed to reach { $peer }: { $why }
fault-silent = { $peer } was silent for { $waited } ms
fault-gone = { $why }
fault-ended = the other side ended the conversation
fault-confused = failed to understand the device: { $why }
fault-refused = the device refused { $what }: { $why }
fault-not-stored = failed to store readings: { $why }
not-stored-full = the disk is full
not-stored-failed = the disk failed: { $why }
not-stored-stopping = the gateway is stopping
not-stored-busy = the gateway is busy
fault-wrong-comm-key = { $what }; set comm_key of { $unit } to the "Comm Key" in the menu of the terminal (Comm. > PC Connection), then reload
fault-serial-permission = { $what }; for { $unit }, add the gateway's user to the group that owns the port, usually: usermod -aG dialout punchgate
fault-not-a-serial-port = { $what }; set port of { $unit } to a path under /dev/serial/by-id
fault-serial-settings = { $what }; check baud, data_bits, parity and stop_bits of { $unit }
fault-needs-person = { $what }; { $mend }
reload-needs-start = [{ $section }] is different, and takes effect only with a restart: systemctl restart punchgate
reload-cannot = failed to { $why }
reload-not-stored = the journal cannot note it: { $why }
status-reload-refused = the configuration read again at { $at } is not taken; the last good one is in force:
status-opening = when the journal was opened:
opening-cut = an unfinished end of { $bytes } bytes was cut off { $segment }, after record { $after }; nothing that was acknowledged is in it unless the disk damaged it
opening-header = a header of { $segment } is damaged; nothing is lost
opening-link = record { $seq } does not follow from the one before it; somebody changed the journal
opening-set-aside = { $name } is not used and now called { $renamed }: { $why ->
        [empty] it has no bytes
        [foreign] it belongs to another journal
        [misnamed] it begins with another record than its name says
       *[other] nothing in it can be read
    }
opening-suspect = the end of the journal could not be cleaned; the next append begins a new file
opening-unscanned = { $count } older files were not read at the start; punchgate store verify reads all
opening-rebuild = the buffer is built again from { $records } records of the journal{ $why ->
        [none] {""}
       *[other] : { $why }
    }
opening-memory = the buffer is kept in memory only: { $why }
status-failing = nothing can be stored: { $why }
status-own-clock-unset = the gateway's own clock cannot be right; punches are dated by their devices until it is set (timedatectl, NTP)
status-own-clock-doubted = the gateway's own clock jumped by { $by } s and the devices' clocks did not; time goes on as before until they agree (timedatectl, NTP)
status-complete = complete through { $through }
status-missing = the device says it has { $records } records, { $held } of them are here; the { $missing } missing ones are asked for again
device-time-line = { $name }: { $offset } s ± { $uncertainty } s against the gateway, measured { $measured }, zone { $zone }
device-time-unmeasured = { $name }: not measured yet, zone { $zone }
device-time-no-clock = { $name }: has no clock that can be read or set
device-time-dry = nothing was set; add --set to set the clocks to the gateway's time
device-time-set = set: { $told }
device-time-unknown = there is no device "{ $name }"; known: { $known }
device-time-not-connected = not set: { $name } is not being talked to; punchgate status says why
device-time-silent = not set: { $name } did not answer in time
device-time-failed = not set: { $name }: { $why }
status-device = { $name } ({ $driver }): { $state }, { $stored } stored, device holds { $log }, complete through { $through }
status-upstream = { $name }: { $state }, { $sent } sent, { $backlog } waiting, { $dead } dead
state-talking = talking
state-waiting = waiting
state-parked = parked
state-stopped = stopped
state-listening = listening
status-up = up
status-down = down
store-good = { $records } records in { $segments } segments, every one whole and in its place
store-damaged = { $records } records in { $segments } segments are readable, but something is damaged:
store-in-use = { $path } is in use by a running gateway, which builds its buffer by itself when that is needed; stop it first (systemctl stop punchgate), then ask again
store-rebuilt = the buffer is built from { $records } records in { $seconds } s: { $verdicts } verdicts, digest { $digest }
store-rebuilt-otherwise = the buffer that was there before said otherwise; this one follows from the journal
store-start-lost = the records below { $first } are not there, and were not retired: somebody removed them
store-export-gap = records { $first } to { $last } are lost, in { $segment } bytes { $from_byte } to { $to_byte }
cli-demo = Show the whole way of a punch on simulated devices that speak their real protocols
cli-arg-fast = About 20 seconds instead of a minute

## The demo

demo-opening = A site is built: a ZKTeco terminal, a text clock, an app, a sink, and the gateway between them
demo-terminal-at = terminal gate-1 on tcp { $address }, { $count } punches in its log
demo-clock-at = text clock press-shop-clock on serial { $path }
demo-sink-at = webhook sink on http { $address }
demo-gateway-at = gateway runs, admin on http { $address }, its files in { $folder }
demo-many = { $count } punches at once, from a log or after an absence
demo-verified = GPS in the app, then the fingerprint at the door within 15 minutes: verified
demo-late = More than 15 minutes apart: late
demo-missing = A fingerprint without a GPS punch, and a GPS punch without a fingerprint: missing
demo-revised = The missing GPS punch arrives late: the verdict is revised
demo-wrong-order = The fingerprint first, GPS after it: wrong order, once no earlier GPS punch can come
demo-repeats = The same finger twice: one record. A badge nobody knows waits in quarantine
demo-terminal-killed = The terminal loses power; people punch on. It comes back and its log is read
demo-sink-killed = The sink is killed and comes back; nothing is lost meanwhile
demo-gateway-killed = The gateway is killed in the middle of it (SIGKILL) and comes back
demo-learnt = The directory learns whose the badge is: its punches leave quarantine
demo-closing = What each device got acknowledged, against what the sink holds
demo-punch = { $at }Z punch    { $who } { $factor } by { $source }
demo-merged = { $at }Z record   { $who }: { $count } punches are one record
demo-verdict =           verdict  { $who }: { $outcome }, gap { $gap } ({ $state }, revision { $revision })
demo-row = { $mark } { $device } issued { $issued }, acknowledged { $acknowledged }, at the sink { $held }, missing { $missing }, twice { $twice }
demo-equal = equal, none missing, none twice
demo-unequal = NOT EQUAL: this is a defect of punchgate, please report it
outcome-verified = verified
outcome-late = LATE
outcome-wrong-order = WRONG ORDER
outcome-missing-first = MISSING the first factor
outcome-missing-second = MISSING the second factor
outcome-pending = pending
verdict-withdrawn = withdrawn
verdict-final = final
verdict-provisional = provisional

## People, quarantine, explanations

cli-directory = Look over the files of people, bring one in, give back what is in force
cli-directory-lint = Look over files of people: every line that cannot be used, and what is probably not meant
cli-directory-import = Show what a file of people would change; with --yes put it in place, and have the gateway read it
cli-directory-export = Print the directory in force as CSV, as the journal has it
cli-directory-resolve = Say whose a number is on a device
cli-quarantine = Look after credentials that nobody has
cli-quarantine-list = List the credentials that nobody has, masked, with what they punched
cli-quarantine-replay = Have the directory read again, wait for what follows, and tell what is left
cli-device = Look after devices
cli-device-reinterpret = Say that the clock of a device showed another zone than was configured; its punches are placed anew
cli-verify = Look into verdicts
cli-verify-explain = Say in words and numbers why a punch, a record or a verdict is what it is
cli-arg-people = The files; those of the configuration when left out
cli-arg-encoding = What the file is written in: utf-8 or gbk
cli-arg-people_file = The file to bring in
cli-arg-into = The configured file it takes the place of; needed where there are several
cli-arg-yes = Do it, without asking
cli-arg-on_device = The device
cli-arg-kind = enrol or card
cli-arg-number = The number, with its leading zeros
cli-arg-numbers = Print numbers in full; they are read from the journal
cli-arg-zone = The IANA zone that its clock showed
cli-arg-from = From this instant of its clock, such as 2026-03-01T00:00:00+08:00
cli-arg-to = To this instant, which is not included; without end when left out
cli-arg-about = The id of a punch, a record or a verdict, as in events
command-stopping = the gateway is stopping
really = Really? (y/n)
say-yes = nobody is there to ask; add --yes to do it
directory-at = { $file }:{ $line }: { $what }
directory-reading = reading { $file } ({ $size } KiB)
directory-no-column = the column "{ $name }" is missing; the header must be person,device,credential,kind,name,department
directory-no-row = this is not a row: { $why }
directory-blank = the field "{ $name }" is blank
directory-unknown-kind = unknown kind "{ $kind }", wanted enrol or card
directory-duplicate = says the same as line { $of }
directory-two-people = { $credential } belongs to another person by line { $with }; it means nobody until one of the two is removed
directory-two-departments = puts the person in another department than line { $with }; both count
directory-unknown-column = nobody reads the column "{ $name }"
directory-rounded = a spreadsheet has rounded the number; make the column a text column and enter it again
directory-unprintable = the number has characters that cannot be seen; enter it again
directory-gbk = not UTF-8 from here on, it looks like GBK; convert it (iconv -f GBK -t UTF-8) or say --encoding gbk
directory-no-text = neither UTF-8 nor GBK from here on; save the file as UTF-8
directory-shared = { $credential } on { $device } is of { $people }: it means nobody until one is left
directory-zeros = { $count } numbers on { $device } differ only in leading zeros and are of different people
directory-no-device = rows name the device "{ $device }", which is not configured
directory-looked-over = { $numbers } numbers, { $found } remarks, { $faults } of them in the way
directory-not-taken = not taken: { $faults } lines cannot be used
directory-no-target = say with --into which of [directory] files it takes the place of; there must be one at least
directory-same = nothing would change
directory-added = + { $credential } on { $device }: { $who }
directory-removed = - { $credential } on { $device }: { $who }
directory-passed-on = ~ { $credential } on { $device }: { $from } → { $to }
directory-difference = { $added } numbers more, { $removed } fewer, { $passed } of somebody else, { $described } people with another name or department
directory-dry = nothing was changed; with --yes it takes the place of { $file }
directory-written = { $file } is written
directory-in-force = the gateway has read it, and what follows is decided
directory-at-start = no gateway runs here; it will be read at the next start
directory-whose = { $whose ->
        [person] { $person }
        [two-people] of two people; nobody is guessed
       *[unknown] nobody's
    }
quarantine-head = { $credentials } credentials that nobody has, { $punches } punches; they { $held ->
        [yes] wait for the directory to know them
       *[no] are forwarded without a person
    }
quarantine-row = { $device } { $kind } { $credential }: { $punches } punches from { $first } to { $last } ({ $why ->
        [two-people] the directory gives it to two people
       *[other] not in the directory
    })
quarantine-replayed = { $resolved } punches have found their person, { $left } are left
quarantine-progress = { $done } of { $of } changes followed, { $punches } punches looked at again
reinterpret-question = the times of { $device } from { $from } { $to ->
        [none] on
       *[other] to { $to }
    } will be read as { $zone }; punches, records and verdicts may change
reinterpret-done = noted in the journal as record { $record }, and followed
reinterpret-no-device = no device "{ $device }" is configured
reinterpret-no-span = --to must be later than --from
explain-unknown = no punch, record or verdict has the id { $id }
explain-verdict = verdict { $id } of policy "{ $policy }" about { $person }: { $outcome } ({ $state }, revision { $revision })
explain-why = { $outcome ->
        [verified] both factors came within the window
        [late] both factors came, but further apart than the window allows: this is the exception to be flagged
        [wrong_order] both factors came within the window, but the second came first
        [missing_first] a second factor came, and no first within the window before it
        [missing_second] a first factor came, and no second within the window after it
       *[pending] the window is still open
    }
explain-terms = terms: window { $window } (boundary included), unrelated after { $unrelated }, order { $order }; in force { $from ->
        [none] always
       *[other] from { $from }
    }{ $until ->
        [none] {""}
       *[other] , until { $until }
    }
explain-gap = the two are { $gap } apart: { $edge } { $side ->
        [inside] inside the window
       *[outside] beyond the window
    }
explain-certain = both times together leave { $doubt } open: the outcome is { $certain ->
        [no] INDETERMINATE, it could have come out the other way
       *[yes] certain
    }
explain-part = { $role ->
        [first] first factor:
        [second] second factor:
        [superseded] superseded by a later first of the same kind:
       *[repeat] repeats the punch that closed it:
    }
explain-punch = punch { $id } of { $person ->
        [none] nobody known ({ $credential })
       *[other] { $person } ({ $credential })
    }: { $factor } by { $source }{ $zone ->
        [none] {""}
       *[other] {" "}at { $zone }
    }, direction { $direction }, { $result }
explain-when = at { $at }, ± { $doubt } ms, quality { $quality }, revision { $revision }
explain-held-out = its time is in doubt: it is held out of verification
explain-held-back = it waits in quarantine for the directory to know its bearer
explain-arrived = { $live ->
        [yes] seen live,
       *[no] read from the log,
    } gateway clock { $received }{ $counts ->
        [yes] {""}
       *[no] {" "}(another report of it counts)
    }
explain-clock = device clock { $printed }{ $zone ->
        [none] , with its own offset
       *[other] , read in { $zone }
    }{ $stated ->
        [yes] {" "}as a person stated
       *[no] {""}
    }{ $instant ->
        [none] : no such time
       *[other] : { $instant }
    }
explain-measured = that clock was { $offset } { $side ->
        [behind] behind
       *[ahead] ahead
    } (± { $doubt } ms) when measured at { $at }; clock = { $clock }
explain-record = record: { $first } to { $last }, { $repeats } repeats within { $within }, revision { $revision }{ $withdrawn ->
        [yes] , withdrawn
       *[no] {""}
    }
explain-awaits = not final: waits until data are complete past { $settles }; complete so far until { $until }, at the latest { $latest ->
        [none] after max_wait
       *[other] { $latest }
    }
explain-awaits-device = { $device }: { $through ->
        [none] never read to the end yet
       *[other] complete through { $through }
    }
explain-revision = revision { $revision } of { $id } was said at { $at } after journal record { $record }{ $outcome ->
        [none] {""}
       *[other] : { $outcome }
    }{ $state ->
        [none] {""}
       *[other] , { $state }
    }{ $withdrawn ->
        [yes] , withdrawn
       *[no] {""}
    }
status-resolving = a change of people or policies is being followed: { $done } of { $of }, { $punches } punches looked at again
warning-cards-apart = device "{ $device }" states cards in a format, and [directory] card_format = "text": rows for all devices (*) will never mean its cards; state their format too
warning-same-punches = policies "{ $policy }" and "{ $other }" can judge the same punches; each gives its own verdict
directory-card-format = { $count } cards are not written in the format stated for their device; they are compared letter by letter
