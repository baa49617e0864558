//! The admin plane: health, readiness, metrics, status. Loopback by default; no person in any answer.

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::{
    board::Board,
    metrics::{self, UpstreamFigures},
    pumps::Pumps,
};

/// What the admin plane shows.
#[derive(Clone)]
pub struct Admin {
    /// Units, devices, journal.
    pub board: Arc<Board>,
    /// Upstreams.
    pub pumps: Arc<Pumps>,
    /// The gateway's id.
    pub gateway: Arc<str>,
}

impl Admin {
    /// The answer to a request.
    pub fn answer(&self, request: &Request<Bytes>, _peer: SocketAddr) -> Response<Bytes> {
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
            _ => problem(
                StatusCode::NOT_FOUND,
                "not-found",
                "known: /healthz /readyz /metrics /api/v1/status",
            ),
        }
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
        let body = metrics::render(&self.board, &figures);
        text(
            StatusCode::OK,
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            body,
        )
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
            "devices": self.board.devices(),
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
