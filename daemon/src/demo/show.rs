//! What the demo prints: scenes, and each event as the sink gets it.

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use serde_json::Value;

use super::places::get;
use crate::messages::{Lang, Message, say};

/// How often the sink is looked at.
const LOOK: Duration = Duration::from_millis(150);
/// More punches than this at once are told in one line.
const MANY: usize = 8;

/// Punches first, then what follows from them.
fn rank(event: &Value) -> u8 {
    match event["type"].as_str() {
        Some("punchgate.punch.v1") => 0,
        Some("punchgate.record.v1") => 1,
        _ => 2,
    }
}

/// Prints in one language.
#[derive(Debug, Clone)]
pub(super) struct Show {
    lang: Lang,
}

impl Show {
    pub(super) fn new(lang: Lang) -> Self {
        Self { lang }
    }

    /// The heading of a scene.
    pub(super) fn scene(&self, id: &'static str) {
        println!("\n── {}", say(self.lang, id));
    }

    /// A line of a scene.
    pub(super) fn tell(&self, message: &Message) {
        println!("   {}", message.say(self.lang));
    }

    /// A word of the catalogue.
    pub(super) fn word(&self, id: &'static str) -> String {
        say(self.lang, id)
    }

    /// Prints every event that is new at the sink, until it is dropped.
    pub(super) async fn watch(self, sink: SocketAddr) {
        let mut seen = BTreeSet::new();
        loop {
            tokio::time::sleep(LOOK).await;
            // The sink may be down: that is part of the demo.
            let Ok(Value::Array(events)) = get(sink, "/events").await else {
                continue;
            };
            let mut fresh: Vec<&Value> = events
                .iter()
                .filter(|event| seen.insert((event["id"].to_string(), event["revision"].to_string())))
                .collect();
            fresh.sort_by_key(|event| (rank(event), event["data"]["at"].to_string()));
            let punches = fresh.iter().filter(|event| rank(event) == 0).count();
            if punches > MANY {
                self.tell(&Message::new("demo-many").with("count", punches));
                fresh.retain(|event| rank(event) > 1);
            }
            fresh.iter().for_each(|event| self.event(event));
        }
    }

    fn event(&self, event: &Value) {
        let data = &event["data"];
        let text = |key: &str| data[key].as_str().unwrap_or("–").to_owned();
        let short = |key: &str| text(key).get(11..19).unwrap_or("–").to_owned();
        let who = data["person"]
            .as_str()
            .map_or_else(|| format!("#{}", text("credential")), str::to_owned);
        match event["type"].as_str() {
            Some("punchgate.punch.v1") => self.tell(
                &Message::new("demo-punch")
                    .with("at", short("at"))
                    .with("who", who)
                    .with("factor", text("factor"))
                    .with("source", text("source")),
            ),
            Some("punchgate.record.v1") => {
                let repeats = data["repeats"].as_array().map_or(0, Vec::len);
                if repeats > 0 && data["withdrawn"] != true {
                    let merged = Message::new("demo-merged")
                        .with("at", short("first_at"))
                        .with("who", who)
                        .with("count", repeats + 1);
                    self.tell(&merged);
                }
            }
            Some("punchgate.verdict.v1") => self.verdict(data, &who),
            _ => {}
        }
    }

    fn verdict(&self, data: &Value, who: &str) {
        let revision = data["revision"].as_u64().unwrap_or(1);
        let gap = data["gap_ms"]
            .as_i64()
            .map_or_else(|| "–".to_owned(), |ms| format!("{}:{:02}", ms / 60_000, ms / 1000 % 60));
        let outcome = match data["outcome"].as_str().unwrap_or_default() {
            "verified" => "outcome-verified",
            "late" => "outcome-late",
            "wrong_order" => "outcome-wrong-order",
            "missing_first" => "outcome-missing-first",
            "missing_second" => "outcome-missing-second",
            _ => "outcome-pending",
        };
        let state = match (data["withdrawn"] == true, data["state"] == "final") {
            (true, _) => "verdict-withdrawn",
            (false, true) => "verdict-final",
            (false, false) => "verdict-provisional",
        };
        let message = Message::new("demo-verdict")
            .with("who", who)
            .with("outcome", self.word(outcome))
            .with("gap", gap)
            .with("state", self.word(state))
            .with("revision", revision);
        self.tell(&message);
    }
}
