//! Which layout a log has: by total and count where they agree, by what the bytes say where they do not
//! (`zkteco-standalone-4370.md` section 6.3). Asked at every read, because firmware upgrades change it.

use super::{Layout, Row, time::Numbers};

/// How much better a layout must fit than the one that the count suggests, as a share of all records.
const CONVINCING: f64 = 0.5;

/// The layout of `entries`, of which the terminal says there are `count`, at a time no later than `latest`.
///
/// `None` when nothing fits. Never a default: a log of 49 bytes a record reads as 40 only for the first record.
pub fn choose(entries: &[u8], count: Option<u32>, latest: Option<Numbers>) -> Option<Layout> {
    let candidates = candidates(entries);
    let scored: Vec<(Layout, Score)> = candidates
        .into_iter()
        .map(|layout| (layout, Score::of(entries, layout, latest)))
        .collect();
    let hinted = |layout: Layout| {
        let count = count.and_then(|n| usize::try_from(n).ok());
        count.is_some_and(|n| n > 0 && n.checked_mul(layout.stride()) == Some(entries.len()))
    };
    let best = |of: &dyn Fn(&Layout) -> bool| {
        let mut fitting: Vec<_> = scored.iter().filter(|(layout, _)| of(layout)).collect();
        // Stable, so that of equals the layout with the stronger structure stays first.
        fitting.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        fitting.first().map(|(layout, score)| (*layout, *score))
    };
    let suggested = best(&|layout| hinted(*layout));
    let any = best(&|_| true);
    match (suggested, any) {
        (Some((layout, score)), _) if score.plausible >= CONVINCING => Some(layout),
        (_, Some((layout, score))) if score.plausible > 0.0 => Some(layout),
        // Every date is impossible or in the future: believe the count, or user ids that can be read.
        (Some((layout, score)), _) if score.readable > 0.0 => Some(layout),
        (_, Some((layout @ (Layout::Forty | Layout::FortyNine), score))) if score.readable >= CONVINCING => {
            Some(layout)
        }
        _ => None,
    }
}

/// The layouts whose stride divides the bytes; all of them when none does, as when the tail is cut off.
fn candidates(entries: &[u8]) -> Vec<Layout> {
    let dividing: Vec<_> = Layout::ALL
        .into_iter()
        .filter(|l| entries.len() % l.stride() == 0)
        .collect();
    if dividing.is_empty() {
        Layout::ALL.to_vec()
    } else {
        dividing
    }
}

/// How well a layout fits, as shares of all records.
#[derive(Debug, Clone, Copy)]
struct Score {
    /// Records that could be true punches.
    plausible: f64,
    /// Records with a user id.
    readable: f64,
    /// Neighbours in order of time.
    ordered: f64,
}

impl Score {
    fn of(entries: &[u8], layout: Layout, latest: Option<Numbers>) -> Self {
        let (mut records, mut readable, mut plausible, mut ordered) = (0_u32, 0_u32, 0_u32, 0_u32);
        let mut before = None;
        for record in entries.chunks_exact(layout.stride()) {
            records += 1;
            let Ok(row) = layout.row(record) else { continue };
            readable += 1;
            plausible += u32::from(is_plausible(&row, layout, latest));
            ordered += u32::from(before <= Some(row.time));
            before = Some(row.time);
        }
        let share = |n: u32| f64::from(n) / f64::from(records.max(1));
        Self {
            plausible: share(plausible),
            readable: share(readable),
            ordered: share(ordered),
        }
    }

    fn total_cmp(&self, other: &Self) -> std::cmp::Ordering {
        let order = self.plausible.total_cmp(&other.plausible);
        order
            .then(self.ordered.total_cmp(&other.ordered))
            .then(self.readable.total_cmp(&other.readable))
    }
}

/// Whether a record could be a true punch.
pub(super) fn is_plausible(row: &Row, layout: Layout, latest: Option<Numbers>) -> bool {
    let state = row.state <= 5 || row.state == 255;
    // The third byte of variant B holds flags as well.
    let verify = layout == Layout::EightB || row.verify <= 29 || row.verify == 200;
    let past = latest.is_none_or(|latest| row.time <= latest);
    state && verify && past && row.time.is_possible()
}
