//! The device plane: from a request to the conversation of the device that sent it.

use std::{
    any::Any,
    fmt,
    future::Future,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use http::{Request, Response, request::Parts};
use punchgate_kit::{Clock, Fault, Heard, HttpDriver, Intake, Malformed, Refused, Remark, Session, Stage, Turn, Wire};
use punchgate_model::DeviceName;

use super::{Handler, handler::refusal};

/// Something the gateway should know that no device's intake can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A request in which no configured device was recognised.
    Unknown {
        /// The driver that its path belongs to.
        driver: &'static str,
        /// Who called.
        peer: SocketAddr,
    },
    /// A conversation that ended with a fault.
    Faulted {
        /// The device.
        device: DeviceName,
        /// Why.
        fault: Fault,
    },
}

type Answering<'a> = Pin<Box<dyn Future<Output = Response<Bytes>> + Send + 'a>>;

/// Finds the driver by path and the device by what its driver recognises, and holds one conversation for each request.
pub struct Router {
    protocols: Vec<Box<dyn Protocol>>,
    clock: Clock,
    notice: Box<dyn Fn(Notice) + Send + Sync>,
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.protocols.iter().map(|protocol| protocol.name()).collect();
        f.debug_struct("Router")
            .field("protocols", &names)
            .finish_non_exhaustive()
    }
}

impl Router {
    /// A router without devices. `notice` is called from within requests and must not wait.
    pub fn new(clock: Clock, notice: impl Fn(Notice) + Send + Sync + 'static) -> Self {
        Self {
            protocols: Vec::new(),
            clock,
            notice: Box::new(notice),
        }
    }

    /// Adds a device; where several recognise a request, the one added first gets it.
    pub fn register<D: HttpDriver>(&mut self, device: DeviceName, options: D::Options, intake: Intake) {
        let device = Device {
            peer: device.as_str().into(),
            name: device,
            options,
            intake,
            met: AtomicBool::new(false),
        };
        for protocol in &mut self.protocols {
            if let Some(spoken) = (protocol.as_mut() as &mut dyn Any).downcast_mut::<Spoken<D>>() {
                spoken.devices.push(device);
                return;
            }
        }
        self.protocols.push(Box::new(Spoken::<D> { devices: vec![device] }));
    }

    fn at(&self, path: &str) -> Option<&dyn Protocol> {
        let found = self.protocols.iter().find(|protocol| protocol.serves(path));
        found.filter(|_| is_straight(path)).map(Box::as_ref)
    }
}

impl Handler for Router {
    fn admit(&self, head: &Parts) -> Result<(), Refused> {
        self.at(head.uri.path()).ok_or(Refused::Nowhere)?.admit(head)
    }

    fn refuse(&self, head: &Parts, why: &Refused) -> Response<Bytes> {
        self.at(head.uri.path())
            .map_or_else(|| refusal(why), |protocol| protocol.refuse(why))
    }

    async fn answer(&self, request: Request<Bytes>, peer: SocketAddr) -> Response<Bytes> {
        match self.at(request.uri().path()) {
            Some(protocol) => protocol.answer(self, request, peer).await,
            None => refusal(&Refused::Nowhere),
        }
    }
}

/// Whether a path means the same to everybody: no dot segments, empty segments, backslashes or encoded characters that
/// would change its segments.
fn is_straight(path: &str) -> bool {
    let plain = !path.contains(['\\', '%'])
        || !["%2e", "%2f", "%5c", "%00", "\\"]
            .iter()
            .any(|trick| contains(path, trick));
    plain && !path.contains("//") && !path.split('/').any(|segment| matches!(segment, "." | ".."))
}

fn contains(path: &str, trick: &str) -> bool {
    path.to_ascii_lowercase().contains(trick)
}

/// All devices of one driver.
struct Spoken<D: HttpDriver> {
    devices: Vec<Device<D>>,
}

struct Device<D: HttpDriver> {
    name: DeviceName,
    peer: Arc<str>,
    options: D::Options,
    intake: Intake,
    met: AtomicBool,
}

trait Protocol: Any + Send + Sync {
    fn name(&self) -> &'static str;
    fn serves(&self, path: &str) -> bool;
    fn admit(&self, head: &Parts) -> Result<(), Refused>;
    fn refuse(&self, why: &Refused) -> Response<Bytes>;
    fn answer<'a>(&'a self, router: &'a Router, request: Request<Bytes>, peer: SocketAddr) -> Answering<'a>;
}

impl<D: HttpDriver> Protocol for Spoken<D> {
    fn name(&self) -> &'static str {
        D::ABOUT.name
    }

    fn serves(&self, path: &str) -> bool {
        D::PATHS.iter().any(|prefix| {
            let rest = path.strip_prefix(prefix);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || prefix.ends_with('/'))
        })
    }

    fn admit(&self, head: &Parts) -> Result<(), Refused> {
        D::admit(head)
    }

    fn refuse(&self, why: &Refused) -> Response<Bytes> {
        D::refuse(why)
    }

    fn answer<'a>(&'a self, router: &'a Router, request: Request<Bytes>, peer: SocketAddr) -> Answering<'a> {
        Box::pin(async move {
            let Some(device) = self.devices.iter().find(|device| D::is_from(&request, &device.options)) else {
                (router.notice)(Notice::Unknown {
                    driver: D::ABOUT.name,
                    peer,
                });
                return D::refuse(&Refused::Unknown);
            };
            device.answer(router, &request).await
        })
    }
}

impl<D: HttpDriver> Device<D> {
    async fn answer(&self, router: &Router, request: &Request<Bytes>) -> Response<Bytes> {
        if !self.met.swap(true, Ordering::Relaxed) {
            self.intake.remark(Remark::Reached(Stage::Authenticated)).await;
        }
        let words = match D::Heard::parse(request) {
            Ok(words) => words,
            Err(why) => return self.garbled(why).await,
        };
        let (session, link) = Session::with(self.peer.clone(), router.clock.clone());
        let (words, ended) = converse::<D>(session, link, words, self.intake.clone(), self.options.clone()).await;
        if let Err(fault) = ended {
            (router.notice)(Notice::Faulted {
                device: self.name.clone(),
                fault,
            });
        }
        words.map_or_else(|| D::refuse(&Refused::Busy), |words| words.render())
    }

    async fn garbled(&self, why: Malformed) -> Response<Bytes> {
        let answer = D::refuse(&Refused::Malformed(why.clone()));
        self.intake.remark(Remark::Garbled(why)).await;
        answer
    }
}

/// Holds one conversation: it hears the request and then that the gateway is closing; the first thing it says is the
/// answer, given when it has ended.
async fn converse<D: HttpDriver>(
    session: Session<D::Heard, D::Said>,
    link: Heard<D::Heard, D::Said>,
    words: D::Heard,
    intake: Intake,
    options: D::Options,
) -> (Option<D::Said>, Result<(), Fault>) {
    let Heard { heard, mut said } = link;
    // Both fit into the empty mailbox.
    let _ = heard.try_send(Turn::Message(words));
    let _ = heard.try_send(Turn::Closing);
    drop(heard);
    let mut talk = pin!(D::converse(session, intake, options));
    let mut first = None;
    loop {
        tokio::select! {
            biased;
            ended = &mut talk => return (first.or_else(|| said.try_recv().ok()), ended),
            Some(words) = said.recv() => { first.get_or_insert(words); }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_tricks_is_not_straight() {
        for path in [
            "/a/../b",
            "/a/./b",
            "/a//b",
            "/a/%2e%2E/b",
            "/a%2Fb",
            "/a\\b",
            "/a/..",
            "/a%00",
        ] {
            assert!(!is_straight(path), "{path}");
        }
        for path in ["/", "/a/b", "/a/b.c", "/a/%E4%BD%A0"] {
            assert!(is_straight(path), "{path}");
        }
    }
}
