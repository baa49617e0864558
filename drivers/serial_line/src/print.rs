//! A punch as a clock of each preset prints it; what the simulator sends. Only for the simulator: nothing here is read back
//! by anything but the presets themselves.

use jiff::civil::DateTime;
use punchgate_kit::SimPunch;
use punchgate_model::Direction;

use crate::envelope::{LRC, SUM};

/// The record of a punch. `at` is what the clock shows; an `impossible` one prints 30 February.
pub(crate) fn record(preset: &str, punch: &SimPunch, at: DateTime, impossible: bool) -> Vec<u8> {
    let id = &punch.credential;
    let (month, day) = if impossible { (2, 30) } else { (at.month(), at.day()) };
    let (year, hour, minute, second) = (at.year(), at.hour(), at.minute(), at.second());
    let short = year.rem_euclid(100);
    let out = punch.direction == Direction::Out;
    match preset {
        "tna2000" => {
            let way = if out { 'O' } else { 'I' };
            format!("  03,07, {id:0>4},  {short:02}/{month:02}/{day:02},{hour:02}:{minute:02},{way}\r\n").into_bytes()
        }
        "zk-punch-file" => {
            let way = if out { 2 } else { 0 };
            format!("1, 0, {way}, {id}, 0, {hour}, {minute}, {second}, {month}, {day}, {year}\r\n").into_bytes()
        }
        "opticon-opl97xx" => format!(
            "{id:<50},{:<18},{hour:02}:{minute:02}:{second:02},{day:02}/{month:02}/{year:04}\r\n",
            "code39"
        )
        .into_bytes(),
        "care-roster" => format!("{id}{month:02}{day:02}{hour:02}{minute:02}\r\n").into_bytes(),
        "wiegand-hex6" => format!("{id:0>6}\r").into_bytes(),
        "wiegand-dec10" => format!("{id:0>10}\r\n").into_bytes(),
        "twn3-hid" => format!("{id}\r").into_bytes(),
        "twn3-inditag" => format!(":{id}{:02X}\r\n", inditag_check(id)).into_bytes(),
        "idteck-sr10" => LRC.seal(format!("{id:0>10}").as_bytes()),
        "ibm-7525" => SUM.seal(format!("01{id}").as_bytes()),
        _ => {
            let event = if out { 2 } else { 1 };
            format!("{event}\t{day:02}-{month:02}-{year:04}\t{hour:02}:{minute:02}:{second:02}\t'{id}\t01\t0001\r\n")
                .into_bytes()
        }
    }
}

/// The byte that makes the sum zero.
fn inditag_check(id: &str) -> u8 {
    let digits: Vec<u32> = id.chars().filter_map(|c| c.to_digit(16)).collect();
    let sum = digits
        .chunks(2)
        .map(|pair| pair.iter().fold(0, |byte, d| byte << 4 | d))
        .sum::<u32>();
    u8::try_from(sum & 0xff).map_or(0, u8::wrapping_neg)
}
