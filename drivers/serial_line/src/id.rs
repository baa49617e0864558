//! The item `id`: which number it is, in which notation, and what else it tells.

use std::collections::BTreeMap;

use punchgate_kit::Malformed;
use punchgate_model::Credential;

use crate::settings::{IdForm, IdKind, IdSettings};

/// The longest number a device may report, in characters.
const LONGEST: usize = 128;

impl IdSettings {
    /// Makes a credential of an id; what else the id tells goes to the details.
    ///
    /// # Errors
    /// [`Malformed`] when the id is empty, too long, or not in the notation.
    pub fn credential(&self, id: &str, details: &mut BTreeMap<String, String>) -> Result<Credential, Malformed> {
        let id = id.trim();
        let wrong = |wanted: &'static str| Malformed::new(0, wanted, id.as_bytes());
        if id.is_empty() {
            return Err(wrong("a number of a person or card"));
        }
        if id.len() > LONGEST || id.chars().any(char::is_control) {
            return Err(wrong("a number of at most 128 printable characters"));
        }
        let mut number = match self.form {
            IdForm::Text => id.to_owned(),
            IdForm::Decimal if id.bytes().all(|b| b.is_ascii_digit()) => id.to_owned(),
            IdForm::Decimal => return Err(wrong("decimal digits")),
            _ => hex(self.form, id, details)?,
        };
        if self.strip_zeros {
            let stripped = number.trim_start_matches('0');
            number = if stripped.is_empty() {
                "0".to_owned()
            } else {
                stripped.to_owned()
            };
        }
        let number = format!("{}{number}", self.prefix);
        Ok(match self.kind {
            IdKind::Card => Credential::Card(number),
            IdKind::Enrol => Credential::Enrol(number),
            IdKind::Person => Credential::Person(number),
        })
    }
}

fn hex(form: IdForm, id: &str, details: &mut BTreeMap<String, String>) -> Result<String, Malformed> {
    let wrong = |wanted: &'static str| Malformed::new(0, wanted, id.as_bytes());
    let digits: Option<Vec<u8>> = id
        .chars()
        .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
        .collect();
    let digits = digits.ok_or_else(|| wrong("hex digits"))?;
    match form {
        IdForm::HexToDecimal => u128::from_str_radix(id, 16)
            .map(|number| number.to_string())
            .map_err(|_| wrong("at most 32 hex digits")),
        IdForm::FacilityCard => {
            let number = u32::from_str_radix(id, 16).ok().filter(|_| id.len() == 6);
            let number = number.ok_or_else(|| wrong("six hex digits"))?;
            details.insert("facility".to_owned(), (number >> 16).to_string());
            details.insert("card".to_owned(), (number & 0xffff).to_string());
            Ok(id.to_ascii_uppercase())
        }
        IdForm::BitCount => bit_count(&digits, details)
            .ok_or_else(|| wrong("a count of bits and as many bits"))
            .map(|()| id.to_ascii_uppercase()),
        IdForm::HexWithSum => with_sum(id, &digits),
        IdForm::Text | IdForm::Decimal | IdForm::Hex => Ok(id.to_ascii_uppercase()),
    }
}

fn bytes(digits: &[u8]) -> Vec<u8> {
    digits
        .chunks_exact(2)
        .map(|pair| pair.iter().fold(0, |byte, d| byte << 4 | d))
        .collect()
}

/// Elatec: a byte that counts bits, then the bits, left-aligned and filled up with zeros. 26 bits are split as H10301.
fn bit_count(digits: &[u8], details: &mut BTreeMap<String, String>) -> Option<()> {
    let all = bytes(digits);
    let (count, bits) = all.split_first()?;
    let count = u32::from(*count);
    let wide = usize::try_from(count.div_ceil(8)).ok()?;
    if !digits.len().is_multiple_of(2) || !(4..=128).contains(&count) || bits.len() != wide {
        return None;
    }
    let left = bits.iter().fold(0_u128, |all, b| all << 8 | u128::from(*b));
    let spare = u32::try_from(wide).ok()? * 8 - count;
    if left & ((1 << spare) - 1) != 0 {
        return None;
    }
    let value = left >> spare;
    details.insert("bits".to_owned(), count.to_string());
    if count == 26 {
        let even = (value >> 13).count_ones() % 2 == 0;
        let odd = (value & 0x1fff).count_ones() % 2 == 1;
        details.insert("parity".to_owned(), if even && odd { "ok" } else { "wrong" }.to_owned());
        details.insert("facility".to_owned(), (value >> 17 & 0xff).to_string());
        details.insert("card".to_owned(), (value >> 1 & 0xffff).to_string());
    }
    Some(())
}

/// The id without its last byte, which makes the sum of all bytes zero.
fn with_sum(id: &str, digits: &[u8]) -> Result<String, Malformed> {
    let sum = bytes(digits).iter().fold(0_u8, |all, b| all.wrapping_add(*b));
    let cut = id.len().saturating_sub(2);
    if sum != 0 || !digits.len().is_multiple_of(2) || cut == 0 {
        return Err(Malformed::new(cut, "bytes whose sum is zero", id.as_bytes()));
    }
    Ok(id.get(..cut).unwrap_or_default().to_ascii_uppercase())
}
