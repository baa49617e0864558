//! The least of HTTP/1.1 that a measurement needs: messages with a `content-length`, kept-alive connections.
//!
//! Both ends are programs whose messages are known (lower-case names, no chunks), so nothing else is read.

use std::{io, str};

use memchr::memmem;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::spawn_local,
};

/// Where the head and the body of a message end.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// Bytes of the head, with the empty line.
    pub head: usize,
    /// Bytes of both.
    pub whole: usize,
}

impl Extent {
    /// Of the message that begins here; `None` while its head is not whole.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let head = memmem::find(bytes, b"\r\n\r\n")? + 4;
        let length = memmem::find(bytes.get(..head)?, b"content-length:").and_then(|at| {
            let value = bytes.get(at + 15..head)?;
            let line = value.split(|byte| *byte == b'\r').next()?;
            str::from_utf8(line).ok()?.trim().parse::<usize>().ok()
        });
        let whole = head + length.unwrap_or(0);
        Some(Self { head, whole })
    }
}

/// Reads until a whole message is in the buffer.
///
/// # Errors
/// When the connection ends or breaks before.
pub async fn message(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Extent> {
    loop {
        if let Some(extent) = Extent::of(buffer)
            && buffer.len() >= extent.whole
        {
            return Ok(extent);
        }
        if stream.read_buf(buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// An answer with this body, whole.
pub fn answer(body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
}

/// Answers every request with `answer`, once `taken` of its body has ended; runs within a `LocalSet`, for ever.
///
/// # Errors
/// When listening fails.
pub async fn serve<H>(listener: TcpListener, answer: &'static [u8], taken: H) -> io::Result<()>
where
    H: AsyncFn(&[u8]) -> io::Result<()> + Clone + 'static,
{
    loop {
        let (mut stream, _) = listener.accept().await?;
        let taken = taken.clone();
        spawn_local(async move {
            stream.set_nodelay(true)?;
            let mut buffer = Vec::with_capacity(64 << 10);
            loop {
                let extent = message(&mut stream, &mut buffer).await?;
                taken(buffer.get(extent.head..extent.whole).unwrap_or_default()).await?;
                buffer.drain(..extent.whole);
                stream.write_all(answer).await?;
            }
            // Names the type of the error; a connection ends as its caller wants.
            #[expect(unreachable_code, reason = "names the error of this block")]
            io::Result::Ok(())
        });
    }
}
