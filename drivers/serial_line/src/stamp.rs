//! Printed dates and times: formats in the manner of strftime, and what is missing filled in from the time of arrival.
//!
//! `%Y %y %m %d %j %H %I %M %S %p %C` (hundredths of an hour); everything else stands for itself. Numbers out of range are
//! read all the same: an impossible date keeps its printed form and gets no civil time.

use jiff::civil::{self, DateTime};
use punchgate_model::{DeviceTime, Precision};

/// The numbers of a date and a time, as far as they were printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Parts {
    pub year: Option<i32>,
    pub month: Option<u8>,
    pub day: Option<u8>,
    pub day_of_year: Option<u16>,
    pub hour: Option<u8>,
    pub minute: Option<u8>,
    pub second: Option<u8>,
    pub afternoon: Option<bool>,
}

/// A two-digit year below this belongs to this century.
const PIVOT: i32 = 70;

/// How far in the future a time without a year may lie.
const AHEAD: i64 = 7 * 24 * 3600;

/// The year of a two-digit year: 70 is 1970, 69 is 2069.
pub(crate) fn full_year(year: i32) -> i32 {
    match year {
        0..PIVOT => 2000 + year,
        PIVOT..100 => 1900 + year,
        _ => year,
    }
}

/// A format, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern(Vec<Token>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Number(char),
    HalfDay,
    Literal(char),
}

impl Pattern {
    /// Reads a format.
    ///
    /// # Errors
    /// A sentence about the directive that is not known.
    pub fn new(format: &str) -> Result<Self, String> {
        let mut tokens = Vec::new();
        let mut chars = format.chars();
        while let Some(c) = chars.next() {
            tokens.push(match (c, c == '%') {
                (_, false) => Token::Literal(c),
                _ => match chars.next() {
                    Some(n) if "YymdjHIMSC".contains(n) => Token::Number(n),
                    Some('p') => Token::HalfDay,
                    Some('%') => Token::Literal('%'),
                    other => {
                        let got = other.map_or_else(|| "%".to_owned(), |c| format!("%{c}"));
                        return Err(format!(
                            "{got} in {format:?} is none of %Y %y %m %d %j %H %I %M %S %p %C"
                        ));
                    }
                },
            });
        }
        Ok(Self(tokens))
    }

    /// Reads a text into the parts; `None` when it is not written so, to the last character.
    pub fn read(&self, text: &str, mut parts: Parts) -> Option<Parts> {
        let mut rest = text.trim();
        for token in &self.0 {
            rest = match token {
                Token::Literal(c) => rest.strip_prefix(*c)?,
                Token::HalfDay => {
                    let (afternoon, after) = half_day(rest)?;
                    parts.afternoon = Some(afternoon);
                    after
                }
                Token::Number(n) => {
                    let most = match n {
                        'Y' => 4,
                        'j' => 3,
                        _ => 2,
                    };
                    let digits = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
                    let (number, after) = rest.split_at_checked(digits)?;
                    if number.is_empty() || (*n == 'Y' && digits != 4) {
                        return None;
                    }
                    parts.set(*n, number.parse().ok()?)?;
                    after
                }
            };
        }
        rest.is_empty().then_some(parts)
    }

    /// Whether the format has this directive.
    pub fn has(&self, directive: char) -> bool {
        self.0.contains(&Token::Number(directive))
    }
}

/// `A`, `P`, `AM`, `PM`, in any case.
fn half_day(rest: &str) -> Option<(bool, &str)> {
    let afternoon = match rest.chars().next()?.to_ascii_uppercase() {
        'A' => false,
        'P' => true,
        _ => return None,
    };
    let after = rest.get(1..)?;
    Some((afternoon, after.strip_prefix(['M', 'm']).unwrap_or(after)))
}

impl Parts {
    fn set(&mut self, directive: char, number: u16) -> Option<()> {
        let small = u8::try_from(number).ok();
        match directive {
            'Y' => self.year = Some(i32::from(number)),
            'y' => self.year = Some(full_year(i32::from(number))),
            'm' => self.month = small,
            'd' => self.day = small,
            'j' => self.day_of_year = Some(number),
            'H' | 'I' => self.hour = small,
            'M' => self.minute = small,
            'S' => self.second = small,
            _ => self.set_hundredths(small?),
        }
        Some(())
    }

    /// Hundredths of an hour, 36 seconds each.
    fn set_hundredths(&mut self, hundredths: u8) {
        let seconds = u16::from(hundredths) * 36;
        self.minute = u8::try_from(seconds / 60).ok();
        self.second = u8::try_from(seconds % 60).ok();
    }

    /// Sets a part that was an item of its own.
    pub fn set_item(&mut self, item: &str, text: &str) -> Option<()> {
        let number: u16 = text.trim().parse().ok()?;
        let small = u8::try_from(number).ok();
        match item {
            "year" => self.year = Some(full_year(i32::from(number))),
            "month" => self.month = Some(small?),
            "day" => self.day = Some(small?),
            "hour" => self.hour = Some(small?),
            "minute" => self.minute = Some(small?),
            _ => self.second = Some(small?),
        }
        Some(())
    }

    /// The device's time. `received` is the time of arrival where the device stands; without it, what is missing stays
    /// missing and there is no civil time.
    pub fn resolve(mut self, received: Option<DateTime>) -> Option<DeviceTime> {
        let hour = self.hour_of_day()?;
        let minute = self.minute.unwrap_or(0);
        let precision = if self.second.is_none() {
            Precision::Minute
        } else {
            Precision::Second
        };
        let second = self.second.unwrap_or(0);
        if let (Some(year), Some(day_of_year)) = (self.year, self.day_of_year) {
            match date_of(year, day_of_year) {
                Some((month, day)) => (self.month, self.day) = (Some(month), Some(day)),
                None => {
                    let printed = format!("{year:04}-{day_of_year:03}T{hour:02}:{minute:02}:{second:02}");
                    return Some(unreal(printed, precision));
                }
            }
        }
        let clock = Clock { hour, minute, second };
        let (year, month, day) = match (self.year, self.month, self.day, received) {
            (Some(year), Some(month), Some(day), _) => (year, month, day),
            (None, Some(month), Some(day), Some(received)) => (nearest_year(month, day, clock, received), month, day),
            (None, None, None, Some(received)) => nearest_day(clock, received),
            (None, Some(month), Some(day), None) => {
                return Some(unreal(
                    format!("--{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"),
                    precision,
                ));
            }
            (None, None, None, None) => {
                return Some(unreal(format!("T{hour:02}:{minute:02}:{second:02}"), precision));
            }
            _ => return None,
        };
        let mut time = DeviceTime::from_numbers(year, month, day, hour, minute, second);
        time.civil = time.civil.or_else(|| clock.on(year, month, day));
        time.precision = precision;
        Some(time)
    }

    fn hour_of_day(&self) -> Option<u8> {
        match (self.hour?, self.afternoon) {
            (12, Some(false)) => Some(0),
            (hour @ 1..12, Some(true)) => Some(hour + 12),
            (hour, _) => Some(hour),
        }
    }
}

fn unreal(printed: String, precision: Precision) -> DeviceTime {
    DeviceTime {
        printed,
        civil: None,
        offset_seconds: None,
        precision,
    }
}

/// A time of day as printed; 24:00:00 is the end of the day.
#[derive(Debug, Clone, Copy)]
struct Clock {
    hour: u8,
    minute: u8,
    second: u8,
}

impl Clock {
    fn on(self, year: i32, month: u8, day: u8) -> Option<DateTime> {
        let small = |n: u8| i8::try_from(n).ok();
        let date = civil::Date::new(i16::try_from(year).ok()?, small(month)?, small(day)?).ok()?;
        if (self.hour, self.minute, self.second) == (24, 0, 0) {
            return date.tomorrow().ok().map(|next| next.at(0, 0, 0, 0));
        }
        let time = civil::Time::new(small(self.hour)?, small(self.minute)?, small(self.second)?, 0).ok()?;
        Some(date.to_datetime(time))
    }
}

fn date_of(year: i32, day_of_year: u16) -> Option<(u8, u8)> {
    let first = civil::Date::new(i16::try_from(year).ok()?, 1, 1).ok()?;
    let day_of_year = i16::try_from(day_of_year).ok()?;
    let date = first.with().day_of_year(day_of_year).build().ok()?;
    Some((u8::try_from(date.month()).ok()?, u8::try_from(date.day()).ok()?))
}

/// The year that puts the time nearest to its arrival, never more than seven days after it; for 29 February a leap year.
fn nearest_year(month: u8, day: u8, clock: Clock, received: DateTime) -> i32 {
    let this = i32::from(received.year());
    let ahead = |year: i32| {
        clock
            .on(year, month, day)
            .map(|at| (seconds_between(received, at), year))
    };
    let nearest = (this - 8..=this + 1)
        .filter_map(ahead)
        .filter(|(ahead, _)| *ahead <= AHEAD)
        .min_by_key(|(ahead, _)| ahead.abs());
    nearest.map_or(this, |(_, year)| year)
}

/// The day of arrival, or the day before or after it where that is nearer by more than half a day.
fn nearest_day(clock: Clock, received: DateTime) -> (i32, u8, u8) {
    let numbers = |date: civil::Date| {
        let small = |n: i8| u8::try_from(n).unwrap_or(0);
        (i32::from(date.year()), small(date.month()), small(date.day()))
    };
    let today = received.date();
    let (year, month, day) = numbers(today);
    let ahead = clock.on(year, month, day).map_or(0, |at| seconds_between(received, at));
    let half = 12 * 3600;
    let date = match ahead {
        ahead if ahead > half => today.yesterday().unwrap_or(today),
        ahead if ahead < -half => today.tomorrow().unwrap_or(today),
        _ => today,
    };
    numbers(date)
}

fn seconds_between(from: DateTime, to: DateTime) -> i64 {
    to.duration_since(from).as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime {
        text.parse().expect("a civil time")
    }

    fn read(format: &str, text: &str, received: &str) -> Option<String> {
        let parts = Pattern::new(format).expect("a format").read(text, Parts::default())?;
        Some(parts.resolve(Some(at(received)))?.printed)
    }

    #[test]
    fn two_digit_years_turn_at_seventy() {
        for (text, year) in [
            ("00", "2000"),
            ("24", "2024"),
            ("69", "2069"),
            ("70", "1970"),
            ("99", "1999"),
        ] {
            let printed = read("%y%m%d%H%M", &format!("{text}01020304"), "2026-01-01T00:00");
            assert_eq!(printed, Some(format!("{year}-01-02T03:04:00")));
        }
    }

    #[test]
    fn a_missing_year_is_the_nearest_but_never_more_than_a_week_ahead() {
        let cases = [
            ("03020800", "2026-03-02T08:01:00", "2026-03-02T08:00:00"),
            ("12312359", "2026-01-01T00:05:00", "2025-12-31T23:59:00"),
            ("01010001", "2025-12-31T23:58:00", "2026-01-01T00:01:00"),
            ("03090800", "2026-03-02T08:00:00", "2026-03-09T08:00:00"),
            ("03090801", "2026-03-02T08:00:00", "2025-03-09T08:01:00"),
            ("02290800", "2026-03-02T08:00:00", "2024-02-29T08:00:00"),
            ("02300800", "2026-03-02T08:00:00", "2026-02-30T08:00:00"),
        ];
        for (text, received, printed) in cases {
            assert_eq!(
                read("%m%d%H%M", text, received).as_deref(),
                Some(printed),
                "{text} at {received}"
            );
        }
    }

    #[test]
    fn a_missing_date_is_the_day_of_arrival_or_its_neighbour() {
        let cases = [
            ("23:59", "2026-03-02T00:01:00", "2026-03-01T23:59:00"),
            ("00:01", "2026-03-01T23:59:00", "2026-03-02T00:01:00"),
            ("08:00", "2026-03-02T20:00:00", "2026-03-02T08:00:00"),
            ("08:00", "2026-03-02T20:01:00", "2026-03-03T08:00:00"),
        ];
        for (text, received, printed) in cases {
            assert_eq!(
                read("%H:%M", text, received).as_deref(),
                Some(printed),
                "{text} at {received}"
            );
        }
    }

    #[test]
    fn twelve_hours_decimal_minutes_and_julian_days_are_read() {
        let cases = [
            ("%Y-%m-%d %I:%M%p", "2024-03-05 12:05A", "2024-03-05T00:05:00"),
            ("%Y-%m-%d %I:%M %p", "2024-03-05 12:05 PM", "2024-03-05T12:05:00"),
            ("%Y-%m-%d %I:%M%p", "2024-03-05 8:05p", "2024-03-05T20:05:00"),
            ("%Y-%m-%d %H%C", "2024-03-05 0850", "2024-03-05T08:30:00"),
            ("%y%j%H%M", "240600830", "2024-02-29T08:30:00"),
            ("%y%j%H%M", "250600830", "2025-03-01T08:30:00"),
            ("%y%j%H%M", "253660830", "2025-366T08:30:00"),
        ];
        for (format, text, printed) in cases {
            assert_eq!(
                read(format, text, "2026-01-01T00:00").as_deref(),
                Some(printed),
                "{format} {text}"
            );
        }
    }

    #[test]
    fn midnight_printed_as_24_00_is_the_end_of_that_day_and_impossible_times_are_nobodys() {
        let resolve = |text: &str| {
            let pattern = Pattern::new("%Y-%m-%d %H:%M:%S").expect("a format");
            let parts = pattern.read(text, Parts::default()).expect("numbers");
            parts.resolve(None).expect("a time")
        };
        let midnight = resolve("2024-02-28 24:00:00");
        assert_eq!(
            (midnight.printed.as_str(), midnight.civil),
            ("2024-02-28T24:00:00", Some(at("2024-02-29T00:00")))
        );
        for text in [
            "2024-02-30 08:00:00",
            "2023-02-29 08:00:00",
            "2024-03-05 24:01:00",
            "2024-03-05 23:59:60",
        ] {
            let time = resolve(text);
            assert_eq!((time.printed.replace('T', " ").as_str(), time.civil), (text, None));
        }
        assert!(resolve("2024-02-29 08:00:00").civil.is_some());
    }

    #[test]
    fn without_a_time_of_arrival_nothing_is_made_up() {
        let parts = Pattern::new("%m%d%H%M")
            .expect("a format")
            .read("03050859", Parts::default())
            .expect("numbers");
        let time = parts.resolve(None).expect("a time");
        assert_eq!((time.printed.as_str(), time.civil), ("--03-05T08:59:00", None));
    }
}
