//! Drivers' faults as sentences of the catalogue, for whoever reads `status`. What a device or the system said is given as
//! it was said.

use punchgate_kit::{Fault, NotStored, Unheard};

use crate::messages::Message;

/// What a unit's fault means, and what mends it.
pub fn told(unit: &str, fault: &Fault) -> Message {
    match fault {
        Fault::Unreachable { peer, why } => Message::new("fault-unreachable").with("peer", peer).with("why", why),
        Fault::Unheard(Unheard::Silence { peer, waited }) => Message::new("fault-silent")
            .with("peer", peer)
            .with("waited", waited.as_millis()),
        Fault::Unheard(Unheard::Gone(why)) => Message::new("fault-gone").with("why", why),
        Fault::Confused(why) => Message::new("fault-confused").with("why", why),
        Fault::Refused { what, why } => Message::new("fault-refused").with("what", what).with("why", why),
        Fault::NotStored(why) => Message::new("fault-not-stored").with_message("why", not_stored(why)),
        Fault::NeedsPerson { code, what, mend } => needs_person(unit, code, what, mend),
    }
}

/// A conversation that ended well though nobody asked for it.
pub fn ended() -> Message {
    Message::new("fault-ended")
}

fn needs_person(unit: &str, code: &str, what: &str, mend: &str) -> Message {
    let known = match code {
        "wrong-comm-key" => "fault-wrong-comm-key",
        "serial-permission" => "fault-serial-permission",
        "not-a-serial-port" => "fault-not-a-serial-port",
        "serial-settings" => "fault-serial-settings",
        // A driver that has no sentence here yet speaks for itself.
        _ => return Message::new("fault-needs-person").with("what", what).with("mend", mend),
    };
    Message::new(known).with("unit", unit).with("what", what)
}

fn not_stored(why: &NotStored) -> Message {
    match why {
        NotStored::DiskFull => Message::new("not-stored-full"),
        NotStored::DiskFailed(why) => Message::new("not-stored-failed").with("why", why),
        NotStored::Stopping => Message::new("not-stored-stopping"),
        NotStored::Busy => Message::new("not-stored-busy"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use punchgate_kit::Malformed;

    use super::*;
    use crate::messages::Lang;

    /// One of each kind, with a word that each language must show.
    fn faults() -> Vec<(Fault, &'static str)> {
        let person = |code, what: &str| Fault::NeedsPerson {
            code,
            what: what.to_owned(),
            mend: "mend-it".to_owned(),
        };
        let silence = Unheard::Silence {
            peer: "192.0.2.7:4370".into(),
            waited: Duration::from_millis(1_500),
        };
        let unreachable = Fault::Unreachable {
            peer: "192.0.2.7:4370".into(),
            why: "no route".into(),
        };
        let refused = Fault::Refused {
            what: "the attendance log",
            why: "code 2001".into(),
        };
        vec![
            (unreachable, "no route"),
            (silence.into(), "1500"),
            (Malformed::new(3, "a length", b"\x00").into(), "a length"),
            (refused, "code 2001"),
            (NotStored::DiskFull.into(), ""),
            (NotStored::DiskFailed("EIO".into()).into(), "EIO"),
            (NotStored::Stopping.into(), ""),
            (NotStored::Busy.into(), ""),
            (person("wrong-comm-key", "refused"), "gate-1"),
            (person("serial-permission", "/dev/ttyS0"), "dialout"),
            (person("not-a-serial-port", "/dev/null"), "/dev/null"),
            (person("serial-settings", "/dev/ttyS0"), "baud"),
            (person("of-a-new-driver", "odd"), "mend-it"),
        ]
    }

    #[test]
    fn every_fault_is_said_in_both_languages_with_what_it_is_about() {
        for (fault, word) in faults() {
            let message = told("gate-1", &fault);
            for lang in [Lang::En, Lang::ZhCn] {
                let said = message.say(lang);
                assert!(said.contains(word) && said != message.id(), "{said} lacks {word}");
            }
            let (english, chinese) = (message.say(Lang::En), message.say(Lang::ZhCn));
            assert!(english != chinese && !chinese.is_ascii(), "{chinese}");
        }
    }
}
