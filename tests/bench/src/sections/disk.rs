//! What the disk gives: records of 250 bytes, durable at each batch, nothing around them.

use super::Bench;
use crate::{
    log,
    report::{Report, Table, median},
};

/// Measures it.
pub async fn run(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    let folder = tempfile::Builder::new().prefix("punchgate-bench-").tempdir()?;
    let waiters = [1, 8, 64];
    let columns = waiters.map(|waiters| format!("{waiters} wait"));
    let mut table = Table::new("Raw append + fdatasync: records of 250 bytes a second", columns);
    for batch in [1, 8, 64, 100, 512] {
        let mut turns = [(); 3].map(|()| Vec::new());
        for _ in 0..bench.effort.turns {
            for (waiters, turns) in waiters.into_iter().zip(&mut turns) {
                turns.push(log::rate(folder.path(), batch, waiters, bench.effort.raw).await?);
            }
        }
        table.row(format!("batches of {batch}"), turns.map(median));
    }
    report.add(table);
    Ok(())
}
