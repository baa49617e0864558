//! One client's session with a simulated terminal.

use std::{collections::VecDeque, time::Duration};

use punchgate_kit::{LinkGone, Moment, Session, Turn, Unheard};

use super::{
    ZkSim,
    answers::Buffer,
    memory::{Record, is_turn},
};
use crate::codec::{Code, Heard, Packet, Said, event};

/// How soon a punch is noticed.
const TICK: Duration = Duration::from_millis(20);
/// How long the acknowledgement of an event is waited for before the next event is told.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(1);

/// A client, and what it was told.
pub(super) struct Visit<'a> {
    pub(super) terminal: &'a ZkSim,
    pub(super) session: Session<Said, Heard>,
    pub(super) number: u16,
    pub(super) welcome: bool,
    pub(super) buffer: Option<Buffer>,
    /// Whether punches are told, and from which record on.
    pub(super) listens: bool,
    pub(super) told: usize,
    /// The event that waits for its acknowledgement.
    outstanding: Option<(Record, Moment)>,
    /// Acknowledgements that may still come for events that were given up: what comes then proves nothing.
    owed: usize,
    waiting: VecDeque<Said>,
    occupies: bool,
    stalled: bool,
    heard_last: Moment,
}

/// The session is over.
pub(super) struct Over;

impl From<LinkGone> for Over {
    fn from(_: LinkGone) -> Self {
        Self
    }
}

impl<'a> Visit<'a> {
    pub(super) fn of(terminal: &'a ZkSim, session: Session<Said, Heard>) -> Self {
        let number = terminal.memory().new_session();
        Self {
            heard_last: session.moment(),
            terminal,
            session,
            number,
            welcome: false,
            buffer: None,
            listens: false,
            told: 0,
            outstanding: None,
            owed: 0,
            waiting: VecDeque::new(),
            occupies: false,
            stalled: false,
        }
    }

    /// Lasts until somebody hangs up.
    pub(super) async fn last(mut self) {
        loop {
            let turn = match self.next().await {
                Ok(Some(said)) => self.answer(said.packet().clone()).await,
                Ok(None) => self.tell().await,
                Err(over) => Err(over),
            };
            if turn.is_err() {
                return;
            }
        }
    }

    /// Takes the one place that the terminal has for a client, if it has only one.
    pub(super) fn occupy(&mut self) -> Result<(), Over> {
        let mut memory = self.terminal.memory();
        if self.terminal.knobs.one_session && memory.occupied && !self.occupies {
            return Err(Over);
        }
        memory.occupied = true;
        self.occupies = true;
        Ok(())
    }

    async fn next(&mut self) -> Result<Option<Said>, Over> {
        if let Some(said) = self.waiting.pop_front() {
            return Ok(Some(said));
        }
        match self.session.hear_within(TICK).await {
            Ok(Turn::Message(said)) => {
                self.heard_last = self.session.moment();
                Ok(Some(said))
            }
            Ok(Turn::Closing) | Err(Unheard::Gone(_)) => Err(Over),
            Ok(Turn::Garbled(_) | Turn::Command(_)) => Ok(None),
            Err(Unheard::Silence { .. }) if self.session.moment() - self.heard_last > self.terminal.knobs.idle => {
                Err(Over)
            }
            Err(Unheard::Silence { .. }) => Ok(None),
        }
    }

    /// Waits; what is said meanwhile is kept.
    pub(super) async fn pause(&mut self, span: Duration) -> Result<(), Over> {
        let since = self.session.moment();
        loop {
            let left = span.saturating_sub(self.session.moment() - since);
            match self.session.hear_within(left).await {
                Ok(Turn::Message(said)) => self.waiting.push_back(said),
                Ok(Turn::Closing) | Err(Unheard::Gone(_)) => return Err(Over),
                Ok(_) => {}
                Err(Unheard::Silence { .. }) => return Ok(()),
            }
        }
    }

    /// Tells the next punch that the client has not been told, one at a time, so that an acknowledgement is never taken for
    /// that of another event.
    pub(super) async fn tell(&mut self) -> Result<(), Over> {
        if let Some((_, since)) = &self.outstanding {
            if self.session.moment() - *since < ACKNOWLEDGED_WITHIN {
                return Ok(());
            }
            self.owed += 1;
            self.outstanding = None;
        }
        let length = self.terminal.knobs.event;
        if !self.listens || length == 0 {
            return Ok(());
        }
        let next = self.terminal.memory().log.get(self.told).cloned();
        let Some(record) = next else { return Ok(()) };
        self.told += 1;
        let data = event::render(record.uid, &record.row, length);
        self.outstanding = Some((record, self.session.moment()));
        self.emit(Packet::new(Code::REG_EVENT, 1, 0, data)).await
    }

    /// The client acknowledged an event.
    pub(super) fn acknowledged(&mut self) {
        if self.owed > 0 {
            self.owed -= 1;
            return;
        }
        if let Some((record, _)) = self.outstanding.take() {
            self.terminal.memory().acknowledge(&[record]);
        }
    }

    /// Sends one frame, unless one of its faults comes in between.
    pub(super) async fn emit(&mut self, packet: Packet) -> Result<(), Over> {
        let knobs = &self.terminal.knobs;
        let (nth, hangs_up) = {
            let mut memory = self.terminal.memory();
            memory.frames += 1;
            let hangs_up = knobs.hangs_up_after > 0 && memory.frames > knobs.hangs_up_after && !memory.hung_up;
            memory.hung_up |= hangs_up;
            (memory.frames, hangs_up)
        };
        if hangs_up {
            return Err(Over);
        }
        self.stalled |= knobs.stalls_after > 0 && nth > knobs.stalls_after;
        if self.stalled || is_turn(knobs.lost_every, nth) {
            return Ok(());
        }
        if knobs.chatty && self.listens && packet.code != Code::REG_EVENT {
            let finger = Packet::new(Code::REG_EVENT, 2, 0, Vec::new());
            self.owed += 1;
            self.session.say(Heard::new(finger)).await?;
        }
        let packet = if is_turn(knobs.damaged_every, nth) {
            packet.damaged()
        } else {
            packet
        };
        self.session.say(Heard::new(packet)).await?;
        Ok(())
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        if self.occupies {
            self.terminal.memory().occupied = false;
        }
    }
}
