//! Which layout a log has: by total and count where they agree, by what the bytes say where they do not
//! (`zkteco-standalone-4370.md` section 6.3). Asked at every read, because firmware upgrades change it.

use super::{Layout, Row, Who, time::Numbers};

/// The share of records that must make sense for a layout to be believed.
const CONVINCING: f64 = 0.5;

/// The layout of `entries`, of which the terminal says there are `count`, at a time no later than `latest`.
///
/// `None` when nothing fits. Never a default: a log of 49 bytes a record reads as 40 only for the first record.
pub fn choose(entries: &[u8], count: Option<u32>, latest: Option<Numbers>) -> Option<Layout> {
    let fit = |layout| Fit::of(entries, layout, count, latest);
    let mut fits: Vec<Fit> = Layout::ALL.into_iter().map(fit).collect();
    // Stable, so that of equals the layout with the stronger structure stays first.
    fits.sort_by(|a, b| b.total_cmp(a));
    let first = |wanted: &dyn Fn(&&Fit) -> bool| fits.iter().find(wanted).map(|fit| fit.layout);
    first(&|fit| fit.counted && fit.plausible >= CONVINCING)
        // User ids that can be read, in records of the length that the count wants, outweigh dates that are all impossible.
        .or_else(|| first(&|fit| fit.counted && fit.is_text() && fit.readable >= CONVINCING))
        .or_else(|| first(&|fit| fit.divides && fit.plausible >= CONVINCING))
        .or_else(|| first(&|fit| fit.counted && fit.readable >= CONVINCING))
        .or_else(|| first(&|fit| fit.divides && fit.is_text() && fit.readable >= CONVINCING))
        // The tail is cut off, so that no length is right.
        .or_else(|| first(&|fit| fit.plausible >= CONVINCING))
        .or_else(|| first(&|fit| fit.is_text() && fit.readable >= CONVINCING))
}

/// How well a layout fits, as shares of all records that are not empty.
#[derive(Debug)]
struct Fit {
    layout: Layout,
    /// Whether records fill the bytes exactly.
    divides: bool,
    /// Whether as many records as the terminal counts do.
    counted: bool,
    /// Records that could be true punches.
    plausible: f64,
    /// Records with a user id.
    readable: f64,
    /// Neighbours in order of time.
    ordered: f64,
}

impl Fit {
    fn of(entries: &[u8], layout: Layout, count: Option<u32>, latest: Option<Numbers>) -> Self {
        let (mut records, mut readable, mut plausible, mut ordered) = (0_u32, 0_u32, 0_u32, 0_u32);
        let mut before = None;
        for record in entries.chunks_exact(layout.stride()) {
            records += u32::from(record.iter().any(|byte| *byte != 0));
            let Ok(row) = layout.row(record) else { continue };
            readable += 1;
            plausible += u32::from(is_plausible(&row, layout, latest) && is_evidence(&row));
            ordered += u32::from(before <= Some(row.time));
            before = Some(row.time);
        }
        let share = |n: u32| f64::from(n) / f64::from(records.max(1));
        let counted = count
            .and_then(|n| usize::try_from(n).ok())
            .and_then(|n| n.checked_mul(layout.stride()));
        Self {
            layout,
            divides: entries.len().is_multiple_of(layout.stride()),
            counted: counted.is_some_and(|length| length > 0 && length == entries.len()),
            plausible: share(plausible),
            readable: share(readable),
            ordered: share(ordered),
        }
    }

    /// Whether its user ids are texts, which garbage rarely is.
    fn is_text(&self) -> bool {
        matches!(self.layout, Layout::Forty | Layout::FortyNine)
    }

    fn total_cmp(&self, other: &Self) -> std::cmp::Ordering {
        let order = self.plausible.total_cmp(&other.plausible);
        order
            .then(self.ordered.total_cmp(&other.ordered))
            .then(self.readable.total_cmp(&other.readable))
    }
}

/// Whether a plausible record speaks for its layout. Padding and short texts read as somebody in the year 2000, before any
/// terminal with this protocol was sold.
fn is_evidence(row: &Row) -> bool {
    let somebody = match &row.who {
        Who::Id(id) => id != "0",
        Who::Index(uid) => *uid != 0,
    };
    somebody && row.time.year >= 2005
}

/// Whether a record could be a true punch.
pub(super) fn is_plausible(row: &Row, layout: Layout, latest: Option<Numbers>) -> bool {
    let state = row.state <= 5 || row.state == 255;
    // The third byte of variant B holds flags as well.
    let verify = layout == Layout::EightB || row.verify <= 29 || row.verify == 200;
    let past = latest.is_none_or(|latest| row.time <= latest);
    state && verify && past && row.time.is_possible()
}
