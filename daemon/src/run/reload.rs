//! A configuration read again: taken whole or not at all.
//!
//! Everything that can fail comes first, and touches nothing: reading, checking, planning. Then what decides goes into
//! the journal. What follows cannot fail. A configuration that is refused leaves the last good one in force, and `status`
//! says why.

use std::sync::Arc;

use punchgate_kit::{Clock, NotStored};

use super::{Outside, RunError, devices::Planned, force::Force, works::Ways};
use crate::{
    board::Board,
    config::{Config, Load, Problems, load},
    messages::{Lang, Message},
    pumps,
};

/// Why a configuration was not taken.
pub(super) enum Refused {
    /// It cannot be used.
    Faults(Problems),
    /// It changes what only a start can change.
    NeedsStart(&'static str),
    /// Something it names cannot be used.
    Cannot(String),
    /// What decides could not be noted.
    NotStored(NotStored),
}

impl Refused {
    fn messages(&self) -> Vec<Message> {
        match self {
            Self::Faults(problems) => problems.0.iter().map(crate::config::Problem::message).collect(),
            Self::NeedsStart(section) => vec![Message::new("reload-needs-start").with("section", section)],
            Self::Cannot(why) => vec![Message::new("reload-cannot").with("why", why)],
            Self::NotStored(why) => vec![Message::new("reload-not-stored").with("why", why)],
        }
    }
}

impl From<RunError> for Refused {
    fn from(error: RunError) -> Self {
        Self::Cannot(error.to_string())
    }
}

/// The configuration in force, and where the next one is read from.
pub(super) struct InForce<'a> {
    pub(super) load: &'a Load<'a>,
    pub(super) config: Arc<Config>,
    pub(super) force: Force,
    pub(super) clock: Clock,
    pub(super) board: Arc<Board>,
}

impl InForce<'_> {
    /// Reads the configuration again and goes over to it, or tells why not.
    pub(super) async fn reload(&mut self, ways: &Ways, outside: &mut Outside) -> Result<(), Vec<Message>> {
        match self.take(ways, outside).await {
            Ok(()) => {
                tracing::info!(
                    devices = self.config.devices.len(),
                    "the configuration was read again and is in force"
                );
                self.board.reloaded(Ok(()));
                Ok(())
            }
            Err(refused) => {
                let why = refused.messages();
                for why in &why {
                    let why = why.say(Lang::En);
                    tracing::error!(%why, "the configuration is not taken; the last good one stays in force");
                }
                self.board.reloaded(Err(why.clone()));
                Err(why)
            }
        }
    }

    async fn take(&mut self, ways: &Ways, outside: &mut Outside) -> Result<(), Refused> {
        let config = Arc::new(load(self.load).map_err(Refused::Faults)?);
        let (force, planned) = self.check(&config, outside)?;
        let entries = force.changes(&self.force, self.clock.now());
        if !entries.is_empty() {
            ways.notebook.write(entries).await.map_err(Refused::NotStored)?;
        }
        ways.settings.send_replace(force.settings.clone());
        outside.follow(config.clone(), planned).await;
        (self.config, self.force) = (config, force);
        Ok(())
    }

    /// Everything that can be wrong with it beyond its text.
    fn check(&self, config: &Config, outside: &Outside) -> Result<(Force, Planned), Refused> {
        let fixed = [
            ("gateway", config.gateway != self.config.gateway),
            ("store", config.store != self.config.store),
            ("admin", config.admin != self.config.admin),
            ("log", config.log != self.config.log),
        ];
        if let Some((section, _)) = fixed.into_iter().find(|(_, changed)| *changed) {
            return Err(Refused::NeedsStart(section));
        }
        for upstream in &config.upstreams {
            pumps::upstream(&config.gateway.id, upstream).map_err(Refused::Cannot)?;
        }
        Ok((Force::of(config)?, outside.plan(config)?))
    }
}
