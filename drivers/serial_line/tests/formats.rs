//! Every record of the sheet (`ascii-line-clocks.md`), and every bad one it names, through framer and reader.

use bytes::Bytes;
use punchgate_kit::{Carrier, Cut, Driver, Finding, Framer, Reader, StreamDriver, Wire, laws};
use punchgate_model::{Direction, Factor, Precision, Reading};
use punchgate_serial_line::{Options, Record, SerialLine, presets};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).expect("hex");
    digits.chunks(2).map(byte).collect()
}

fn configured(toml: &str) -> Options {
    toml::from_str(toml).unwrap_or_else(|why| panic!("{why}"))
}

fn refused(toml: &str) -> String {
    toml::from_str::<Options>(toml)
        .expect_err("must be refused")
        .to_string()
}

fn findings(options: &Options, bytes: &[u8]) -> Vec<Finding> {
    let framer = SerialLine::framer(options, Carrier::Serial);
    let mut reader = SerialLine::reader(options);
    let frames = laws::frames(&framer, bytes, bytes.len().max(1));
    frames
        .into_iter()
        .flat_map(|frame| reader.hear(&Record::new(frame)))
        .collect()
}

fn readings(options: &Options, bytes: &[u8]) -> Vec<Reading> {
    let reading = |finding| match finding {
        Finding::Reading(reading) => Some(reading),
        Finding::Malformed(_) => None,
    };
    findings(options, bytes).into_iter().filter_map(reading).collect()
}

/// The one reading in these bytes: the same whether the preset is named or found.
fn one(preset: &str, bytes: &[u8]) -> Reading {
    let named = readings(&Options::preset(preset).expect("a preset"), bytes);
    let found = readings(&Options::default(), bytes);
    assert_eq!(named.len(), 1, "{preset}: {named:?}");
    let mut found: Vec<Reading> = found;
    for reading in &mut found {
        // Without a preset the LF after a CR is swallowed.
        reading.raw = named[0].raw.clone();
    }
    assert_eq!(named, found, "{preset} is not found by itself");
    named[0].clone()
}

fn printed(reading: &Reading) -> &str {
    reading.device_time.as_ref().map_or("", |time| &time.printed)
}

fn detail<'a>(reading: &'a Reading, name: &str) -> &'a str {
    reading.details.get(name).map_or("", String::as_str)
}

const GIGA: &str = "31 09 30 35 2D 30 33 2D 32 30 32 34 09 30 38 3A 35 39 3A 33 30 09 27 30 30 30 31 32 33 34 35 36 37 \
                    09 30 31 09 30 30 30 31 0D 0A";

#[test]
fn a_giga_tms_record_is_read() {
    let reading = one("giga-tms-tr320", &hex(GIGA));
    assert_eq!(reading.credential.number(), "0001234567");
    assert_eq!(printed(&reading), "2024-03-05T08:59:30");
    assert_eq!(detail(&reading, "function"), "1");
    assert_eq!((detail(&reading, "shift"), detail(&reading, "machine")), ("01", "0001"));
    assert_eq!(reading.factor, Factor::Card);
    assert_eq!(reading.raw.bytes(), hex(GIGA));
}

#[test]
fn a_record_of_data_txt_is_read() {
    let reading = one("tna2000", b"  03,07, 0042,  24/03/05,08:59,I\r\n");
    assert_eq!(reading.credential.number(), "42");
    assert_eq!(printed(&reading), "2024-03-05T08:59:00");
    assert_eq!(
        reading.device_time.as_ref().map(|t| t.precision),
        Some(Precision::Minute)
    );
    assert_eq!(reading.direction, Direction::In);
    assert_eq!((detail(&reading, "clock"), detail(&reading, "site")), ("03", "07"));
}

#[test]
fn a_zk_punch_file_row_is_read_with_and_without_seconds_and_verify() {
    let reading = one("zk-punch-file", b"1, 0, 0, 8065, 0, 9, 12, 28, 4, 16, 2013\r\n");
    assert_eq!(reading.credential.number(), "8065");
    assert_eq!(reading.credential.kind(), "enrol");
    assert_eq!(printed(&reading), "2013-04-16T09:12:28");
    assert_eq!(reading.direction, Direction::In);
    let reading = one("zk-punch-file", b"1, 0, 2, 8065, 0, 9, 12, 4, 16, 2013\r\n");
    assert_eq!(printed(&reading), "2013-04-16T09:12:00");
    assert_eq!(
        reading.device_time.as_ref().map(|t| t.precision),
        Some(Precision::Minute)
    );
    assert_eq!(reading.direction, Direction::Out);
    let reading = one("zk-punch-file", b"1, 0, 3, 8065, 0, 9, 12, 4, 16, 2013, 15\r\n");
    assert_eq!((reading.direction, detail(&reading, "verify")), (Direction::In, "15"));
    let reading = one("zk-punch-file", b"1, 0, 7, 8065, 0, 9, 12, 28, 4, 16, 2013, 15\r\n");
    assert_eq!(
        (reading.direction, detail(&reading, "function")),
        (Direction::Unknown, "7")
    );
}

#[test]
fn an_opticon_row_is_read() {
    let row = format!("{:<50},{:<18},08:59:30,05/03/2024\r\n", "4006381333931", "EAN-13");
    let reading = one("opticon-opl97xx", row.as_bytes());
    assert_eq!(reading.credential.number(), "4006381333931");
    assert_eq!(
        (printed(&reading), detail(&reading, "code")),
        ("2024-03-05T08:59:30", "EAN-13")
    );
    assert_eq!(reading.factor, Factor::Qr);
}

#[test]
fn a_care_roster_row_has_no_year_until_it_arrives() {
    let reading = one("care-roster", b"00451703050859\r\n");
    assert_eq!(reading.credential.number(), "004517");
    let time = reading.device_time.expect("a time");
    assert_eq!((time.printed.as_str(), time.civil), ("--03-05T08:59:00", None));
}

#[test]
fn a_wiegand_converter_prints_six_hex_digits() {
    let reading = one("wiegand-hex6", &hex("30 39 45 32 35 36 0D"));
    assert_eq!(reading.credential.number(), "09E256");
    assert_eq!((detail(&reading, "facility"), detail(&reading, "card")), ("9", "57942"));
    assert_eq!(reading.device_time, None);
}

#[test]
fn another_wiegand_converter_prints_ten_digits() {
    assert_eq!(
        one("wiegand-dec10", b"0000648790\r\n").credential.number(),
        "0000648790"
    );
}

#[test]
fn a_keypad_digit_alone_is_no_card() {
    for preset in ["wiegand-hex6", "wiegand-dec10"] {
        let options = Options::preset(preset).expect("a preset");
        let framer = SerialLine::framer(&options, Carrier::Serial);
        let Cut::Frame { body, .. } = framer.idled(b"7") else {
            panic!("the digit is a frame of its own")
        };
        assert_eq!(body, 0..1);
        assert_eq!(SerialLine::reader(&options).hear(&Record::new(&b"7"[..])), []);
        assert_eq!(readings(&options, b"7"), []);
    }
}

#[test]
fn an_idteck_frame_is_read_when_its_lrc_is_right() {
    let good = hex("02 30 30 30 31 32 33 34 35 36 37 03 01");
    assert_eq!(one("idteck-sr10", &good).credential.number(), "0001234567");
}

#[test]
fn a_wrong_lrc_is_no_punch_and_the_next_frame_is_read() {
    let good = hex("02 30 30 30 31 32 33 34 35 36 37 03 01");
    for wrong in 0..=255_u8 {
        if wrong == 1 {
            continue;
        }
        let bytes = [&good[..good.len() - 1], &[wrong], &good].concat();
        for options in [Options::preset("idteck-sr10").expect("a preset"), Options::default()] {
            let found = findings(&options, &bytes);
            assert!(
                matches!(found.first(), Some(Finding::Malformed(_))),
                "{wrong:02x}: {found:?}"
            );
            assert_eq!(readings(&options, &bytes).len(), 1, "{wrong:02x}");
        }
    }
}

#[test]
fn an_lrc_that_got_lost_does_not_cost_the_next_frame() {
    let good = hex("02 30 30 30 31 32 33 34 35 36 37 03 01");
    let bytes = [&good[..good.len() - 1], &good].concat();
    for options in [Options::preset("idteck-sr10").expect("a preset"), Options::default()] {
        assert_eq!(readings(&options, &bytes).len(), 1);
    }
}

#[test]
fn elatec_readers_print_bits_and_inditags() {
    let reading = one("twn3-hid", b"1A808001C0\r");
    assert_eq!((detail(&reading, "bits"), detail(&reading, "facility")), ("26", "1"));
    assert_eq!((detail(&reading, "card"), detail(&reading, "parity")), ("3", "ok"));
    assert_eq!(
        one("twn3-inditag", b":112233445501\r\n").credential.number(),
        "1122334455"
    );
    assert_eq!(readings(&Options::default(), b":112233445502\r\n"), []);
}

#[test]
fn an_ibm_terminal_is_asked_and_its_sum_is_checked() {
    let text = b"01E001";
    let sum = text.iter().fold(0_u8, |all, b| all.wrapping_add(*b));
    let frame = format!("\u{2}01E001{sum:02X}\u{3}");
    assert_eq!(one("ibm-7525", frame.as_bytes()).credential.number(), "E001");
    let wrong = format!("\u{2}01E001{:02X}\u{3}", sum.wrapping_add(1));
    assert_eq!(
        readings(&Options::preset("ibm-7525").expect("a preset"), wrong.as_bytes()),
        []
    );
}

#[test]
fn two_records_in_one_read_are_two() {
    let twice = [hex(GIGA), hex(GIGA)].concat();
    assert_eq!(readings(&Options::default(), &twice).len(), 2);
}

/// One whole record of every preset.
fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let opticon = format!("{:<50},{:<18},08:59:30,05/03/2024\r\n", "4006381333931", "EAN-13");
    vec![
        ("giga-tms-tr320", hex(GIGA)),
        ("tna2000", b"  03,07, 0042,  24/03/05,08:59,I\r\n".to_vec()),
        (
            "zk-punch-file",
            b"1, 0, 0, 8065, 0, 9, 12, 28, 4, 16, 2013\r\n".to_vec(),
        ),
        ("opticon-opl97xx", opticon.into_bytes()),
        ("care-roster", b"00451703050859\r\n".to_vec()),
        ("wiegand-hex6", b"09E256\r".to_vec()),
        ("wiegand-dec10", b"0000648790\r\n".to_vec()),
        ("idteck-sr10", hex("02 30 30 30 31 32 33 34 35 36 37 03 01")),
        ("twn3-hid", b"1A808001C0\r".to_vec()),
        ("twn3-inditag", b":112233445501\r\n".to_vec()),
        ("ibm-7525", b"\x0201E00137\x03".to_vec()),
    ]
}

#[test]
fn every_preset_has_a_sample() {
    let sampled: Vec<&str> = samples().iter().map(|(name, _)| *name).collect();
    for name in presets::names() {
        assert!(sampled.contains(&name), "{name}");
    }
}

#[test]
fn one_record_over_many_reads_is_one_record() {
    for (preset, bytes) in samples() {
        let thrice = [bytes.clone(), bytes.clone(), bytes].concat();
        for options in [Options::preset(preset).expect("a preset"), Options::default()] {
            laws::any_chunking_gives_the_same_frames(&SerialLine::framer(&options, Carrier::Serial), &thrice);
        }
        assert_eq!(readings(&Options::default(), &thrice).len(), 3, "{preset}");
    }
}

#[test]
fn a_record_split_anywhere_is_the_same_record() {
    for (preset, bytes) in samples() {
        let options = Options::preset(preset).expect("a preset");
        let framer = SerialLine::framer(&options, Carrier::Serial);
        let whole = laws::frames(&framer, &bytes, bytes.len());
        for at in 1..bytes.len() {
            let (head, tail) = bytes.split_at(at);
            let early = matches!(framer.cut(head), Cut::Frame { .. });
            assert!(!early || tail.iter().all(|b| *b == b'\n'), "{preset} at {at}");
            assert_eq!(
                laws::frames(&framer, &[head, tail].concat(), at),
                whole,
                "{preset} at {at}"
            );
        }
    }
}

#[test]
fn a_record_that_breaks_off_anywhere_is_no_punch() {
    for (preset, bytes) in samples() {
        for options in [Options::preset(preset).expect("a preset"), Options::default()] {
            let framer = SerialLine::framer(&options, Carrier::Serial);
            let ends = bytes.iter().position(|b| *b == b'\r').unwrap_or(bytes.len() - 1);
            for cut in 1..ends {
                let head = &bytes[..cut];
                if let Cut::Frame { body, .. } = framer.idled(head) {
                    let record = Record::new(Bytes::copy_from_slice(&head[body]));
                    let found = SerialLine::reader(&options).hear(&record);
                    assert!(
                        !found.iter().any(|f| matches!(f, Finding::Reading(_))),
                        "{preset} cut at {cut}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_terminator_that_is_split_makes_no_empty_record() {
    for terminator in ["cr", "crlf", "any"] {
        let options = configured(&format!(
            "frame = {{ kind = \"line\", terminator = \"{terminator}\" }}\nfields = {{ kind = \"regex\", pattern = '^(?P<id>\\d+)$' }}"
        ));
        let bytes = b"0042\r\n0043\r\n\n\r0044\r\n";
        for chunk in 1..bytes.len() {
            let framer = SerialLine::framer(&options, Carrier::Serial);
            let mut reader = SerialLine::reader(&options);
            let frames = laws::frames(&framer, bytes, chunk);
            let found: Vec<Finding> = frames.into_iter().flat_map(|f| reader.hear(&Record::new(f))).collect();
            assert_eq!(found.len(), 3, "{terminator} in pieces of {chunk}: {found:?}");
            assert!(found.iter().all(|f| matches!(f, Finding::Reading(_))));
        }
    }
}

#[test]
fn a_record_longer_than_the_maximum_is_junk_to_its_very_end() {
    let options = configured(
        "frame = { kind = \"line\", terminator = \"cr\", longest = 16 }\nfields = { kind = \"regex\", pattern = '(?P<id>\\d+)' }",
    );
    let framer = SerialLine::framer(&options, Carrier::Serial);
    for length in 0..80 {
        let bytes = [vec![b'7'; length], b"\r0042\r".to_vec()].concat();
        laws::any_chunking_gives_the_same_frames(&framer, &bytes);
        let numbers: Vec<String> = readings(&options, &bytes)
            .iter()
            .map(|r| r.credential.number().to_owned())
            .collect();
        let expected = if length == 0 || length > 15 { 1 } else { 2 };
        assert_eq!(numbers.len(), expected, "{length}: {numbers:?}");
        assert_eq!(numbers.last().map(String::as_str), Some("0042"));
    }
}

#[test]
fn bytes_that_are_no_text_are_no_punch() {
    for bytes in [
        &b"1, 0, 0, 80\xff65, 0, 9, 12, 28, 4, 16, 2013\r\n"[..],
        b"\xc3\x28\r",
        b"\x80\x81\x82\r\n",
    ] {
        assert_eq!(readings(&Options::default(), bytes), []);
        assert_eq!(findings(&Options::default(), bytes).len(), 1);
    }
}

#[test]
fn a_clock_with_a_flat_battery_or_from_the_future_says_what_it_says() {
    for date in ["01-01-2000", "31-12-2099", "29-02-2024"] {
        let row = format!("1\t{date}\t00:00:10\t'E001\t01\t0001\r\n");
        let reading = one("giga-tms-tr320", row.as_bytes());
        assert!(reading.device_time.expect("a time").civil.is_some(), "{date}");
    }
}

#[test]
fn an_impossible_date_keeps_its_printed_form() {
    for (date, time, printed) in [
        ("30-02-2024", "08:00:00", "2024-02-30T08:00:00"),
        ("29-02-2023", "08:00:00", "2023-02-29T08:00:00"),
        ("05-03-2024", "25:61:61", "2024-03-05T25:61:61"),
        ("00-00-0000", "00:00:00", "0000-00-00T00:00:00"),
    ] {
        let reading = one(
            "giga-tms-tr320",
            format!("1\t{date}\t{time}\t'E001\t01\t0001\r\n").as_bytes(),
        );
        let time = reading.device_time.expect("a time");
        assert_eq!((time.printed.as_str(), time.civil), (printed, None));
    }
}

#[test]
fn a_time_in_a_dst_gap_stays_as_it_was_printed() {
    let reading = one("giga-tms-tr320", b"1\t31-03-2024\t02:30:00\t'E001\t01\t0001\r\n");
    assert_eq!(printed(&reading), "2024-03-31T02:30:00");
    assert!(reading.device_time.expect("a time").civil.is_some());
}

#[test]
fn odd_numbers_of_persons_are_kept_as_they_are_or_refused() {
    let number = |id: &str| {
        let found = readings(
            &configured(
                "frame = { kind = \"line\", longest = 512 }\nfields = { kind = \"delimited\", delimiter = \";\", items = { id = 1 } }",
            ),
            format!("{id};x\r").as_bytes(),
        );
        found.first().map(|reading| reading.credential.number().to_owned())
    };
    for id in [
        "0",
        "0007",
        "18446744073709551616",
        "😀",
        "'; DROP TABLE punch; --".split(';').next().expect("a part"),
        "\u{202e}7",
    ] {
        assert_eq!(number(id).as_deref(), Some(id));
    }
    assert_eq!(number("0\u{0}7").as_deref(), Some("07"), "NUL is line noise");
    for id in ["", "   ", "7\u{7}", &"9".repeat(200), &"9".repeat(10_000)] {
        assert_eq!(number(id), None);
    }
}

#[test]
fn parity_bits_are_stripped_where_that_is_asked_for() {
    let mut bytes = hex(GIGA);
    bytes
        .iter_mut()
        .filter(|b| b.count_ones() % 2 == 1)
        .for_each(|b| *b |= 0x80);
    let options = configured("preset = \"giga-tms-tr320\"\nclean = { strip_parity = true }");
    assert_eq!(readings(&options, &bytes).len(), 1);
    assert_eq!(
        readings(&Options::preset("giga-tms-tr320").expect("a preset"), &bytes),
        []
    );
}

#[test]
fn columns_quotes_patterns_and_fixed_lengths_are_configuration() {
    let quoted = configured(
        "fields = { kind = \"delimited\", delimiter = ',', quote = '\"', items = { id = 2, datetime = 1, job = 3 } }\n\
         time = { datetime = [\"%y%m%d%H%M\", \"%m/%d/%Y %I:%M %p\"] }\nfactor = \"pin\"\nid = { kind = \"enrol\", prefix = \"A-\" }\n\
         direction = { x = \"in\" }\nframe = { kind = \"line\" }",
    );
    let found = readings(&quoted, b"\"3/5/2024 8:59 PM\",0042,\"paint, red\"\r");
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].credential.number(), printed(&found[0])),
        ("A-0042", "2024-03-05T20:59:00")
    );
    assert_eq!((detail(&found[0], "job"), found[0].factor), ("paint, red", Factor::Pin));
    let spaced = configured(
        "fields = { kind = \"delimited\", separator = ' +', items = { id = 2 } }\nframe = { kind = \"line\" }",
    );
    assert_eq!(readings(&spaced, b"x    0042  y\n")[0].credential.number(), "0042");
    let fixed = configured(
        "frame = { kind = \"fixed\", length = 8 }\nfields = { kind = \"columns\", items = { id = [2, 4] } }\nid = { form = \"hex-to-decimal\" }",
    );
    let numbers: Vec<String> = readings(&fixed, b"x00FFxyzx0100xyz")
        .iter()
        .map(|r| r.credential.number().to_owned())
        .collect();
    assert_eq!(numbers, ["255", "256"]);
    laws::any_chunking_gives_the_same_frames(&SerialLine::framer(&fixed, Carrier::Serial), b"x00FFxyzx0100xyzx00");
}

#[test]
fn enclosed_records_close_with_etx_or_cr_and_carry_any_check() {
    for (frame, bytes) in [
        ("end = \"cr\"", b"\x020042\r".to_vec()),
        ("check = \"none\"", b"\x020042\x03\r\n".to_vec()),
        ("check = \"xor-hex\"", b"\x020042\x0306".to_vec()),
        (
            "check = \"sum-hex\", check_place = \"before-end\"",
            b"\x020042C6\x03".to_vec(),
        ),
        ("check = \"xor-hex\", covers = \"frame\"", b"\x020042\x0307".to_vec()),
        ("address = 2, check = \"none\"", b"\x02aa0042\x03".to_vec()),
    ] {
        let options = configured(&format!(
            "frame = {{ kind = \"enclosed\", {frame} }}\nfields = {{ kind = \"regex\", pattern = '^(?P<id>\\d+)$' }}"
        ));
        let bytes = [b"noise".to_vec(), bytes.clone(), bytes].concat();
        let numbers: Vec<String> = readings(&options, &bytes)
            .iter()
            .map(|r| r.credential.number().to_owned())
            .collect();
        assert_eq!(numbers, ["0042", "0042"], "{frame}");
        laws::any_chunking_gives_the_same_frames(&SerialLine::framer(&options, Carrier::Serial), &bytes);
    }
}

#[test]
fn mistakes_in_the_configuration_are_told_when_it_is_read() {
    let line = "frame = { kind = \"line\" }\n";
    for (toml, told) in [
        ("preset = \"giga\"".to_owned(), "giga-tms-tr320"),
        ("persets = \"x\"".to_owned(), "unknown field"),
        (
            format!("{line}fields = {{ kind = \"regex\", pattern = '(' }}"),
            "fields.pattern",
        ),
        (
            format!("{line}fields = {{ kind = \"regex\", pattern = '(?P<card>x)' }}"),
            "no item id",
        ),
        (
            format!("{line}fields = {{ kind = \"columns\", items = {{ id = [0, 4] }} }}"),
            "counted from 1",
        ),
        (
            format!("{line}fields = {{ kind = \"delimited\", delimiter = ',', items = {{ id = 0 }} }}"),
            "counted from 1",
        ),
        (
            format!("{line}fields = {{ kind = \"delimited\", items = {{ id = 1 }} }}"),
            "delimiter",
        ),
        (
            format!("{line}fields = {{ kind = \"regex\", pattern = '(?P<id>.)(?P<date>.)' }}"),
            "at least one format",
        ),
        (
            format!("{line}fields = {{ kind = \"regex\", pattern = '(?P<id>.)' }}\ntime = {{ date = ['%d'] }}"),
            "no item date",
        ),
        (
            format!(
                "{line}fields = {{ kind = \"regex\", pattern = '(?P<id>.)(?P<date>.)' }}\ntime = {{ date = ['%d'] }}"
            ),
            "no hour",
        ),
        (
            format!(
                "{line}fields = {{ kind = \"regex\", pattern = '(?P<id>.)(?P<date>.)' }}\ntime = {{ date = ['%Q'] }}"
            ),
            "%Q",
        ),
        (
            "preset = \"tna2000\"\nclean = { ignore = ['['] }".to_owned(),
            "clean.ignore",
        ),
        (
            "preset = \"tna2000\"\nframe = { kind = \"fixed\" }".to_owned(),
            "frame.length",
        ),
        (
            "preset = \"tna2000\"\nframe = { kind = \"line\", longest = 0 }".to_owned(),
            "frame.longest",
        ),
        (
            "preset = \"tna2000\"\nframe = { kind = \"line\", check = \"lrc\" }".to_owned(),
            "enclosed",
        ),
        (
            "preset = \"tna2000\"\nframe = { kind = \"enclosed\", check = \"lrc\", check_place = \"before-end\" }"
                .to_owned(),
            "after the end",
        ),
        (
            "preset = \"tna2000\"\npoll = { say = \"\\u0006\", every = \"1s\" }".to_owned(),
            "acknowledges",
        ),
        (
            "preset = \"tna2000\"\npoll = { say = \"{address}\", every = \"1s\" }".to_owned(),
            "addresses",
        ),
        (
            "preset = \"tna2000\"\npoll = { say = \"x\", every = \"1\" }".to_owned(),
            "unit",
        ),
        ("factor = \"pin\"".to_owned(), "needs fields or a preset"),
    ] {
        let why = refused(&toml);
        assert!(why.contains(told), "{toml}\n{why}");
    }
}

#[test]
fn the_laws_of_codecs_hold_for_records() {
    for (_, bytes) in samples() {
        laws::any_truncation_is_survived::<Record>(&bytes);
        laws::any_truncation_is_survived::<punchgate_serial_line::Word>(&bytes);
        laws::rendering_then_parsing_is_identity(&Record::new(bytes));
    }
    assert_eq!(Record::new(&b"\x06"[..]).describe().name, "ack");
}

mod any_bytes {
    use std::sync::LazyLock;

    use super::*;
    use proptest::prelude::*;

    /// Every preset with its sample, and the options that try them all.
    static ALL: LazyLock<Vec<(&str, Vec<u8>, Options)>> = LazyLock::new(|| {
        let preset = |(name, sample): (&'static str, Vec<u8>)| (name, sample, Options::preset(name).expect("a preset"));
        let none = ("no preset", b"0000648790\r\n".to_vec(), Options::default());
        samples().into_iter().map(preset).chain([none]).collect()
    });

    fn line_like() -> impl Strategy<Value = Vec<u8>> {
        let noise = proptest::collection::vec(any::<u8>(), 0..24);
        let speaking = proptest::sample::select(vec![0x02_u8, 0x03, 0x06, 0x0a, 0x0d, 0x15, 0x00, b'0', b'A']);
        let piece = prop_oneof![
            noise,
            proptest::collection::vec(speaking, 0..24),
            proptest::sample::select(samples()).prop_map(|(_, bytes)| bytes),
        ];
        proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn any_chunking_of_any_bytes_gives_the_same_frames(bytes in line_like()) {
            for (_, _, options) in ALL.iter() {
                laws::any_chunking_gives_the_same_frames(&SerialLine::framer(options, Carrier::Serial), &bytes);
                let _ = findings(options, &bytes);
            }
        }

        #[test]
        fn after_any_bytes_and_a_pause_the_next_record_is_read(bytes in line_like()) {
            for (name, sample, options) in ALL.iter() {
                let framer = SerialLine::framer(options, Carrier::Serial);
                let mut rest = bytes.clone();
                while !rest.is_empty() {
                    match framer.cut(&rest) {
                        Cut::More => rest.clear(),
                        Cut::Junk { skip, .. } => drop(rest.drain(..skip)),
                        Cut::Frame { take, .. } => drop(rest.drain(..take)),
                    }
                }
                rest.extend(sample);
                prop_assert_eq!(readings(options, &rest).len(), 1, "{}", name);
            }
        }
    }
}
