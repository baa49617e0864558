//! Why something was decided as it was: both clocks, what was measured, the terms, what took part, what is awaited.
//!
//! Every number that decided is told, so that a person can reckon it again.

use punchgate_journal::BufferError;
use punchgate_model::{Origin, Timestamp};
use punchgate_rules::{Policy, PunchId, Said, changes::Published};
use serde_json::{Value, json};

use super::{Decider, account::Account, tables::HeldPunch};

impl Decider {
    /// A punch, and everything that is named after it.
    pub(super) fn explain(&self, id: &PunchId) -> Result<Option<Value>, BufferError> {
        let Some(held) = self.look_up(id)? else {
            return Ok(None);
        };
        let mut verdicts = Vec::new();
        for said in &held.spoken.verdicts {
            verdicts.push(self.verdict_told(said, held.punch.at)?);
        }
        for said in self.elsewhere(&held)? {
            verdicts.push(self.verdict_told(&said, said.what.verdict.at)?);
        }
        let record = held.spoken.record.as_ref().map(|said| {
            json!({
                "id": said.what.id.as_str(),
                "first_at": said.what.first_at,
                "last_at": said.what.last_at,
                "repeats": said.what.repeats,
                "revision": said.revision,
                "withdrawn": said.withdrawn,
            })
        });
        Ok(Some(json!({
            "punch": self.punch_told(&held),
            "record": record,
            "verdicts": verdicts,
            "repeats_within_ms": self.prepared.settings.repeats_within_ms,
            "complete_until": self.complete_until,
            "max_wait_ms": self.prepared.settings.max_wait_ms,
        })))
    }

    fn look_up(&self, id: &PunchId) -> Result<Option<std::sync::Arc<HeldPunch>>, BufferError> {
        match self.ids.find(id)? {
            Some((_, place)) => self.days.get(&place.subject, place.at, id),
            None => Ok(None),
        }
    }

    /// Verdicts in which a punch takes part, but which are named after another one near it.
    fn elsewhere(&self, held: &HeldPunch) -> Result<Vec<Said<Published>>, BufferError> {
        let subject = super::keys::Subject::of(&held.punch);
        let farthest = self
            .prepared
            .rules
            .policies
            .iter()
            .map(|policy| policy.window.max(policy.unrelated_after));
        let farthest = farthest.max().unwrap_or_default();
        let around = punchgate_rules::Stretch {
            from: held.punch.at.minus(farthest),
            to: Some(held.punch.at.plus(farthest).plus_millis(1)),
        };
        let id = &held.punch.id;
        let takes_part = |said: &&Said<Published>| {
            let verdict = &said.what.verdict;
            let named = verdict.key_punch() == Some(id);
            let others = verdict.superseded.iter().chain(&verdict.repeats);
            let all = others.chain(verdict.first.iter()).chain(verdict.second.iter());
            !said.withdrawn && !named && all.into_iter().any(|part| part == id)
        };
        let near = self.days.within(&subject, around)?;
        let verdicts = near.iter().flat_map(|near| &near.spoken.verdicts);
        Ok(verdicts.filter(takes_part).cloned().collect())
    }

    fn punch_told(&self, held: &HeldPunch) -> Value {
        let punch = &held.punch;
        let told = held.accounts.unfold();
        let accounts = told.accounts.iter().enumerate();
        let accounts: Vec<Value> = accounts
            .map(|(index, account)| self.account_told(held, account, index == told.chosen))
            .collect();
        json!({
            "id": punch.id.as_str(),
            "person": punch.person.as_ref().map(|person| person.as_str()),
            "credential": {"kind": punch.credential.kind(), "number": punch.credential.masked()},
            "factor": punch.factor.word(),
            "source": punch.source.as_str(),
            "zone": punch.zone.as_deref(),
            "direction": punch.direction.word(),
            "result": punch.result,
            "at": punch.at,
            "uncertainty_ms": punch.uncertainty_ms,
            "time_quality": punch.time_quality.word(),
            "held_out": punch.held_out,
            "held_back": held.spoken.revision == 0,
            "revision": held.spoken.revision,
            "accounts": accounts,
        })
    }

    /// What one report said, and how its time was read.
    fn account_told(&self, held: &HeldPunch, account: &Account, counts: bool) -> Value {
        let reading = &account.reading;
        let device = &held.punch.source;
        let printed = reading.device_time.as_ref();
        let reads = self.prepared.configured.reads(device, printed, account.received_at);
        let shown = printed.and_then(|printed| punchgate_rules::clock::instant(printed, &reads.policy.zone));
        let measured = shown.and_then(|shown| self.offsets.get(device)?.read_as(&reads.zone)?.nearest(shown.at));
        let measured = measured.map(|measured| {
            json!({
                "at": measured.measured_at,
                "offset_ms": measured.offset_ms,
                "uncertainty_ms": measured.uncertainty_ms,
            })
        });
        let own_offset = printed.and_then(|printed| printed.offset_seconds);
        json!({
            "counts": counts,
            "received_at": account.received_at,
            "live": reading.origin == Origin::Live,
            "device_time": printed.map(|printed| printed.printed.as_str()),
            "zone": own_offset.is_none().then_some(&*reads.zone),
            "zone_was_stated": reads.corrected,
            "device_clock": shown.map(|shown| shown.at),
            "ambiguous": shown.is_some_and(|shown| shown.ambiguous),
            "clock": reads.policy.mode,
            "measured": measured,
        })
    }

    fn verdict_told(&self, said: &Said<Published>, near: Timestamp) -> Result<Value, BufferError> {
        let verdict = &said.what.verdict;
        let mut key_at = near;
        let mut parts = Vec::new();
        for (role, ids) in [
            ("first", verdict.first.as_slice()),
            ("second", verdict.second.as_slice()),
            ("superseded", &verdict.superseded),
            ("repeat", &verdict.repeats),
        ] {
            for id in ids {
                let Some(held) = self.look_up(id)? else { continue };
                if verdict.key_punch() == Some(id) {
                    key_at = held.punch.at;
                }
                parts.push(json!({"as": role, "punch": self.punch_told(&held)}));
            }
        }
        let terms = self.prepared.terms.at(&verdict.policy, key_at);
        let edge = terms.zip(verdict.gap_ms).map(|(terms, gap)| millis(terms.window) - gap);
        Ok(json!({
            "id": verdict.id.as_str(),
            "policy": &*verdict.policy,
            "policy_from": verdict.policy_from,
            "person": verdict.person.as_str(),
            "outcome": verdict.outcome.word(),
            "gap_ms": verdict.gap_ms,
            "within_window_by_ms": edge,
            "certain": verdict.certain,
            "final": said.what.is_final,
            "settles_at": verdict.settles_at,
            "revision": said.revision,
            "withdrawn": said.withdrawn,
            "terms": terms.map(terms_told),
            "parts": parts,
        }))
    }
}

fn terms_told(terms: &Policy) -> Value {
    json!({
        "from": terms.from,
        "until": terms.until,
        "window_ms": millis(terms.window),
        "unrelated_after_ms": millis(terms.unrelated_after),
        "order": terms.order,
        "reuse_first": terms.reuse_first,
    })
}

fn millis(span: std::time::Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
