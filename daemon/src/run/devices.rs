//! The conversations with devices: those we dial, a unit each, and those that call us, behind one listener.
//!
//! What a configuration wants is made whole first ([`Devices::plan`]) and then put in place of what runs
//! ([`Devices::follow`]), which cannot fail. Only units that change are touched, and those that wait for a person: whoever
//! asks for the configuration to be read again may have mended what stopped them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use punchgate_kit::{Clock, Intake};
use punchgate_transports::http::Router;
use tokio_util::sync::CancellationToken;

use super::{
    RunError,
    listeners::{Plane, listener},
    works::Ways,
};
use crate::{
    board::Board,
    config::{Config, Device, Ingest, Link},
    registry::{self, Surroundings},
    supervisor::{Kept, Supervisor, Unit},
    switchboard::Switchboard,
};

/// How long a conversation that is ended while others go on may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// The conversations.
pub(super) struct Devices {
    supervisor: Supervisor,
    ways: Ways,
    clock: Clock,
    board: Arc<Board>,
    switchboard: Arc<Switchboard>,
    plane: Arc<Plane>,
    dialled: BTreeMap<String, (Device, Kept)>,
    called: Vec<Device>,
    listening: Option<(Ingest, Kept)>,
}

/// What a configuration wants of them.
pub(super) struct Planned {
    dialled: Vec<(Device, Unit)>,
    called: Vec<Device>,
    router: Router,
    ingest: Option<Ingest>,
}

impl Devices {
    /// None yet.
    pub(super) fn new(
        ways: Ways,
        clock: &Clock,
        board: &Arc<Board>,
        switchboard: Arc<Switchboard>,
        closing: CancellationToken,
    ) -> Self {
        Self {
            supervisor: Supervisor::new(board.clone(), closing),
            plane: Arc::new(Plane::new(router(clock, board))),
            ways,
            clock: clock.clone(),
            board: board.clone(),
            switchboard,
            dialled: BTreeMap::new(),
            called: Vec::new(),
            listening: None,
        }
    }

    /// Makes what a configuration wants, and touches nothing.
    pub(super) fn plan(&self, config: &Config) -> Result<Planned, RunError> {
        let mut planned = Planned {
            dialled: Vec::new(),
            called: Vec::new(),
            router: router(&self.clock, &self.board),
            ingest: config.listens().then(|| config.ingest.clone()),
        };
        for device in &config.devices {
            let Some(kind) = registry::kind(device.driver) else {
                continue;
            };
            let intake = Intake::new(device.name.clone(), self.ways.deliveries.clone());
            let wrong = |error| RunError::Configuration(format!("device {}: {error}", device.name));
            if device.link == Link::Http {
                kind.admit(device, &mut planned.router, intake).map_err(wrong)?;
                planned.called.push(device.clone());
                continue;
            }
            let around = Surroundings {
                intake,
                clock: self.clock.clone(),
                switchboard: self.switchboard.clone(),
            };
            if let Some(unit) = kind.unit(device, around).map_err(wrong)? {
                planned.dialled.push((device.clone(), unit));
            }
        }
        Ok(planned)
    }

    /// Puts what was planned in place of what runs.
    pub(super) async fn follow(&mut self, planned: Planned) {
        let gone = self.leave(&planned);
        for (device, kept) in gone {
            kept.end(GOODBYE).await;
            self.board.forget_unit(device.name.as_str());
        }
        let devices = planned.dialled.iter().map(|(device, _)| device).chain(&planned.called);
        self.board
            .only_devices(devices.map(|device| (device.name.as_str(), device.driver)));
        if !same(&self.called, &planned.called) {
            self.plane.serve(planned.router);
            self.called = planned.called;
        }
        self.listen(planned.ingest).await;
        for (device, unit) in planned.dialled {
            let name = device.name.to_string();
            self.dialled
                .entry(name)
                .or_insert_with(|| (device, self.supervisor.keep(unit)));
        }
    }

    /// Takes out what does not stay as it is, and tells it to end.
    fn leave(&mut self, planned: &Planned) -> Vec<(Device, Kept)> {
        let units = self.board.units();
        let stays = |device: &Device| {
            let parked = units.get(device.name.as_str()).is_some_and(|row| row.state == "parked");
            !parked && planned.dialled.iter().any(|(wanted, _)| wanted.talks_as(device))
        };
        let (kept, gone): (BTreeMap<_, _>, BTreeMap<_, _>) = std::mem::take(&mut self.dialled)
            .into_iter()
            .partition(|(_, (device, _))| stays(device));
        self.dialled = kept;
        gone.values().for_each(|(_, kept)| kept.close());
        gone.into_values().collect()
    }

    /// Opens, moves or closes the device plane.
    async fn listen(&mut self, wanted: Option<Ingest>) {
        if self.listening.as_ref().map(|(ingest, _)| ingest) == wanted.as_ref() {
            return;
        }
        if let Some((_, kept)) = self.listening.take() {
            kept.end(GOODBYE).await;
            self.board.forget_unit("ingest");
        }
        if let Some(ingest) = wanted {
            let limits = ingest.limits.of_listener();
            let (unit, tried) = listener("ingest", ingest.listen, limits, self.plane.clone());
            self.listening = Some((ingest, self.supervisor.keep(unit)));
            tried.once().await;
        }
    }

    /// Waits until all have ended, once they are told to; at most for `patience`.
    pub(super) async fn ended(self, patience: Duration) {
        self.supervisor.ended(patience).await;
    }
}

fn router(clock: &Clock, board: &Arc<Board>) -> Router {
    let notices = board.clone();
    Router::new(clock.clone(), move |notice| notices.notice(&notice))
}

fn same(some: &[Device], others: &[Device]) -> bool {
    some.len() == others.len() && some.iter().zip(others).all(|(one, other)| one.talks_as(other))
}
