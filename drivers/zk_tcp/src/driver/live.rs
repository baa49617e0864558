//! Events as they come: stored first, acknowledged then.

use punchgate_kit::{Remark, Stage, Stored};
use punchgate_model::{Origin, Reading};

use super::{Stop, ask::Terminal};
use crate::codec::{Event, Notice, Packet, Row, Said, Who};

/// The most events that wait for the user table; what does not fit is left to the log.
const MOST_HELD: usize = 256;

/// Punches that name an index nobody knows yet. They are not acknowledged before they are stored.
#[derive(Debug, Default)]
pub(super) struct Held(Vec<Vec<(Row, Vec<u8>)>>);

impl Held {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Terminal {
    /// Takes one event.
    pub(super) async fn event(&mut self, packet: &Packet) -> Result<(), Stop> {
        match Event::parse(packet) {
            Ok(Event::Punches(rows)) if self.knows_all(&rows) => self.punched(&rows).await,
            Ok(Event::Punches(rows)) => {
                // The table cannot be asked for here: another question may be under way.
                if self.held.0.len() < MOST_HELD {
                    self.held.0.push(rows);
                } else {
                    self.doubtful = true;
                }
                Ok(())
            }
            Ok(Event::Notice(notice)) => self.noticed(&notice).await,
            Err(why) => {
                // Not acknowledged. Whatever it was, the log has it.
                self.doubtful = true;
                self.intake.remark(Remark::Garbled(why)).await;
                Ok(())
            }
        }
    }

    /// Looks up who it was in events that waited for the user table.
    pub(super) async fn release_held(&mut self) -> Result<(), Stop> {
        if self.held.is_empty() {
            return Ok(());
        }
        self.load_users().await?;
        for rows in std::mem::take(&mut self.held.0) {
            self.punched(&rows).await?;
        }
        Ok(())
    }

    fn knows_all(&self, rows: &[(Row, Vec<u8>)]) -> bool {
        rows.iter().all(|(row, _)| match row.who {
            Who::Id(_) => true,
            Who::Index(uid) => self.users.as_ref().is_some_and(|users| users.id_of(uid).is_some()),
        })
    }

    async fn punched(&mut self, rows: &[(Row, Vec<u8>)]) -> Result<(), Stop> {
        let users = self.users.as_ref();
        let reading = |(row, bytes): &(Row, Vec<u8>)| self.mapping.reading(row, bytes, users, Origin::Live);
        let readings: Vec<Reading> = rows.iter().map(reading).collect();
        let stored: Stored = self.intake.report(readings).await?;
        self.live += u64::try_from(stored.fresh()).unwrap_or_default();
        let number = self.number();
        self.session.say(Said::stored(&stored, number)).await?;
        self.reached(Stage::Stored).await;
        Ok(())
    }

    async fn noticed(&mut self, notice: &Notice) -> Result<(), Stop> {
        let number = self.number();
        self.session.say(Said::noted(notice, number)).await?;
        if notice.is_alarm() {
            let remark = Remark::Event {
                name: notice.name().to_owned(),
                details: notice.details(),
            };
            self.intake.remark(remark).await;
        }
        Ok(())
    }
}
