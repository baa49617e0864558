//! One card, however a reader states it: the vectors of `wiegand.md`, and laws.

use std::collections::BTreeMap;

use proptest::prelude::*;
use punchgate_model::Credential;
use punchgate_rules::{
    Directory, Resolution,
    cards::{Card, CardFormat, Cards},
};

const WIEGAND: &[CardFormat] = &[
    CardFormat::Wiegand26,
    CardFormat::Wiegand34,
    CardFormat::Wiegand35,
    CardFormat::Wiegand36,
    CardFormat::Wiegand37,
    CardFormat::Wiegand37Facility,
];

#[test]
fn the_vectors_of_the_sheet_are_read_as_they_are_written_there() {
    use CardFormat::{Wiegand26, Wiegand34, Wiegand37, Wiegand37Facility};
    for (format, stated, bits, hex) in [
        (Wiegand26, "123,45678", "10111101110110010011011101", "bdd93740"),
        (Wiegand26, "118,10112", "00111011000100111100000001", "3b13c040"),
        (Wiegand26, "1,3", "10000000100000000000000111", "808001c0"),
        (Wiegand26, "218,5175", "01101101000010100001101111", "6d0a1bc0"),
        (
            Wiegand37Facility,
            "1234,56789",
            "1000001001101001000011011101110101010",
            "82690ddd50",
        ),
        (
            Wiegand37,
            "0,18822",
            "0000000000000000000001001001100001101",
            "0000049868",
        ),
        (
            Wiegand34,
            "1234,56789",
            "1000001001101001011011101110101010",
            "82696eea80",
        ),
    ] {
        let card = format.read(stated).expect(stated);
        assert_eq!(
            (format.read(bits), format.read(hex)),
            (Some(card), Some(card)),
            "{stated}"
        );
        assert_eq!(format.write(card).as_deref(), Some(bits));
    }
    let uid = CardFormat::UidHex.read("04A1B2C3");
    assert_eq!(uid, CardFormat::Wiegand34.read("0250d961c0"), "a UID in 34 bits");
    assert_eq!(uid, CardFormat::UidHexReversed.read("C3:B2:A1:04"));
    assert_eq!(uid, CardFormat::UidDecimal.read("0077705923"));
    assert_eq!(uid, CardFormat::UidDecimalReversed.read("3283263748"));
}

#[test]
fn bits_with_wrong_parity_and_numbers_that_do_not_fit_are_no_card() {
    assert_eq!(CardFormat::Wiegand26.read("10111101110110010011011100"), None);
    assert_eq!(CardFormat::Wiegand26.read("256,1"), None);
    assert_eq!(CardFormat::Wiegand26.read("1,65536"), None);
    assert_eq!(CardFormat::Wiegand37.read("1,5"), None, "it has no facility");
    for (format, text) in [
        (CardFormat::UidHex, "04A1B2C"),
        (CardFormat::UidHex, "+4A1B2C3"),
        (CardFormat::UidDecimal, "4294967296"),
        (CardFormat::UidDecimal, "+5"),
        (CardFormat::Text, "5"),
    ] {
        assert_eq!(format.read(text), None, "{text}");
    }
}

#[test]
fn one_card_is_one_by_uid_wiegand_26_and_wiegand_34_when_the_configuration_says_so() {
    let people = b"person,device,credential,kind\nE001,*,04A1B2C3,card\n";
    let directory = Directory::parse(people).0;
    let formats = [
        ("door", CardFormat::Wiegand34),
        ("gate", CardFormat::Wiegand26),
        ("desk", CardFormat::UidDecimalReversed),
    ];
    let cards = Cards {
        devices: BTreeMap::from(formats.map(|(name, format)| (name.to_owned(), format))),
        shared: CardFormat::UidHex,
        last_bits: Some(24),
    };
    let stated = [("door", "0250d961c0"), ("gate", "161,45763"), ("desk", "3283263748")];
    let whose = |directory: &Directory, device: &str, number: &str| {
        directory.resolve(&device.into(), &Credential::Card(number.to_owned()))
    };
    let told = directory.clone().with_cards(&cards);
    for (device, number) in stated {
        assert_eq!(
            whose(&told, device, number),
            Resolution::Person("E001".into()),
            "{device}"
        );
        assert_eq!(
            whose(&directory, device, number),
            Resolution::Unknown,
            "{device}, unless it is said"
        );
    }
    let two = b"person,device,credential,kind\nE001,*,04A1B2C3,card\nE002,*,05A1B2C3,card\n";
    let two = Directory::parse(two).0.with_cards(&cards);
    assert_eq!(
        whose(&two, "gate", "161,45763"),
        Resolution::Ambiguous,
        "nobody is guessed"
    );
}

proptest! {
    #[test]
    fn what_a_format_writes_it_reads_back(value in any::<u64>()) {
        for format in WIEGAND {
            let zero = format.read("0,0").expect("every format has a zero");
            let card = Card { value: value & ((1 << zero.bits) - 1), ..zero };
            let bits = format.write(card).expect("it fits");
            prop_assert_eq!(format.read(&bits), Some(card), "{}", format.word());
        }
        let uid = Card { bits: 32, value: value & 0xffff_ffff };
        for format in [CardFormat::UidHex, CardFormat::UidHexReversed, CardFormat::UidDecimal, CardFormat::UidDecimalReversed] {
            let text = format.write(uid).expect("it fits");
            prop_assert_eq!(format.read(&text), Some(uid), "{}", format.word());
        }
    }

    #[test]
    fn one_flipped_bit_is_noticed(value in any::<u64>(), flipped in any::<prop::sample::Index>()) {
        for format in WIEGAND {
            let zero = format.read("0,0").expect("every format has a zero");
            let card = Card { value: value & ((1 << zero.bits) - 1), ..zero };
            let mut bits = format.write(card).expect("it fits").into_bytes();
            let at = flipped.index(bits.len());
            // The first two bits of 36 are over no field.
            bits[at] ^= 1;
            let read = format.read(std::str::from_utf8(&bits).expect("digits"));
            prop_assert_eq!(read, None, "bit {} of {}", at, format.word());
        }
    }

    #[test]
    fn any_text_is_read_without_a_panic(text in ".{0,40}") {
        for (_, format) in CardFormat::ALL {
            let _ = format.read(&text);
        }
    }
}
