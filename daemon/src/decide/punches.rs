//! Readings become punches, and punches change when more is known: another report, another clock measurement, another
//! directory. Whatever changed, a punch is made anew from all accounts of it, so that it depends on what is known and
//! not on when it became known.

use punchgate_journal::BufferError;
use punchgate_model::{Credential, DeviceName, Timestamp};
use punchgate_rules::{Punch, PunchId, one_of, place};

use super::{
    Decider, Now,
    account::{self, Account, of_device},
    keys::sortable,
    people::is_looked_up,
    tables::{BEARERS, FACTS, HELD, HeldPunch, PUNCHES, Place, SHOWN, place_of},
};

impl Decider {
    /// One report of a punch.
    pub(super) fn report(
        &mut self,
        now: &mut Now<'_>,
        id: &PunchId,
        device: &DeviceName,
        account: Account,
    ) -> Result<(), BufferError> {
        let Some((place, mut known)) = self.held(id)? else {
            return match self.made(id, device, 0, vec![account]) {
                Some(held) => self.keep(now, held),
                None => Ok(()),
            };
        };
        if !account::add(&mut known.accounts, account) {
            return Ok(());
        }
        self.make_again(now, &place, known)
    }

    /// A punch of which something else is known now. It is said again only where that shows.
    pub(super) fn again(&mut self, now: &mut Now<'_>, id: &PunchId) -> Result<(), BufferError> {
        match self.held(id)? {
            Some((place, held)) => self.make_again(now, &place, held),
            None => Ok(()),
        }
    }

    fn make_again(&mut self, now: &mut Now<'_>, place: &Place, known: HeldPunch) -> Result<(), BufferError> {
        let (id, device) = (known.punch.id.clone(), known.punch.source.clone());
        let before = self.held(&id)?.map(|(_, held)| held);
        let Some(held) = self.made(&id, &device, known.revision, known.accounts) else {
            return Ok(());
        };
        let Some(before) = before else { return Ok(()) };
        if held.says_as(&before) {
            return if held == before { Ok(()) } else { self.lay(&held) };
        }
        self.take_away(now, place, &before)?;
        self.keep(now, held)
    }

    /// The punch that its accounts make, as things are known now; `None` without an account.
    fn made(&self, id: &PunchId, device: &DeviceName, revision: u32, accounts: Vec<Account>) -> Option<HeldPunch> {
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
        best.map(|(chosen, punch)| HeldPunch {
            punch,
            revision,
            chosen,
            accounts,
            shown,
        })
    }

    fn placed(&self, id: &PunchId, device: &DeviceName, account: &Account, shown: &mut Vec<Timestamp>) -> Punch {
        let reading = &account.reading;
        let clock = self.prepared.clock(device);
        let printed = reading.device_time.as_ref();
        let said = printed.and_then(|printed| punchgate_rules::clock::instant(printed, &clock.zone));
        shown.extend(said.map(|said| said.at));
        let measured = said.and_then(|said| self.offsets.get(device)?.nearest(said.at));
        let placed = place(reading, account.received_at, &clock, measured);
        let configured = || self.prepared.zone(device);
        Punch {
            id: id.clone(),
            person: self.prepared.directory.resolve(device, &reading.credential).person(),
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

    fn held(&self, id: &PunchId) -> Result<Option<(Place, HeldPunch)>, BufferError> {
        let Some(place) = place_of(&self.buffer, id)? else {
            return Ok(None);
        };
        let held = self.read(PUNCHES, &place.key(id))?;
        Ok(held.map(|held| (place, held)))
    }

    /// Puts a punch on its timeline and says it.
    fn keep(&mut self, now: &mut Now<'_>, mut held: HeldPunch) -> Result<(), BufferError> {
        let says = !self.is_held_back(&held);
        if says {
            held.revision = held.revision.saturating_add(1);
        }
        self.lay(&held)?;
        if says {
            now.events.punch(&held);
        }
        now.touch(&held.punch);
        Ok(())
    }

    /// Whether a punch waits for the directory to know its bearer. What was said once is not held back any more: whoever
    /// has it must hear what becomes of it.
    fn is_held_back(&self, held: &HeldPunch) -> bool {
        self.prepared.settings.hold_unknown && held.revision == 0 && is_in_quarantine(&held.punch)
    }

    /// Says a punch that was held back.
    pub(super) fn say_held_back(&mut self, now: &mut Now<'_>, id: &PunchId) -> Result<(), BufferError> {
        let Some((place, mut held)) = self.held(id)? else {
            return Ok(());
        };
        if held.revision == 0 {
            held.revision = 1;
            self.put(PUNCHES, &place.key(id), &held)?;
            now.events.punch(&held);
        }
        Ok(())
    }

    /// Puts a punch on its timeline, and under everything it is found by.
    fn lay(&self, held: &HeldPunch) -> Result<(), BufferError> {
        let place = Place::of(held);
        let id = &held.punch.id;
        self.put(PUNCHES, &place.key(id), held)?;
        self.buffer.insert(HELD, id.as_str().as_bytes(), &place.to_bytes())?;
        for (tree, key) in found_by(held) {
            self.buffer.insert(tree, &key, &[])?;
        }
        self.quarantine(held, |known| known.saturating_add(1))
    }

    fn take_away(&self, now: &mut Now<'_>, place: &Place, held: &HeldPunch) -> Result<(), BufferError> {
        self.buffer.remove(PUNCHES, &place.key(&held.punch.id))?;
        for (tree, key) in found_by(held) {
            self.buffer.remove(tree, &key)?;
        }
        now.touch(&held.punch);
        self.quarantine(held, |known| known.saturating_sub(1))
    }

    /// Counts a punch in or out of quarantine, if that is where it belongs: its credential is nobody's.
    fn quarantine(&self, held: &HeldPunch, count: impl Fn(u64) -> u64) -> Result<(), BufferError> {
        if !is_in_quarantine(&held.punch) {
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

/// The index entries of a punch.
fn found_by(held: &HeldPunch) -> impl Iterator<Item = (&'static str, Vec<u8>)> + '_ {
    let device = &held.punch.source;
    let id = held.punch.id.as_str().as_bytes();
    let shown = held
        .shown
        .iter()
        .map(move |shown| (SHOWN, of_device(device, &[&sortable(*shown), id])));
    let credentials = held.accounts.iter().map(|account| &account.reading.credential);
    let bearers = credentials.filter(|credential| is_looked_up(credential));
    let bearers = bearers.map(move |credential| (BEARERS, super::people::bearer_key(device, credential, id)));
    shown.chain(bearers)
}
