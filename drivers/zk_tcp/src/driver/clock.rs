//! The terminal's clock: read at every poll, set only when an operator wants it.

use std::time::Duration;

use jiff::tz::TimeZone;
use punchgate_kit::{Malformed, Remark, Unheard};

use super::{Stop, ask::Terminal};
use crate::codec::{Numbers, Request};

/// A clock of whole seconds is set within so much of the beginning of one.
const EARLY: i64 = 50;

impl Terminal {
    /// Reads the clock and remarks on it. Also the keep-alive: a terminal that does not answer twice is gone.
    pub(super) async fn read_clock(&mut self) -> Result<Option<Numbers>, Stop> {
        let asked = self.session.moment();
        let answer = self.demand(&Request::Time).await?;
        let round_trip = self.session.moment() - asked;
        let Some(packed) = answer.data.get(..4).and_then(|time| time.try_into().ok()) else {
            let why = Malformed::new(8, "a time of 4 bytes", &answer.data);
            self.intake.remark(Remark::Garbled(why)).await;
            return Ok(None);
        };
        let shows = Numbers::unpack(u32::from_le_bytes(packed));
        let remark = Remark::Clock {
            shows: shows.device_time(),
            round_trip,
        };
        self.intake.remark(remark).await;
        Ok(Some(shows))
    }

    /// Sets the clock and reads it back; a sentence for the operator.
    pub(super) async fn set_clock(&mut self, zone: &TimeZone) -> Result<String, Stop> {
        self.next_second().await?;
        let now = zone.to_datetime(self.session.clock().now().to_jiff());
        self.demand(&Request::SetTime(Numbers::from_civil(now))).await?;
        self.demand(&Request::Refresh).await?;
        let shows = self.read_clock().await?;
        let shows = shows.map_or_else(|| "nothing readable".to_owned(), |shows| shows.device_time().printed);
        let set = Numbers::from_civil(now).device_time().printed;
        Ok(format!("the clock was set to {set} and shows {shows}"))
    }

    /// Waits for the beginning of a second, because the terminal cannot be told a part of one.
    async fn next_second(&mut self) -> Result<(), Stop> {
        loop {
            let into = self.session.clock().now().as_millis().rem_euclid(1000);
            if into < EARLY {
                return Ok(());
            }
            let left = Duration::from_millis(u64::try_from(1000 - into).unwrap_or(1));
            match self.session.hear_within(left).await {
                Ok(turn) => drop(self.take(turn).await?),
                Err(Unheard::Silence { .. }) => {}
                Err(Unheard::Gone(gone)) => return Err(gone.into()),
            }
        }
    }
}
