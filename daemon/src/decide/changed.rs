//! Another configuration, or another word on a clock: what was in force is kept beside what is, and only what lies behind the
//! change is decided again.

use std::time::Duration;

use punchgate_journal::{Buffer, BufferError};
use punchgate_model::{DeviceName, Timestamp};
use punchgate_rules::{Stretch, Terms};

use super::{
    Decider, Now, clocks,
    configured::{Correction, Histories},
    settings::{Prepared, Settings},
    tables::FACTS,
};

/// The most that two zones can be apart: from UTC-12 to UTC+14.
const ZONES_APART: Duration = Duration::from_secs(26 * 3600);

impl Decider {
    pub(super) fn configure(
        &mut self,
        now: &mut Now<'_>,
        at: Timestamp,
        policy: &serde_json::Value,
    ) -> Result<(), BufferError> {
        let Ok(settings) = serde_json::from_value::<Settings>(policy.clone()) else {
            return Ok(());
        };
        // The first settings of a journal always were in force; others are from when they were written.
        let is_first = self.buffer.get(FACTS, b"settings")?.is_none();
        let since = (!is_first).then_some(at);
        self.put(FACTS, b"settings", &settings)?;
        let (mut terms, mut histories) = (self.prepared.terms.clone(), self.prepared.histories.clone());
        histories.adopt(&settings.devices, since);
        let differs_from = terms.adopt(&settings.policies, since);
        let held = self.prepared.settings.hold_unknown;
        let cards_differ = settings.cards != self.prepared.settings.cards;
        self.prepare(settings, terms, histories)?;
        if cards_differ {
            let rows = self.read::<Vec<serde_json::Value>>(FACTS, b"directory")?;
            self.directory(now, &rows.unwrap_or_default())?;
        }
        if let Some(from) = differs_from.filter(|_| !is_first) {
            self.touch_since(now, from)?;
        }
        if held && !self.prepared.settings.hold_unknown {
            self.release(now)?;
        }
        Ok(())
    }

    /// What was asked, and how devices were configured, before everything the journal still has.
    pub(super) fn recall(&mut self, history: &serde_json::Value) -> Result<(), BufferError> {
        let Ok((terms, histories)) = serde_json::from_value(history.clone()) else {
            return Ok(());
        };
        self.prepare(self.prepared.settings.clone(), terms, histories)
    }

    /// That, as an entry brings it into force again; `None` when nothing was ever configured.
    pub fn history(buffer: &Buffer) -> Option<serde_json::Value> {
        let fact = |name: &str| buffer.get(FACTS, name.as_bytes()).ok().flatten();
        let both = |name| serde_json::from_slice::<serde_json::Value>(&fact(name)?).ok();
        Some(serde_json::json!([both("terms")?, both("histories")?]))
    }

    /// A person says what a device's clock showed: what it showed then is placed anew.
    pub(super) fn reinterpret(
        &mut self,
        now: &mut Now<'_>,
        device: &DeviceName,
        zone: &str,
        from: Timestamp,
        to: Option<Timestamp>,
    ) -> Result<(), BufferError> {
        let mut histories = self.prepared.histories.clone();
        let zone = zone.to_owned();
        histories.correct(device, Correction { zone, from, to });
        self.prepare(self.prepared.settings.clone(), self.prepared.terms.clone(), histories)?;
        // Whatever it was read as before, it is no farther off than two zones can be apart.
        let to = to.unwrap_or(Timestamp::MAX);
        self.place_again(now, device, from.minus(ZONES_APART), to.plus(ZONES_APART))
    }

    /// Puts another configuration into force, and keeps what was in force before it.
    fn prepare(&mut self, settings: Settings, terms: Terms, histories: Histories) -> Result<(), BufferError> {
        self.put(FACTS, b"terms", &terms)?;
        self.put(FACTS, b"histories", &histories)?;
        let directory = std::mem::take(&mut self.prepared.directory);
        self.prepared = Prepared::new(settings, terms, histories, directory);
        clocks::read_in_new_zones(&mut self.offsets, &self.prepared.configured);
        Ok(())
    }

    /// Verdicts from an instant on may come out differently, whoever they are about.
    fn touch_since(&mut self, now: &mut Now<'_>, from: Timestamp) -> Result<(), BufferError> {
        let since = Stretch { from, to: None };
        let mut subjects = self.days.subjects_since(from)?;
        subjects.retain(|subject| subject.person().is_some());
        now.far.of = subjects.len();
        for subject in subjects {
            for held in self.days.within(&subject, since)? {
                now.touch(&held.punch, held.spoken.holds());
                now.far.punches += 1;
            }
            now.far.done += 1;
            self.relieve(now)?;
        }
        Ok(())
    }
}
