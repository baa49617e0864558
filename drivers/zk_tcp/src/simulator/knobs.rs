//! What kind of terminal it is, and what is wrong with it.

use jiff::civil;
use punchgate_kit::span;
use punchgate_model::Span;
use serde::{Deserialize, Deserializer, de};

use crate::codec::{Layout, UserLayout};

/// The knobs of a simulated terminal. "Every n" counts from 1; 0 means never.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Knobs {
    /// Serial number.
    pub serial: String,
    /// Model.
    pub name: String,
    /// Platform; `ZEM…` uses the old verify types.
    pub platform: String,
    /// Firmware version.
    pub firmware: String,
    /// The comm key; 0 lets everybody in.
    pub comm_key: u32,
    /// The IANA zone of its clock; UTC when it is not known.
    pub zone: String,
    /// How many seconds its clock is fast.
    pub clock_offset: i64,
    /// The time that its clock shows for ever, if it stands.
    pub clock_stands: Option<civil::DateTime>,
    /// How its log is laid out: `8a`, `8b`, `16`, `40` or `49`.
    #[serde(deserialize_with = "layout")]
    pub record: Layout,
    /// How its user table is laid out: 28 or 72.
    #[serde(deserialize_with = "user_layout")]
    pub user: UserLayout,
    /// The length of its answer to GET_FREE_SIZES: 80, 92 or 112.
    pub sizes: usize,
    /// How many records it can hold.
    pub capacity: u32,
    /// How many records more than it has it says it has.
    pub count_off: i64,
    /// Whether it says that it has 0.
    pub counts_nothing: bool,
    /// The length of a punch event: 10, 12, 14, 32, 36, 37 or 52; 0 for a terminal that tells nothing.
    pub event: usize,
    /// The most data in a frame: 1008, 1024 or 65536.
    pub frame: usize,
    /// Sets and blocks below this many bytes come in one frame without announcement.
    pub direct_below: usize,
    /// How long it waits between two frames of data.
    #[serde(with = "span")]
    pub pause: Span,
    /// Whether it lacks the modern way to read data.
    pub legacy: bool,
    /// Whether it speaks to one client at a time.
    pub one_session: bool,
    /// How long a client may be silent before it is forgotten.
    #[serde(with = "span")]
    pub idle: Span,
    /// Whether an event that is no punch comes before every frame.
    pub chatty: bool,
    /// Whether the answer to CONNECT has a byte too many.
    pub surplus: bool,
    /// Whether the count of bytes before a data set stands there twice.
    pub doubled_size: bool,
    /// Every so many records bear the 30th of February.
    pub invalid_every: usize,
    /// Every so many punches are stored twice.
    pub twice_every: usize,
    /// After every so many records an empty one follows.
    pub zero_every: usize,
    /// Every so many frames have a wrong checksum.
    pub damaged_every: usize,
    /// Every so many frames are lost.
    pub lost_every: usize,
    /// After so many frames it says nothing more, for ever.
    pub stalls_after: usize,
    /// After so many frames it hangs up, once.
    pub hangs_up_after: usize,
    /// How many bytes at the end of a data set it never sends although it announced them.
    pub withholds: usize,
}

impl Default for Knobs {
    fn default() -> Self {
        Self {
            serial: "PGSIM00000042".to_owned(),
            name: "PG-SIM".to_owned(),
            platform: "ZMM220_TFT".to_owned(),
            firmware: "Ver 6.60 Apr 28 2017".to_owned(),
            comm_key: 0,
            zone: "UTC".to_owned(),
            clock_offset: 0,
            clock_stands: None,
            record: Layout::Forty,
            user: UserLayout::Long,
            sizes: 92,
            capacity: 100_000,
            count_off: 0,
            counts_nothing: false,
            event: 32,
            frame: 65536,
            direct_below: 1024,
            pause: Span::ZERO,
            legacy: false,
            one_session: true,
            idle: Span::from_secs(120),
            chatty: false,
            surplus: false,
            doubled_size: false,
            invalid_every: 0,
            twice_every: 0,
            zero_every: 0,
            damaged_every: 0,
            lost_every: 0,
            stalls_after: 0,
            hangs_up_after: 0,
            withholds: 0,
        }
    }
}

fn layout<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Layout, D::Error> {
    let name = String::deserialize(deserializer)?;
    let known = Layout::ALL.into_iter().find(|layout| layout.name() == name);
    known.ok_or_else(|| de::Error::custom("a record layout is one of: 8a 8b 16 40 49"))
}

fn user_layout<'de, D: Deserializer<'de>>(deserializer: D) -> Result<UserLayout, D::Error> {
    let stride = usize::deserialize(deserializer)?;
    let known = UserLayout::ALL.into_iter().find(|layout| layout.stride() == stride);
    known.ok_or_else(|| de::Error::custom("a user layout is 28 or 72"))
}
