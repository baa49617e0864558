//! The whole log: counted, read, counted again.

use punchgate_kit::{Fault, Malformed, Remark, Stage};
use punchgate_model::Reading;

use super::{Stop, ask::Terminal};
use crate::{
    codec::{FreeSizes, Layout, Numbers, Request, Table, bulk::Entries, stride, user::Users},
    log::{Rows, a_day_later},
};

/// How many readings go to the disk at once.
const CHUNK: usize = 1000;
/// How often the log is read before counts that do not agree are accepted as such.
const ATTEMPTS: u32 = 3;
/// How many unreadable records of one log are remarked on singly.
const REMARKED: usize = 20;

/// What came of a download.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Downloaded {
    /// Records read.
    pub(super) rows: u64,
    /// Readings among them that were new.
    pub(super) fresh: u64,
    /// Records that the terminal says it has now, where it can be believed.
    pub(super) records: Option<u64>,
    /// Whether the two agree.
    pub(super) complete: bool,
}

impl Terminal {
    /// Reads counts and capacities and remarks on them.
    pub(super) async fn sizes(&mut self) -> Result<FreeSizes, Stop> {
        let answer = self.demand(&Request::Sizes).await?;
        let sizes = FreeSizes::parse(&answer.data).map_err(Fault::from)?;
        if let Some(records) = sizes.punches {
            let (records, capacity) = (records.into(), sizes.capacity.map(u64::from));
            self.intake.remark(Remark::Log { records, capacity }).await;
        }
        self.reached(Stage::Counted).await;
        Ok(sizes)
    }

    /// Reads the whole log until what was read agrees with what the terminal counts, three times at most.
    pub(super) async fn download(&mut self) -> Result<Downloaded, Stop> {
        let mut attempt = 1;
        loop {
            let before = self.sizes().await?;
            let (rows, fresh, whole) = self.read_log(before).await?;
            self.live = 0;
            let after = self.sizes().await?;
            let complete = whole && agrees(rows, before, after);
            if complete || attempt == ATTEMPTS || self.closing {
                let records = after.punches.map(u64::from);
                let remark = Remark::Downloaded {
                    rows,
                    records: records.unwrap_or(rows),
                    complete,
                };
                self.intake.remark(remark).await;
                return Ok(Downloaded {
                    rows,
                    fresh,
                    records,
                    complete,
                });
            }
            attempt += 1;
        }
    }

    /// Reads the log once: records, new readings, and whether all announced bytes came.
    async fn read_log(&mut self, sizes: FreeSizes) -> Result<(u64, u64, bool), Stop> {
        let latest = self.latest().await?;
        let set = self.fetch(Table::Punches).await?;
        let entries = match Entries::parse(&set) {
            Ok(entries) => entries,
            Err(why) => {
                self.intake.remark(Remark::Garbled(why)).await;
                self.free().await?;
                return Ok((0, 0, false));
            }
        };
        let whole = entries.missing == 0;
        let Some(layout) = stride::choose(&entries.bytes, sizes.punches, latest) else {
            if !entries.bytes.is_empty() {
                let why = Malformed::new(4, "records of 8, 16, 40 or 49 bytes", &entries.bytes);
                self.intake.remark(Remark::Garbled(why)).await;
            }
            self.free().await?;
            return Ok((0, 0, whole && entries.bytes.is_empty()));
        };
        self.reached(Stage::Decoded).await;
        let rows = u32::try_from(entries.bytes.len() / layout.stride()).unwrap_or(u32::MAX);
        let known = whole && sizes.punches.is_none_or(|count| count <= rows);
        let (rows, fresh) = self.store(&entries.bytes, layout, known).await?;
        Ok((rows, fresh, whole))
    }

    /// Brings the rows of a log to the disk. The terminal gets its buffer back after that, because a freed buffer is the
    /// nearest thing to an acknowledgement that it knows, unless the user table has to be read first.
    async fn store(&mut self, entries: &[u8], layout: Layout, whole: bool) -> Result<(u64, u64), Stop> {
        if layout.needs_users() {
            self.free().await?;
            self.load_users().await?;
        }
        let rows = Rows::read(entries, layout);
        if whole {
            let marks = rows.readings(&self.mapping, self.users.as_ref());
            let rows = marks.map(|reading| reading.row_mark()).collect();
            self.intake.remark(Remark::LogRead { rows }).await;
        }
        let fresh = match self.report(&rows).await {
            Ok(fresh) => fresh,
            Err(stop) => {
                self.politely(&Request::Free).await;
                return Err(stop);
            }
        };
        self.remark_on(&rows.garbled).await;
        if !layout.needs_users() {
            self.free().await?;
        }
        self.reached(Stage::Stored).await;
        Ok((u64::try_from(rows.count()).unwrap_or(u64::MAX), fresh))
    }

    async fn report(&mut self, rows: &Rows<'_>) -> Result<u64, Stop> {
        let (mapping, users): (_, Option<Users>) = (self.mapping, self.users.clone());
        let mut readings = rows.readings(&mapping, users.as_ref());
        let mut fresh = 0;
        loop {
            let chunk: Vec<Reading> = readings.by_ref().take(CHUNK).collect();
            if chunk.is_empty() {
                return Ok(fresh);
            }
            let stored = self.intake.report(chunk).await?;
            fresh += u64::try_from(stored.fresh()).unwrap_or_default();
        }
    }

    /// A damaged database has garbage by the thousand: some of it is shown, the rest is counted.
    async fn remark_on(&mut self, garbled: &[Malformed]) {
        for why in garbled.iter().take(REMARKED) {
            self.intake.remark(Remark::Garbled(why.clone())).await;
        }
        let more = garbled.len().saturating_sub(REMARKED);
        if more > 0 {
            let why = format!("{more} more records of the log could not be read");
            self.intake.remark(Remark::Unexpected(why)).await;
        }
    }

    /// The latest time that a record may bear: a day after the later of the terminal's clock and ours, wherever on earth.
    async fn latest(&mut self) -> Result<Option<Numbers>, Stop> {
        let shows = self.read_clock().await?;
        let ours = jiff::tz::TimeZone::UTC.to_datetime(self.session.clock().now().to_jiff());
        let ours = a_day_later(a_day_later(Numbers::from_civil(ours)));
        Ok(Some(shows.map(a_day_later).map_or(ours, |shows| shows.max(ours))))
    }
}

/// Whether the records read lie between the counts before and after. A count that cannot be believed agrees with anything.
fn agrees(rows: u64, before: FreeSizes, after: FreeSizes) -> bool {
    let least = before.punches.map_or(0, u64::from);
    let most = after.punches.map_or(u64::MAX, u64::from);
    (least..=most).contains(&rows)
}
