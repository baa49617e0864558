//! The two forms of a time: packed in a number, and as six bytes (`zkteco-standalone-4370.md` section 9).

use jiff::civil;
use punchgate_model::DeviceTime;

/// The numbers that a terminal shows as date and time, possible or not. Local, without zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Numbers {
    /// From 2000.
    pub year: u16,
    /// From 1.
    pub month: u8,
    /// From 1.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
}

impl Numbers {
    /// From the packed form, in which every month has 31 days. Every number has a meaning, up to the year 2133.
    pub fn unpack(packed: u32) -> Self {
        let part = |rest: u32, size: u32| (rest / size, u8::try_from(rest % size).unwrap_or(u8::MAX));
        let (rest, second) = part(packed, 60);
        let (rest, minute) = part(rest, 60);
        let (rest, hour) = part(rest, 24);
        let (rest, day) = part(rest, 31);
        let (years, month) = part(rest, 12);
        Self {
            year: u16::try_from(years).unwrap_or(u16::MAX).saturating_add(2000),
            month: month + 1,
            day: day + 1,
            hour,
            minute,
            second,
        }
    }

    /// To the packed form; the year counts modulo 100.
    pub fn pack(self) -> u32 {
        let months = u32::from(self.year % 100) * 12 + u32::from(self.month.saturating_sub(1));
        let days = months * 31 + u32::from(self.day.saturating_sub(1));
        (days * 24 + u32::from(self.hour)) * 3600 + u32::from(self.minute) * 60 + u32::from(self.second)
    }

    /// From the six bytes of an event: year less 2000, month, day, hour, minute, second.
    pub fn from_event(bytes: [u8; 6]) -> Self {
        let [year, month, day, hour, minute, second] = bytes;
        Self {
            year: u16::from(year) + 2000,
            month,
            day,
            hour,
            minute,
            second,
        }
    }

    /// To the six bytes of an event.
    pub fn to_event(self) -> [u8; 6] {
        let year = u8::try_from(self.year % 100).unwrap_or_default();
        [year, self.month, self.day, self.hour, self.minute, self.second]
    }

    /// From a civil time; what is below a second is dropped.
    pub fn from_civil(at: civil::DateTime) -> Self {
        let small = |n: i8| u8::try_from(n).unwrap_or_default();
        Self {
            year: u16::try_from(at.year()).unwrap_or_default(),
            month: small(at.month()),
            day: small(at.day()),
            hour: small(at.hour()),
            minute: small(at.minute()),
            second: small(at.second()),
        }
    }

    /// Whether the numbers are a date and time of the calendar.
    pub fn is_possible(self) -> bool {
        self.device_time().civil.is_some()
    }

    /// The same, in the words of the model: an impossible date keeps its numbers.
    pub fn device_time(self) -> DeviceTime {
        DeviceTime::from_numbers(
            i32::from(self.year),
            self.month,
            self.day,
            self.hour,
            self.minute,
            self.second,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_of_the_sheet_come_out() {
        let cases = [
            (0x321C_F47E, "2026-02-28T23:59:58"),
            (0x3220_E900, "2026-03-01T00:00:00"),
            (0, "2000-01-01T00:00:00"),
            (u32::from_le_bytes([0x40, 0xC1, 0x48, 0x2E]), "2024-02-29T12:00:00"),
            (u32::from_le_bytes([0xFF, 0xF7, 0x92, 0xBF]), "2099-12-31T23:59:59"),
        ];
        for (packed, printed) in cases {
            let numbers = Numbers::unpack(packed);
            assert_eq!(numbers.device_time().printed, printed);
            assert!(numbers.is_possible(), "{printed}");
            assert_eq!(numbers.pack(), packed, "{printed}");
        }
    }

    /// F36: the year is counted from 2000, and written modulo 100; both edges.
    #[test]
    fn years_turn_where_the_packed_form_and_the_events_say() {
        let at = |year: u16| Numbers {
            year,
            month: 12,
            day: 31,
            hour: 23,
            minute: 59,
            second: 59,
        };
        for (year, read) in [(2000, 2000), (2001, 2001), (2099, 2099), (2100, 2000), (2133, 2033)] {
            assert_eq!(Numbers::unpack(at(year).pack()).year, read, "{year}");
        }
        // A terminal that goes on counting is read as it counts.
        assert_eq!(
            Numbers::unpack(at(2099).pack() + 1).device_time().printed,
            "2100-01-01T00:00:00"
        );
        for (byte, year) in [(0, 2000), (99, 2099), (100, 2100), (255, 2255)] {
            assert_eq!(Numbers::from_event([byte, 1, 1, 0, 0, 0]).year, year);
        }
    }

    /// F35.
    #[test]
    fn times_that_no_clock_shows_keep_their_numbers_and_have_no_instant() {
        for (event, printed) in [
            ([26, 3, 2, 24, 0, 0], "2026-03-02T24:00:00"),
            ([26, 3, 2, 23, 59, 60], "2026-03-02T23:59:60"),
            ([26, 2, 30, 8, 0, 0], "2026-02-30T08:00:00"),
            ([26, 13, 1, 0, 0, 0], "2026-13-01T00:00:00"),
            ([26, 0, 0, 0, 0, 0], "2026-00-00T00:00:00"),
        ] {
            let time = Numbers::from_event(event).device_time();
            assert_eq!((time.printed.as_str(), time.civil), (printed, None));
        }
    }

    #[test]
    fn an_impossible_date_keeps_its_numbers() {
        let numbers = Numbers::unpack(u32::from_le_bytes([0x80, 0xB6, 0x1E, 0x32]));
        assert_eq!(numbers.device_time().printed, "2026-02-30T08:00:00");
        assert!(!numbers.is_possible());
        assert_eq!(Numbers::unpack(u32::MAX).year, 2133);
    }
}
