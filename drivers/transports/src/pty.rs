//! A pseudo terminal for simulated devices: a serial port without hardware.
//!
//! Both ends are raw, so that no byte is changed or echoed. One descriptor of the gateway's end stays open, so that a gateway
//! that restarts is no hang-up for the device. Baud rate and parity do nothing here.

use std::{
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    pin::Pin,
    task::{Context, Poll},
};

use rustix::{
    fs::{Mode, OFlags},
    termios::OptionalActions,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_serial::{SerialPort, SerialStream};

use crate::serial::Port;

/// The device's end of a pseudo terminal, and a stable name for the other end. The name goes when this is dropped.
#[derive(Debug)]
pub struct Pty {
    device: Port,
    kept: OwnedFd,
    terminal: PathBuf,
    link: PathBuf,
}

impl Pty {
    /// Opens a pseudo terminal and makes `link` a symbolic link to the end that a gateway opens. Must be called inside a
    /// runtime.
    ///
    /// # Errors
    /// What the operating system said; `AlreadyExists` when `link` is there and no symbolic link.
    pub fn open(link: impl Into<PathBuf>) -> io::Result<Self> {
        let link = link.into();
        let (device, gateway) = SerialStream::pair().map_err(io::Error::from)?;
        let name = gateway
            .name()
            .ok_or_else(|| io::Error::other("the pseudo terminal has no name"))?;
        let terminal = PathBuf::from(name);
        let kept = rustix::fs::open(
            &terminal,
            OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        drop(gateway);
        make_raw(&kept)?;
        place(&terminal, &link)?;
        Ok(Self {
            device: Port::new(device),
            kept,
            terminal,
            link,
        })
    }

    /// The stable name of the gateway's end.
    pub fn path(&self) -> &Path {
        &self.link
    }

    /// A handle that keeps the terminal usable while the device talks.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn keeper(&self) -> io::Result<Keeper> {
        Ok(Keeper(self.kept.try_clone()?))
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        // Only our own link: another simulator may have taken over the name.
        if std::fs::read_link(&self.link).is_ok_and(|target| target == self.terminal) {
            let _ = std::fs::remove_file(&self.link);
        }
    }
}

/// Keeps a terminal usable: the mark of exclusive use survives the gateway that set it for as long as we hold the terminal
/// open, and would lock out the next one unless that is root.
#[derive(Debug)]
pub struct Keeper(OwnedFd);

impl Keeper {
    /// Takes the mark of exclusive use away. The gateway's lock on its open descriptor still tells one gateway from another.
    ///
    /// # Errors
    /// What the operating system said.
    pub fn release(&self) -> io::Result<()> {
        Ok(rustix::termios::ioctl_tiocnxcl(&self.0)?)
    }
}

/// Both ends share one set of settings.
fn make_raw(end: &OwnedFd) -> io::Result<()> {
    let mut settings = rustix::termios::tcgetattr(end)?;
    settings.make_raw();
    Ok(rustix::termios::tcsetattr(end, OptionalActions::Now, &settings)?)
}

/// Puts the link in place in one step, over an older link but over nothing else.
fn place(terminal: &Path, link: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(link) {
        Ok(there) if !there.file_type().is_symlink() => {
            let why = format!("{} is there already and no symbolic link", link.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
        }
        _ => {}
    }
    let mut name = link.as_os_str().to_owned();
    name.push(format!(".{}", std::process::id()));
    let beside = PathBuf::from(name);
    std::os::unix::fs::symlink(terminal, &beside)?;
    std::fs::rename(&beside, link)
}

impl AsyncRead for Pty {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.device).poll_read(context, into)
    }
}

impl AsyncWrite for Pty {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.device).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.device).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.device).poll_shutdown(context)
    }
}
