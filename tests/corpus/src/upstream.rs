//! What upstreams answer (`surface.md` "Webhook out"; `trust.md` F102).

use punchgate_model::Timestamp;
use punchgate_upstream::{
    EventKind, Outgoing, Reason, Refusal,
    answer::{Answer, RETRY_AFTER},
};

const NOW: Timestamp = Timestamp::from_millis(1_772_438_400_000);

/// An answer: status (u16, little-endian), then `Retry-After`, `Content-Type`, `Location` and the body, each ended by NUL; empty
/// means absent. Only 2xx delivers (and 409 to a single event), refusals name events that were sent, waits are clamped, and
/// what is quoted can neither paint a terminal nor fill it.
///
/// # Panics
/// When a law is broken.
pub fn answer(bytes: &[u8]) {
    let Some((status, rest)) = bytes.split_first_chunk::<2>() else {
        return;
    };
    let mut parts = rest.splitn(4, |byte| *byte == 0);
    let mut header = || std::str::from_utf8(parts.next()?).ok().filter(|text| !text.is_empty());
    let (retry_after, content_type, location) = (header(), header(), header());
    let answer = Answer {
        status: u16::from_le_bytes(*status) % 1000,
        retry_after,
        content_type,
        location,
        body: parts.next().unwrap_or_default(),
    };
    for ids in [&["a"][..], &["a", "b", "a", "c"]] {
        judge(&answer, ids);
    }
}

fn judge(answer: &Answer<'_>, ids: &[&str]) {
    let batch: Vec<Outgoing> = (1..).zip(ids).map(|(seq, id)| event(seq, id)).collect();
    match answer.judge(&batch, NOW) {
        Ok(delivered) => {
            let word = matches!(answer.status, 200..=299) || answer.status == 409 && ids.len() == 1;
            assert!(word, "{} counted as delivered", answer.status);
            let places: Vec<usize> = delivered.refused.iter().map(|refused| refused.index).collect();
            assert!(places.is_sorted_by(|a, b| a < b), "{places:?}");
            assert!(places.iter().all(|place| *place < ids.len()), "{places:?}");
            delivered.refused.iter().for_each(|refused| quoted(&refused.why));
        }
        Err(refusal) => {
            if let Refusal::Busy {
                again_in: Some(wait), ..
            } = &refusal
            {
                assert!((RETRY_AFTER.0..=RETRY_AFTER.1).contains(wait), "{wait:?}");
            }
            quoted(refusal.why());
        }
    }
}

fn quoted(why: &Reason) {
    assert!(!why.as_str().chars().any(char::is_control), "{why:?}");
    // A control character is spelled out in at most ten.
    assert!(why.as_str().chars().count() <= Reason::LONGEST * 10, "{why:?}");
}

fn event(seq: u64, id: &str) -> Outgoing {
    Outgoing {
        seq,
        kind: EventKind::Punch,
        id: id.to_owned(),
        revision: 1,
        subject: "E001".to_owned(),
        person_key: "E001".to_owned(),
        time: NOW,
        queued_at: NOW,
        data: serde_json::value::RawValue::NULL.to_owned(),
    }
}
