//! What listens: the admin plane, and the device plane, whose devices can be exchanged while it is open.

use std::{
    net::SocketAddr,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use ::http::{Request, Response, request::Parts};
use bytes::Bytes;
use punchgate_kit::{Fault, Refused};
use punchgate_transports::http::{self, Handler, Limits, Plain, Router};
use tokio::{net::TcpListener, sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    admin::Admin,
    supervisor::{Attempt, Unit},
};

/// The longest body the admin plane reads.
const ADMIN_BODY: usize = 64 * 1024;

/// How long the first try to open a port is waited for.
const FIRST_TRY: Duration = Duration::from_secs(1);

/// The device plane: a request is answered by the devices that are configured when it comes.
pub(super) struct Plane(RwLock<Arc<Router>>);

impl Plane {
    pub(super) fn new(router: Router) -> Self {
        Self(RwLock::new(Arc::new(router)))
    }

    /// From now on these devices are served. What is being answered is answered by those before.
    pub(super) fn serve(&self, router: Router) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(router);
    }

    fn now(&self) -> Arc<Router> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Handler for Plane {
    fn admit(&self, head: &Parts) -> Result<(), Refused> {
        self.now().admit(head)
    }

    fn refuse(&self, head: &Parts, why: &Refused) -> Response<Bytes> {
        self.now().refuse(head, why)
    }

    async fn answer(&self, request: Request<Bytes>, peer: SocketAddr) -> Response<Bytes> {
        self.now().answer(request, peer).await
    }
}

/// The unit that answers operators and monitoring.
pub(super) fn admin(listen: SocketAddr, plane: Admin) -> (Unit, Tried) {
    let handler = Plain::new(move |request, peer| {
        let plane = plane.clone();
        async move { plane.answer(&request, peer).await }
    });
    listener(
        "admin",
        listen,
        Limits::default().with_body(ADMIN_BODY),
        Arc::new(handler),
    )
}

/// Tells when a listener has tried to open its port for the first time.
pub(super) struct Tried(watch::Receiver<bool>);

impl Tried {
    /// Waits for it, not for long. Whoever is told afterwards that we are ready can call at once.
    pub(super) async fn once(mut self) {
        let _ = timeout(FIRST_TRY, self.0.wait_for(|tried| *tried)).await;
    }
}

/// A unit that listens. A port that another process holds is told and tried again; the others run meanwhile.
pub(super) fn listener<H: Handler>(
    name: &'static str,
    address: SocketAddr,
    limits: Limits,
    handler: Arc<H>,
) -> (Unit, Tried) {
    let limits = Limits {
        connections: seats(limits.connections),
        ..limits
    };
    let (tried, seen) = watch::channel(false);
    let tried = Arc::new(tried);
    let start = move |closing: CancellationToken| -> Attempt {
        let (limits, handler, tried) = (limits.clone(), handler.clone(), tried.clone());
        Box::pin(async move {
            let bound = TcpListener::bind(address).await;
            tried.send_replace(true);
            let listener = bound.map_err(|error| Fault::Unreachable {
                peer: format!("{name} listener {address}"),
                why: format!("{error} (ss -ltnp shows who has it; change `listen` in [{name}], or stop the other)"),
            })?;
            tracing::info!(listener = name, %address, "listening");
            http::serve(listener, limits, handler, closing).await;
            Ok(())
        })
    };
    let unit = Unit {
        name: name.into(),
        start: Box::new(start),
    };
    (unit, Tried(seen))
}

/// Files that are not connections: the journal, the buffer, listeners, pumps, and some to spare for a segment to begin.
const OWN_FILES: u64 = 40;

/// Raises the limit on open files as far as it goes, and leaves so many connections that a crowd of callers never takes
/// the files that storing needs.
fn seats(wanted: usize) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    // Where it may not be raised, the lower one goes.
    let current = if setrlimit(Resource::Nofile, raised).is_ok() {
        limit.maximum
    } else {
        limit.current
    };
    let left = current
        .map_or(u64::MAX, |files| files.saturating_sub(OWN_FILES) / 2)
        .max(4);
    let seats = usize::try_from(left).unwrap_or(usize::MAX).min(wanted);
    if seats < wanted {
        tracing::warn!(
            seats,
            wanted,
            "fewer connections than configured, because few files may be open (ulimit -n)"
        );
    }
    seats
}
