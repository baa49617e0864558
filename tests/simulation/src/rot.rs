//! After the end: the journal is read once more, by a buffer that knows nothing, and with a bit flipped.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use punchgate::decide::{Decider, ids::Ids};
use punchgate_conservation::{Event, Law};
use punchgate_journal::{
    Buffer, BufferError, Entry, Gap, Journal, Options, Payload, Reader, Seq, Storage, sim::SimDisk,
};
use punchgate_upstream::payload;

use crate::{dice::Dice, gateway::JOURNAL, gateway::KINDS, world::World};

/// Looks once more.
pub fn epilogue(world: &World) {
    world.disk.kill();
    let whole = world.disk.fork(world.seed);
    let Some(records) = read(&whole) else {
        return world
            .books()
            .ledger
            .broke(Law::LiveAfterFaults, "the journal does not open at the end");
    };
    told_again(world, &records);
    if world.scene.rot {
        rotten(world, &records);
    }
}

fn read(disk: &SimDisk) -> Option<BTreeMap<Seq, Payload>> {
    let (journal, _) = Journal::open(Arc::new(disk.clone()), Path::new(JOURNAL), Options::new([0; 16])).ok()?;
    let mut reader: Reader = journal.reader();
    let (mut records, mut after) = (BTreeMap::new(), 0);
    loop {
        let page = reader.after(after, 512, 1 << 20).ok()?;
        if page.through.seq == after {
            return Some(records);
        }
        after = page.through.seq;
        records.extend(page.records.into_iter().map(|record| (record.seq, record.payload)));
    }
}

fn empty() -> Result<Decider, BufferError> {
    let buffer = Buffer::in_memory();
    Decider::new(buffer.clone(), Ids::open(buffer)?)
}

/// What is decided from the journal alone says what was said, in the same words.
fn told_again(world: &World, records: &BTreeMap<Seq, Payload>) {
    let Ok(mut decider) = empty() else {
        return;
    };
    let mut said = Vec::new();
    let mut last = None;
    for (seq, payload) in records {
        // A number that is missing was lost, as the gateway noticed when it crossed it.
        if let Some(after_seq) = last.replace(*seq).filter(|last| last + 1 < *seq) {
            let gap = Gap {
                after_seq,
                ..Gap::at_the_start(1, *seq)
            };
            if decider.cross(&gap).is_err() {
                return;
            }
        }
        let entry = Entry::from_payload(payload);
        if let Ok(step) = decider.step(*seq, &entry) {
            said.extend(step.events.into_iter().filter(|event| KINDS.contains(&event.kind)));
        }
    }
    let body = payload::render(&payload::source("simulated"), &said);
    let mut books = world.books();
    let events = match Event::batch(&body) {
        Ok(events) => events,
        Err(why) => return books.ledger.unreadable(&why.to_string()),
    };
    for event in books
        .ledger
        .passed_over(&events)
        .into_iter()
        .cloned()
        .collect::<Vec<_>>()
    {
        let what = format!("a rebuild says what was passed over: {}", event.whole);
        books.ledger.broke(Law::AcknowledgedIsDelivered, what);
    }
    books.ledger.receive(events);
}

/// A bit flips at rest: what still comes out is what went in.
fn rotten(world: &World, records: &BTreeMap<Seq, Payload>) {
    let mut dice = Dice::new(world.seed).fork(3);
    let disk = world.disk.fork(world.seed);
    for _ in 0..3 {
        let files = disk.list(Path::new(JOURNAL)).unwrap_or_default();
        let segments: Vec<_> = files
            .iter()
            .filter(|file| file.name.ends_with(".pgj") && file.len > 0)
            .collect();
        let Some(file) = segments.get(usize::try_from(dice.roll()).unwrap_or(0) % segments.len().max(1)) else {
            return;
        };
        let (at, bit) = (dice.between(0, file.len - 1), dice.between(0, 7));
        disk.meddle(&Path::new(JOURNAL).join(&file.name), |bytes| {
            if let Some(byte) = bytes.get_mut(usize::try_from(at).unwrap_or(0)) {
                *byte ^= 1 << bit;
            }
        });
    }
    match read(&disk) {
        None => world
            .books()
            .ledger
            .broke(Law::LiveAfterFaults, "a journal with a flipped bit does not open"),
        Some(found) => {
            for (seq, payload) in found {
                if records.get(&seq) != Some(&payload) {
                    let what = format!("record {seq} came out of a journal with a flipped bit as another");
                    world.books().ledger.broke(Law::PayloadsAreEqual, what);
                }
            }
        }
    }
}
