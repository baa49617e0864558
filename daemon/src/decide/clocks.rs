//! Clock measurements: a punch is placed by the one nearest to it in time, whichever came first, the measurement or the
//! punch. A new measurement moves the punches it is nearest to now, and no others are looked at.

use std::{collections::BTreeMap, ops::Bound};

use punchgate_journal::{Buffer, BufferError, ClockMeasured};
use punchgate_model::{DeviceName, Timestamp};
use punchgate_rules::{ClockMode, ClockOffset, OffsetLog, PunchId};
use serde::{Deserialize, Serialize};

use super::{
    Decider, Now,
    account::of_device,
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
        let offset = ClockOffset {
            measured_at: at,
            offset_ms: clock.offset_ms,
            uncertainty_ms: clock.uncertainty_ms,
        };
        let Some((from, to)) = self.offsets.entry(device.clone()).or_default().add(offset) else {
            return Ok(());
        };
        let key = of_device(device, &[&sortable(offset.device_clock())]);
        let kept = Kept {
            device: device.clone(),
            offset,
        };
        self.put(OFFSETS, &key, &kept)?;
        if self.prepared.clock(device).mode == ClockMode::Correct {
            self.place_again(now, device, from, to)?;
        }
        Ok(())
    }

    /// Places again what a device's clock showed from one instant to another, both included.
    fn place_again(
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
            }
        }
        Ok(())
    }
}

/// All measurements in the buffer.
pub(super) fn known(buffer: &Buffer) -> Result<BTreeMap<DeviceName, OffsetLog>, BufferError> {
    let mut logs: BTreeMap<DeviceName, OffsetLog> = BTreeMap::new();
    for (_, value) in buffer.range(OFFSETS, Bound::Unbounded, Bound::Unbounded, usize::MAX)? {
        if let Ok(Kept { device, offset }) = serde_json::from_slice(&value) {
            logs.entry(device).or_default().add(offset);
        }
    }
    Ok(logs)
}
