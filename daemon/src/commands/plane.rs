//! Asks the running gateway over its admin plane.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::Value;

use crate::{
    exit::Exit,
    messages::{Lang, Message},
};

/// Longest answer that is read, in bytes.
const LONGEST: u64 = 64 << 20;

/// What it answered.
#[derive(Debug)]
pub(super) struct Answer {
    /// The status code of HTTP.
    pub(super) status: u16,
    /// The body.
    pub(super) body: Value,
}

/// Asks for something.
pub(super) fn get(admin: SocketAddr, path: &str) -> io::Result<Answer> {
    call(
        admin,
        &format!("GET {path} HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n"),
    )
}

/// Has something done. The same call is never sent twice, so that any key will do.
pub(super) fn post(admin: SocketAddr, path: &str, body: &Value) -> io::Result<Answer> {
    let body = body.to_string();
    let key = std::process::id();
    call(
        admin,
        &format!(
            "POST {path} HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\nIdempotency-Key: {key}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ),
    )
}

/// Nobody answers.
pub(super) fn unreachable(admin: SocketAddr, error: &io::Error, lang: Lang, err: &mut dyn Write) -> io::Result<Exit> {
    let told = Message::new("status-unreachable")
        .with("address", admin)
        .with("why", error);
    writeln!(err, "{}", told.say(lang))?;
    Ok(Exit::Unavailable)
}

/// What the gateway gave as its reasons, one a line.
pub(super) fn refused(answer: &Answer, lang: Lang, err: &mut dyn Write) -> io::Result<Exit> {
    for why in answer.body["why"].as_array().into_iter().flatten() {
        writeln!(err, "{}", Message::retell(why, lang))?;
    }
    if let Some(detail) = answer.body["detail"].as_str() {
        writeln!(err, "{detail}")?;
    }
    Ok(Exit::Problems)
}

fn call(admin: SocketAddr, request: &str) -> io::Result<Answer> {
    let mut link = TcpStream::connect_timeout(&admin, Duration::from_secs(2))?;
    link.set_read_timeout(Some(Duration::from_secs(60)))?;
    link.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    link.take(LONGEST).read_to_end(&mut answer)?;
    let status = answer.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok());
    let status = status.and_then(|digits| digits.parse().ok()).unwrap_or(0);
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
    let body = end.and_then(|at| answer.get(at + 4..)).unwrap_or_default();
    Ok(Answer {
        status,
        body: serde_json::from_slice(body).map_err(io::Error::other)?,
    })
}
