//! The closing table: what every device got acknowledged against what the sink holds.

use std::{collections::BTreeMap, io, time::Duration};

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::{places::get, show::Show, site::Site};
use crate::messages::Message;

/// One device's row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Row {
    issued: usize,
    acknowledged: usize,
    held: usize,
    /// Acknowledged but not at the sink.
    missing: usize,
    /// At the sink under two ids, or never issued.
    surplus: usize,
}

impl Row {
    /// Everything is acknowledged, and the sink holds exactly that.
    fn adds_up(&self) -> bool {
        self.missing == 0 && self.surplus == 0 && self.issued == self.acknowledged && self.held == self.issued
    }
}

/// The table.
pub(super) struct Tally(Vec<(&'static str, Row)>);

/// How often each name occurs.
fn counted(names: impl IntoIterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    counts
}

impl Tally {
    /// Waits until the table adds up, and gives it as it is when patience ends.
    pub(super) async fn settle(site: &Site, patience: Duration) -> Self {
        let began = Instant::now();
        loop {
            let tally = Self::take(site).await;
            if tally.adds_up() || began.elapsed() > patience {
                return tally;
            }
            sleep(Duration::from_millis(200)).await;
        }
    }

    async fn take(site: &Site) -> Self {
        let events = get(site.sink_address(), "/events").await.unwrap_or_default();
        let punches: Vec<&Value> = events
            .as_array()
            .into_iter()
            .flatten()
            .filter(|event| event["type"] == "punchgate.punch.v1")
            .collect();
        let rows = site.ledgers().into_iter().map(|(device, ledger)| {
            let here = punches
                .iter()
                .filter(|event| event["data"]["source"] == device)
                .map(|event| name(&event["data"]));
            let (held, acknowledged) = (counted(here), counted(ledger.acknowledged.clone()));
            let issued = counted(ledger.issued.clone());
            let lacking = |(name, count): (&String, &usize)| count.saturating_sub(held.get(name).copied().unwrap_or(0));
            let too_many =
                |(name, count): (&String, &usize)| count.saturating_sub(issued.get(name).copied().unwrap_or(0));
            let row = Row {
                issued: ledger.issued.len(),
                acknowledged: acknowledged.values().sum(),
                held: held.values().sum(),
                missing: acknowledged.iter().map(lacking).sum(),
                surplus: held.iter().map(too_many).sum(),
            };
            (device, row)
        });
        Self(rows.collect())
    }

    fn adds_up(&self) -> bool {
        self.0.iter().all(|(_, row)| row.adds_up())
    }

    /// Prints the table; whether it adds up.
    pub(super) fn write(&self, show: &Show) -> io::Result<bool> {
        for (device, row) in &self.0 {
            let mark = if row.adds_up() { "✓" } else { "✗" };
            let line = Message::new("demo-row")
                .with("mark", mark)
                .with("device", format!("{device:<18}"))
                .with("issued", row.issued)
                .with("acknowledged", row.acknowledged)
                .with("held", row.held)
                .with("missing", row.missing)
                .with("twice", row.surplus);
            show.tell(&line);
        }
        let equal = self.adds_up();
        show.tell(&Message::new(if equal { "demo-equal" } else { "demo-unequal" }));
        Ok(equal)
    }
}

/// A punch as the ledgers name it: `credential|printed device time|factor`.
fn name(data: &Value) -> String {
    let text = |key: &str| data[key].as_str().unwrap_or_default();
    format!("{}|{}|{}", text("credential"), text("device_time"), text("factor"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_punch_lost_or_doubled_does_not_add_up() {
        let good = Row {
            issued: 3,
            acknowledged: 3,
            held: 3,
            missing: 0,
            surplus: 0,
        };
        assert!(good.adds_up());
        for bad in [
            Row {
                missing: 1,
                held: 2,
                ..good.clone()
            },
            Row {
                surplus: 1,
                held: 4,
                ..good.clone()
            },
            Row {
                acknowledged: 2,
                ..good.clone()
            },
        ] {
            assert!(!bad.adds_up(), "{bad:?}");
        }
    }
}
