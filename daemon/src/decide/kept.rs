//! A day of punches as bytes: the same things as in memory, in order, without names, a third as long as in JSON.
//!
//! Derived data, never read by another version of this program: a buffer of another format is set aside and built again.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use punchgate_model::{Credential, DeviceName, Direction, Factor, Outcome, Timestamp};
use punchgate_rules::{
    Person, Punch, PunchId, Record, Said, TimeQuality, Verdict, VerdictId, VerdictOutcome, changes::Published,
};
use serde::{Deserialize, Serialize};

use super::{
    accounts::Accounts,
    keys::Subject,
    tables::{HeldPunch, Spoken},
};

pub(crate) type Punches = BTreeMap<(Timestamp, PunchId), Arc<HeldPunch>>;

/// Plain data always serialises.
pub(crate) fn to_bytes(punches: &Punches) -> Vec<u8> {
    let kept: Vec<Kept<'_>> = punches.values().map(|held| Kept::of(held)).collect();
    postcard::to_allocvec(&kept).unwrap_or_default()
}

/// The punches in bytes that [`to_bytes`] made of a day of this subject.
pub(crate) fn from_bytes(subject: &Subject, bytes: &[u8], names: &mut Names) -> Option<Punches> {
    let kept: Vec<Kept<'_>> = postcard::from_bytes(bytes).ok()?;
    let person = subject.person();
    let held = kept.into_iter().map(|kept| {
        let held = kept.into_held(person.as_ref(), names);
        ((held.punch.at, held.punch.id.clone()), Arc::new(held))
    });
    Some(held.collect())
}

/// Texts that many punches have in common, once each.
#[derive(Debug, Default)]
pub(crate) struct Names(HashSet<Arc<str>>);

impl Names {
    /// More than a site has; beyond that texts are not shared until the next day is read.
    const MOST: usize = 1 << 14;

    fn shared(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return known.clone();
        }
        if self.0.len() >= Self::MOST {
            self.0.clear();
        }
        let text: Arc<str> = text.into();
        self.0.insert(text.clone());
        text
    }
}

#[derive(Serialize, Deserialize)]
struct Kept<'a> {
    #[serde(borrow)]
    id: &'a str,
    source: &'a str,
    zone: Option<&'a str>,
    credential: KeptCredential<'a>,
    factor: Factor,
    direction: Direction,
    result: Outcome,
    at: i64,
    uncertainty_ms: u32,
    quality: TimeQuality,
    held_out: bool,
    revision: u32,
    accounts: &'a [u8],
    record: Option<KeptRecord<'a>>,
    verdicts: Vec<KeptVerdict<'a>>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct KeptCredential<'a>(u8, #[serde(borrow)] &'a str);

#[derive(Serialize, Deserialize)]
struct KeptRecord<'a> {
    revision: u32,
    withdrawn: bool,
    #[serde(borrow)]
    person: &'a str,
    factor: Factor,
    source: &'a str,
    zone: Option<&'a str>,
    direction: Direction,
    first_at: i64,
    last_at: i64,
    repeats: Vec<&'a str>,
}

#[derive(Serialize, Deserialize)]
struct KeptVerdict<'a> {
    revision: u32,
    withdrawn: bool,
    is_final: bool,
    #[serde(borrow)]
    id: &'a str,
    policy: &'a str,
    policy_from: Option<i64>,
    person: &'a str,
    outcome: VerdictOutcome,
    first: Option<&'a str>,
    second: Option<&'a str>,
    gap_ms: Option<i64>,
    certain: Option<bool>,
    superseded: Vec<&'a str>,
    repeats: Vec<&'a str>,
    at: i64,
    settles_at: i64,
}

impl<'a> Kept<'a> {
    fn of(held: &'a HeldPunch) -> Self {
        let punch = &held.punch;
        Self {
            id: punch.id.as_str(),
            source: punch.source.as_str(),
            zone: punch.zone.as_deref(),
            credential: KeptCredential::of(&punch.credential),
            factor: punch.factor,
            direction: punch.direction,
            result: punch.result,
            at: punch.at.as_millis(),
            uncertainty_ms: punch.uncertainty_ms,
            quality: punch.time_quality,
            held_out: punch.held_out,
            revision: held.spoken.revision,
            accounts: held.accounts.as_bytes(),
            record: held.spoken.record.as_ref().map(KeptRecord::of),
            verdicts: held.spoken.verdicts.iter().map(KeptVerdict::of).collect(),
        }
    }

    fn into_held(self, person: Option<&Person>, names: &mut Names) -> HeldPunch {
        let id = PunchId::from(self.id);
        let record = self.record.map(|record| record.into_said(&id, names));
        let verdicts = self.verdicts.into_iter().map(|verdict| verdict.into_said(names));
        HeldPunch {
            spoken: Spoken {
                revision: self.revision,
                record,
                verdicts: verdicts.collect(),
            },
            punch: Punch {
                id,
                person: person.cloned(),
                credential: self.credential.into_credential(),
                factor: self.factor,
                source: DeviceName::new(names.shared(self.source)),
                zone: self.zone.map(|zone| names.shared(zone)),
                direction: self.direction,
                result: self.result,
                at: Timestamp::from_millis(self.at),
                uncertainty_ms: self.uncertainty_ms,
                time_quality: self.quality,
                held_out: self.held_out,
            },
            accounts: Accounts::from_bytes(self.accounts),
        }
    }
}

impl<'a> KeptCredential<'a> {
    pub(super) fn of(credential: &'a Credential) -> Self {
        let kind = match credential {
            Credential::Enrol(_) => 0,
            Credential::Card(_) => 1,
            Credential::Person(_) => 2,
            Credential::Nobody => 3,
        };
        Self(kind, credential.number())
    }

    pub(super) fn into_credential(self) -> Credential {
        let number = self.1.to_owned();
        match self.0 {
            0 => Credential::Enrol(number),
            1 => Credential::Card(number),
            2 => Credential::Person(number),
            _ => Credential::Nobody,
        }
    }
}

impl<'a> KeptRecord<'a> {
    fn of(said: &'a Said<Record>) -> Self {
        let record = &said.what;
        Self {
            revision: said.revision,
            withdrawn: said.withdrawn,
            person: record.person.as_str(),
            factor: record.factor,
            source: record.source.as_str(),
            zone: record.zone.as_deref(),
            direction: record.direction,
            first_at: record.first_at.as_millis(),
            last_at: record.last_at.as_millis(),
            repeats: texts(&record.repeats),
        }
    }

    fn into_said(self, id: &PunchId, names: &mut Names) -> Said<Record> {
        Said {
            revision: self.revision,
            withdrawn: self.withdrawn,
            what: Record {
                id: id.clone(),
                person: Person::new(names.shared(self.person)),
                factor: self.factor,
                source: DeviceName::new(names.shared(self.source)),
                zone: self.zone.map(|zone| names.shared(zone)),
                direction: self.direction,
                first_at: Timestamp::from_millis(self.first_at),
                last_at: Timestamp::from_millis(self.last_at),
                repeats: ids(self.repeats),
            },
        }
    }
}

impl<'a> KeptVerdict<'a> {
    fn of(said: &'a Said<Published>) -> Self {
        let verdict = &said.what.verdict;
        Self {
            revision: said.revision,
            withdrawn: said.withdrawn,
            is_final: said.what.is_final,
            id: verdict.id.as_str(),
            policy: &verdict.policy,
            policy_from: verdict.policy_from.map(Timestamp::as_millis),
            person: verdict.person.as_str(),
            outcome: verdict.outcome,
            first: verdict.first.as_ref().map(PunchId::as_str),
            second: verdict.second.as_ref().map(PunchId::as_str),
            gap_ms: verdict.gap_ms,
            certain: verdict.certain,
            superseded: texts(&verdict.superseded),
            repeats: texts(&verdict.repeats),
            at: verdict.at.as_millis(),
            settles_at: verdict.settles_at.as_millis(),
        }
    }

    fn into_said(self, names: &mut Names) -> Said<Published> {
        let verdict = Verdict {
            id: VerdictId::from(self.id),
            policy: names.shared(self.policy),
            policy_from: self.policy_from.map(Timestamp::from_millis),
            person: Person::new(names.shared(self.person)),
            outcome: self.outcome,
            first: self.first.map(PunchId::from),
            second: self.second.map(PunchId::from),
            gap_ms: self.gap_ms,
            certain: self.certain,
            superseded: ids(self.superseded),
            repeats: ids(self.repeats),
            at: Timestamp::from_millis(self.at),
            settles_at: Timestamp::from_millis(self.settles_at),
        };
        Said {
            revision: self.revision,
            withdrawn: self.withdrawn,
            what: Published {
                verdict,
                is_final: self.is_final,
            },
        }
    }
}

fn texts(ids: &[PunchId]) -> Vec<&str> {
    ids.iter().map(PunchId::as_str).collect()
}

fn ids(texts: Vec<&str>) -> Vec<PunchId> {
    texts.into_iter().map(PunchId::from).collect()
}
