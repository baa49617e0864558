//! What opening the store found and repaired, one sentence each. Nothing to tell is the usual case. Records that are lost are
//! an alarm, see `store/alarm.rs`.

use punchgate_journal::{BufferOpening, Opening, Stranger};

use crate::messages::Message;

/// What an operator should know of how the journal and the buffer were found.
pub fn told(journal: &Opening, buffer: &BufferOpening) -> Vec<Message> {
    let mut told = Vec::new();
    if let Some(cut) = &journal.cut {
        let message = Message::new("opening-cut")
            .with("segment", &cut.segment)
            .with("bytes", cut.to_byte.saturating_sub(cut.from_byte))
            .with("after", cut.after_seq);
        told.push(message);
    }
    for segment in &journal.damaged_headers {
        told.push(Message::new("opening-header").with("segment", segment));
    }
    for seq in &journal.broken_links {
        told.push(Message::new("opening-link").with("seq", seq));
    }
    for stranger in &journal.set_aside {
        let message = Message::new("opening-set-aside")
            .with("name", &stranger.name)
            .with("renamed", &stranger.renamed_to)
            .with("why", why(stranger.why));
        told.push(message);
    }
    if journal.suspect {
        told.push(Message::new("opening-suspect"));
    }
    if !journal.unscanned.is_empty() {
        told.push(Message::new("opening-unscanned").with("count", journal.unscanned.len()));
    }
    if buffer.fresh && journal.tail > 0 {
        told.push(
            Message::new("opening-rebuild")
                .with("records", journal.tail)
                .or_none("why", buffer.why.as_deref()),
        );
    }
    if let Some(why) = &buffer.memory_only {
        told.push(Message::new("opening-memory").with("why", why));
    }
    told
}

/// The word for a reason; the catalogue selects on it.
fn why(stranger: Stranger) -> &'static str {
    match stranger {
        Stranger::Empty => "empty",
        Stranger::Foreign => "foreign",
        Stranger::Misnamed => "misnamed",
        Stranger::Unreadable => "unreadable",
    }
}

#[cfg(test)]
mod tests {
    use punchgate_journal::{Cut, SetAside};

    use super::*;
    use crate::messages::Lang;

    #[test]
    fn a_store_that_was_closed_well_has_nothing_to_tell() {
        assert_eq!(told(&Opening::default(), &BufferOpening::default()), []);
    }

    #[test]
    fn everything_found_is_told_in_both_languages() {
        let journal = Opening {
            tail: 90,
            cut: Some(Cut {
                segment: "1.seg".into(),
                from_byte: 100,
                to_byte: 117,
                after_seq: 90,
            }),
            damaged_headers: vec!["2.seg".into()],
            broken_links: vec![33],
            set_aside: vec![SetAside {
                name: "9.seg".into(),
                renamed_to: "9.seg.strange".into(),
                why: Stranger::Foreign,
            }],
            unscanned: vec!["0.seg".into()],
            suspect: true,
            ..Opening::default()
        };
        let buffer = BufferOpening {
            fresh: true,
            why: Some("its position does not fit".into()),
            memory_only: Some("no space left".into()),
            ..BufferOpening::default()
        };
        let told = told(&journal, &buffer);
        let english: Vec<String> = told.iter().map(|message| message.say(Lang::En)).collect();
        for (line, wanted) in english.iter().zip([
            "17 bytes",
            "2.seg",
            "33",
            "another journal",
            "next append",
            "1 older",
            "90 records",
            "no space left",
        ]) {
            assert!(line.contains(wanted), "{wanted:?} is not in {line:?}");
        }
        assert_eq!(english.len(), 8);
        for message in &told {
            let chinese = message.say(Lang::ZhCn);
            assert!(!chinese.is_ascii() && !chinese.contains('{'), "{chinese}");
        }
    }
}
