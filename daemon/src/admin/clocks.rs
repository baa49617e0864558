//! Setting a device's clock. The order is in the journal, with who gave it, before anything is done about it.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Response, StatusCode};
use jiff::tz::TimeZone;
use punchgate_journal::Entry;
use punchgate_kit::{Clock, Wish};
use punchgate_model::DeviceName;
use serde_json::{Value, json};

use super::{json_answer, problem};
use crate::{
    board::Board,
    notebook::Notebook,
    switchboard::{NotDone, Switchboard},
};

/// How long a device may take to do what is wanted.
const PATIENCE: Duration = Duration::from_secs(30);

/// The way to the clocks.
#[derive(Clone)]
pub struct Clocks {
    /// The conversations with the devices.
    pub switchboard: Arc<Switchboard>,
    /// Where orders are noted.
    pub notebook: Notebook,
    /// The clock that orders are dated by.
    pub clock: Clock,
}

impl Clocks {
    /// Sets the clock of a device that stands in this zone; `actor` wants it.
    pub(super) async fn set(
        &self,
        (device, zone): (&str, Option<TimeZone>),
        actor: &str,
        board: &Board,
    ) -> Response<Bytes> {
        if !board.devices().contains_key(device) {
            return problem(StatusCode::NOT_FOUND, "no-such-device", "no device has this name");
        }
        let name = DeviceName::from(device);
        let Some(zone) = zone.filter(|_| board.has_clock(device)) else {
            return problem(
                StatusCode::UNPROCESSABLE_ENTITY,
                "no-clock",
                "this device has no clock that can be set",
            );
        };
        let offset_ms = board.devices().get(device).and_then(|row| row.clock_offset_ms);
        let order = self.audit(actor, "set-clock", device, json!({"offset_ms": offset_ms}));
        if let Err(why) = self.notebook.write(vec![order]).await {
            return problem(
                StatusCode::SERVICE_UNAVAILABLE,
                "not-noted",
                &format!("the order could not be noted: {why}"),
            );
        }
        let asked = self.switchboard.ask(&name, Wish::SetClock { zone });
        let done = tokio::time::timeout(PATIENCE, asked).await;
        let (answer, told) = match done {
            Ok(Ok(told)) => (
                json_answer(StatusCode::OK, &json!({"device": device, "told": told})),
                told,
            ),
            Ok(Err(why)) => {
                let (status, code) = match why {
                    NotDone::NotConnected(_) => (StatusCode::CONFLICT, "not-connected"),
                    NotDone::Refused(_) => (StatusCode::BAD_GATEWAY, "refused"),
                };
                (problem(status, code, &why.to_string()), why.to_string())
            }
            Err(_) => {
                let why = "the device did not answer in time";
                (problem(StatusCode::GATEWAY_TIMEOUT, "silent", why), why.to_owned())
            }
        };
        let outcome = self.audit(actor, "set-clock-answered", device, json!({"told": told}));
        self.notebook.jot(vec![outcome]).await;
        answer
    }

    fn audit(&self, actor: &str, action: &str, device: &str, details: Value) -> Entry {
        Entry::Audit {
            at: self.clock.now(),
            actor: actor.to_owned(),
            action: action.to_owned(),
            subject: device.to_owned(),
            details,
        }
    }
}
