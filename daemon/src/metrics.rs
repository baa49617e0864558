//! `/metrics`: the board in Prometheus' text format. Base units, and never a person in a label.

use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::ConstCounter, family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};
use punchgate_model::Timestamp;

use crate::board::{Board, DeviceRow};

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Device {
    device: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct DeviceStage {
    device: String,
    stage: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct UpstreamLabel {
    upstream: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct UpstreamResult {
    upstream: String,
    result: &'static str,
}

/// One upstream's figures.
#[derive(Debug, Clone)]
pub struct UpstreamFigures {
    /// Its name.
    pub name: String,
    /// Whether its last delivery went well.
    pub up: bool,
    /// Events waiting for it.
    pub backlog: u64,
    /// Age of the oldest of them.
    pub oldest_age_seconds: f64,
    /// Events it took.
    pub accepted: u64,
    /// Events it refused for good.
    pub rejected: u64,
    /// Deliveries that failed and were tried again.
    pub failed: u64,
}

type Floats<L> = Family<L, Gauge<f64, AtomicU64>>;

/// Renders everything.
pub fn render(board: &Board, upstreams: &[UpstreamFigures], complete_through: Timestamp) -> String {
    let mut registry = Registry::with_prefix("punchgate");
    devices(&mut registry, board);
    totals(&mut registry, board);
    let site = Gauge::<f64, AtomicU64>::default();
    site.set(seconds(complete_through));
    registry.register(
        "site_complete_through_timestamp_seconds",
        "Everything that any source could say up to here is held",
        site,
    );
    upstream(&mut registry, upstreams);
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = encode(&mut text, &registry);
    text
}

fn seconds(at: Timestamp) -> f64 {
    millis(at.as_millis())
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit in 53 bits")]
fn millis(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

fn devices(registry: &mut Registry, board: &Board) {
    let floats = |registry: &mut Registry, name: &str, help: &str, value: fn(&DeviceRow, Timestamp) -> Option<f64>| {
        let (family, now) = (Floats::<Device>::default(), board.clock().now());
        for (device, row) in board.devices() {
            if let Some(value) = value(&row, now) {
                family.get_or_create(&Device { device }).set(value);
            }
        }
        registry.register(name, help, family);
    };
    floats(
        registry,
        "device_last_reading_timestamp_seconds",
        "Arrival of the last new punch",
        |row, _| row.last_reading.map(seconds),
    );
    floats(
        registry,
        "device_clock_offset_seconds",
        "Device clock minus gateway clock",
        |row, _| row.clock_offset_ms.map(millis),
    );
    floats(
        registry,
        "device_clock_uncertainty_seconds",
        "Uncertainty of the clock offset by now",
        |row, now| row.clock_uncertainty_now(now).map(|ms| millis(i64::from(ms))),
    );
    floats(
        registry,
        "complete_through_timestamp_seconds",
        "Everything up to here is held",
        |row, _| row.complete_through.map(seconds),
    );
    let (up, stage) = (Family::<Device, Gauge>::default(), Floats::<DeviceStage>::default());
    let (log, missing) = (Family::<Device, Gauge>::default(), Family::<Device, Gauge>::default());
    let units = board.units();
    let mut counters = [Vec::new(), Vec::new(), Vec::new()];
    for (device, row) in board.devices() {
        let label = Device { device: device.clone() };
        let talking = units.get(&device).is_none_or(|unit| unit.state == "talking") && !row.stages.is_empty();
        up.get_or_create(&label).set(i64::from(talking));
        for (name, at) in &row.stages {
            stage
                .get_or_create(&DeviceStage {
                    device: device.clone(),
                    stage: name,
                })
                .set(seconds(*at));
        }
        if let Some(records) = row.log_records {
            log.get_or_create(&label)
                .set(i64::try_from(records).unwrap_or(i64::MAX));
        }
        if let Some(records) = row.log_missing {
            missing
                .get_or_create(&label)
                .set(i64::try_from(records).unwrap_or(i64::MAX));
        }
        for (list, value) in counters.iter_mut().zip([row.stored, row.duplicate, row.garbled]) {
            list.push((label.clone(), value));
        }
    }
    registry.register("device_up", "Whether the conversation with the device runs", up);
    registry.register(
        "device_stage",
        "When each stage was last reached, seconds since 1970",
        stage,
    );
    registry.register("device_log_records", "Records the device says it holds", log);
    registry.register(
        "device_log_missing_records",
        "Records the device says it holds and the gateway has not",
        missing,
    );
    let names = [
        ("readings_stored", "New punches stored"),
        ("readings_duplicate", "Punches that were already held"),
        ("frames_garbled", "Frames that were not understood"),
    ];
    for ((name, help), values) in names.into_iter().zip(counters) {
        let family = Family::<Device, prometheus_client::metrics::counter::Counter>::default();
        for (label, value) in values {
            family.get_or_create(&label).inc_by(value);
        }
        registry.register(name, help, family);
    }
}

fn totals(registry: &mut Registry, board: &Board) {
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let mut counter = |name: &str, help: &str, value: u64| registry.register(name, help, ConstCounter::new(value));
    counter("journal_commits", "Groups written and synced", count(&board.commits));
    counter(
        "ack_held",
        "Reports that could not be stored and were not acknowledged",
        count(&board.acks_held),
    );
    counter("verdicts", "Verdict events made", count(&board.verdicts));
    counter(
        "verdict_revisions",
        "Verdict events that revised an earlier one",
        count(&board.revisions),
    );
    counter(
        "strangers",
        "Requests to the device plane from nobody that is configured",
        count(&board.strangers),
    );
    let spent = i64::try_from(count(&board.commit_micros)).unwrap_or(i64::MAX);
    let duration = Gauge::<f64, AtomicU64>::default();
    duration.set(millis(spent) / 1000.0);
    registry.register_with_unit(
        "journal_commit_duration",
        "Time spent writing and syncing",
        Unit::Seconds,
        duration,
    );
    let gauge = |value: u64| {
        let gauge: Gauge = Gauge::default();
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        gauge
    };
    let journal = board.journal();
    registry.register("journal_bytes", "Size of the journal", gauge(journal.bytes));
    for (name, help, value) in [
        ("journal_first", "Number of the oldest record kept", journal.first),
        (
            "journal_decided",
            "Number of the record up to which the buffer has been brought",
            journal.decided,
        ),
        ("journal_lost_records", "Records known to be lost", journal.lost_records),
        (
            "journal_open_gaps",
            "Gaps of which it is not known how many records they held",
            journal.open_gaps,
        ),
        (
            "store_alarms",
            "What an operator should look at, see status",
            u64::try_from(journal.alarms.len()).unwrap_or(u64::MAX),
        ),
        (
            "store_failing",
            "Whether nothing can be stored",
            u64::from(journal.failing.is_some()),
        ),
        (
            "store_epoch",
            "Grows whenever something may have been lost",
            u64::from(journal.epoch),
        ),
        (
            "store_free_bytes",
            "Bytes that may still be written on the disk",
            journal.free_bytes.unwrap_or(0),
        ),
        (
            "store_ballast",
            "Whether the ballast lies ready",
            u64::from(journal.ballast),
        ),
        (
            "store_buffer_in_memory",
            "Whether the buffer is in memory only",
            u64::from(journal.buffer == "memory"),
        ),
        (
            "store_rebuilding",
            "Whether the buffer is being built again",
            u64::from(journal.rebuilding_to.is_some()),
        ),
        (
            "store_retired_bytes",
            "Bytes removed after their retention, since the start",
            journal.retired_bytes,
        ),
    ] {
        registry.register(name, help, gauge(value));
    }
    registry.register("journal_tail", "Number of the last durable record", gauge(journal.tail));
    registry.register(
        "config_last_reload_successful",
        "Whether the configuration that was read last is in force",
        gauge(u64::from(board.configuration().refused.is_none())),
    );
    registry.register(
        "quarantined_readings",
        "Punches of credentials nobody knows",
        gauge(count(&board.quarantined)),
    );
}

fn upstream(registry: &mut Registry, upstreams: &[UpstreamFigures]) {
    let (up, backlog) = (
        Family::<UpstreamLabel, Gauge>::default(),
        Family::<UpstreamLabel, Gauge>::default(),
    );
    let age = Floats::<UpstreamLabel>::default();
    let sent = Family::<UpstreamResult, prometheus_client::metrics::counter::Counter>::default();
    let dead = Family::<UpstreamLabel, Gauge>::default();
    for figures in upstreams {
        let label = UpstreamLabel {
            upstream: figures.name.clone(),
        };
        up.get_or_create(&label).set(i64::from(figures.up));
        backlog
            .get_or_create(&label)
            .set(i64::try_from(figures.backlog).unwrap_or(i64::MAX));
        age.get_or_create(&label).set(figures.oldest_age_seconds);
        dead.get_or_create(&label)
            .set(i64::try_from(figures.rejected).unwrap_or(i64::MAX));
        for (result, value) in [
            ("accepted", figures.accepted),
            ("rejected", figures.rejected),
            ("failed", figures.failed),
        ] {
            sent.get_or_create(&UpstreamResult {
                upstream: figures.name.clone(),
                result,
            })
            .inc_by(value);
        }
    }
    registry.register("upstream_up", "Whether the last delivery went well", up);
    registry.register("upstream_backlog_events", "Events waiting", backlog);
    registry.register("upstream_oldest_age_seconds", "Age of the oldest event waiting", age);
    registry.register("upstream_sent", "Events by what became of them", sent);
    registry.register("dead_letters", "Events the upstream refused for good", dead);
}
