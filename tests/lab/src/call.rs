//! One HTTP request on a connection of its own, as a caller makes it who knows nothing of punchgate.

use std::{io, net::SocketAddr, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The head, line by line, as it came.
    pub head: String,
    /// The body, as it came.
    pub body: String,
}

impl Answer {
    /// The body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// Takes an answer apart; one that breaks off is an error.
    fn parse(bytes: &[u8]) -> io::Result<Self> {
        let broken = || io::Error::new(io::ErrorKind::UnexpectedEof, "the answer breaks off");
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").ok_or_else(broken)?;
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let is_length = name.eq_ignore_ascii_case("content-length");
            is_length.then(|| value.trim().parse::<usize>().ok())?
        });
        if length.is_some_and(|length| body.len() < length) {
            return Err(broken());
        }
        Ok(Self {
            status: status.ok_or_else(broken)?,
            head: head.to_owned(),
            body: body.to_owned(),
        })
    }
}

/// Asks for a path.
///
/// # Errors
/// When nobody answers, or not within 15 s, or the answer breaks off.
pub async fn get(address: SocketAddr, path: &str) -> io::Result<Answer> {
    send(
        address,
        &format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"),
    )
    .await
}

/// Posts JSON with a bearer token and more header lines, each ended by CR LF.
///
/// # Errors
/// As [`get`].
pub async fn post(address: SocketAddr, path: &str, token: &str, more: &str, body: &str) -> io::Result<Answer> {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\n{more}content-length: {length}\r\n\r\n"
    );
    send(address, &(head + body)).await
}

async fn send(address: SocketAddr, request: &str) -> io::Result<Answer> {
    let calling = async {
        let mut link = TcpStream::connect(address).await?;
        link.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        link.read_to_end(&mut answer).await?;
        Answer::parse(&answer)
    };
    timeout(PATIENCE, calling)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
