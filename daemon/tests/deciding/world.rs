//! Facts, the fold over them, an upstream that keeps the newest revision of everything, and the bridge to the oracle.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use punchgate::decide::{
    Decider, Relief,
    asked::Asked,
    ids::Ids,
    settings::{self, DeviceSettings, Settings},
};
use punchgate_journal::{Buffer, BufferError, ClockMeasured, DirectoryRows, Entry};
use punchgate_model::{Credential, DeviceName, DeviceTime, Factor, Origin, Outcome, Precision, Reading, Timestamp};
use punchgate_oracle as oracle;
use punchgate_rules::{
    ClockMode, ClockOffset, ClockPolicy, Directory, OffsetLog, Policy, Punch, PunchId, Selector, one_of, place_among,
};
use punchgate_upstream::{EventKind, Outgoing};
use serde_json::Value;

pub const MINUTE: i64 = 60_000;
pub const WITHIN: i64 = 5 * MINUTE;

/// `08:40`, `08:40:30` or `08:40:00.001` on 2 March 2026 in Shanghai.
pub fn at(text: &str) -> Timestamp {
    let seconds = if text.len() == 5 { ":00" } else { "" };
    format!("2026-03-02T{text}{seconds}+08:00").parse().expect("an instant")
}

/// Well after everything in these tests.
pub fn evening() -> Timestamp {
    at("23:00")
}

fn selector(factors: &[Factor]) -> Selector {
    Selector {
        factors: factors.to_vec(),
        ..Selector::default()
    }
}

pub fn office_door() -> Policy {
    Policy::new(
        "office-door",
        selector(&[Factor::Gps]),
        selector(&[Factor::Fingerprint]),
    )
}

/// A terminal at the door that keeps a log, and an app.
pub fn settings_of(policies: Vec<Policy>) -> Settings {
    let device = |timezone: Option<&str>, zone: Option<&str>| DeviceSettings {
        timezone: timezone.map(str::to_owned),
        zone: zone.map(Into::into),
        clock: ClockMode::Correct,
        not_before: "2018-01-01T00:00:00Z".parse().expect("an instant"),
        max_future_ms: 120_000,
        keeps_log: timezone.is_some(),
    };
    Settings {
        policies,
        devices: BTreeMap::from([
            ("gate".to_owned(), device(Some("Asia/Shanghai"), Some("hq-door"))),
            ("app".to_owned(), device(None, None)),
        ]),
        ..Settings::default()
    }
}

pub fn configured(settings: &Settings) -> Entry {
    configured_at(at("00:00"), settings)
}

pub fn configured_at(when: Timestamp, settings: &Settings) -> Entry {
    Entry::Policy {
        at: when,
        name: settings::NAME.to_owned(),
        policy: serde_json::to_value(settings).expect("plain data"),
    }
}

pub fn directory(rows: &str) -> Entry {
    let text = format!("person,device,credential,kind,name,department\n{rows}");
    Entry::Directory {
        at: at("00:00"),
        digest: String::new(),
        rows: DirectoryRows(vec![text.into()]),
    }
}

pub fn complete(until: Timestamp) -> Entry {
    Entry::Watermark {
        at: until,
        complete_until: until,
    }
}

/// The gate's clock was found ahead by so many milliseconds.
pub fn ahead(when: Timestamp, offset_ms: i64) -> Entry {
    Entry::Contact {
        device: "gate".into(),
        at: when,
        serial: None,
        clock: Some(ClockMeasured {
            offset_ms,
            uncertainty_ms: 40,
        }),
        log_records: None,
        complete: false,
        held: None,
        through: None,
        landmarks: Vec::new(),
    }
}

/// A fingerprint on the gate, read from its log: its own number, the enrolment number, and what its clock showed.
pub fn finger(sequence: u64, number: &str, shown: &str) -> Reading {
    let seconds = if shown.len() == 5 { ":00" } else { "" };
    Reading {
        sequence: Some(sequence),
        device_time: Some(printed(&format!("2026-03-02T{shown}{seconds}"), None)),
        origin: Origin::Log,
        ..Reading::new(Credential::Enrol(number.to_owned()), Factor::Fingerprint)
    }
}

/// A position sent by the app for a person.
pub fn gps(id: &str, person: &str, when: Timestamp) -> Reading {
    let local = TimeZone::get("Asia/Shanghai")
        .expect("a zone")
        .to_datetime(when.to_jiff());
    let text = local.strftime("%Y-%m-%dT%H:%M:%S%.3f").to_string();
    Reading {
        external_id: Some(id.to_owned()),
        device_time: Some(printed(&text, Some(8 * 3600))),
        ..Reading::new(Credential::Person(person.to_owned()), Factor::Gps)
    }
}

pub fn printed(text: &str, offset_seconds: Option<i32>) -> DeviceTime {
    DeviceTime {
        printed: text.to_owned(),
        civil: text.parse().ok(),
        offset_seconds,
        precision: Precision::Second,
    }
}

pub fn said(device: &str, received_at: Timestamp, reading: Reading) -> Entry {
    Entry::Reading {
        device: device.into(),
        epoch: 0,
        received_at,
        reading,
    }
}

/// A gateway's memory: it can be restarted, or lose its buffer.
pub struct Gateway {
    buffer: Buffer,
    decider: Decider,
    journal: Vec<Entry>,
}

fn decider(buffer: &Buffer) -> Decider {
    let ids = Ids::open(buffer.clone()).expect("a good buffer");
    let mut decider = Decider::new(buffer.clone(), ids).expect("a good buffer");
    // Every day but the last one touched is read from the buffer again.
    decider.take_room(0).expect("a good buffer");
    decider
}

impl Gateway {
    pub fn new() -> Self {
        let buffer = Buffer::in_memory();
        Self {
            decider: decider(&buffer),
            buffer,
            journal: Vec::new(),
        }
    }

    pub fn step(&mut self, entry: &Entry) -> Vec<Outgoing> {
        self.journal.push(entry.clone());
        let seq = self.journal.len() as u64;
        // As it is read back from the journal.
        let entry = Entry::from_payload(&entry.to_payload());
        self.decider.step(seq, &entry).expect("memory").events
    }

    pub fn step_by_step(
        &mut self,
        entry: &Entry,
        takes: &mut dyn FnMut(Relief) -> Result<(), BufferError>,
    ) -> Vec<Outgoing> {
        self.journal.push(entry.clone());
        let step = self.decider.step_by_step(self.journal.len() as u64, entry, takes);
        step.expect("memory").events
    }

    /// As a gateway has it, for tests with thousands of punches.
    pub fn take_room(&mut self) {
        self.decider.take_room(punchgate::decide::ROOM).expect("memory");
    }

    pub fn history(&self) -> Entry {
        Entry::Policy {
            at: evening(),
            name: settings::HISTORY.to_owned(),
            policy: Decider::history(&self.buffer).expect("something was configured"),
        }
    }

    pub fn tell(&self, asked: &Asked) -> Option<Value> {
        self.decider.tell(asked).expect("memory")
    }

    pub fn quarantined(&self) -> u64 {
        self.decider.quarantined()
    }

    pub fn restart(&mut self) {
        self.decider.flush().expect("memory");
        self.decider = decider(&self.buffer);
    }

    /// The buffer is gone; answers what is said again while it is built.
    pub fn rebuild(&mut self) -> Vec<Outgoing> {
        let journal = std::mem::replace(self, Self::new()).journal;
        journal.iter().flat_map(|entry| self.step(entry)).collect()
    }
}

/// An upstream that keeps the newest revision of everything, and insists on the rules of revisions.
#[derive(Default)]
pub struct Upstream {
    newest: BTreeMap<String, Outgoing>,
    last: u64,
}

impl Upstream {
    pub fn take(&mut self, events: Vec<Outgoing>) {
        for event in events {
            assert!(event.seq > self.last, "{event:?} after number {}", self.last);
            self.last = event.seq;
            let before = self.newest.get(&event.id).map_or(0, |known| known.revision);
            assert_eq!(event.revision, before + 1, "{event:?}");
            self.newest.insert(event.id.clone(), event);
        }
    }

    /// The `data` of what holds of one kind, without revisions, by event id.
    pub fn holds(&self, kind: EventKind) -> BTreeMap<String, Value> {
        let of_kind = self.newest.values().filter(|event| event.kind == kind);
        let datas = of_kind.map(|event| {
            let mut data: Value = serde_json::from_str(event.data.get()).expect("JSON");
            data.as_object_mut().expect("an object").remove("revision");
            data["time"] = event.time.as_millis().into();
            (event.id.clone(), data)
        });
        datas.filter(|(_, data)| data["withdrawn"] != true).collect()
    }

    pub fn everything(&self) -> Vec<BTreeMap<String, Value>> {
        [EventKind::Punch, EventKind::Record, EventKind::Verdict]
            .map(|kind| self.holds(kind))
            .into()
    }

    /// Outcomes of the verdicts that hold, in order of time, with their revisions.
    pub fn outcomes(&self) -> Vec<(String, u32)> {
        let mut verdicts: Vec<_> = self.holds(EventKind::Verdict).into_iter().collect();
        verdicts.sort_by_key(|(id, data)| (data["time"].as_i64(), id.clone()));
        let outcome = |(id, data): (String, Value)| {
            let word = data["outcome"].as_str().expect("a word").to_owned();
            (word, self.newest[&id].revision)
        };
        verdicts.into_iter().map(outcome).collect()
    }
}

/// What entries come to, without restarts.
pub fn fold(entries: &[Entry]) -> Upstream {
    let (mut gateway, mut upstream) = (Gateway::new(), Upstream::default());
    entries.iter().for_each(|entry| upstream.take(gateway.step(entry)));
    upstream
}

/// Each punch as all facts together make it: nearest measurement, last directory, the account that counts.
pub fn punches(entries: &[Entry], settings: &Settings) -> Vec<Punch> {
    let mut offsets: BTreeMap<DeviceName, Vec<ClockOffset>> = BTreeMap::new();
    let mut people = Directory::default();
    for entry in entries {
        match entry {
            Entry::Contact {
                device,
                at,
                clock: Some(clock),
                ..
            } => offsets.entry(device.clone()).or_default().push(ClockOffset {
                measured_at: *at,
                offset_ms: clock.offset_ms,
                uncertainty_ms: clock.uncertainty_ms,
            }),
            Entry::Directory { rows, .. } => {
                people = Directory::parse(rows.0[0].as_str().expect("text").as_bytes()).0;
            }
            _ => {}
        }
    }
    let mut found: BTreeMap<PunchId, Punch> = BTreeMap::new();
    for entry in entries {
        let Entry::Reading {
            device,
            epoch,
            received_at,
            reading,
        } = entry
        else {
            continue;
        };
        let id = punchgate_rules::punch_id(device, *epoch, reading, *received_at);
        let known = &settings.devices[device.as_str()];
        let zone = known
            .timezone
            .as_deref()
            .map_or(TimeZone::UTC, |zone| TimeZone::get(zone).expect("a zone"));
        let shown = reading
            .device_time
            .as_ref()
            .and_then(|time| punchgate_rules::clock::instant(time, &zone));
        let mut measured = offsets.get(device).cloned().unwrap_or_default();
        // The nearest on the device's clock; of two equally near the earlier, of two at one reading the later.
        measured.sort_by_key(|offset| (offset.device_clock(), std::cmp::Reverse(*offset)));
        let nearest = shown.and_then(|shown| {
            measured
                .iter()
                .min_by_key(|offset| offset.device_clock().since(shown.at).abs())
        });
        let mut log = OffsetLog::default();
        measured.iter().for_each(|offset| drop(log.add(*offset)));
        assert_eq!(shown.and_then(|shown| log.nearest(shown.at)), nearest);
        let placed = place_among(reading, *received_at, &ClockPolicy::new(zone), &log);
        let punch = Punch {
            id: id.clone(),
            person: people.resolve(device, &reading.credential).person(),
            credential: reading.credential.clone(),
            factor: reading.factor,
            source: device.clone(),
            zone: reading.zone.as_deref().map(Into::into).or(known.zone.clone()),
            direction: reading.direction,
            result: reading.result,
            at: placed.at,
            uncertainty_ms: placed.uncertainty_ms,
            time_quality: placed.quality,
            held_out: placed.held_out,
        };
        found
            .entry(id)
            .and_modify(|known| *known = one_of(known, &punch).clone())
            .or_insert(punch);
    }
    found.into_values().collect()
}

fn for_oracle(punches: &[Punch], keep: impl Fn(&Punch) -> bool) -> Vec<oracle::Punch> {
    let granted = punches.iter().filter(|p| p.result == Outcome::Granted && keep(p));
    granted
        .filter_map(|p| {
            Some(oracle::Punch {
                id: p.id.to_string(),
                person: p.person.as_ref()?.to_string(),
                factor: p.factor.to_string(),
                source: p.source.to_string(),
                zone: p.zone.as_ref().map(ToString::to_string),
                direction: p.direction.to_string(),
                at: p.at.as_millis(),
                uncertainty: i64::from(p.uncertainty_ms),
            })
        })
        .collect()
}

/// Panics unless the upstream holds exactly the records and verdicts that the reference finds.
pub fn agree(upstream: &Upstream, entries: &[Entry], settings: &Settings, until: Timestamp) {
    let punches = punches(entries, settings);
    let told: BTreeSet<(String, Option<String>, i64)> = upstream
        .holds(EventKind::Punch)
        .into_iter()
        .map(|(id, data)| (id, text(&data["person"]), data["time"].as_i64().expect("a time")))
        .collect();
    let expected = punches.iter().map(|p| {
        (
            p.id.to_string(),
            p.person.as_ref().map(ToString::to_string),
            p.at.as_millis(),
        )
    });
    assert_eq!(told, expected.collect(), "punches");
    let mut told: Vec<oracle::Record> = upstream.holds(EventKind::Record).values().map(record).collect();
    told.sort();
    assert_eq!(
        told,
        oracle::records(&for_oracle(&punches, |_| true), WITHIN),
        "records"
    );
    let mut told: Vec<oracle::Verdict> = upstream.holds(EventKind::Verdict).values().map(verdict).collect();
    told.sort();
    let always = [(Timestamp::MIN, settings.policies[0].clone())];
    assert_eq!(told, verdicts_by(&punches, &always, until), "verdicts");
}

/// The verdicts of a policy that asked different things at different times: the last that begins no later than the punch
/// after which a verdict is named has judged it.
pub fn verdicts_by(punches: &[Punch], terms: &[(Timestamp, Policy)], until: Timestamp) -> Vec<oracle::Verdict> {
    let times: BTreeMap<String, Timestamp> = punches.iter().map(|p| (p.id.to_string(), p.at)).collect();
    let mut found = Vec::new();
    for (index, (_, policy)) in terms.iter().enumerate() {
        let judged = |verdict: &oracle::Verdict| {
            let key = verdict.second.as_ref().or(verdict.first.as_ref()).expect("a punch");
            terms.iter().rposition(|(from, _)| *from <= times[key]) == Some(index)
        };
        found.extend(verdicts_of(punches, policy, until).into_iter().filter(judged));
    }
    found.sort();
    found
}

fn verdicts_of(punches: &[Punch], policy: &Policy, until: Timestamp) -> Vec<oracle::Verdict> {
    let among = |list: &[Factor], p: &oracle::Punch| list.iter().any(|f| f.word() == p.factor);
    let ms = |span: std::time::Duration| i64::try_from(span.as_millis()).expect("short");
    let mut expected = oracle::verdicts(
        &for_oracle(punches, |p| !p.held_out),
        &oracle::Policy {
            is_first: &|p| among(&policy.first.factors, p),
            is_second: &|p| among(&policy.second.factors, p),
            window: ms(policy.window),
            unrelated_after: ms(policy.unrelated_after),
            any_order: policy.order == punchgate_rules::Pairing::Any,
            reuse_first: policy.reuse_first,
            repeats_within: WITHIN,
            until: Some(until.as_millis()),
        },
    );
    expected.retain(|verdict| verdict.outcome != "pending");
    expected
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(text).collect()
}

fn millis(value: &Value) -> i64 {
    let at: Timestamp = value.as_str().expect("text").parse().expect("an instant");
    at.as_millis()
}

fn record(data: &Value) -> oracle::Record {
    oracle::Record {
        person: text(&data["person"]).expect("a person"),
        first_at: millis(&data["first_at"]),
        id: text(&data["id"]).expect("an id"),
        last_at: millis(&data["last_at"]),
        repeats: texts(&data["repeats"]),
    }
}

pub fn verdict(data: &Value) -> oracle::Verdict {
    oracle::Verdict {
        person: text(&data["person"]).expect("a person"),
        at: data["time"].as_i64().expect("a time"),
        outcome: text(&data["outcome"]).expect("a word"),
        first: text(&data["first"]),
        second: text(&data["second"]),
        gap_ms: data["gap_ms"].as_i64(),
        certain: data["certain"].as_bool(),
        superseded: texts(&data["superseded"]),
        repeats: texts(&data["repeats"]),
    }
}
