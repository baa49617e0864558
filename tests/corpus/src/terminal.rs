//! ZKTeco terminals (`zkteco-standalone-4370.md`).

use bytes::Bytes;
use punchgate_kit::{Carrier, Driver, Reader, StreamDriver, Wire, laws};
use punchgate_zk_tcp::{
    Options, ZkTcp,
    codec::{
        Code, Event, FreeSizes, Heard, Layout, Numbers, Packet, Said, Table, UserLayout, Who,
        bulk::{self, Entries},
        stride,
        user::Users,
    },
};

/// A byte stream: any chunking gives the same frames, and every frame that parses is rendered as it was.
///
/// # Panics
/// When a law is broken.
pub fn zk_stream(bytes: &[u8]) {
    let options = Options::default();
    let framer = ZkTcp::framer(&options, Carrier::Tcp);
    laws::any_chunking_gives_the_same_frames(&framer, bytes);
    let mut reader = ZkTcp::reader(&options);
    for frame in laws::frames(&framer, bytes, bytes.len().max(1)) {
        laws::wrapping_then_cutting_is_identity(&framer, &frame);
        said(&frame);
        if let Some(message) = heard(&frame) {
            reader.hear(&message);
        }
    }
}

/// A conversation of whole packets in both directions (see [`turns`]): the reader survives whatever order they come in, and
/// hears the same when it hears it again.
///
/// # Panics
/// When a law is broken.
pub fn zk_talk(bytes: &[u8]) {
    let first = conversation(bytes);
    assert_eq!(first, conversation(bytes), "a second reader hears something else");
}

fn conversation(bytes: &[u8]) -> Vec<punchgate_kit::Finding> {
    let mut reader = ZkTcp::reader(&Options::default());
    let mut found = Vec::new();
    for (from_gateway, body) in turns(bytes) {
        let body = Bytes::copy_from_slice(body);
        if from_gateway {
            said(&body).iter().for_each(|message| reader.say(message));
        } else {
            found.extend(heard(&body).iter().flat_map(|message| reader.hear(message)));
        }
    }
    found
}

/// Turns of a conversation: a byte whose lowest bit says that the gateway speaks, a length (u16, little-endian), the packet.
/// What is cut short counts as far as it goes.
pub fn turns(mut bytes: &[u8]) -> Vec<(bool, &[u8])> {
    let mut turns = Vec::new();
    while let [who, low, high, rest @ ..] = bytes {
        let length = usize::from(u16::from_le_bytes([*low, *high]));
        let (body, after) = rest.split_at(length.min(rest.len()));
        turns.push((who & 1 == 1, body));
        bytes = after;
    }
    turns
}

fn heard(body: &Bytes) -> Option<Heard> {
    let message = Heard::parse(body).ok()?;
    assert_eq!(message.render(), body, "rendered otherwise than it came");
    message.describe();
    Some(message)
}

fn said(body: &Bytes) -> Option<Said> {
    let message = Said::parse(body).ok()?;
    assert_eq!(message.render(), body, "rendered otherwise than it came");
    message.describe();
    Some(message)
}

/// The data of packets: records, users, sizes, events, data sets. What is read and written is read again as it was.
///
/// # Panics
/// When a law is broken.
pub fn zk_data(bytes: &[u8]) {
    sizes(bytes);
    records(bytes);
    users(bytes);
    for session in [1, 2, 128, 256, 512] {
        let packet = Packet::new(Code::REG_EVENT, session, 0, Bytes::copy_from_slice(bytes));
        if let Ok(Event::Notice(notice)) = Event::parse(&packet) {
            notice.details();
        }
    }
    if let Ok(entries) = Entries::parse(bytes) {
        assert!(entries.bytes.len() <= bytes.len(), "entries out of nothing");
        records(&entries.bytes);
        users(&entries.bytes);
    }
    for size in [bulk::prepared(bytes).ok().flatten(), bulk::announced(bytes).ok()] {
        assert!(size.is_none_or(|size| size <= bulk::LONGEST_SET), "a size of {size:?}");
    }
    bulk::is_prepared(bytes);
    Table::named_by(bytes);
}

fn sizes(bytes: &[u8]) {
    let Ok(sizes) = FreeSizes::parse(bytes) else { return };
    let count = |n: Option<u32>| n.unwrap_or_default();
    let rendered = FreeSizes::render(count(sizes.users), count(sizes.punches), count(sizes.capacity), 92);
    let again = FreeSizes::parse(&rendered).expect("92 bytes hold the counts");
    assert_eq!(count(again.punches), count(sizes.punches), "the count of punches");
    assert_eq!(count(again.capacity), count(sizes.capacity), "the capacity");
}

fn records(bytes: &[u8]) {
    let count = u32::try_from(bytes.len() / 40).ok();
    stride::choose(bytes, count, None);
    for layout in Layout::ALL {
        for record in bytes.chunks(layout.stride()) {
            let Ok(row) = layout.row(record) else { continue };
            assert!(record.len() == layout.stride(), "a record of {} bytes", record.len());
            row.time.device_time();
            // The packed year counts modulo 100, and an index alone is not what a terminal writes from.
            let written = row.time.year < 2100 && matches!(row.who, Who::Id(_));
            let rendered = layout.render(7, &row);
            if written && rendered.iter().any(|byte| *byte != 0) {
                assert_eq!(layout.row(&rendered).as_ref(), Ok(&row), "{}", layout.name());
            }
        }
    }
    for packed in bytes.chunks_exact(4).filter_map(|four| four.try_into().ok()) {
        let packed = u32::from_le_bytes(packed);
        let numbers = Numbers::unpack(packed);
        assert!(
            numbers.year >= 2100 || numbers.pack() == packed,
            "{packed} packs as {}",
            numbers.pack()
        );
    }
}

fn users(bytes: &[u8]) {
    let known = Users::parse(bytes, None);
    assert!(
        known.len() <= bytes.len() / 28,
        "{} users in {} bytes",
        known.len(),
        bytes.len()
    );
    for layout in UserLayout::ALL {
        for entry in bytes.chunks(layout.stride()) {
            // A terminal keeps the last byte of the field for the NUL.
            if let Ok(user) = layout.user(entry).map_err(drop)
                && user.id.len() <= 23
            {
                assert_eq!(layout.user(&layout.render(&user, "E001")).as_ref(), Ok(&user));
            }
        }
    }
}
