//! HTTP: the webhook, and the paths by which a sink is asked and told.

use std::{future::pending, io, sync::Arc, time::Duration, time::SystemTime};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Limited};
use hyper::{body::Incoming as Arriving, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use punchgate_upstream::payload::BATCH_TYPE;
use serde_json::json;
use tokio::net::TcpStream;

use super::{
    Call, Shared,
    body::Pieces,
    fault::{Fault, Wanted},
    holdings::{Incoming, check_batch},
};

/// The largest body it reads, in bytes.
const LARGEST: usize = 64 << 20;

/// The oldest and the furthest future timestamp it takes, in seconds.
const TOLERANCE: u64 = 300;

pub(crate) async fn connection(socket: TcpStream, shared: Arc<Shared>) {
    // Small answers should not wait for company; that it cannot be set does no harm.
    let _ = socket.set_nodelay(true);
    let service = service_fn(move |request| answer(request, shared.clone()));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(socket), service);
    // A connection ends as its client, or a fault, wants it to.
    let _ = served.await;
}

async fn answer(request: Request<Arriving>, shared: Arc<Shared>) -> io::Result<Response<Pieces>> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, LARGEST)
        .collect()
        .await
        .map_err(io::Error::other)?
        .to_bytes();
    match (&head.method, head.uri.path()) {
        (&Method::GET, "/events") => Ok(json_reply(200, &json!(shared.inner().holdings.held()))),
        (&Method::GET, "/stats") => Ok(json_reply(200, &json!(shared.inner().holdings.stats()))),
        (&Method::POST, "/faults") => Ok(set_faults(&body, &shared)),
        (&Method::POST, _) => webhook(&head, body, &shared).await,
        _ => Ok(reply(405, Pieces::whole(""))),
    }
}

fn set_faults(body: &[u8], shared: &Shared) -> Response<Pieces> {
    match serde_json::from_slice::<Wanted>(body) {
        Ok(wanted) => {
            let mut inner = shared.inner();
            wanted.faults.into_iter().for_each(|fault| inner.faults.queue(fault));
            if let Some(standing) = wanted.standing {
                inner.faults.stand(standing);
            }
            reply(204, Pieces::whole(""))
        }
        Err(error) => json_reply(400, &json!({"error": error.to_string()})),
    }
}

/// How a call ends.
enum Ending {
    Reply(Response<Pieces>),
    Cut,
    Hang,
}

async fn webhook(head: &http::request::Parts, body: Bytes, shared: &Shared) -> io::Result<Response<Pieces>> {
    let header = |name: &str| {
        head.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let mut call = Call {
        webhook_id: header("webhook-id").to_owned(),
        idempotency_key: header("idempotency-key").to_owned(),
        ids: Vec::new(),
        new: 0,
        answered: String::new(),
    };
    let ending = receive(&header, &body, shared, &mut call);
    shared.note(call);
    match ending {
        Ending::Reply(reply) => Ok(reply),
        Ending::Cut => Err(io::Error::other("cut as asked")),
        Ending::Hang => pending().await,
    }
}

fn receive<'h>(header: &impl Fn(&str) -> &'h str, body: &[u8], shared: &Shared, call: &mut Call) -> Ending {
    shared.inner().holdings.counts.calls += 1;
    if let Err(wrong) = signed(header, body, shared) {
        shared.inner().holdings.counts.unsigned += 1;
        return refuse(call, 401, &wrong);
    }
    let shape = if header("content-type") == BATCH_TYPE {
        check_batch(body)
    } else {
        Err(format!("wanted content-type {BATCH_TYPE}"))
    };
    let events = match shape {
        Ok(events) => events,
        Err(wrong) => {
            shared.inner().holdings.counts.malformed += 1;
            return refuse(call, 400, &wrong);
        }
    };
    call.ids = events.iter().map(|event| event.id.clone()).collect();
    let fault = shared.inner().faults.next();
    call.answered = fault.as_ref().map_or("200", Fault::name).to_owned();
    if fault.as_ref().is_none_or(|fault| fault.takes(&call.ids)) {
        match take(events, fault.as_ref(), shared) {
            Ok(new) => call.new = new,
            Err(error) => return refuse(call, 503, &error.to_string()),
        }
    }
    match fault {
        Some(fault) => {
            shared.inner().holdings.counts.faults += 1;
            misbehave(&fault, &call.ids)
        }
        None => Ending::Reply(accepted()),
    }
}

fn take(events: Vec<Incoming>, fault: Option<&Fault>, shared: &Shared) -> io::Result<usize> {
    let rejected: &[String] = match fault {
        Some(Fault::RejectIds { ids }) => ids,
        _ => &[],
    };
    let wanted = events.into_iter().filter(|event| !rejected.contains(&event.id));
    shared.inner().holdings.accept(wanted.collect())
}

fn misbehave(fault: &Fault, ids: &[String]) -> Ending {
    let whole = json!({"results": [], "note": "this answer is long enough to be broken off in its middle"}).to_string();
    Ending::Reply(match fault {
        Fault::Hang | Fault::AcceptThenHang => return Ending::Hang,
        Fault::Cut | Fault::AcceptThenCut => return Ending::Cut,
        Fault::Status { code, headers, body } => {
            let mut response = reply(*code, Pieces::whole(body.clone()));
            for (name, value) in headers {
                if let (Ok(name), Ok(value)) = (http::HeaderName::try_from(name), http::HeaderValue::try_from(value)) {
                    response.headers_mut().insert(name, value);
                }
            }
            response
        }
        Fault::Html => {
            let page = "<!DOCTYPE html><html><body>Please accept the terms of this network.</body></html>";
            typed(200, "text/html; charset=utf-8", Pieces::whole(page))
        }
        Fault::HalfBody => typed(200, "application/json", Pieces::half(whole)),
        Fault::Slow { millis } => typed(
            200,
            "application/json",
            Pieces::trickling(whole, Duration::from_millis(*millis)),
        ),
        Fault::RejectIds { ids: rejected } => json_reply(200, &results(ids, rejected)),
        Fault::Poison { code, .. } if !fault.takes(ids) => json_reply(*code, &json!({"error": "not acceptable"})),
        Fault::TooMany { most } if !fault.takes(ids) => json_reply(413, &json!({"error": format!("at most {most}")})),
        Fault::Poison { .. } | Fault::TooMany { .. } => accepted(),
    })
}

fn results(ids: &[String], rejected: &[String]) -> serde_json::Value {
    let result = |id: &String| match rejected.contains(id) {
        true => json!({"id": id, "status": "rejected", "error": "rejected as asked"}),
        false => json!({"id": id, "status": "accepted"}),
    };
    json!({"results": ids.iter().map(result).collect::<Vec<_>>()})
}

/// Whether the call is signed with the sink's key, not long ago.
fn signed<'h>(header: &impl Fn(&str) -> &'h str, body: &[u8], shared: &Shared) -> Result<(), String> {
    let Some(key) = &shared.key else { return Ok(()) };
    let seconds: i64 = header("webhook-timestamp")
        .parse()
        .map_err(|_| "wanted a webhook-timestamp".to_owned())?;
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    if now.abs_diff(u64::try_from(seconds).unwrap_or(0)) > TOLERANCE {
        return Err("the webhook-timestamp is not of these five minutes".to_owned());
    }
    match key.verify(header("webhook-id"), seconds, body, header("webhook-signature")) {
        true => Ok(()),
        false => Err("no signature of webhook-signature is right".to_owned()),
    }
}

fn refuse(call: &mut Call, code: u16, wrong: &str) -> Ending {
    call.answered = code.to_string();
    Ending::Reply(json_reply(code, &json!({"error": wrong})))
}

fn accepted() -> Response<Pieces> {
    json_reply(200, &json!({"results": []}))
}

fn json_reply(code: u16, value: &serde_json::Value) -> Response<Pieces> {
    typed(code, "application/json", Pieces::whole(value.to_string()))
}

fn typed(code: u16, content_type: &'static str, body: Pieces) -> Response<Pieces> {
    let mut response = reply(code, body);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, http::HeaderValue::from_static(content_type));
    response
}

fn reply(code: u16, body: Pieces) -> Response<Pieces> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}
