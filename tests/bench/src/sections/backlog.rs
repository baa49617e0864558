//! A sink that was away: what waits, how fast it leaves, and how the daemon starts again with and without its buffer.

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::ensure;

use super::Bench;
use crate::{
    gateway,
    load::{Shape, Until, closed},
    process::bytes_on_disk,
    report::{Report, Table, Wanted},
    subject::Subject,
};

const SHAPE: Shape = Shape {
    connections: 8,
    array: 100,
};

/// Measures it.
pub async fn run(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    let many = bench.effort.backlog;
    let mut reference = Subject::reference(many).await?;
    let room = many + many / 4 + bench.effort.most * 2;
    reference.close_sink();
    let mut daemon = Subject::daemon(&bench.program, "20ms", room, true).await?;
    let mut table = Table::new("The sink was away", ["reference", "punchgate"]);
    let (reference_filled, filled) = (fill(&reference, many).await?, fill(&daemon, many).await?);
    table.row("punches waiting", [many as f64; 2]);
    table.row("acknowledged a second meanwhile", [reference_filled.0, filled.0]);
    table.row("seconds until all is decided", [None, Some(filled.1)]);
    let waiting = daemon.process()?.rss_mib()?;
    table.row("RSS while they wait, MiB", [reference.process()?.rss_mib()?, waiting]);
    table.row(
        "bytes on disk per punch, waiting",
        [None, Some(bytes_on_disk(daemon.state())? / many as f64)],
    );

    let (reference_drain, drain) = (drained(&mut reference).await?, drained(&mut daemon).await?);
    table.row("punches drained a second", [reference_drain.0, drain.0]);
    table.row("events drained a second", [None, Some(drain.1)]);
    table.row(
        "RSS at most, MiB",
        [reference.process()?.peak_mib()?, daemon.process()?.peak_mib()?],
    );
    let mut starting = Table::new("Starting again, s", ["punches", "first ack", "all decided", "per 10⁶"]);
    starts(report, &mut starting, &mut daemon).await?;
    let (beside, alone) = ingest_beside_drain(bench, &mut daemon).await?;
    table.row("single × 64 a second, beside the drain", [None, Some(beside)]);
    table.row("single × 64 a second, alone", [None, Some(alone)]);
    report.add(table);
    report.add(starting);
    report.account("backlog", &reference)?;
    report.account("backlog", &daemon)?;
    report.goal(
        format!("RSS with {many} punches waiting, MiB"),
        Wanted::AtMost(96.0),
        waiting,
    );
    report.goal("drain, punches a second", Wanted::AtLeast(100_000.0), drain.0);
    report.goal("ingest beside the drain ÷ alone", Wanted::AtLeast(0.7), beside / alone);
    Ok(())
}

/// How many a second were acknowledged, and how long it took until they were decided.
async fn fill(subject: &Subject, many: usize) -> anyhow::Result<(f64, f64)> {
    let until = Until {
        most: many,
        time: Duration::from_secs(900),
    };
    let began = Instant::now();
    let cost = subject.load(closed(&subject.target, SHAPE, until)).await?;
    if let Some(gateway) = &subject.gateway {
        gateway::decided(gateway).await?;
    }
    Ok((cost.lap.rate(), began.elapsed().as_secs_f64()))
}

/// Punches and events a second, from the first arrival to the last: how long it takes to notice the sink is not counted.
async fn drained(subject: &mut Subject) -> anyhow::Result<(f64, f64)> {
    subject.open_sink()?;
    subject.drained().await?;
    let (seconds, sums) = (subject.target.ledger.arrivals(0).as_secs_f64(), subject.sums());
    Ok((sums.delivered as f64 / seconds, sums.events as f64 / seconds))
}

/// Acknowledged a second while what waited drains, and when nothing else is done.
async fn ingest_beside_drain(bench: &Bench, daemon: &mut Subject) -> anyhow::Result<(f64, f64)> {
    let shape = Shape {
        connections: 64,
        array: 1,
    };
    let until = Until {
        most: bench.effort.most,
        time: bench.effort.lap,
    };
    daemon.close_sink();
    let before = daemon.target.ledger.delivered();
    fill(daemon, bench.effort.backlog / 4).await?;
    daemon.open_sink()?;
    while daemon.target.ledger.delivered() == before {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let beside = closed(&daemon.target, shape, until).await?.rate();
    daemon.drained().await?;
    let alone = daemon.load(closed(&daemon.target, shape, until)).await?.lap.rate();
    Ok((beside, alone))
}

/// How long until the first acknowledgement, and until everything is decided again.
async fn starts(report: &mut Report, table: &mut Table, daemon: &mut Subject) -> anyhow::Result<()> {
    let many = daemon.sums().delivered as f64;
    let Some(gateway) = daemon.gateway.as_mut() else {
        return Ok(());
    };
    let mut worst = 0.0f64;
    for (name, without_buffer, killed) in [
        ("after a stop", false, false),
        ("after kill −9", false, true),
        ("without its buffer", true, false),
    ] {
        if killed {
            gateway.kill();
        } else {
            ensure!(
                gateway.stop(Duration::from_secs(15)).await.is_some(),
                "the daemon does not stop"
            );
        }
        if without_buffer {
            fs::remove_dir_all(gateway.state().join("buffer"))?;
        }
        let began = Instant::now();
        let first = gateway::first_acknowledgement(gateway).await?.as_secs_f64();
        gateway::decided(gateway).await?;
        let all = began.elapsed().as_secs_f64();
        table.row(name, [many, first, all, all / many * 1e6]);
        worst = worst.max(first);
        if without_buffer {
            report.goal(
                "rebuild of the buffer, s per 10⁶ punches",
                Wanted::AtMost(10.0),
                all / many * 1e6,
            );
        }
    }
    report.goal(
        "first acknowledgement after a start, at worst, s",
        Wanted::AtMost(1.0),
        worst,
    );
    Ok(())
}
