//! What one more punch costs when little and when much is held already; and the worst case, one person who never stops.

use std::time::{Duration, Instant};

use super::Bench;
use crate::{
    load::{Shape, Until, closed},
    punches::Crowd,
    report::{Report, Table, Wanted, median},
    subject::{Cost, Subject},
};

/// Measures it.
pub async fn run(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    let (little, long) = (bench.effort.little, bench.effort.history);
    let lap = bench.effort.most / 5;
    let of_one = lap / 12 + 1;
    let room = long + lap * bench.effort.turns + little;
    let daemon = async || Subject::daemon(&bench.program, "20ms", room, false).await;
    let (few, many, mut one) = (daemon().await?, daemon().await?, daemon().await?);
    one.target.crowd = Crowd::One;
    fill(&few, little).await?;
    fill(&one, little).await?;
    fill(&many, long).await?;
    let (mut short_turns, mut long_turns, mut one_turns) = (Vec::new(), Vec::new(), Vec::new());
    let began = Instant::now();
    while one_turns.len() < bench.effort.turns && (one_turns.is_empty() || began.elapsed() < bench.effort.enough * 2) {
        short_turns.push(single(&few, lap).await?);
        long_turns.push(single(&many, lap).await?);
        one_turns.push(single(&one, of_one).await?);
    }
    for subject in [&few, &many, &one] {
        report.account("history", subject)?;
    }
    let ratio = |figure: fn(&Cost) -> f64| {
        median(
            long_turns
                .iter()
                .zip(&short_turns)
                .map(|(long, short)| figure(long) / figure(short)),
        )
    };
    let (cpu, ack) = (
        ratio(|cost| cost.cpu),
        ratio(|cost| median(cost.lap.answers.iter().copied())),
    );
    let mut table = Table::new(
        "One more punch, single, 8 connections",
        ["CPU s/100k", "ack p50 ms", "to the sink/s"],
    );
    let mut row = |name: String, turns: &[Cost]| {
        let of = |figure: fn(&Cost) -> f64| median(turns.iter().map(figure));
        let ack = of(|cost| median(cost.lap.answers.iter().copied()));
        table.row(name, [of(|cost| cost.cpu), ack, of(|cost| cost.through)]);
    };
    row(format!("with {little} held"), &short_turns);
    row(format!("with {long} held"), &long_turns);
    row("one person, every 30 s".to_owned(), &one_turns);
    table.row("ratio, much ÷ little", [Some(cpu), Some(ack), None]);
    report.add(table);
    report.goal(
        format!("CPU of one more punch, {long} held ÷ {little} held"),
        Wanted::AtMost(1.5),
        cpu,
    );
    Ok(())
}

async fn fill(subject: &Subject, many: usize) -> anyhow::Result<Cost> {
    let shape = Shape {
        connections: 8,
        array: 100,
    };
    let until = Until {
        most: many,
        time: Duration::from_secs(900),
    };
    subject.load(closed(&subject.target, shape, until)).await
}

async fn single(subject: &Subject, many: usize) -> anyhow::Result<Cost> {
    let shape = Shape {
        connections: 8,
        array: 1,
    };
    let until = Until {
        most: many,
        time: Duration::from_secs(30),
    };
    subject.load(closed(&subject.target, shape, until)).await
}
