//! Says in the journal how far the data are complete, when a verdict waits for it and not otherwise.
//!
//! A source with a log is complete up to its last complete read, a live one up to now less an allowance for the link.
//! A source that is away holds the watermark back, for `max_wait` at most. The clock is only asked when to look; what
//! is decided follows from the entry alone.

use std::{collections::BTreeMap, ops::Bound, sync::Arc, time::Duration};

use punchgate_journal::{Buffer, Entry};
use punchgate_kit::Clock;
use punchgate_model::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    board::{Board, DeviceRow},
    decide::{settings::Settings, tables::DEADLINES},
    deciding::Progress,
    notebook::Notebook,
};

/// How late a live source's punch may be without being late.
const ALLOWANCE: Duration = Duration::from_secs(2);
/// How often to look while a verdict waits.
const LOOK: Duration = Duration::from_secs(1);

/// How far all sources together are complete.
pub fn complete_until(settings: &Settings, rows: &BTreeMap<String, DeviceRow>, now: Timestamp) -> Timestamp {
    let live = now.minus(ALLOWANCE);
    let longest = now.minus(Duration::from_millis(settings.max_wait_ms));
    let through = settings.devices.iter().map(|(name, device)| match device.keeps_log {
        false => live,
        true => rows
            .get(name)
            .and_then(|row| row.complete_through)
            .unwrap_or(longest)
            .min(live),
    });
    through.min().unwrap_or(live).max(longest)
}

/// Writes watermarks until told to stop.
pub async fn keep(
    (buffer, notebook): (Buffer, Notebook),
    settings: watch::Receiver<Settings>,
    board: Arc<Board>,
    clock: Clock,
    mut progress: watch::Receiver<Progress>,
    closing: CancellationToken,
) {
    let mut last = Timestamp::MIN;
    loop {
        let pause = match earliest(&buffer) {
            None => None,
            Some(deadline) => {
                let now = clock.now();
                let until = complete_until(&settings.borrow(), &board.devices(), now);
                if until > deadline && until > last {
                    // Refused means that the disk is full or failing: the verdict waits, and we ask again.
                    if notebook
                        .write(vec![Entry::Watermark {
                            at: now,
                            complete_until: until,
                        }])
                        .await
                        .is_ok()
                    {
                        last = until;
                    }
                }
                Some(LOOK)
            }
        };
        tokio::select! {
            biased;
            () = closing.cancelled() => return,
            changed = progress.changed(), if pause.is_none() => if changed.is_err() { return },
            () = tokio::time::sleep(pause.unwrap_or(LOOK)), if pause.is_some() => {}
        }
    }
}

/// When the next verdict could be decided, if one waits.
fn earliest(buffer: &Buffer) -> Option<Timestamp> {
    let first = buffer
        .range(DEADLINES, Bound::Unbounded, Bound::Unbounded, 1)
        .ok()?
        .into_iter()
        .next()?;
    let at = first.0.first_chunk::<8>()?;
    Some(Timestamp::from_millis(
        (u64::from_be_bytes(*at) ^ (1 << 63)).cast_signed(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::settings::DeviceSettings;
    use punchgate_rules::ClockMode;

    fn settings(keeps_log: &[(&str, bool)]) -> Settings {
        let device = |keeps_log| DeviceSettings {
            timezone: None,
            zone: None,
            clock: ClockMode::Correct,
            not_before: Timestamp::MIN,
            max_future_ms: 0,
            keeps_log,
        };
        let devices = keeps_log
            .iter()
            .map(|(name, keeps)| ((*name).to_owned(), device(*keeps)))
            .collect();
        Settings {
            devices,
            max_wait_ms: 24 * 3_600_000,
            ..Settings::default()
        }
    }

    fn row(through: Option<i64>) -> DeviceRow {
        let mut row = DeviceRow::default();
        row.complete_through = through.map(Timestamp::from_millis);
        row
    }

    const NOW: Timestamp = Timestamp::from_millis(1_772_409_600_000);

    #[test]
    fn live_sources_are_complete_but_for_the_allowance() {
        assert_eq!(
            complete_until(&settings(&[("app", false)]), &BTreeMap::new(), NOW),
            NOW.minus(ALLOWANCE)
        );
    }

    #[test]
    fn a_terminal_that_is_away_holds_everything_back_for_a_day_at_most() {
        let settings = settings(&[("app", false), ("gate", true)]);
        let hour_ago = NOW.plus_millis(-3_600_000);
        let rows = BTreeMap::from([("gate".to_owned(), row(Some(hour_ago.as_millis())))]);
        assert_eq!(complete_until(&settings, &rows, NOW), hour_ago);
        let rows = BTreeMap::from([("gate".to_owned(), row(None))]);
        assert_eq!(complete_until(&settings, &rows, NOW), NOW.plus_millis(-24 * 3_600_000));
    }
}
