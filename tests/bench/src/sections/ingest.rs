//! Durable ingest by HTTP as fast as it goes: the daemon, the reference and the raw log in turns.

use std::time::Instant;

use super::Bench;
use crate::{
    load::{Shape, Until, closed},
    log,
    process::bytes_on_disk,
    report::{Report, Table, Wanted, median, share},
    subject::{Cost, Subject},
};

/// The largest account of a section.
const ROOM: usize = 4_000_000;
/// Arrays bring this many times more punches in a turn.
const ARRAYS: usize = 2;
/// What does nothing, or the least, brings so many times more.
const FASTER: usize = 5;

/// One shape, measured.
struct Measured {
    shape: Shape,
    raw: Vec<f64>,
    null: Vec<f64>,
    reference: Vec<Cost>,
    daemon: Vec<Cost>,
}

/// Measures it.
pub async fn run(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    let null = Subject::null(ROOM).await?;
    let reference = Subject::reference(ROOM).await?;
    let daemon = Subject::daemon(&bench.program, "20ms", ROOM, false).await?;
    let idle = idle(&daemon, bench).await?;
    let mut all = Vec::new();
    for (connections, array) in [(1, 1), (8, 1), (64, 1), (1, 100), (8, 100), (64, 100)] {
        all.push(shape(bench, Shape { connections, array }, [&null, &reference, &daemon]).await?);
    }
    report.account("ingest", &reference)?;
    report.account("ingest", &daemon)?;
    rates(report, &all);
    answers(report, &all);
    costs(report, &all);
    memory(report, &reference, &daemon, idle)
}

/// Resident memory in MiB and the share of a core when nothing comes.
async fn idle(daemon: &Subject, bench: &Bench) -> anyhow::Result<(f64, f64)> {
    tokio::time::sleep(bench.effort.pace / 4).await;
    let (process, time) = (daemon.process()?, bench.effort.pace / 2);
    let before = process.run_time()?;
    tokio::time::sleep(time).await;
    let share = (process.run_time()? - before).as_secs_f64() / time.as_secs_f64();
    Ok((process.rss_mib()?, share * 100.0))
}

async fn shape(bench: &Bench, shape: Shape, subjects: [&Subject; 3]) -> anyhow::Result<Measured> {
    let [null, reference, daemon] = subjects;
    let folder = tempfile::Builder::new().prefix("punchgate-bench-").tempdir()?;
    let most = bench.effort.most * if shape.array > 1 { ARRAYS } else { 1 };
    let until = |most| Until {
        most,
        time: bench.effort.lap,
    };
    // What is faster gets more to do, so that its turn is no moment either.
    let (daemons, others) = (until(most), until(most * FASTER));
    let mut measured = Measured {
        shape,
        raw: Vec::new(),
        null: Vec::new(),
        reference: Vec::new(),
        daemon: Vec::new(),
    };
    let began = Instant::now();
    while measured.daemon.len() < bench.effort.turns
        && (measured.daemon.is_empty() || began.elapsed() < bench.effort.enough)
    {
        measured
            .raw
            .push(log::rate(folder.path(), shape.array, shape.connections, bench.effort.raw).await?);
        measured
            .null
            .push(null.load(closed(&null.target, shape, others)).await?.lap.rate());
        measured
            .reference
            .push(reference.load(closed(&reference.target, shape, others)).await?);
        measured
            .daemon
            .push(daemon.load(closed(&daemon.target, shape, daemons)).await?);
    }
    Ok(measured)
}

impl Measured {
    fn name(&self) -> String {
        let Shape { connections, array } = self.shape;
        format!(
            "{} × {connections}",
            if array == 1 {
                "single".to_owned()
            } else {
                format!("array {array}")
            }
        )
    }

    fn of(costs: &[Cost], figure: impl Fn(&Cost) -> f64) -> f64 {
        median(costs.iter().map(figure))
    }

    /// The median of the ratios of what was measured side by side.
    fn ratio(&self, figure: impl Fn(&Cost) -> f64) -> f64 {
        let pairs = self.daemon.iter().zip(&self.reference);
        median(pairs.map(|(daemon, reference)| figure(daemon) / figure(reference)))
    }
}

fn rates(report: &mut Report, all: &[Measured]) {
    let columns = [
        "raw log",
        "null",
        "reference",
        "punchgate",
        "÷ raw",
        "÷ reference",
        "to the sink",
        "÷ reference ",
        "turns",
    ];
    let mut table = Table::new(
        "Durable ingest by HTTP: punches acknowledged a second (shape × connections)",
        columns,
    );
    for measured in all {
        let rate = |costs| Measured::of(costs, |cost| cost.lap.rate());
        let against_raw = measured
            .daemon
            .iter()
            .zip(&measured.raw)
            .map(|(cost, raw)| cost.lap.rate() / raw);
        let ratio = measured.ratio(|cost| cost.lap.rate());
        let row = [
            median(measured.raw.iter().copied()),
            median(measured.null.iter().copied()),
            rate(&measured.reference),
            rate(&measured.daemon),
            median(against_raw),
            ratio,
            Measured::of(&measured.daemon, |cost| cost.through),
            measured.ratio(|cost| cost.through),
            measured.daemon.len() as f64,
        ];
        table.row(measured.name(), row);
        match (measured.shape.connections, measured.shape.array) {
            (64, 1) => report.goal(
                "acks/s, single, 64 connections, ÷ reference",
                Wanted::AtLeast(0.7),
                ratio,
            ),
            (8, 100) => report.goal(
                "acks/s, arrays of 100, 8 connections, ÷ reference",
                Wanted::AtLeast(0.4),
                ratio,
            ),
            _ => {}
        }
    }
    report.add(table);
}

fn answers(report: &mut Report, all: &[Measured]) {
    let columns = ["ref p50", "ref p99", "p50", "p99"];
    let mut table = Table::new("Acknowledgement at full load, ms", columns);
    for measured in all {
        let of = |costs, part: f64| Measured::of(costs, |cost| share(cost.lap.answers.iter().copied(), part));
        let (reference, daemon) = (&measured.reference, &measured.daemon);
        table.row(
            measured.name(),
            [
                of(reference, 0.5),
                of(reference, 0.99),
                of(daemon, 0.5),
                of(daemon, 0.99),
            ],
        );
    }
    report.add(table);
}

fn costs(report: &mut Report, all: &[Measured]) {
    let columns = ["ref CPU s", "CPU s", "÷ reference", "ref written", "written"];
    let mut table = Table::new(
        "Until the sink has it: CPU s per 100 000 punches, bytes written per punch",
        columns,
    );
    for measured in all {
        let of = |figure: fn(&Cost) -> f64| {
            [
                Measured::of(&measured.reference, figure),
                Measured::of(&measured.daemon, figure),
            ]
        };
        let ([reference, cpu], [reference_written, written]) = (of(|cost| cost.cpu), of(|cost| cost.written));
        table.row(
            measured.name(),
            [
                reference,
                cpu,
                measured.ratio(|cost| cost.cpu),
                reference_written,
                written,
            ],
        );
        match (measured.shape.connections, measured.shape.array) {
            (64, 1) => report.goal("CPU s per 100 000, single, everything", Wanted::AtMost(3.7), cpu),
            (8, 100) => {
                report.goal("CPU s per 100 000, arrays of 100, everything", Wanted::AtMost(1.0), cpu);
                report.goal("bytes written per punch, arrays of 100", Wanted::AtMost(600.0), written);
            }
            _ => {}
        }
    }
    report.add(table);
}

fn memory(report: &mut Report, reference: &Subject, daemon: &Subject, idle: (f64, f64)) -> anyhow::Result<()> {
    let mut table = Table::new("After all that", ["reference", "punchgate"]);
    let (rss, core) = idle;
    let peak = daemon.process()?.peak_mib()?;
    let punches = |subject: &Subject| subject.sums().delivered as f64;
    let disk = |subject: &Subject| anyhow::Ok(bytes_on_disk(subject.state())? / punches(subject));
    table.row("RSS idle, before any load, MiB", [None, Some(rss)]);
    table.row("RSS at most, under load, MiB", [reference.process()?.peak_mib()?, peak]);
    table.row("share of a core when idle, %", [None, Some(core)]);
    table.row("punches", [punches(reference), punches(daemon)]);
    table.row(
        "events at the sink per punch",
        [None, Some(daemon.sums().events as f64 / punches(daemon))],
    );
    table.row("bytes on disk per punch, drained", [disk(reference)?, disk(daemon)?]);
    let journal = bytes_on_disk(&daemon.state().join("journal"))? / punches(daemon);
    table.row("of them in the journal", [None, Some(journal)]);
    report.add(table);
    report.goal("RSS idle, MiB", Wanted::AtMost(15.0), rss);
    report.goal("RSS under load, MiB", Wanted::AtMost(64.0), peak);
    report.goal("share of a core when idle, %", Wanted::AtMost(0.1), core);
    Ok(())
}
