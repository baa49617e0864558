//! A steady 500 punches a second: how long until the acknowledgement, and until the sink has it.

use super::Bench;
use crate::{
    load::paced,
    report::{Report, Table, Wanted, median, share},
    subject::Subject,
};

/// Punches a second.
const PACE: u32 = 500;
/// Connections that take turns.
const CONNECTIONS: u32 = 8;

/// p50 and p99 of a turn: acknowledgement, end to end.
type Turn = [f64; 4];

/// Measures it.
pub async fn run(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    let reference = Subject::reference(200_000).await?;
    let daemon = Subject::daemon(&bench.program, "1ms", 200_000, false).await?;
    let (mut references, mut daemons, mut cpu) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..bench.effort.turns {
        references.push(turn(bench, &reference).await?.0);
        let (turn, spent) = turn(bench, &daemon).await?;
        daemons.push(turn);
        cpu.push(spent);
    }
    report.account("pace", &reference)?;
    report.account("pace", &daemon)?;
    let middle =
        |turns: &[Turn]| [0, 1, 2, 3].map(|at: usize| median(turns.iter().filter_map(|turn| turn.get(at).copied())));
    let (reference, daemon) = (middle(&references), middle(&daemons));
    let columns = ["ack p50", "ack p99", "sink p50", "sink p99", "CPU s/100k"];
    let mut table = Table::new("At 500 a second, batches leave after 1 ms: ms", columns);
    table.row("reference", reference.map(Some).into_iter().chain([None]));
    table.row("punchgate", daemon.into_iter().chain([median(cpu)]));
    report.add(table);
    let ([_, reference_p99, ..], [_, p99, end_to_end, _]) = (reference, daemon);
    report.goal(
        "ack p99 at 500/s, ms; 2 × reference + 2",
        Wanted::AtMost(2.0 * reference_p99 + 2.0),
        p99,
    );
    report.goal("end to end p50 at 500/s, ms", Wanted::AtMost(5.0), end_to_end);
    Ok(())
}

async fn turn(bench: &Bench, subject: &Subject) -> anyhow::Result<(Turn, f64)> {
    let from = subject.target.ledger.given();
    let cost = subject
        .load(paced(&subject.target, PACE, CONNECTIONS, bench.effort.pace))
        .await?;
    let (answers, ways) = (cost.lap.answers, subject.target.ledger.ways(from));
    let of = |times: &[f64], part| share(times.iter().copied(), part);
    Ok((
        [of(&answers, 0.5), of(&answers, 0.99), of(&ways, 0.5), of(&ways, 0.99)],
        cost.cpu,
    ))
}
