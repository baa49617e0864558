//! Addresses, child processes, and the few HTTP questions the demo asks.

use std::{io, net::SocketAddr, path::Path, process::Stdio, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

/// How long an answer of a process of ours may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a process of ours may take to start; a debug build on a busy machine is slow.
const START: Duration = Duration::from_secs(30);

/// A free address on this machine.
pub(super) async fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind(("127.0.0.1", 0)).await?.local_addr()
}

/// Starts this program with other arguments. It is killed when the demo ends, however that happens.
pub(super) fn start(arguments: &[&str], log: &Path) -> io::Result<Child> {
    let log = std::fs::File::options().create(true).append(true).open(log)?;
    Command::new(std::env::current_exe()?)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
}

/// Waits until a process of ours answers 200 on a path.
pub(super) async fn until_it_answers(address: SocketAddr, path: &str) -> io::Result<()> {
    let began = Instant::now();
    while began.elapsed() < START {
        if ask(address, path).await.is_ok_and(|(status, _)| status == 200) {
            return Ok(());
        }
        sleep(Duration::from_millis(50)).await;
    }
    Err(io::Error::other(format!(
        "nothing answered on {address}{path} within {} s",
        START.as_secs()
    )))
}

/// Asks for JSON.
pub(super) async fn get(address: SocketAddr, path: &str) -> io::Result<Value> {
    let (_, body) = ask(address, path).await?;
    serde_json::from_slice(&body).map_err(io::Error::other)
}

async fn ask(address: SocketAddr, path: &str) -> io::Result<(u16, Vec<u8>)> {
    let asking = async {
        let mut link = TcpStream::connect(address).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        link.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        link.read_to_end(&mut answer).await?;
        let head = answer
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .unwrap_or(answer.len());
        let status = answer
            .get(9..12)
            .and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        Ok((status.unwrap_or(0), answer.get(head + 4..).unwrap_or_default().to_vec()))
    };
    timeout(PATIENCE, asking)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
