//! Clock measurements: a punch is placed by the one nearest to it in time, whichever came first, the measurement or the
//! punch. A new measurement moves the punches it is nearest to now, and those around a step of the clock
//! that it shows; no others are looked at.

use std::{collections::BTreeMap, ops::Bound, sync::Arc};

use punchgate_journal::{Buffer, BufferError, ClockMeasured};
use punchgate_model::{DeviceName, Timestamp};
use punchgate_rules::{ClockOffset, OffsetLog, PunchId, is_our_time};
use serde::{Deserialize, Serialize};

use super::{
    Decider, Now,
    account::of_device,
    configured::Configured,
    keys::sortable,
    tables::{OFFSETS, SHOWN},
};

#[derive(Serialize, Deserialize)]
struct Kept {
    device: DeviceName,
    offset: ClockOffset,
}

impl Decider {
    /// A device's clock was measured.
    pub(super) fn measured(
        &mut self,
        now: &mut Now<'_>,
        device: &DeviceName,
        at: Timestamp,
        clock: &ClockMeasured,
    ) -> Result<(), BufferError> {
        if !is_our_time(at) {
            return Ok(());
        }
        let offset = ClockOffset {
            measured_at: at,
            offset_ms: clock.offset_ms,
            uncertainty_ms: clock.uncertainty_ms,
        };
        let configured = &self.prepared.configured;
        let known = self.offsets.entry(device.clone()).or_default();
        known.read_in(device, configured);
        let moved = known.add(device, offset, configured);
        if moved.is_empty() {
            return Ok(());
        }
        let read = configured.reads(device, None, at).zone;
        if let Some(step) = known.by_zone.get(&read).and_then(|log| log.step_at(at)) {
            now.events.clock_stepped(device, step);
        }
        let key = of_device(device, &[&sortable(offset.device_clock()), &sortable(at)]);
        let kept = Kept {
            device: device.clone(),
            offset,
        };
        self.put(OFFSETS, &key, &kept)?;
        if self.prepared.configured.is_corrected_by_measuring(device) {
            for (from, to) in moved {
                self.place_again(now, device, from, to)?;
            }
        }
        Ok(())
    }

    /// Places again what a device's clock showed from one instant to another, both included.
    pub(super) fn place_again(
        &mut self,
        now: &mut Now<'_>,
        device: &DeviceName,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<(), BufferError> {
        let first = of_device(device, &[&sortable(from)]);
        // Ids are text, and no text has this byte.
        let last = of_device(device, &[&sortable(to), &[0xff]]);
        let skip = first.len();
        let shown = self
            .buffer
            .range(SHOWN, Bound::Included(&first), Bound::Excluded(&last), usize::MAX)?;
        for (key, _) in shown {
            let id = key.get(skip..).and_then(|id| std::str::from_utf8(id).ok());
            if let Some(id) = id {
                self.again(now, &PunchId::from(id))?;
                now.far.punches += 1;
                self.relieve(now)?;
            }
        }
        Ok(())
    }
}

/// What was measured of one device's clock, as it came out, and as it would have in each zone its clock was ever read in:
/// a reading is placed by measurements read as it was itself.
#[derive(Debug, Default)]
pub(super) struct Measurements {
    all: Vec<ClockOffset>,
    by_zone: BTreeMap<Arc<str>, OffsetLog>,
}

impl Measurements {
    /// Everything that was measured, read in a zone.
    pub(super) fn read_as(&self, zone: &str) -> Option<&OffsetLog> {
        self.by_zone.get(zone)
    }

    /// Adds a measurement; answers which spans of the clock it places anew.
    fn add(&mut self, device: &DeviceName, new: ClockOffset, configured: &Configured) -> Vec<(Timestamp, Timestamp)> {
        let in_each = self.by_zone.iter_mut();
        let moved = in_each.flat_map(|(zone, log)| log.add(configured.measured_in(device, new, zone)));
        let mut moved: Vec<_> = moved.collect();
        moved.dedup();
        if !moved.is_empty() {
            self.all.push(new);
        }
        moved
    }

    /// Reads everything in zones that are new.
    fn read_in(&mut self, device: &DeviceName, configured: &Configured) {
        for zone in configured.zones(device) {
            let all = &self.all;
            self.by_zone.entry(zone.clone()).or_insert_with(|| {
                let mut log = OffsetLog::default();
                for offset in all {
                    log.add(configured.measured_in(device, *offset, &zone));
                }
                log
            });
        }
    }
}

/// Reads all measurements in zones that are new.
pub(super) fn read_in_new_zones(offsets: &mut BTreeMap<DeviceName, Measurements>, configured: &Configured) {
    for (device, known) in offsets {
        known.read_in(device, configured);
    }
}

/// All measurements in the buffer.
pub(super) fn known(
    buffer: &Buffer,
    configured: &Configured,
) -> Result<BTreeMap<DeviceName, Measurements>, BufferError> {
    let all = measured(buffer)?.into_iter();
    let mut known: BTreeMap<DeviceName, Measurements> = all
        .map(|(device, all)| {
            let by_zone = BTreeMap::new();
            (device, Measurements { all, by_zone })
        })
        .collect();
    read_in_new_zones(&mut known, configured);
    Ok(known)
}

/// All measurements in the buffer, as they came out.
pub(super) fn measured(buffer: &Buffer) -> Result<BTreeMap<DeviceName, Vec<ClockOffset>>, BufferError> {
    let mut measured: BTreeMap<DeviceName, Vec<ClockOffset>> = BTreeMap::new();
    for (_, value) in buffer.range(OFFSETS, Bound::Unbounded, Bound::Unbounded, usize::MAX)? {
        if let Ok(Kept { device, offset }) = serde_json::from_slice(&value) {
            measured.entry(device).or_default().push(offset);
        }
    }
    Ok(measured)
}
