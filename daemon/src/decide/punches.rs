//! Readings become punches, and punches change when more is known: another report, another clock measurement, another
//! directory. Whatever changed, a punch is made anew from all accounts of it, so that it depends on what is known and
//! not on when it became known.

use std::sync::Arc;

use punchgate_journal::BufferError;
use punchgate_model::{Credential, DeviceName, Timestamp};
use punchgate_rules::{Punch, PunchId, one_of, place, place_among};

use super::{
    Decider, Now,
    account::{self, Account, of_device},
    accounts::Told,
    ids::Generation,
    keys::{Subject, sortable},
    tables::{FACTS, HeldPunch, Place, SHOWN, Spoken},
};

/// A punch that is held, and where.
struct Known {
    generation: Generation,
    subject: Subject,
    punch: Arc<HeldPunch>,
}

/// A punch as everything known of it makes it.
struct Made {
    punch: Punch,
    told: Told,
}

impl Decider {
    /// One report of a punch.
    pub(super) fn report(
        &mut self,
        now: &mut Now<'_>,
        id: &PunchId,
        device: &DeviceName,
        account: Account,
    ) -> Result<(), BufferError> {
        let held = self.held(id)?;
        #[cfg(feature = "sabotage")]
        let held = held.filter(|_| !punchgate_sabotage::is_planted(punchgate_sabotage::Bug::ForgetWhatIsHeld));
        let Some(known) = held else {
            return match self.made(id, device, vec![account]) {
                Some(made) => self.keep(now, None, made, Spoken::default()),
                None => Ok(()),
            };
        };
        let before = known.punch.accounts.unfold();
        let mut accounts = before.accounts.clone();
        if !account::add(&mut accounts, account) {
            return Ok(());
        }
        self.make_again(now, &known, &before, accounts)
    }

    /// A punch of which something else is known now. It is said again only where that shows.
    pub(super) fn again(&mut self, now: &mut Now<'_>, id: &PunchId) -> Result<(), BufferError> {
        match self.held(id)? {
            Some(known) => {
                let before = known.punch.accounts.unfold();
                let accounts = before.accounts.clone();
                self.make_again(now, &known, &before, accounts)
            }
            None => Ok(()),
        }
    }

    fn make_again(
        &mut self,
        now: &mut Now<'_>,
        known: &Known,
        before: &Told,
        accounts: Vec<Account>,
    ) -> Result<(), BufferError> {
        let held = &*known.punch;
        let Some(made) = self.made(&held.punch.id, &held.punch.source, accounts) else {
            return Ok(());
        };
        let spoken = held.spoken.clone();
        // An upstream could not tell the two apart.
        if made.punch == held.punch && made.told.account() == before.account() {
            return if made.told == *before {
                Ok(())
            } else {
                self.lay(Some(known.generation), made, spoken)
            };
        }
        self.take_away(now, &known.subject, held, before)?;
        self.keep(now, Some(known.generation), made, spoken)
    }

    /// The punch that its accounts make, as things are known now; `None` without an account.
    fn made(&self, id: &PunchId, device: &DeviceName, accounts: Vec<Account>) -> Option<Made> {
        let mut best: Option<(usize, Punch)> = None;
        let mut shown = Vec::with_capacity(accounts.len());
        for (index, account) in accounts.iter().enumerate() {
            let punch = self.placed(id, device, account, &mut shown);
            let better = best.as_ref().is_none_or(|(chosen, known)| {
                let first = std::ptr::eq(one_of(known, &punch), known);
                let alike = first && std::ptr::eq(one_of(&punch, known), &punch);
                let earlier = || {
                    accounts
                        .get(*chosen)
                        .is_some_and(|chosen| account.rank() < chosen.rank())
                };
                !first || (alike && earlier())
            });
            if better {
                best = Some((index, punch));
            }
        }
        best.map(|(chosen, punch)| Made {
            punch,
            told: Told {
                chosen,
                accounts,
                shown,
            },
        })
    }

    fn placed(&self, id: &PunchId, device: &DeviceName, account: &Account, shown: &mut Vec<Timestamp>) -> Punch {
        let reading = &account.reading;
        let printed = reading.device_time.as_ref();
        let reads = self.prepared.configured.reads(device, printed, account.received_at);
        let said = printed.and_then(|printed| punchgate_rules::clock::instant(printed, &reads.policy.zone));
        shown.extend(said.map(|said| said.at));
        let measured = self.offsets.get(device).and_then(|known| known.read_as(&reads.zone));
        let placed = match measured {
            Some(measured) => place_among(reading, account.received_at, &reads.policy, measured),
            None => place(reading, account.received_at, &reads.policy, None),
        };
        let configured = || self.prepared.configured.group(device, account.received_at);
        Punch {
            id: id.clone(),
            person: self.prepared.resolve(device, &reading.credential).person(),
            credential: reading.credential.clone(),
            factor: reading.factor,
            source: device.clone(),
            zone: reading.zone.as_deref().map(Into::into).or_else(configured),
            direction: reading.direction,
            result: reading.result,
            at: placed.at,
            uncertainty_ms: placed.uncertainty_ms,
            time_quality: placed.quality,
            held_out: placed.held_out,
        }
    }

    fn held(&self, id: &PunchId) -> Result<Option<Known>, BufferError> {
        let Some((generation, place)) = self.ids.find(id)? else {
            return Ok(None);
        };
        let punch = self.days.get(&place.subject, place.at, id)?;
        Ok(punch.map(|punch| Known {
            generation,
            subject: place.subject,
            punch,
        }))
    }

    /// Puts a punch on its timeline and says it.
    fn keep(
        &mut self,
        now: &mut Now<'_>,
        generation: Option<Generation>,
        made: Made,
        mut spoken: Spoken,
    ) -> Result<(), BufferError> {
        if !self.is_held_back(&made.punch, &spoken) {
            spoken.revision = spoken.revision.saturating_add(1);
            if let Some(account) = made.told.account() {
                now.events.punch(&made.punch, account, spoken.revision);
            }
        }
        now.touch(&made.punch, spoken.holds());
        self.quarantine(&made.punch, |known| known.saturating_add(1))?;
        self.lay(generation, made, spoken)
    }

    /// Whether a punch waits for the directory to know its bearer. What was said once is not held back any more: whoever
    /// has it must hear what becomes of it.
    fn is_held_back(&self, punch: &Punch, spoken: &Spoken) -> bool {
        self.prepared.settings.hold_unknown && spoken.revision == 0 && is_in_quarantine(punch)
    }

    /// Says a punch that was held back.
    pub(super) fn say_held_back(&mut self, now: &mut Now<'_>, id: &PunchId) -> Result<(), BufferError> {
        let Some(known) = self.held(id)?.filter(|known| known.punch.spoken.revision == 0) else {
            return Ok(());
        };
        let punch = &known.punch.punch;
        if let Some(account) = known.punch.accounts.unfold().account() {
            now.events.punch(punch, account, 1);
        }
        self.days
            .speak(&known.subject, punch.at, id, |spoken| spoken.revision = 1)
    }

    /// Puts a punch on its timeline, and under everything it is found by.
    fn lay(&self, generation: Option<Generation>, made: Made, spoken: Spoken) -> Result<(), BufferError> {
        let Made { punch, told } = made;
        let place = Place::of(&punch, &told);
        self.ids.put(&punch.id, generation, &place)?;
        for key in shown_keys(&punch, &told) {
            self.buffer.insert(SHOWN, &key, &[])?;
        }
        self.bearers.note(&self.buffer, &punch.source, &told, &place.subject)?;
        let held = HeldPunch {
            accounts: told.fold(),
            punch,
            spoken,
        };
        self.days.put(&place.subject, held)
    }

    fn take_away(
        &self,
        now: &mut Now<'_>,
        subject: &Subject,
        held: &HeldPunch,
        told: &Told,
    ) -> Result<(), BufferError> {
        self.days.remove(subject, held.punch.at, &held.punch.id)?;
        for key in shown_keys(&held.punch, told) {
            self.buffer.remove(SHOWN, &key)?;
        }
        now.touch(&held.punch, held.spoken.holds());
        self.quarantine(&held.punch, |known| known.saturating_sub(1))
    }

    /// Counts a punch in or out of quarantine, if that is where it belongs: its credential is nobody's.
    fn quarantine(&self, punch: &Punch, count: impl Fn(u64) -> u64) -> Result<(), BufferError> {
        if !is_in_quarantine(punch) {
            return Ok(());
        }
        self.quarantined.set(count(self.quarantined.get()));
        self.put(FACTS, b"quarantined", &self.quarantined.get())
    }
}

/// Whether somebody punched, and nobody knows who.
fn is_in_quarantine(punch: &Punch) -> bool {
    punch.person.is_none() && punch.credential != Credential::Nobody
}

/// Under what a punch is found when a clock measurement moves it.
fn shown_keys<'a>(punch: &'a Punch, told: &'a Told) -> impl Iterator<Item = Vec<u8>> + 'a {
    let (device, id) = (&punch.source, punch.id.as_str().as_bytes());
    told.shown
        .iter()
        .map(move |shown| of_device(device, &[&sortable(*shown), id]))
}
