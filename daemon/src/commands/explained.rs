//! An explanation in plain words and numbers, line by line.

use punchgate_model::Timestamp;
use serde_json::Value;

use crate::messages::{Lang, Message, say, try_say};

/// The lines about the thing with this id: everything about a punch, or only the verdict that was asked for.
pub(super) fn lines(told: &Value, id: &str, lang: Lang) -> Vec<String> {
    let mut page = Page {
        lines: Vec::new(),
        lang,
    };
    let verdicts = told["verdicts"].as_array().map_or(&[][..], Vec::as_slice);
    let asked: Vec<&Value> = verdicts.iter().filter(|verdict| verdict["id"] == id).collect();
    if asked.is_empty() {
        page.punch(&told["punch"], 0);
        page.record(told);
        verdicts.iter().for_each(|verdict| page.verdict(verdict, told));
    } else {
        asked.into_iter().for_each(|verdict| page.verdict(verdict, told));
    }
    page.revisions(told);
    page.lines
}

struct Page {
    lines: Vec<String>,
    lang: Lang,
}

impl Page {
    fn line(&mut self, depth: usize, message: &Message) {
        self.lines
            .push(format!("{}{}", "  ".repeat(depth), message.say(self.lang)));
    }

    fn verdict(&mut self, verdict: &Value, told: &Value) {
        let outcome = format!("outcome-{}", text(&verdict["outcome"]).replace('_', "-"));
        let state = match (verdict["withdrawn"] == true, verdict["final"] == true) {
            (true, _) => "verdict-withdrawn",
            (false, true) => "verdict-final",
            (false, false) => "verdict-provisional",
        };
        let head = Message::new("explain-verdict")
            .with("id", text(&verdict["id"]))
            .with("policy", text(&verdict["policy"]))
            .with("person", text(&verdict["person"]))
            .with("outcome", try_say(self.lang, &outcome).unwrap_or_default())
            .with("state", say(self.lang, state))
            .with("revision", &verdict["revision"]);
        self.line(0, &head);
        let why = Message::new("explain-why").with("outcome", text(&verdict["outcome"]));
        self.line(1, &why);
        self.terms(&verdict["terms"]);
        self.gap(verdict);
        for part in verdict["parts"].as_array().into_iter().flatten() {
            let role = Message::new("explain-part").with("role", text(&part["as"]));
            self.line(1, &role);
            self.punch(&part["punch"], 2);
        }
        self.awaited(verdict, told);
    }

    fn terms(&mut self, terms: &Value) {
        if terms.is_null() {
            return;
        }
        let message = Message::new("explain-terms")
            .with("window", span(&terms["window_ms"]))
            .with("unrelated", span(&terms["unrelated_after_ms"]))
            .with("order", text(&terms["order"]))
            .or_none("from", terms["from"].as_str())
            .or_none("until", terms["until"].as_str());
        self.line(1, &message);
    }

    fn gap(&mut self, verdict: &Value) {
        let (Some(gap), Some(edge)) = (verdict["gap_ms"].as_i64(), verdict["within_window_by_ms"].as_i64()) else {
            return;
        };
        let message = Message::new("explain-gap")
            .with("gap", millis(gap))
            .with("side", if edge >= 0 { "inside" } else { "outside" })
            .with("edge", millis(edge.saturating_abs()));
        self.line(1, &message);
        let doubt = |role: &str| {
            let parts = verdict["parts"].as_array().into_iter().flatten();
            let mut of_role = parts.filter(|part| part["as"] == role);
            of_role
                .next()
                .and_then(|part| part["punch"]["uncertainty_ms"].as_i64())
                .unwrap_or(0)
        };
        let certain = Message::new("explain-certain")
            .with("certain", if verdict["certain"] == false { "no" } else { "yes" })
            .with("doubt", millis(doubt("first") + doubt("second")));
        self.line(1, &certain);
    }

    fn punch(&mut self, punch: &Value, depth: usize) {
        let head = Message::new("explain-punch")
            .with("id", text(&punch["id"]))
            .or_none("person", punch["person"].as_str())
            .with("credential", text(&punch["credential"]["number"]))
            .with("factor", text(&punch["factor"]))
            .with("source", text(&punch["source"]))
            .or_none("zone", punch["zone"].as_str())
            .with("direction", text(&punch["direction"]))
            .with("result", text(&punch["result"]));
        self.line(depth, &head);
        let when = Message::new("explain-when")
            .with("at", text(&punch["at"]))
            .with("doubt", &punch["uncertainty_ms"])
            .with("quality", text(&punch["time_quality"]))
            .with("revision", &punch["revision"]);
        self.line(depth + 1, &when);
        if punch["held_out"] == true {
            self.line(depth + 1, &Message::new("explain-held-out"));
        }
        if punch["held_back"] == true {
            self.line(depth + 1, &Message::new("explain-held-back"));
        }
        for account in punch["accounts"].as_array().into_iter().flatten() {
            self.account(account, depth + 1);
        }
    }

    /// Both clocks.
    fn account(&mut self, account: &Value, depth: usize) {
        let arrived = Message::new("explain-arrived")
            .with("received", text(&account["received_at"]))
            .with("live", if account["live"] == true { "yes" } else { "no" })
            .with("counts", if account["counts"] == true { "yes" } else { "no" });
        self.line(depth, &arrived);
        let Some(printed) = account["device_time"].as_str() else {
            return;
        };
        let shown = Message::new("explain-clock")
            .with("printed", printed)
            .or_none("zone", account["zone"].as_str())
            .with(
                "stated",
                if account["zone_was_stated"] == true {
                    "yes"
                } else {
                    "no"
                },
            )
            .or_none("instant", account["device_clock"].as_str());
        self.line(depth, &shown);
        let measured = &account["measured"];
        if let Some(offset) = measured["offset_ms"].as_i64() {
            let message = Message::new("explain-measured")
                .with("side", if offset < 0 { "behind" } else { "ahead" })
                .with("offset", millis(offset.saturating_abs()))
                .with("doubt", &measured["uncertainty_ms"])
                .with("at", text(&measured["at"]))
                .with("clock", text(&account["clock"]));
            self.line(depth, &message);
        }
    }

    fn record(&mut self, told: &Value) {
        let record = &told["record"];
        if record.is_null() {
            return;
        }
        let repeats = record["repeats"].as_array().map_or(0, Vec::len);
        let message = Message::new("explain-record")
            .with("first", text(&record["first_at"]))
            .with("last", text(&record["last_at"]))
            .with("repeats", repeats)
            .with("within", span(&told["repeats_within_ms"]))
            .with("revision", &record["revision"])
            .with("withdrawn", if record["withdrawn"] == true { "yes" } else { "no" });
        self.line(0, &message);
    }

    fn awaited(&mut self, verdict: &Value, told: &Value) {
        if verdict["final"] == true || verdict["withdrawn"] == true {
            return;
        }
        let settles = text(&verdict["settles_at"]);
        let latest: Option<Timestamp> = settles.parse().ok();
        let latest = latest.map(|at| at.plus_millis(told["max_wait_ms"].as_i64().unwrap_or(0)));
        let message = Message::new("explain-awaits")
            .with("settles", settles)
            .with("until", text(&told["complete_until"]))
            .or_none("latest", latest.map(|at| at.to_string()).as_deref());
        self.line(1, &message);
        for awaited in verdict["awaited"].as_array().into_iter().flatten() {
            let message = Message::new("explain-awaits-device")
                .with("device", text(&awaited["device"]))
                .or_none("through", awaited["complete_through"].as_str());
            self.line(2, &message);
        }
    }

    fn revisions(&mut self, told: &Value) {
        for revision in told["revisions"].as_array().into_iter().flatten() {
            let message = Message::new("explain-revision")
                .with("revision", &revision["revision"])
                .with("id", text(&revision["id"]))
                .with("record", &revision["record"])
                .with("at", text(&revision["said_at"]))
                .or_none("outcome", revision["outcome"].as_str())
                .or_none("state", revision["state"].as_str())
                .with("withdrawn", if revision["withdrawn"] == true { "yes" } else { "no" });
            self.line(0, &message);
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn span(value: &Value) -> String {
    millis(value.as_i64().unwrap_or(0))
}

/// A span as people say it, exact to the millisecond.
fn millis(ms: i64) -> String {
    let (minutes, rest) = (ms / 60_000, ms % 60_000);
    let seconds = match rest % 1000 {
        0 => format!("{} s", rest / 1000),
        part => format!("{}.{part:03} s", rest / 1000),
    };
    match minutes {
        0 => seconds,
        minutes if rest == 0 => format!("{minutes} min"),
        minutes => format!("{minutes} min {seconds}"),
    }
}
