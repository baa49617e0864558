//! The play in which segments are removed: those that were there, at the start, and those that came since, while it runs.
//!
//! When something is removed is a question of time; so the planted daemon is told to ask for it rarely enough that all batches
//! come between two removals, and often enough that nobody waits long. Then each play makes the same calls.

use std::{fs, io, time::Duration};

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::{
    PLAYED_WITHIN,
    scenario::{Scenario, Stage},
};
use crate::audit::Findings;

/// How long what is delivered is kept.
const KEPT: Duration = Duration::from_millis(100);
/// How often it is asked what may go.
const ASKED: Duration = Duration::from_millis(700);
/// Longer than anything takes here: while the store to begin from is made, nothing goes.
const NEVER: Duration = Duration::from_secs(3_600);
impl Stage {
    /// What is delivered is kept for a moment only; but nothing is removed yet.
    pub(super) fn keep_briefly(&mut self) -> io::Result<()> {
        let beside = self.site.gateway.config().with_file_name("conf.d");
        fs::write(
            beside.join("retention.toml"),
            format!("[store]\nretention = \"{}ms\"\n", KEPT.as_millis()),
        )?;
        self.ask_for_it_every(NEVER);
        Ok(())
    }

    /// Waits until all in the store is older than it is kept. From now on it is removed.
    pub(super) async fn let_it_grow_old(&mut self) {
        sleep(KEPT * 2).await;
        self.ask_for_it_every(ASKED);
    }

    fn ask_for_it_every(&mut self, pause: Duration) {
        let pause = pause.as_millis().to_string();
        self.site.gateway.set("PUNCHGATE_HOUSEKEEPING_MS", pause);
    }

    /// Waits until what was in the store is removed; false when the daemon died.
    pub(super) async fn retires_what_was_there(&mut self) -> bool {
        self.begins_after(1).await
    }

    /// Waits until records that came in this play are removed; false when the daemon died.
    pub(super) async fn retires_what_came(&mut self, before: u64) -> bool {
        self.delivered().await && self.begins_after(before).await
    }

    /// The number of the last record there is; 0 when the daemon is not there.
    pub(super) async fn tail(&self) -> u64 {
        let status = self.site.gateway.status().await;
        status["journal"]["tail"].as_u64().unwrap_or(0)
    }

    /// Waits until the first record there is has a higher number than this.
    async fn begins_after(&mut self, seq: u64) -> bool {
        let end = Instant::now() + PLAYED_WITHIN;
        while Instant::now() < end && self.site.gateway.ended().is_none() {
            let status = self.site.gateway.status().await;
            if status["journal"]["first"].as_u64() > Some(seq) {
                return true;
            }
            sleep(Duration::from_millis(4)).await;
        }
        false
    }

    /// What must hold of the running gateway after a kill, everything being delivered: a removal that was begun comes to its
    /// end and is not taken for a loss, not even by a buffer that is built again from what is left.
    pub(super) async fn judge_what_is_left(&mut self) -> Findings {
        let mut findings = Findings::default();
        if self.scenario != Scenario::Retention {
            return findings;
        }
        if !self.retires_what_was_there().await {
            findings.broken.push("the removal does not come to its end".to_owned());
        }
        let (epoch, told) = told_as_lost(&self.site.gateway.status().await);
        findings.extend(told);
        self.site.gateway.kill();
        if let Err(error) = fs::remove_dir_all(self.state.join("buffer")) {
            findings.broken.push(format!("there is no buffer: {error}"));
        }
        if let Err(error) = self.site.gateway.restart().await {
            findings.broken.push(format!("without its buffer: {error}"));
            return findings;
        }
        findings.extend(self.site.settle().await);
        let (again, told) = told_as_lost(&self.site.gateway.status().await);
        findings.extend(told);
        if epoch.is_none() || again != epoch {
            findings
                .broken
                .push(format!("of epoch {epoch:?}; built again it is of {again:?}"));
        }
        findings
    }
}

/// The epoch and what a status says only where records are missing that nobody removed on purpose. The store of a play is a
/// copy, and told as one.
fn told_as_lost(status: &Value) -> (Option<u64>, Findings) {
    let journal = &status["journal"];
    let alarms = journal["alarms"].as_array().map(Vec::as_slice).unwrap_or_default();
    let others = alarms.iter().filter(|alarm| alarm["code"] != "copied");
    let findings = Findings {
        broken: others
            .map(|alarm| format!("an alarm after a removal: {alarm}"))
            .collect(),
        ..Findings::default()
    };
    (journal["epoch"].as_u64(), findings)
}
