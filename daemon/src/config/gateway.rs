//! `[gateway]`: who we are.

use super::{reader::Reader, value::Name, zone::Zone};

/// This gateway.
#[derive(Debug, Clone, PartialEq)]
pub struct Gateway {
    /// Its name in events; unique among the gateways of an upstream.
    pub id: String,
    /// The zone of business dates; never assumed for devices. Without it, days are counted in UTC.
    pub timezone: Option<Zone>,
}

pub(crate) fn read(reader: Reader<'_>) -> Gateway {
    let id = reader.need::<Name>("id").map(|name| name.0).unwrap_or_default();
    let gateway = Gateway {
        id,
        timezone: reader.get("timezone"),
    };
    reader.finish();
    gateway
}
