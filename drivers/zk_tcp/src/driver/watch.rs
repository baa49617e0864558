//! After the greeting, for as long as the link holds: events as they come, and at every poll the clock and the counts.

use punchgate_kit::{Fault, Moment, Recovery, Remark, Unheard, Wish};
use punchgate_model::Span;

use super::{Stop, ask::Terminal, download::Downloaded};

/// What is known of the log.
struct Known {
    records: Option<u64>,
    read: Moment,
    /// When a log that did not agree with its count is read again, after the last read; longer each time, because some
    /// terminals never agree with themselves.
    again: Option<Span>,
}

impl Terminal {
    /// Watches the terminal until something stops it.
    pub(super) async fn watch(&mut self) -> Stop {
        match self.watching().await {
            Ok(never) => match never {},
            Err(stop) => stop,
        }
    }

    async fn watching(&mut self) -> Result<std::convert::Infallible, Stop> {
        let downloaded = self.download().await?;
        let mut known = self.known(downloaded, None);
        let mut polled = self.session.moment();
        loop {
            self.release_held().await?;
            self.grant_wishes(&mut known).await?;
            if self.closing {
                return Err(Stop::Closing);
            }
            let left = self.options.poll.saturating_sub(self.session.moment() - polled);
            match self.session.hear_within(left).await {
                Ok(turn) => drop(self.take(turn).await?),
                Err(Unheard::Silence { .. }) => {
                    self.poll(&mut known).await?;
                    polled = self.session.moment();
                }
                Err(Unheard::Gone(gone)) => return Err(gone.into()),
            }
        }
    }

    /// Reads the clock and the counts, and the log if something in it may be unknown to us.
    async fn poll(&mut self, known: &mut Known) -> Result<(), Stop> {
        self.read_clock().await?;
        let counted = self.sizes().await?.punches.map(u64::from);
        let expected = known.records.map(|records| records.saturating_add(self.live));
        if let (Some(records), Some(expected)) = (counted, expected)
            && records < expected
        {
            let remark = Remark::Event {
                name: "log-shrank".to_owned(),
                details: format!("the log went from {expected} to {records} records: cleared or rolled over"),
            };
            self.intake.remark(remark).await;
        }
        let due = known.again.unwrap_or(self.options.full_read_every);
        let due = self.session.moment() - known.read >= due;
        if counted != expected || self.doubtful || due {
            let downloaded = self.download().await?;
            *known = self.known(downloaded, known.again);
        } else {
            known.records = counted;
            self.live = 0;
        }
        Ok(())
    }

    fn known(&mut self, downloaded: Downloaded, waited: Option<Span>) -> Known {
        self.doubtful = false;
        let longer = waited.map_or(self.options.poll, |waited| waited.saturating_mul(2));
        Known {
            records: downloaded.records,
            read: self.session.moment(),
            again: (!downloaded.complete).then(|| longer.min(self.options.full_read_every)),
        }
    }

    async fn grant_wishes(&mut self, known: &mut Known) -> Result<(), Stop> {
        while let Some(command) = self.wishes.pop_front() {
            let granted = match &command.wish {
                Wish::SetClock { zone } => self.set_clock(zone).await,
                Wish::Pull => self.pull(known).await,
            };
            let told = match &granted {
                Ok(sentence) => Ok(sentence.clone()),
                Err(Stop::Closing) => Err("the gateway is stopping".to_owned()),
                Err(Stop::Fault(fault)) => Err(fault.to_string()),
            };
            // The asker may have gone; what was done is done.
            let _ = command.answer.send(told);
            match granted {
                // A terminal that refuses a wish is otherwise in order.
                Err(Stop::Fault(fault @ Fault::Refused { .. })) if fault.recovery() == Recovery::Again => {}
                granted => drop(granted?),
            }
        }
        Ok(())
    }

    async fn pull(&mut self, known: &mut Known) -> Result<String, Stop> {
        let downloaded = self.download().await?;
        *known = self.known(downloaded, None);
        let Downloaded {
            rows, fresh, complete, ..
        } = downloaded;
        let end = if complete {
            ""
        } else {
            "; the terminal counts otherwise"
        };
        Ok(format!("read {rows} records, {fresh} of them new{end}"))
    }
}
