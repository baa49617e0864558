//! Ports that nobody has.
//!
//! They are taken from below the range that the kernel gives to callers, so that a port stays free while the one who
//! listened on it is away.

use std::{
    hash::{BuildHasher, RandomState},
    net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
};

/// The first port that is tried, and how many there are.
const FROM: u16 = 12_000;
const MANY: u16 = 20_000;

/// An address on loopback on which nobody listens, neither by TCP nor by UDP.
///
/// # Panics
/// When a thousand ports in a row are taken.
pub fn free() -> SocketAddr {
    for _ in 0..1_000 {
        // Every `RandomState` is another one: this is where the chance comes from.
        let chance = RandomState::new().hash_one(()) % u64::from(MANY);
        let port = FROM + u16::try_from(chance).unwrap_or_default();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok() {
            return address;
        }
    }
    panic!("no port between {FROM} and {} is free", FROM + MANY);
}
