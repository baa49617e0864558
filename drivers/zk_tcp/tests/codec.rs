//! What the bytes mean: every vector of the sheet, and the laws that hold for all bytes.

use bytes::Bytes;
use proptest::prelude::*;
use punchgate_kit::{Carrier, Framer, StreamDriver, Wire, laws};
use punchgate_zk_tcp::{
    ZkTcp,
    codec::{
        Code, Event, FreeSizes, Heard, Layout, Numbers, Packet, Request, Row, Said, Sum, Table, UserLayout, Who,
        ZkFramer,
        bulk::{self, Entries},
        commkey, event, stride,
    },
};

const SESSION: u16 = 0x5A21;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits
        .chunks(2)
        .map(|pair| u8::try_from(pair[0] << 4 | pair[1]).expect("a byte"))
        .collect()
}

/// The packet in a TCP frame.
fn framed(text: &str) -> Packet {
    let frames = laws::frames(&ZkFramer::Stream, &hex(text), usize::MAX);
    let [body] = frames.as_slice() else {
        panic!("{} frames in {text}", frames.len())
    };
    Packet::parse(body).expect("a packet")
}

#[test]
fn what_we_say_has_the_bytes_of_the_sheet() {
    let midnight = Numbers::unpack(0x3220_E900);
    let cases = [
        (Request::Connect, 0, 0, "5050827d08000000e80317fc00000000"),
        (
            Request::Auth(commkey::hash(2468, SESSION, 50)),
            SESSION,
            1,
            "5050827d0c0000004e046c25215a0100f1583223",
        ),
        (
            Request::SetOption("SDKBuild=1"),
            SESSION,
            2,
            "5050827d130000000c001320215a020053444b4275696c643d3100",
        ),
        (
            Request::Option("~SerialNumber"),
            SESSION,
            3,
            "5050827d160000000b00cd5c215a03007e53657269616c4e756d62657200",
        ),
        (Request::Time, SESSION, 4, "5050827d08000000c90011a5215a0400"),
        (
            Request::SetTime(midnight),
            SESSION,
            5,
            "5050827d0c000000ca00ee89215a050000e92032",
        ),
        (
            Request::Prepare(Table::Punches),
            SESSION,
            6,
            "5050827d13000000df05f892215a0600010d000000000000000000",
        ),
        (
            Request::Read { start: 0, size: 4004 },
            SESSION,
            9,
            "5050827d10000000e0055190215a090000000000a40f0000",
        ),
        (Request::Free, SESSION, 10, "5050827d08000000de05f69f215a0a00"),
        (
            Request::Register(event::PUNCHES),
            SESSION,
            11,
            "5050827d0c000000f401dea3215a0b0001000000",
        ),
        (
            Request::Register(event::ALL),
            SESSION,
            11,
            "5050827d0c000000f401dfa3215a0b00ffff0000",
        ),
        (Request::Exit, SESSION, 12, "5050827d08000000e903e9a1215a0c00"),
    ];
    for (request, session, reply, bytes) in cases {
        let said = Said::request(&request, session, reply);
        assert_eq!(ZkFramer::Stream.wrap(&said.render()), hex(bytes), "{}", request.name());
        assert_eq!(framed(bytes), *said.packet(), "{}", request.name());
    }
    let datagram = Said::request(&Request::Option("~SerialNumber"), SESSION, 3).render();
    assert_eq!(
        datagram,
        hex("0b00cd5c215a03007e53657269616c4e756d62657200"),
        "the same by UDP"
    );
}

#[test]
fn what_the_terminal_says_has_the_right_checksum_and_code() {
    let cases = [
        ("5050827d08000000d0070e9e215a0000", Code::ACK_OK),
        ("5050827d08000000d507099e215a0000", Code::ACK_UNAUTH),
        (
            "5050827d24000000d00754c2215a03007e53657269616c4e756d6265723d504753494d303030303030343200",
            Code::ACK_OK,
        ),
        ("5050827d08000000d1070a9e215a0300", Code::ACK_ERROR),
        ("5050827d0c000000d0076f77215a04007ef41c32", Code::ACK_OK),
        (
            "5050827d15000000d0078111215a080000a40f0000a40f000011223344",
            Code::ACK_OK,
        ),
        ("5050827d10000000dc055490215a0900a40f000000000100", Code::PREPARE_DATA),
    ];
    for (bytes, code) in cases {
        let packet = framed(bytes);
        assert_eq!(
            (packet.code, packet.sum, packet.session),
            (code, Sum::Right, SESSION),
            "{bytes}"
        );
    }
    let prepared = framed("5050827d15000000d0078111215a080000a40f0000a40f000011223344");
    assert_eq!(bulk::prepared(&prepared.data), Ok(Some(4004)));
    let announced = framed("5050827d10000000dc055490215a0900a40f000000000100");
    assert_eq!(bulk::announced(&announced.data), Ok(4004));
}

fn row(who: Who, verify: u8, state: u8, time: &str) -> Row {
    let time = Numbers::from_civil(time.parse().expect("a time"));
    Row {
        who,
        verify,
        state,
        time,
        work_code: 0,
    }
}

fn id(id: &str) -> Who {
    Who::Id(id.to_owned())
}

#[test]
fn every_record_of_the_sheet_reads_as_it_says() {
    let (t1, t2) = ("2026-03-14T08:01:07", "2026-03-14T17:30:00");
    let coded = Row {
        work_code: 7,
        ..row(id("20417"), 1, 0, t1)
    };
    let cases = [
        (
            Layout::Forty,
            "030032303431370000000000000000000000000000000000000001437d32320000000000ff000000",
            3,
            row(id("20417"), 1, 0, t1),
        ),
        (
            Layout::Forty,
            "0c004130303938000000000000000000000000000000000000000f980233320100000000ff000000",
            12,
            row(id("A0098"), 15, 1, t2),
        ),
        (
            Layout::FortyNine,
            "03003230343137000000000000000000000000000000000000000f437d32320000000000ff000000000000000000000000",
            3,
            row(id("20417"), 15, 0, t1),
        ),
        (Layout::Sixteen, "c14f0000437d32320100000007000000", 0, coded),
        (Layout::EightA, "a10101437d323200", 417, row(Who::Index(417), 1, 0, t1)),
        (Layout::EightB, "a1010100437d3232", 417, row(Who::Index(417), 1, 0, t1)),
    ];
    for (layout, bytes, uid, expected) in cases {
        assert_eq!(layout.row(&hex(bytes)).as_ref(), Ok(&expected), "{}", layout.name());
        let named = match &expected.who {
            Who::Id(_) => expected.clone(),
            Who::Index(uid) => Row {
                who: id(&uid.to_string()),
                ..expected.clone()
            },
        };
        assert_eq!(layout.render(uid, &named), hex(bytes), "{}", layout.name());
        assert_eq!(stride::choose(&hex(bytes), Some(1), None), Some(layout), "counted");
        assert_eq!(stride::choose(&hex(bytes), None, None), Some(layout), "not counted");
    }
}

#[test]
fn both_user_layouts_give_index_and_id_and_nothing_else() {
    let short = hex("a1010000000000004c6920576569000087d6120000010000c14f0000");
    let user = UserLayout::Short.user(&short).expect("a user");
    assert_eq!((user.uid, user.id.as_str()), (417, "20417"));
    let long = hex(
        "03000e3938373600000000526f736100000000000000000000000000000000000000004e61bc00010000000000000000323034313700000000000000000000000000000000000000",
    );
    let user = UserLayout::Long.user(&long).expect("a user");
    assert_eq!((user.uid, user.id.as_str()), (3, "20417"));
    assert_eq!(UserLayout::choose(&short, Some(1)), Some(UserLayout::Short));
    assert_eq!(UserLayout::choose(&long, None), Some(UserLayout::Long));
}

#[test]
fn counts_and_capacities_read_from_every_length_of_answer() {
    let packet = framed(
        "5050827d58000000d0077d71215a07000000000000000000000000000000000002000000000000000300000000000000020000000000000005000000000000000100000001000000b80b0000e8030000a0860100b50b0000e60300009e860100",
    );
    let sizes = FreeSizes::parse(&packet.data).expect("sizes");
    assert_eq!(
        (sizes.users, sizes.punches, sizes.capacity),
        (Some(2), Some(2), Some(100_000))
    );
    for length in [80, 92, 112, 200] {
        let sizes = FreeSizes::parse(&FreeSizes::render(5, 7, 100, length)).expect("sizes");
        assert_eq!((sizes.users, sizes.punches), (Some(5), Some(7)), "{length}");
    }
    assert_eq!(FreeSizes::parse(&[0; 92]).expect("sizes").punches, Some(0));
    assert_eq!(
        FreeSizes::parse(&[0; 112]).expect("sizes").punches,
        None,
        "0 is not believed in a long answer"
    );
    assert!(FreeSizes::parse(&[0xFF; 80]).is_err(), "negative");
    assert!(FreeSizes::parse(&[0; 35]).is_err(), "too short");
}

fn rows(packet: &Packet) -> Vec<Row> {
    match Event::parse(packet) {
        Ok(Event::Punches(rows)) => rows.into_iter().map(|(row, _)| row).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn punch_events_of_every_length_read_the_same() {
    let time = "2026-03-14T08:01:07";
    let framed32 =
        framed("5050827d28000000f401438a0100000032303431370000000000000000000000000000000000000001001a030e080107");
    assert_eq!(rows(&framed32), [row(id("20417"), 1, 0, time)]);
    let framed36 = framed(
        "5050827d2c000000f4013586010000003230343137000000000000000000000000000000000000000f041a030e08010700000000",
    );
    assert_eq!(rows(&framed36), [row(id("20417"), 15, 4, time)]);
    let datagram = |text: &str| Packet::parse(&hex(text).into()).expect("a packet");
    assert_eq!(
        rows(&datagram("f4011f9c01000000c14f000001001a030e080107")),
        [row(id("20417"), 1, 0, time)]
    );
    assert_eq!(
        rows(&datagram("f4013fea01000000a10101001a030e080107")),
        [row(Who::Index(417), 1, 0, time)]
    );
    for length in [10, 12, 14, 32, 36, 37, 52, 60] {
        let punch = row(id("20417"), 1, 0, time);
        let data = event::render(417, &punch, length);
        let who = if matches!(length, 10 | 14) {
            Who::Index(417)
        } else {
            id("20417")
        };
        assert_eq!(
            rows(&Packet::new(Code::REG_EVENT, 1, 0, data)),
            [Row { who, ..punch }],
            "{length}"
        );
    }
}

#[test]
fn several_punches_in_one_event_are_cut_only_where_all_make_sense() {
    let (a, b) = (
        row(id("7"), 1, 0, "2026-03-14T08:01:07"),
        row(id("0008"), 15, 1, "2026-03-14T08:01:09"),
    );
    for length in [32, 36, 37, 52] {
        let data = [event::render(1, &a, length), event::render(2, &b, length)].concat();
        assert_eq!(
            rows(&Packet::new(Code::REG_EVENT, 1, 0, data)),
            [a.clone(), b.clone()],
            "{length}"
        );
    }
    assert!(Event::parse(&Packet::new(Code::REG_EVENT, 1, 0, vec![0xFF; 33])).is_err());
}

#[test]
fn alarms_are_notices_and_no_punches() {
    let notice = |text: &str| match Event::parse(&framed(text)) {
        Ok(Event::Notice(notice)) => (notice.name(), notice.details()),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        notice("5050827d0c000000f401d4fb0002000037000000"),
        ("ALARM", "tamper".to_owned())
    );
    assert_eq!(
        notice("5050827d0d000000f4018afd80000000ffffffff01"),
        ("VERIFY", "not recognised".to_owned())
    );
}

#[test]
fn a_data_set_with_a_stray_second_size_or_a_missing_tail_is_still_read() {
    let entries = |set: &[u8]| Entries::parse(set).map(|entries| (entries.bytes.to_vec(), entries.missing));
    assert_eq!(entries(&[]), Ok((vec![], 0)));
    assert_eq!(entries(&[2, 0, 0, 0, 8, 9]), Ok((vec![8, 9], 0)));
    assert_eq!(entries(&[2, 0, 0, 0, 2, 0, 0, 0, 8, 9]), Ok((vec![8, 9], 0)));
    assert_eq!(entries(&[2, 0, 0, 0, 8, 9, 7, 7]), Ok((vec![8, 9], 0)));
    assert_eq!(entries(&[3, 0, 0, 0, 8, 9]), Ok((vec![8, 9], 1)));
    assert!(entries(&[3, 0]).is_err());
}

#[test]
fn a_size_beyond_all_measure_is_refused() {
    for size in [u32::MAX, 0x8000_0000, 64 * 1024 * 1024] {
        assert!(bulk::announced(&size.to_le_bytes()).is_err());
        assert!(bulk::prepared(&[&[0][..], &size.to_le_bytes()].concat()).is_err());
    }
}

#[test]
fn a_length_that_no_frame_has_is_junk_and_the_next_frame_is_found() {
    let good = ZkFramer::Stream.wrap(&Said::request(&Request::Time, SESSION, 4).render());
    for length in [0_u32, 7, 128 * 1024 + 1, 0x8000_0000, u32::MAX] {
        let bad = [&[0x50, 0x50, 0x82, 0x7D][..], &length.to_le_bytes(), &good].concat();
        assert_eq!(laws::frames(&ZkFramer::Stream, &bad, 3).len(), 1, "{length}");
        laws::any_chunking_gives_the_same_frames(&ZkFramer::Stream, &bad);
    }
}

#[test]
fn noise_before_a_frame_is_skipped() {
    let good = ZkFramer::Stream.wrap(&Said::request(&Request::Time, SESSION, 4).render());
    for noise in [&b"PP"[..], b"P", b"PPP", b"\x50\x50\x82", b"GET / HTTP/1.1\r\n\r\n"] {
        assert_eq!(
            laws::frames(&ZkFramer::Stream, &[noise, &good].concat(), 1).len(),
            1,
            "{noise:?}"
        );
    }
}

#[test]
fn every_truncation_and_every_split_of_every_frame_is_survived() {
    let punch = row(id("20417"), 1, 0, "2026-03-14T08:01:07");
    let bodies = [
        Said::request(&Request::Connect, 0, 0).render(),
        Said::request(&Request::Auth(commkey::hash(2468, SESSION, 50)), SESSION, 1).render(),
        Heard::new(Packet::new(Code::REG_EVENT, 1, 0, event::render(3, &punch, 32))).render(),
        Heard::new(Packet::new(Code::DATA, 0, 6, Layout::Forty.render(3, &punch).repeat(5))).render(),
        Heard::new(Packet::new(Code::ACK_OK, SESSION, 7, FreeSizes::render(1, 2, 3, 92))).render(),
    ];
    let mut stream = Vec::new();
    for body in &bodies {
        laws::any_truncation_is_survived::<Heard>(body);
        laws::any_truncation_is_survived::<Said>(body);
        laws::wrapping_then_cutting_is_identity(&ZkFramer::Stream, body);
        stream.extend(ZkFramer::Stream.wrap(body));
    }
    laws::any_chunking_gives_the_same_frames(&ZkFramer::Stream, &stream);
    for split in 0..stream.len() {
        let (first, second) = stream.split_at(split);
        let found = laws::frames(&ZkFramer::Stream, first, usize::MAX).len();
        assert!(found <= bodies.len());
        assert_eq!(
            laws::frames(&ZkFramer::Stream, &[first, second].concat(), split.max(1)),
            bodies,
            "split at {split}"
        );
    }
}

#[test]
fn a_captured_datagram_is_told_from_a_piece_of_a_stream() {
    assert_eq!(
        ZkTcp::captured_from(&hex("f4011f9c01000000c14f000001001a030e080107")),
        Carrier::Udp
    );
    assert_eq!(
        ZkTcp::captured_from(&hex("5050827d08000000e80317fc00000000")),
        Carrier::Tcp
    );
    assert_eq!(ZkTcp::captured_from(&hex("5050827d08")), Carrier::Tcp);
}

fn packets() -> impl Strategy<Value = Packet> {
    let data = prop::collection::vec(any::<u8>(), 0..200);
    (any::<u16>(), any::<u16>(), any::<u16>(), data, any::<bool>()).prop_map(|(code, session, reply, data, damaged)| {
        let packet = Packet::new(Code(code), session, reply, data);
        if damaged { packet.damaged() } else { packet }
    })
}

proptest! {
    #[test]
    fn a_message_reads_back_as_it_was_written(packet in packets()) {
        laws::rendering_then_parsing_is_identity(&Heard::new(packet));
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        laws::any_bytes_are_survived::<Heard>(&bytes);
        laws::any_bytes_are_survived::<Said>(&bytes);
        let _ = stride::choose(&bytes, Some(3), None);
        let _ = FreeSizes::parse(&bytes);
        let _ = Entries::parse(&bytes);
        for layout in Layout::ALL {
            let _ = layout.row(&bytes);
        }
        if let Ok(packet) = Packet::parse(&Bytes::from(bytes)) {
            let _ = Event::parse(&Packet { session: 1, ..packet });
        }
    }

    #[test]
    fn any_chunking_of_any_bytes_gives_the_same_frames(
        noise in prop::collection::vec(prop::sample::select(vec![0x50_u8, 0x82, 0x7D, 0, 8, 1]), 0..120),
        body in prop::collection::vec(any::<u8>(), 8..60),
    ) {
        let bytes = [noise.clone(), ZkFramer::Stream.wrap(&body), noise].concat();
        laws::any_chunking_gives_the_same_frames(&ZkFramer::Stream, &bytes);
        laws::any_chunking_gives_the_same_frames(&ZkFramer::Stream, &body);
    }

    #[test]
    fn every_possible_time_packs_and_unpacks(packed in 0_u32..0xBF92_F800) {
        prop_assert_eq!(Numbers::unpack(packed).pack(), packed);
    }

    #[test]
    fn a_log_is_never_read_in_a_layout_that_is_not_its_own(
        layout in prop::sample::select(Layout::ALL.to_vec()),
        punches in prop::collection::vec((1_u16..2000, 0_u32..40_000_000, 0_u8..6), 3..60),
        counted in any::<bool>(),
    ) {
        let start = 0x3000_0000_u32;
        let mut times: Vec<u32> = punches.iter().map(|(_, after, _)| start + after).collect();
        times.sort_unstable();
        let records: Vec<u8> = punches.iter().zip(times).flat_map(|((uid, _, state), time)| {
            let time = Numbers::unpack(time);
            let row = Row { who: id(&uid.to_string()), verify: 1, state: *state, time, work_code: 0 };
            layout.render(*uid, &row)
        }).collect();
        let count = counted.then(|| u32::try_from(punches.len()).expect("few"));
        prop_assert_eq!(stride::choose(&records, count, Some(Numbers::unpack(0x3300_0000))), Some(layout));
    }
}
