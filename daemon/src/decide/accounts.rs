//! All accounts of one punch, as bytes: they are needed again only where another report comes or the punch moves, and
//! that is for few punches of many.

use std::collections::BTreeMap;

use jiff::civil;
use punchgate_model::{DeviceTime, Direction, Factor, Origin, Outcome, Precision, Raw, Reading, Timestamp};
use serde::{Deserialize, Serialize};

use super::{account::Account, kept::KeptCredential};

/// The accounts of a punch, which of them counts, and what the device's clock showed for each that says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accounts(Box<[u8]>);

/// [`Accounts`] to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Which of the accounts counts.
    pub chosen: usize,
    /// What the reports said, each different account once, in order of arrival.
    pub accounts: Vec<Account>,
    /// What the device's clock showed, for each account that says.
    pub shown: Vec<Timestamp>,
}

impl Told {
    /// The account that counts.
    pub fn account(&self) -> Option<&Account> {
        self.accounts.get(self.chosen)
    }

    /// Folded up.
    pub fn fold(&self) -> Accounts {
        let kept = Kept {
            chosen: self.chosen,
            accounts: self.accounts.iter().map(KeptAccount::of).collect(),
            shown: self.shown.iter().map(|at| at.as_millis()).collect(),
        };
        // Plain data always serialises.
        Accounts(postcard::to_allocvec(&kept).unwrap_or_default().into())
    }
}

impl Accounts {
    /// Unfolded; nothing where the bytes are damaged.
    pub fn unfold(&self) -> Told {
        let kept: Kept<'_> = postcard::from_bytes(&self.0).unwrap_or_default();
        Told {
            chosen: kept.chosen,
            accounts: kept
                .accounts
                .into_iter()
                .filter_map(KeptAccount::into_account)
                .collect(),
            shown: kept.shown.into_iter().map(Timestamp::from_millis).collect(),
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

#[derive(Default, Serialize, Deserialize)]
struct Kept<'a> {
    chosen: usize,
    #[serde(borrow)]
    accounts: Vec<KeptAccount<'a>>,
    shown: Vec<i64>,
}

#[derive(Serialize, Deserialize)]
struct KeptAccount<'a> {
    received_at: i64,
    sequence: Option<u64>,
    #[serde(borrow)]
    external_id: Option<&'a str>,
    time: Option<KeptTime<'a>>,
    uncertainty_ms: u32,
    credential: KeptCredential<'a>,
    factor: Factor,
    direction: Direction,
    result: Outcome,
    zone: Option<&'a str>,
    from_log: bool,
}

#[derive(Serialize, Deserialize)]
struct KeptTime<'a> {
    #[serde(borrow)]
    printed: &'a str,
    civil: Option<(i16, i8, i8, i8, i8, i8, i32)>,
    offset_seconds: Option<i32>,
    to_the_minute: bool,
}

impl<'a> KeptAccount<'a> {
    fn of(account: &'a Account) -> Self {
        let reading = &account.reading;
        Self {
            received_at: account.received_at.as_millis(),
            sequence: reading.sequence,
            external_id: reading.external_id.as_deref(),
            time: reading.device_time.as_ref().map(KeptTime::of),
            uncertainty_ms: reading.uncertainty_ms,
            credential: KeptCredential::of(&reading.credential),
            factor: reading.factor,
            direction: reading.direction,
            result: reading.result,
            zone: reading.zone.as_deref(),
            from_log: reading.origin == Origin::Log,
        }
    }

    fn into_account(self) -> Option<Account> {
        let time = self.time.map(|time| time.into_time().ok_or(())).transpose().ok()?;
        let reading = Reading {
            sequence: self.sequence,
            external_id: self.external_id.map(str::to_owned),
            occurrence: 0,
            device_time: time,
            uncertainty_ms: self.uncertainty_ms,
            credential: self.credential.into_credential(),
            factor: self.factor,
            direction: self.direction,
            result: self.result,
            zone: self.zone.map(str::to_owned),
            origin: if self.from_log { Origin::Log } else { Origin::Live },
            details: BTreeMap::new(),
            raw: Raw::default(),
        };
        Some(Account {
            received_at: Timestamp::from_millis(self.received_at),
            reading,
        })
    }
}

impl<'a> KeptTime<'a> {
    fn of(time: &'a DeviceTime) -> Self {
        let civil = time.civil.map(|at| {
            let (date, clock) = (at.date(), at.time());
            let day = (date.year(), date.month(), date.day());
            let nanos = clock.subsec_nanosecond();
            (day.0, day.1, day.2, clock.hour(), clock.minute(), clock.second(), nanos)
        });
        Self {
            printed: &time.printed,
            civil,
            offset_seconds: time.offset_seconds,
            to_the_minute: time.precision == Precision::Minute,
        }
    }

    fn into_time(self) -> Option<DeviceTime> {
        let civil = match self.civil {
            Some((y, mo, d, h, mi, s, nanos)) => Some(civil::DateTime::new(y, mo, d, h, mi, s, nanos).ok()?),
            None => None,
        };
        Some(DeviceTime {
            printed: self.printed.to_owned(),
            civil,
            offset_seconds: self.offset_seconds,
            precision: if self.to_the_minute {
                Precision::Minute
            } else {
                Precision::Second
            },
        })
    }
}
