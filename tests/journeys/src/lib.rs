//! What the stories share: how a gateway, terminals and a sink are put together, and how what each of them holds is
//! compared.
//!
//! The stories are in `tests/`; each starts the real daemon as a process and speaks with it over real sockets.

#![forbid(unsafe_code)]

use std::{collections::BTreeMap, time::Duration};

use punchgate_kit::Carrier;
use punchgate_lab::{
    gateway::{APP, Gateway},
    sink::{Held, Sink},
    terminal::Terminal,
};
use serde_json::{Value, json};

/// How long something may take that takes a moment.
pub const SOON: Duration = Duration::from_secs(8);
/// How long something may take that has to wait for a backoff.
pub const LATER: Duration = Duration::from_secs(30);

/// The upstream's table: punches, records and verdicts, sent at once in small batches.
pub fn upstream(sink: &Sink) -> String {
    format!(
        "[[upstream]]\nname = \"erp\"\ndriver = \"webhook\"\nurl = \"{}\"\nbatch = {{ max = 50, every = \"20ms\" }}\n\
         timeout = \"2s\"\n[directory]\nunknown = \"forward\"\n",
        sink.url()
    )
}

/// A terminal's table; `more` are further keys.
pub fn device(name: &str, terminal: &Terminal, carrier: Carrier, more: &str) -> String {
    let transport = if carrier == Carrier::Udp { "udp" } else { "tcp" };
    format!(
        "[[device]]\nname = \"{name}\"\ndriver = \"zk_tcp\"\naddress = \"{}\"\ntransport = \"{transport}\"\n\
         timezone = \"UTC\"\nzone = \"hq-door\"\npoll = \"1s\"\npatience = \"500ms\"\n{more}\n",
        terminal.address()
    )
}

/// The office door's policy: a GPS punch of the app, then a finger at the door, within 15 minutes.
pub const OFFICE_DOOR: &str = r#"
[[verification]]
name = "office-door"
first = { factors = ["gps"], sources = ["wecom"] }
second = { factors = ["fingerprint"], zones = ["hq-door"] }
window = "15m"
"#;

/// An item of a post.
pub fn item(id: &str, person: &str, factor: &str, at: &str) -> Value {
    json!({"id": id, "person": person, "factor": factor, "at": at})
}

/// The punches that the sink holds of one source.
pub fn punches(sink: &Sink, source: &str) -> Vec<Held> {
    let of_source = |held: &Held| held.event_type == "punchgate.punch.v1" && held.data["source"] == source;
    sink.held().into_iter().filter(of_source).collect()
}

/// The punches that the sink holds of a terminal, named as its ledger names them, sorted.
pub fn as_ledger(sink: &Sink, source: &str) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let name = |held: Held| {
        let data = held.data;
        format!(
            "{}|{}|{}",
            text(&data["credential"]),
            text(&data["device_time"]),
            text(&data["factor"])
        )
    };
    let mut names: Vec<String> = punches(sink, source).into_iter().map(name).collect();
    names.sort();
    names
}

/// The app's own ids of what the sink holds, with how many punches bear each.
pub fn external_ids(sink: &Sink) -> BTreeMap<String, usize> {
    let mut ids = BTreeMap::new();
    for held in punches(sink, APP) {
        *ids.entry(held.data["external_id"].as_str().unwrap_or_default().to_owned())
            .or_default() += 1;
    }
    ids
}

/// The verdicts that hold, as the sink knows them.
pub fn verdicts(sink: &Sink) -> Vec<Held> {
    let holds = |held: &Held| held.event_type == "punchgate.verdict.v1" && held.data["withdrawn"] != true;
    sink.held().into_iter().filter(holds).collect()
}

/// Waits until all that the gateway holds is decided and the sink has it.
pub async fn all_is_delivered(gateway: &Gateway, patience: Duration) -> bool {
    let done = |status: &Value| {
        let number = |key: &str| status["journal"][key].as_u64();
        number("tail").is_some() && number("decided") >= number("tail") && status["upstreams"]["erp"]["backlog"] == 0
    };
    gateway.until(patience, done).await
}
