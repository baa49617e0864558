//! A changed directory: punches become, or cease to be, a person's. Only punches of credentials that mean somebody
//! else now are looked at.

use std::{
    cell::RefCell,
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
    ops::Bound,
    sync::Arc,
};

use punchgate_journal::{Buffer, BufferError};
use punchgate_model::{Credential, DeviceName, Timestamp};
use punchgate_rules::{Directory, PunchId, Stretch};

use super::{
    Decider, Now,
    account::of_device,
    accounts::Told,
    keys::Subject,
    tables::{BEARERS, FACTS, HeldPunch},
};

const ALWAYS: Stretch = Stretch {
    from: Timestamp::MIN,
    to: None,
};

impl Decider {
    /// From now on these people count, also for what was punched before.
    pub(super) fn directory(&mut self, now: &mut Now<'_>, rows: &[serde_json::Value]) -> Result<(), BufferError> {
        self.put(FACTS, b"directory", &rows)?;
        let before = std::mem::replace(
            &mut self.prepared.directory,
            read(rows).with_cards(&self.prepared.settings.cards),
        );
        let after = &self.prepared.directory;
        let mut changed = self.bearers()?;
        changed.retain(|(device, number)| before.resolve(device, number) != after.resolve(device, number));
        let groups = self.prepared.rules.groups();
        let moved = before.moved(after, &groups);
        now.far.of = changed.len() + moved.len();
        for (device, credential) in changed {
            for id in self.borne(&device, &credential)? {
                self.again(now, &id)?;
                now.far.punches += 1;
                self.relieve(now)?;
            }
            now.far.done += 1;
        }
        for person in moved {
            self.touch_all(now, &Subject::of_person(&person))?;
            now.far.done += 1;
            self.relieve(now)?;
        }
        Ok(())
    }

    /// Everything about somebody may come out differently: another policy asks for the groups they are in now.
    fn touch_all(&self, now: &mut Now<'_>, subject: &Subject) -> Result<(), BufferError> {
        for held in self.days.within(subject, ALWAYS)? {
            now.touch(&held.punch, held.spoken.holds());
            now.far.punches += 1;
        }
        Ok(())
    }

    /// Nobody is waited for any more: what was held back is said, unresolved.
    pub(super) fn release(&mut self, now: &mut Now<'_>) -> Result<(), BufferError> {
        for (device, credential) in self.bearers()? {
            if self.prepared.resolve(&device, &credential).person().is_some() {
                continue;
            }
            for id in self.borne(&device, &credential)? {
                self.say_held_back(now, &id)?;
                self.relieve(now)?;
            }
        }
        Ok(())
    }

    /// The punches of a credential on a device that are nobody's, in order of time.
    pub(super) fn unresolved(
        &self,
        device: &DeviceName,
        credential: &Credential,
    ) -> Result<Vec<Arc<HeldPunch>>, BufferError> {
        self.days
            .within(&Subject::of_credential(credential, device.as_str()), ALWAYS)
    }

    /// The punches of a credential on a device, on whatever timeline they lie.
    fn borne(&self, device: &DeviceName, credential: &Credential) -> Result<Vec<PunchId>, BufferError> {
        let theirs = |held: &HeldPunch| {
            let told = held.accounts.unfold();
            let mut borne = told.accounts.iter().map(|account| &account.reading.credential);
            held.punch.source == *device && borne.any(|borne| borne == credential)
        };
        let prefix = bearer_key(device, credential, &[]);
        let mut found = Vec::new();
        for (key, _) in self.buffer.with_prefix(BEARERS, &prefix, usize::MAX)? {
            let subject = key.get(prefix.len()..).and_then(|text| std::str::from_utf8(text).ok());
            let Some(subject) = subject.map(Subject::from_text) else {
                continue;
            };
            let all = self.days.within(&subject, ALWAYS)?;
            found.extend(all.iter().filter(|held| theirs(held)).map(|held| held.punch.id.clone()));
        }
        Ok(found)
    }

    /// Every credential that was used on a device, with the device: one lookup for each.
    pub(super) fn bearers(&self) -> Result<Vec<(DeviceName, Credential)>, BufferError> {
        let mut found = Vec::new();
        let mut from = Vec::new();
        loop {
            let next = self
                .buffer
                .range(BEARERS, Bound::Included(&from), Bound::Unbounded, 1)?;
            let Some((key, _)) = next.into_iter().next() else {
                return Ok(found);
            };
            let Some((device, credential)) = bearer(&key) else {
                return Ok(found);
            };
            // Subjects are text, and no text has this byte.
            from = bearer_key(&device, &credential, &[0xff]);
            found.push((device, credential));
        }
    }
}

/// Which timelines the punches of a credential lie on. Credentials and people are few, punches are many.
#[derive(Debug, Default)]
pub(super) struct Bearers {
    /// Hashes of what the buffer has been told lately.
    noted: RefCell<HashSet<u64>>,
}

/// How much [`Bearers`] remembers before it begins to tell the buffer again.
const NOTED: usize = 1 << 16;

impl Bearers {
    /// Notes the credentials of a punch that lies on a subject's timeline.
    pub(super) fn note(
        &self,
        buffer: &Buffer,
        device: &DeviceName,
        told: &Told,
        subject: &Subject,
    ) -> Result<(), BufferError> {
        for account in &told.accounts {
            let credential = &account.reading.credential;
            if !is_looked_up(credential) {
                continue;
            }
            let key = bearer_key(device, credential, subject.as_str().as_bytes());
            let mut hasher = DefaultHasher::new();
            key.hash(&mut hasher);
            let mut noted = self.noted.borrow_mut();
            if noted.len() >= NOTED {
                noted.clear();
            }
            if noted.insert(hasher.finish()) {
                buffer.insert(BEARERS, &key, &[])?;
            }
        }
        Ok(())
    }
}

/// Whether the directory has a say about a credential.
fn is_looked_up(credential: &Credential) -> bool {
    matches!(credential, Credential::Enrol(_) | Credential::Card(_))
}

/// The key of a timeline among those of a bearer; without a subject, what all of them begin with.
fn bearer_key(device: &DeviceName, credential: &Credential, subject: &[u8]) -> Vec<u8> {
    let kind = if matches!(credential, Credential::Card(_)) {
        b'c'
    } else {
        b'e'
    };
    let number = credential.number().as_bytes();
    let length = u32::try_from(number.len()).unwrap_or(u32::MAX);
    of_device(device, &[&[kind], &length.to_be_bytes(), number, subject])
}

fn bearer(key: &[u8]) -> Option<(DeviceName, Credential)> {
    let (device, rest) = text(key)?;
    let (kind, rest) = rest.split_first()?;
    let (number, _) = text(rest)?;
    let credential = match kind {
        b'c' => Credential::Card(number.to_owned()),
        _ => Credential::Enrol(number.to_owned()),
    };
    Some((DeviceName::from(device), credential))
}

/// A text with its length in front, and what follows it.
fn text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (text, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

fn read(rows: &[serde_json::Value]) -> Directory {
    let mut directory = Directory::default();
    for text in rows.iter().filter_map(serde_json::Value::as_str) {
        directory.extend(Directory::parse(text.as_bytes()).0);
    }
    directory
}

/// The directory as it was put into the buffer.
pub(super) fn from_bytes(bytes: &[u8]) -> Directory {
    read(&serde_json::from_slice::<Vec<serde_json::Value>>(bytes).unwrap_or_default())
}
