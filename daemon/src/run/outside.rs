//! What speaks with the world: devices, listeners, pumps.

use std::{sync::Arc, time::Duration};

use punchgate_kit::Clock;
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    RunError,
    commands::Orders,
    devices::{Devices, Planned},
    listeners,
    systemd::watch_dog,
    works::Ways,
};
use crate::{
    admin::{Admin, Clocks},
    board::Board,
    config::Config,
    pumps::{Pumping, Pumps},
    supervisor::Supervisor,
    switchboard::Switchboard,
    watermark,
};

/// How long conversations have to finish what they have in hand.
const GOODBYE: Duration = Duration::from_secs(3);
/// How long pumps have to finish the batch in flight.
const LAST_BATCH: Duration = Duration::from_millis(3_500);

/// Everything outside.
pub(super) struct Outside {
    devices: Devices,
    closing: CancellationToken,
    admin_closing: CancellationToken,
    admin: Supervisor,
    pumping: CancellationToken,
    pump_tasks: TaskTracker,
    wanted: watch::Sender<Arc<Config>>,
}

impl Outside {
    /// Starts everything that the configuration wants.
    pub(super) async fn start(
        config: &Arc<Config>,
        ways: &Ways,
        orders: Orders,
        clock: &Clock,
        board: &Arc<Board>,
    ) -> Result<Self, RunError> {
        let [closing, admin_closing, pumping] = std::array::from_fn(|_| CancellationToken::new());
        let pumps = Arc::new(Pumps::default());
        let switchboard = Arc::<Switchboard>::default();
        let plane = Admin {
            board: board.clone(),
            pumps: pumps.clone(),
            gateway: config.gateway.id.as_str().into(),
            questions: ways.questions.clone(),
            ids: ways.ids.clone(),
            settings: ways.settings.subscribe(),
            orders,
            clocks: Clocks {
                switchboard: switchboard.clone(),
                notebook: ways.notebook.clone(),
                clock: clock.clone(),
            },
        };
        let admin = Supervisor::new(board.clone(), admin_closing.clone());
        let (unit, tried) = listeners::admin(config.admin.listen, plane);
        admin.keep(unit);
        tried.once().await;
        let mut devices = Devices::new(ways.clone(), clock, board, switchboard, closing.clone());
        devices.follow(devices.plan(config)?).await;
        let pump_tasks = TaskTracker::new();
        let (wanted, wanted_seen) = watch::channel(config.clone());
        let kept = Pumping {
            backlogs: ways.backlogs.clone(),
            pumps,
            buffer: ways.buffer.clone(),
            notebook: ways.notebook.clone(),
            clock: clock.clone(),
            tasks: pump_tasks.clone(),
        };
        pump_tasks.spawn(kept.keep(wanted_seen, ways.progress.clone(), ways.begun_at, pumping.clone()));
        pump_tasks.spawn(watermark::keep(
            (ways.buffer.clone(), ways.notebook.clone()),
            ways.settings.subscribe(),
            board.clone(),
            clock.clone(),
            ways.progress.clone(),
            closing.clone(),
        ));
        pump_tasks.spawn(watch_dog(board.clone(), closing.clone()));
        Ok(Self {
            devices,
            closing,
            admin_closing,
            admin,
            pumping,
            pump_tasks,
            wanted,
        })
    }

    /// What a configuration wants of the devices; nothing is touched yet.
    pub(super) fn plan(&self, config: &Config) -> Result<Planned, RunError> {
        self.devices.plan(config)
    }

    /// Goes over to another configuration: what it does not change goes on undisturbed.
    pub(super) async fn follow(&mut self, config: Arc<Config>, planned: Planned) {
        self.devices.follow(planned).await;
        self.wanted.send_replace(config);
    }

    /// Conversations first, then the pumps, then the admin plane, which shows how it goes.
    pub(super) async fn stop(self) {
        self.closing.cancel();
        self.devices.ended(GOODBYE).await;
        self.pumping.cancel();
        self.pump_tasks.close();
        let _ = tokio::time::timeout(LAST_BATCH, self.pump_tasks.wait()).await;
        self.admin_closing.cancel();
        self.admin.ended(Duration::from_millis(500)).await;
    }
}
