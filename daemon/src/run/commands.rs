//! What a person asks of the running gateway over the admin plane. Done one after another by the same task that reloads.

use jiff::tz::TimeZone;
use punchgate_journal::Entry;
use punchgate_model::{DeviceName, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use super::{Outside, reload::InForce, works::Ways};
use crate::messages::Message;

/// Something to do.
#[derive(Debug)]
pub enum Command {
    /// Read the configuration and the directory again.
    Reload,
    /// A device's clock showed another zone than was configured.
    Reinterpret(Reinterpret),
}

/// Which clock showed which zone, when.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reinterpret {
    /// The device.
    pub device: String,
    /// The IANA zone.
    pub zone: String,
    /// From this instant of its clock read in that zone.
    pub from: Timestamp,
    /// To this one, which is not included.
    #[serde(default)]
    pub to: Option<Timestamp>,
    /// Who says so.
    pub actor: String,
}

/// Done, or why not.
pub type Done = Result<Value, Vec<Message>>;

/// The way to have something done.
#[derive(Debug, Clone)]
pub struct Orders(mpsc::Sender<(Command, oneshot::Sender<Done>)>);

/// What is to be done, in order.
pub(super) type Ordered = mpsc::Receiver<(Command, oneshot::Sender<Done>)>;

impl Orders {
    /// The way, and its end.
    pub(super) fn new() -> (Self, Ordered) {
        let (orders, ordered) = mpsc::channel(8);
        (Self(orders), ordered)
    }

    /// Has something done and waits for it.
    pub async fn give(&self, command: Command) -> Done {
        let stopping = || vec![Message::new("command-stopping")];
        let (answer, answered) = oneshot::channel();
        self.0.send((command, answer)).await.map_err(|_| stopping())?;
        answered.await.unwrap_or_else(|_| Err(stopping()))
    }
}

impl InForce<'_> {
    /// Does what was asked, and tells.
    pub(super) async fn obey(
        &mut self,
        (command, answer): (Command, oneshot::Sender<Done>),
        ways: &Ways,
        outside: &mut Outside,
    ) {
        let done = match command {
            Command::Reload => {
                let taken = self.reload(ways, outside).await;
                taken.map(|()| json!({"reloads": self.board.configuration().reloads}))
            }
            Command::Reinterpret(asked) => self.reinterpret(asked, ways).await.map_err(|why| vec![why]),
        };
        // Whoever asked may not wait any more; it is done all the same.
        let _ = answer.send(done);
    }

    async fn reinterpret(&self, asked: Reinterpret, ways: &Ways) -> Result<Value, Message> {
        let is_known = self
            .config
            .devices
            .iter()
            .any(|device| device.name.as_str() == asked.device);
        if !is_known {
            return Err(Message::new("reinterpret-no-device").with("device", &asked.device));
        }
        if let Err(error) = TimeZone::get(&asked.zone) {
            return Err(Message::new("no-such-zone").with("why", error));
        }
        if asked.to.is_some_and(|to| to <= asked.from) {
            return Err(Message::new("reinterpret-no-span"));
        }
        let at = self.clock.now();
        let Reinterpret {
            device,
            zone,
            from,
            to,
            actor,
        } = asked;
        tracing::warn!(%device, %zone, %from, to = ?to, %actor, "the times of a device are read anew");
        let entry = Entry::Reinterpreted {
            device: DeviceName::from(device.as_str()),
            zone,
            from,
            to,
            actor,
            at,
        };
        let noted = ways.notebook.write(vec![entry]).await;
        let seq = noted.map_err(|why| Message::new("reload-not-stored").with("why", why))?;
        Ok(json!({"seq": seq, "at": at}))
    }
}
