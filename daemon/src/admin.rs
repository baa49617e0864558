//! The admin plane: health, readiness, metrics, status, and what a person asks or wants done. Loopback by default; people
//! are named only to whoever asks about one thing by its id, and numbers are masked.
//!
//! What changes something must carry an `Idempotency-Key`: no page of a browser can send one without being allowed to.

mod clocks;

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use jiff::tz::TimeZone;
use punchgate_rules::is_our_time;
use serde_json::{Value, json};
use tokio::sync::watch;

pub use clocks::Clocks;

use crate::{
    board::Board,
    decide::{
        asked::{self, Asked},
        ids::Ids,
        settings::Settings,
    },
    metrics::{self, UpstreamFigures},
    pumps::Pumps,
    questions::Desk,
    run::commands::{Command, Orders},
    watermark::complete_until,
};

/// Unknown credentials listed at most; all are counted.
const MOST_LISTED: usize = 1000;

/// What the admin plane shows.
#[derive(Clone)]
pub struct Admin {
    /// Units, devices, journal.
    pub board: Arc<Board>,
    /// Upstreams.
    pub pumps: Arc<Pumps>,
    /// The gateway's id.
    pub gateway: Arc<str>,
    /// Where to ask about what is decided.
    pub questions: Desk,
    /// The ids that are held.
    pub ids: Ids,
    /// The settings in force.
    pub settings: watch::Receiver<Settings>,
    /// The way to have something done.
    pub orders: Orders,
    /// The way to the devices' clocks.
    pub clocks: Clocks,
}

impl Admin {
    /// The answer to a request.
    pub async fn answer(&self, request: &Request<Bytes>, _peer: SocketAddr) -> Response<Bytes> {
        if request.method() == Method::POST {
            return self.order(request).await;
        }
        if request.method() != Method::GET {
            return problem(
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "this address is only read",
            );
        }
        match request.uri().path() {
            "/healthz" => text(StatusCode::OK, "text/plain; charset=utf-8", "ok\n".into()),
            "/readyz" => self.ready(),
            "/metrics" => self.metrics(),
            "/api/v1/status" => json_answer(StatusCode::OK, &self.status()),
            "/api/v1/quarantine" => self.quarantine().await,
            path => match path.strip_prefix("/api/v1/explain/") {
                Some(id) => self.explain(id).await,
                None => problem(
                    StatusCode::NOT_FOUND,
                    "not-found",
                    "known: /healthz /readyz /metrics /api/v1/status /api/v1/quarantine /api/v1/explain/ID",
                ),
            },
        }
    }

    async fn quarantine(&self) -> Response<Bytes> {
        let asked = Asked::Quarantine {
            most: MOST_LISTED,
            in_full: false,
        };
        match self.questions.ask(asked).await {
            Some(told) => json_answer(StatusCode::OK, &told),
            None => problem(StatusCode::SERVICE_UNAVAILABLE, "stopping", "nobody decides any more"),
        }
    }

    async fn explain(&self, id: &str) -> Response<Bytes> {
        let Some(mut told) = self.explained(id).await else {
            let detail = "no punch, record or verdict has this id";
            return problem(StatusCode::NOT_FOUND, "no-such-id", detail);
        };
        let devices = self.board.devices();
        let settings = self.settings.borrow().clone();
        let kept = settings.devices.iter().filter(|(_, device)| device.keeps_log);
        let through = kept.map(|(name, _)| (name.clone(), devices.get(name).and_then(|row| row.complete_through)));
        asked::add_awaited(&mut told, &through.collect());
        json_answer(StatusCode::OK, &told)
    }

    /// By the id of a punch or a record, or else of a verdict, which takes longer to find.
    async fn explained(&self, id: &str) -> Option<Value> {
        let bare = asked::bare(id);
        if let Some(told) = self.questions.ask(Asked::Explain(bare.into())).await {
            return Some(told);
        }
        let policies = self.questions.ask(Asked::Policies).await?;
        let policies: Vec<String> = serde_json::from_value(policies).ok()?;
        let (ids, verdict) = (self.ids.clone(), bare.to_owned());
        let searched = tokio::task::spawn_blocking(move || ids.named_after(&verdict, &policies)).await;
        let punch = searched.ok()?.ok()??;
        self.questions.ask(Asked::Explain(punch)).await
    }

    /// Something is to be done.
    async fn order(&self, request: &Request<Bytes>) -> Response<Bytes> {
        if !request.headers().contains_key("idempotency-key") || request.headers().contains_key(header::ORIGIN) {
            let detail = "what changes something needs an Idempotency-Key, and is not for browsers";
            return problem(StatusCode::FORBIDDEN, "needs-key", detail);
        }
        let path = request.uri().path();
        if let Some(device) = path
            .strip_prefix("/api/v1/devices/")
            .and_then(|rest| rest.strip_suffix("/time"))
        {
            return self.set_clock(device, request).await;
        }
        let command = match path {
            "/api/v1/commands/reload" => Ok(Command::Reload),
            "/api/v1/commands/reinterpret" => serde_json::from_slice(request.body()).map(Command::Reinterpret),
            _ => {
                let detail = "known: /api/v1/commands/reload /api/v1/commands/reinterpret /api/v1/devices/NAME/time";
                return problem(StatusCode::NOT_FOUND, "not-found", detail);
            }
        };
        match command {
            Err(error) => problem(StatusCode::UNPROCESSABLE_ENTITY, "not-understood", &error.to_string()),
            Ok(command) => match self.orders.give(command).await {
                Ok(told) => json_answer(StatusCode::OK, &told),
                Err(why) => json_answer(StatusCode::CONFLICT, &json!({"code": "refused", "why": why})),
            },
        }
    }

    async fn set_clock(&self, device: &str, request: &Request<Bytes>) -> Response<Bytes> {
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let actor = body["actor"].as_str().unwrap_or("unknown");
        let zone = {
            let settings = self.settings.borrow();
            let zone = settings.devices.get(device).and_then(|device| device.timezone.clone());
            zone.and_then(|zone| TimeZone::get(&zone).ok())
        };
        self.clocks.set((device, zone), actor, &self.board).await
    }

    fn ready(&self) -> Response<Bytes> {
        let mut reasons: Vec<String> = Vec::new();
        if !self.board.is_ready() {
            reasons.push("the gateway is starting or stopping".to_owned());
        }
        if let Some(why) = self.board.journal().failing {
            reasons.push(format!("nothing can be stored: {why}"));
        }
        let status = if reasons.is_empty() {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        json_answer(status, &json!({"ready": reasons.is_empty(), "reasons": reasons}))
    }

    fn metrics(&self) -> Response<Bytes> {
        let figures = self.figures();
        let complete = self.complete_through(self.board.clock().now());
        let body = metrics::render(&self.board, &figures, complete);
        text(
            StatusCode::OK,
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            body,
        )
    }

    /// How far all sources together are complete.
    fn complete_through(&self, now: punchgate_model::Timestamp) -> punchgate_model::Timestamp {
        complete_until(&self.settings.borrow(), &self.board.devices(), now)
    }

    fn figures(&self) -> Vec<UpstreamFigures> {
        let now = self.board.clock().now();
        let figures = |(name, status): (String, punchgate_upstream::Status)| UpstreamFigures {
            up: status.is_up(),
            backlog: status.backlog,
            oldest_age_seconds: status.oldest_age(now).as_secs_f64(),
            accepted: status.sent,
            rejected: status.dead,
            failed: status.refusals,
            name,
        };
        self.pumps.statuses().into_iter().map(figures).collect()
    }

    fn devices(&self, now: punchgate_model::Timestamp) -> serde_json::Map<String, Value> {
        let settings = self.settings.borrow();
        let rows = self.board.devices().into_iter().map(|(name, row)| {
            let uncertainty = row.clock_uncertainty_now(now);
            let timezone = settings.devices.get(&name).and_then(|device| device.timezone.clone());
            // Plain data always serialises.
            let mut value = serde_json::to_value(row).unwrap_or_default();
            if let Some(fields) = value.as_object_mut() {
                fields.insert("has_clock".to_owned(), self.board.has_clock(&name).into());
                if let Some(zone) = timezone {
                    fields.insert("timezone".to_owned(), zone.into());
                }
                if let Some(ms) = uncertainty {
                    fields.insert("clock_uncertainty_now_ms".to_owned(), ms.into());
                }
            }
            (name, value)
        });
        rows.collect()
    }

    /// Everything `punchgate status` shows.
    pub fn status(&self) -> Value {
        let now = self.board.clock().now();
        // Looked at first: what is decided here is counted as waiting, or delivered, in what follows.
        let journal = self.board.journal();
        let upstreams = self
            .pumps
            .statuses()
            .into_iter()
            .map(|(name, status)| (name, upstream(&status, now)));
        json!({
            "gateway": &*self.gateway,
            "version": env!("CARGO_PKG_VERSION"),
            "at": now,
            "ready": self.board.is_ready(),
            "journal": journal,
            "configuration": self.board.configuration(),
            "quarantine": {
                "punches": self.board.quarantined.load(Ordering::Relaxed),
                "held": self.board.holds_unknown.load(Ordering::Relaxed),
            },
            "resolving": self.board.is_resolving(),
            "complete_through": self.complete_through(now),
            "clock": {
                "knows_the_time": is_our_time(now),
                "doubted_ms": self.board.own_clock_doubted_ms(),
            },
            "devices": self.devices(now),
            "units": self.board.units(),
            "upstreams": upstreams.collect::<serde_json::Map<_, _>>(),
        })
    }
}

fn upstream(status: &punchgate_upstream::Status, now: punchgate_model::Timestamp) -> Value {
    let last_error = status
        .last_error
        .as_ref()
        .map(|(at, why)| json!({"at": at, "why": why.to_string()}));
    json!({
        "up": status.is_up(),
        "backlog": status.backlog,
        "oldest_age_seconds": status.oldest_age(now).as_secs(),
        "sent": status.sent,
        "dead": status.dead,
        "last_delivery": status.last_delivery,
        "last_error": last_error,
    })
}

fn text(status: StatusCode, kind: &'static str, body: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}

fn json_answer(status: StatusCode, body: &Value) -> Response<Bytes> {
    text(status, "application/json", format!("{body}\n"))
}

fn problem(status: StatusCode, code: &str, detail: &str) -> Response<Bytes> {
    let title = status.canonical_reason().unwrap_or_default();
    let body =
        json!({"type": "about:blank", "title": title, "status": status.as_u16(), "code": code, "detail": detail});
    text(status, "application/problem+json", format!("{body}\n"))
}
