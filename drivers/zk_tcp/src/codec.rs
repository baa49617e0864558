//! Bytes of the ZKTeco standalone protocol and their meaning: same bytes, same answer, no clock, no panic.
//!
//! ```text
//! TCP  50 50 82 7D | length u32 | code u16 · checksum u16 · session u16 · reply u16 | data …
//! UDP                             code u16 · checksum u16 · session u16 · reply u16 | data …
//! ```
//!
//! - [`framer`]: where a frame ends; [`packet`] and [`checksum`]: the eight bytes before the data; [`code`]: their names.
//! - [`said`], [`heard`]: the two directions; [`event`]: what a terminal tells unasked.
//! - [`commkey`], [`time`], [`sizes`], [`bulk`], [`record`], [`stride`], [`user`]: what the data hold.
//!
//! Source of every fact: `zkteco-standalone-4370.md`. Deliberately absent: any way to say DISABLEDEVICE or to clear a log,
//! and everything about templates, photos, names and passwords.

pub mod bulk;
pub mod checksum;
pub mod code;
pub mod commkey;
pub mod event;
mod fields;
pub mod framer;
pub mod heard;
pub mod packet;
pub mod record;
pub mod said;
pub mod sizes;
pub mod stride;
pub mod time;
pub mod user;

pub use code::Code;
pub use event::{Event, Notice};
pub use framer::ZkFramer;
pub use heard::Heard;
pub use packet::{Packet, Sum};
pub use record::{Layout, Row, Who};
pub use said::{Request, Said, Table};
pub use sizes::FreeSizes;
pub use time::Numbers;
pub use user::{User, UserLayout};
