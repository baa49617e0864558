//! What an HTTP answer to a batch means: one table, pure.
//!
//! | answer | meaning |
//! | --- | --- |
//! | 2xx | delivered, but for the events its `results` reject |
//! | 2xx with HTML, or JSON that breaks off | not the upstream's word (a captive portal, a proxy): again |
//! | 400 404 409 410 422 | something in the batch: it is split until the event is found. Alone, 409 means "already there", the others refuse the event |
//! | 413 | half of it at a time; alone, it refuses the event |
//! | 408 425 429 5xx | again, after `Retry-After` |
//! | 401 403 3xx | a person must mend the configuration; everything is kept |
//! | anything else | again |
//!
//! (`surface.md` "Webhook out"; `trust.md` F74, F75, F77, F79.) A 409 to a whole batch is not taken for "all of it is
//! there": it may be said of one event of many, and losing the others would be worse than asking once more for each.

use std::{collections::BTreeMap, time::SystemTime};

use punchgate_model::{Span, Timestamp};
use serde::Deserialize;

use crate::{
    outgoing::Outgoing,
    refusal::{Delivered, Reason, Refusal, Refused},
};

/// The shortest and the longest wait that `Retry-After` can ask for.
pub const RETRY_AFTER: (Span, Span) = (Span::from_secs(1), Span::from_secs(15 * 60));

/// An HTTP answer, as far as it matters.
#[derive(Debug, Clone, Copy, Default)]
pub struct Answer<'a> {
    /// The status code.
    pub status: u16,
    /// `Retry-After`.
    pub retry_after: Option<&'a str>,
    /// `Content-Type`.
    pub content_type: Option<&'a str>,
    /// `Location`.
    pub location: Option<&'a str>,
    /// The body, or as much of it as arrived.
    pub body: &'a [u8],
}

impl Answer<'_> {
    /// What the answer means for the batch it was given to.
    ///
    /// # Errors
    /// [`Refusal`] unless the upstream has the batch.
    pub fn judge(&self, batch: &[Outgoing], now: Timestamp) -> Result<Delivered, Refusal> {
        match self.status {
            200..=299 => self.accepted(batch),
            300..=399 => Err(Refusal::Misconfigured { why: self.redirect() }),
            401 | 403 => Err(Refusal::Misconfigured {
                why: self.said("check the secret and the address"),
            }),
            409 if batch.len() == 1 => Ok(Delivered::default()),
            400 | 409 | 422 => Err(Refusal::Poison {
                nobody_there: false,
                why: self.said(""),
            }),
            404 | 410 => Err(Refusal::Poison {
                nobody_there: true,
                why: self.said(""),
            }),
            413 => Err(Refusal::TooLarge { why: self.said("") }),
            #[cfg(feature = "sabotage")]
            500..=599 if punchgate_sabotage::is_planted(punchgate_sabotage::Bug::BuryWhenBusy) => {
                Err(Refusal::Poison {
                    nobody_there: false,
                    why: self.said(""),
                })
            }
            408 | 425 | 429 | 500..=599 => Err(Refusal::Busy {
                again_in: self.retry_after.and_then(|text| retry_after(text, now)),
                why: self.said(""),
            }),
            _ => Err(Refusal::Down { why: self.said("") }),
        }
    }

    fn accepted(&self, batch: &[Outgoing]) -> Result<Delivered, Refusal> {
        let not_its_word = |what: &str| Refusal::Down {
            why: self.said(&format!("{what}, which is no acknowledgement")),
        };
        let body = self.body.trim_ascii();
        let html = |content_type: &str| content_type.to_ascii_lowercase().contains("html");
        #[cfg(feature = "sabotage")]
        if punchgate_sabotage::is_planted(punchgate_sabotage::Bug::BelieveAnyPage) {
            return Ok(Delivered::default());
        }
        if self.content_type.is_some_and(html) || body.starts_with(b"<") {
            return Err(not_its_word("HTML (a captive portal or a proxy?)"));
        }
        // Only a JSON object can hold results; a plain "ok" or an empty body is a delivery.
        if !body.starts_with(b"{") {
            return Ok(Delivered::default());
        }
        match serde_json::from_slice::<Results>(body) {
            Ok(Results { results: None }) => Ok(Delivered::default()),
            Ok(Results { results: Some(results) }) => refused(&results, batch).map_err(|what| not_its_word(&what)),
            Err(error) if error.is_eof() => Err(not_its_word("JSON that breaks off")),
            // No JSON at all, or its `results` are something else than the contract's: it does not say otherwise.
            Err(_) => Ok(Delivered::default()),
        }
    }

    fn redirect(&self) -> Reason {
        let to = self.location.unwrap_or("nowhere");
        Reason::new(format!(
            "{}: it redirects to {to}, and redirects are not followed; configure the final address",
            self.status
        ))
    }

    fn said(&self, advice: &str) -> Reason {
        let body: String = String::from_utf8_lossy(self.body).trim().chars().take(160).collect();
        let parts = [self.status.to_string(), advice.to_owned(), body];
        let parts: Vec<&str> = parts
            .iter()
            .map(String::as_str)
            .filter(|part| !part.is_empty())
            .collect();
        Reason::new(parts.join(": "))
    }
}

/// The one form of body that can say otherwise (`surface.md`).
#[derive(Deserialize)]
struct Results {
    #[serde(default)]
    results: Option<Vec<ResultOf>>,
}

#[derive(Deserialize)]
struct ResultOf {
    id: String,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    error: Option<serde_json::Value>,
}

/// Which events the results reject. An id that is not there is accepted. An id that is in the batch twice (two
/// revisions) takes its results in order; a single result speaks for both.
fn refused(results: &[ResultOf], batch: &[Outgoing]) -> Result<Delivered, String> {
    let mut by_id: BTreeMap<&str, Vec<&ResultOf>> = BTreeMap::new();
    for result in results {
        by_id.entry(&result.id).or_default().push(result);
    }
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut delivered = Delivered::default();
    for (index, event) in batch.iter().enumerate() {
        let Some(said) = by_id.get(event.id.as_str()) else {
            continue;
        };
        let turn = seen.entry(&event.id).or_default();
        let Some(result) = said.get(*turn).or(said.last()) else {
            continue;
        };
        *turn += 1;
        match result.status.as_deref() {
            Some("rejected") => delivered.refused.push(Refused {
                index,
                why: error_text(result),
            }),
            Some("accepted" | "duplicate" | "stored") | None => {}
            Some(other) => {
                let other: String = other.chars().take(40).collect();
                return Err(format!("results with status {other:?} (wanted accepted or rejected)"));
            }
        }
    }
    Ok(delivered)
}

fn error_text(result: &ResultOf) -> Reason {
    match &result.error {
        Some(serde_json::Value::String(text)) => Reason::new(text),
        Some(other) if !other.is_null() => Reason::new(other.to_string()),
        _ => Reason::new("rejected without a reason"),
    }
}

/// `Retry-After` as seconds or an HTTP date (RFC 9110 section 10.2.3), clamped to [`RETRY_AFTER`]; a date in the past
/// and a negative number are the shortest wait. `None` when it is neither.
pub fn retry_after(text: &str, now: Timestamp) -> Option<Span> {
    let text = text.trim();
    let (least, most) = RETRY_AFTER;
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than fit are a very long wait.
        let seconds = text.parse::<i128>().unwrap_or(i128::MAX);
        let seconds = if text.starts_with('-') { 0 } else { seconds };
        return Some(Span::from_secs(u64::try_from(seconds).unwrap_or(u64::MAX)).clamp(least, most));
    }
    let at = httpdate::parse_http_date(text).ok()?;
    let at = match at.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
        Err(_) => 0,
    };
    let wait = Timestamp::from_millis(at).since(now);
    Some(Span::from_millis(u64::try_from(wait).unwrap_or(0)).clamp(least, most))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outgoing::EventKind;
    use serde_json::value::RawValue;

    fn batch(ids: &[&str]) -> Vec<Outgoing> {
        let event = |(seq, id): (usize, &&str)| Outgoing {
            seq: seq as u64 + 1,
            kind: EventKind::Punch,
            id: (*id).to_owned(),
            revision: 1,
            subject: "E001".into(),
            person_key: "E001".into(),
            time: Timestamp::default(),
            queued_at: Timestamp::default(),
            data: RawValue::NULL.to_owned(),
        };
        ids.iter().enumerate().map(event).collect()
    }

    fn judge(answer: Answer<'_>, ids: &[&str]) -> Result<Vec<usize>, Refusal> {
        let delivered = answer.judge(&batch(ids), now())?;
        Ok(delivered.refused.iter().map(|refused| refused.index).collect())
    }

    fn now() -> Timestamp {
        "2026-03-02T08:00:00Z".parse().expect("an instant")
    }

    fn said(body: &str) -> Answer<'_> {
        Answer {
            status: 200,
            content_type: Some("application/json"),
            body: body.as_bytes(),
            ..Answer::default()
        }
    }

    #[test]
    fn every_status_has_one_meaning() {
        for status in 0..=999 {
            let answer = Answer {
                status,
                ..Answer::default()
            };
            let word = match judge(answer, &["a", "b"]) {
                Ok(_) => "delivered",
                Err(Refusal::Busy { .. }) => "busy",
                Err(Refusal::Down { .. }) => "down",
                Err(Refusal::TimedOut { .. }) => "timed out",
                Err(Refusal::TooLarge { .. }) => "too large",
                Err(Refusal::Poison { nobody_there, .. }) => ["poison", "nobody there"][usize::from(nobody_there)],
                Err(Refusal::Misconfigured { .. }) => "misconfigured",
            };
            let wanted = match status {
                200..=299 => "delivered",
                300..=399 | 401 | 403 => "misconfigured",
                400 | 409 | 422 => "poison",
                404 | 410 => "nobody there",
                413 => "too large",
                408 | 425 | 429 | 500..=599 => "busy",
                _ => "down",
            };
            assert_eq!(word, wanted, "{status}");
        }
    }

    #[test]
    fn a_409_to_one_event_means_it_is_already_there() {
        let answer = Answer {
            status: 409,
            ..Answer::default()
        };
        assert_eq!(judge(answer, &["a"]), Ok(vec![]));
    }

    #[test]
    fn an_empty_body_a_word_and_any_other_json_are_deliveries() {
        for body in [
            "",
            "ok",
            "OK\n",
            "[]",
            "{}",
            r#"{"error":"none"}"#,
            r#"{"results":{"count":2}}"#,
            "{ok}",
        ] {
            assert_eq!(judge(said(body), &["a"]), Ok(vec![]), "{body}");
        }
    }

    #[test]
    fn a_captive_portals_page_is_no_acknowledgement() {
        for (content_type, body) in [
            ("text/html; charset=utf-8", ""),
            ("text/plain", "\r\n <!DOCTYPE html>"),
            ("Text/HTML", "ok"),
        ] {
            let answer = Answer {
                content_type: Some(content_type),
                ..said(body)
            };
            assert!(
                matches!(judge(answer, &["a"]), Err(Refusal::Down { .. })),
                "{content_type} {body}"
            );
        }
    }

    #[test]
    fn json_that_breaks_off_is_no_acknowledgement() {
        let whole = r#"{"results":[{"id":"a","status":"accepted"}]}"#;
        for end in 1..whole.len() {
            let answer = said(&whole[..end]);
            assert!(
                matches!(judge(answer, &["a"]), Err(Refusal::Down { .. })),
                "{}",
                &whole[..end]
            );
        }
        assert_eq!(judge(said(whole), &["a"]), Ok(vec![]));
    }

    #[test]
    fn results_are_honoured_event_by_event() {
        let body = r#"{"results":[{"id":"c","status":"rejected","error":"no such person"},{"id":"a","status":"accepted"},{"id":"zz","status":"rejected"}]}"#;
        assert_eq!(judge(said(body), &["a", "b", "c"]), Ok(vec![2]));
        let delivered = said(body).judge(&batch(&["c"]), now()).expect("delivered");
        assert_eq!(
            delivered.refused.first().map(|r| r.why.as_str()),
            Some("no such person")
        );
    }

    #[test]
    fn two_revisions_of_a_thing_take_their_results_in_order() {
        let both = r#"{"results":[{"id":"v","status":"accepted"},{"id":"v","status":"rejected"}]}"#;
        assert_eq!(judge(said(both), &["v", "x", "v"]), Ok(vec![2]));
        let one = r#"{"results":[{"id":"v","status":"rejected"}]}"#;
        assert_eq!(judge(said(one), &["v", "x", "v"]), Ok(vec![0, 2]));
    }

    #[test]
    fn a_result_in_other_words_is_not_taken_for_an_acceptance() {
        let body = r#"{"results":[{"id":"a","status":"failed"}]}"#;
        assert!(matches!(judge(said(body), &["a"]), Err(Refusal::Down { .. })));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_clamped() {
        let seconds = |text| retry_after(text, now()).map(|wait| wait.as_secs());
        for (text, wanted) in [
            ("120", Some(120)),
            (" 7 ", Some(7)),
            ("0", Some(1)),
            ("-5", Some(1)),
            ("315360000", Some(900)),
            ("99999999999999999999999999999999999999999999", Some(900)),
            ("-99999999999999999999999999999999999999999999", Some(1)),
            ("Mon, 02 Mar 2026 08:00:30 GMT", Some(30)),
            ("Monday, 02-Mar-26 08:00:30 GMT", Some(30)),
            ("Mon Mar  2 08:00:30 2026", Some(30)),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(1)),
            ("Sat, 01 Mar 2036 08:00:00 GMT", Some(900)),
            ("soon", None),
            ("", None),
            ("1.5", None),
            ("-", None),
        ] {
            assert_eq!(seconds(text), wanted, "{text}");
        }
    }

    #[test]
    fn a_busy_upstream_is_given_the_time_it_asks_for() {
        for status in [408, 425, 429, 500, 502, 503, 504] {
            let answer = Answer {
                status,
                retry_after: Some("Mon, 02 Mar 2026 08:01:00 GMT"),
                ..Answer::default()
            };
            let refusal = judge(answer, &["a"]).expect_err("busy");
            assert!(
                matches!(refusal, Refusal::Busy { again_in: Some(wait), .. } if wait == Span::from_secs(60)),
                "{status}"
            );
        }
    }

    #[test]
    fn a_redirect_names_where_it_leads() {
        let answer = Answer {
            status: 307,
            location: Some("https://elsewhere.example/"),
            ..Answer::default()
        };
        let refusal = judge(answer, &["a"]).expect_err("refused");
        assert!(refusal.to_string().contains("https://elsewhere.example/"), "{refusal}");
    }
}
