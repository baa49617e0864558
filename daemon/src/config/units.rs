//! Durations and sizes as people write them: `15m`, `35d`, `2GiB`.

use std::time::Duration;

use punchgate_kit::span;

const SIZES: [(&str, u64); 8] = [
    ("B", 1),
    ("kB", 1_000),
    ("KiB", 1 << 10),
    ("MB", 1_000_000),
    ("MiB", 1 << 20),
    ("GB", 1_000_000_000),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// A hundred years; longer durations are slips, and would overflow elsewhere.
const LONGEST: Duration = Duration::from_secs(100 * 366 * 86_400);

/// Reads a duration: a whole number and one of `ms s m h d`, at most 100 years.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    span::parse(text.trim()).filter(|span| *span <= LONGEST)
}

/// Writes a duration so that it reads back the same.
pub fn duration_text(duration: Duration) -> String {
    span::render(duration)
}

/// Reads a size in bytes with a unit: `B kB KiB MB MiB GB GiB TiB`.
pub(crate) fn size(text: &str) -> Option<u64> {
    let text = text.trim();
    let (number, unit) = text.split_at_checked(text.find(|c: char| !c.is_ascii_digit())?)?;
    let (_, bytes) = SIZES.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(*bytes)
}

/// Writes a size so that it reads back the same.
pub fn size_text(bytes: u64) -> String {
    let binary = |(unit, _): &&(&str, u64)| *unit == "B" || unit.ends_with("iB");
    let whole = SIZES
        .iter()
        .rev()
        .filter(binary)
        .find(|(_, size)| bytes >= *size && bytes.is_multiple_of(*size));
    whole.map_or_else(|| format!("{bytes}B"), |(unit, size)| format!("{}{unit}", bytes / size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_and_sizes_need_a_unit() {
        assert_eq!(duration("15m"), Some(Duration::from_secs(900)));
        assert_eq!(duration("35d"), Some(Duration::from_secs(35 * 86_400)));
        assert_eq!(size("2GiB"), Some(2 << 30));
        assert_eq!(size("64 MiB"), Some(64 << 20));
        for bad in [
            "",
            "2",
            "2G",
            "2gib",
            "-1B",
            "15",
            "m",
            "1.5h",
            "-5s",
            "999999999999999999999s",
            "9999999d",
        ] {
            assert_eq!((duration(bad), size(bad)), (None, None), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(millis in 0u64..3_000_000_000_000, bytes in 0u64..1 << 50) {
            prop_assert_eq!(duration(&duration_text(Duration::from_millis(millis))), Some(Duration::from_millis(millis)));
            prop_assert_eq!(size(&size_text(bytes)), Some(bytes));
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in ".*") {
            let _ = (duration(&text), size(&text));
        }
    }
}
