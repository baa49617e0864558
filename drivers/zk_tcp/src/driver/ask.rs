//! Questions and answers, one at a time, with events heard in between.

use std::{collections::VecDeque, time::Duration};

use punchgate_kit::{Command, Fault, Intake, Malformed, Remark, Session, Stage, Turn, Unheard};
use punchgate_model::Span;

use super::{Stop, live::Held};
use crate::{
    codec::{Code, Heard, Packet, Request, Said, user::Users},
    mapping::Mapping,
    options::{Options, StateMeans},
};

/// How often a question is put before the terminal counts as gone.
const ATTEMPTS: u32 = 2;
/// How many questions without an answer are remembered, to know late answers by.
const REMEMBERED: usize = 16;
/// A terminal is not asked more often than this, whatever is configured.
const SHORTEST_POLL: Duration = Duration::from_secs(1);
/// No answer comes in no time.
const SHORTEST_PATIENCE: Duration = Duration::from_millis(100);
/// How long a courtesy may take.
const COURTESY: Duration = Duration::from_secs(1);

/// One terminal and how far the conversation with it has come.
pub(super) struct Terminal {
    pub(super) session: Session<Heard, Said>,
    pub(super) intake: Intake,
    pub(super) options: Options,
    pub(super) mapping: Mapping,
    /// The user table, once something needed it.
    pub(super) users: Option<Users>,
    /// Punches of events that wait for the user table.
    pub(super) held: Held,
    /// Punches stored from events since the counts were read.
    pub(super) live: u64,
    /// Something was heard that only the log can tell.
    pub(super) doubtful: bool,
    /// What operators want, in order.
    pub(super) wishes: VecDeque<Command>,
    /// Whether the gateway is stopping.
    pub(super) closing: bool,
    number: Option<u16>,
    next_reply: u16,
    abandoned: VecDeque<u16>,
    reached: Option<Stage>,
    checksums_remarked: bool,
}

impl Terminal {
    pub(super) fn new(session: Session<Heard, Said>, intake: Intake, options: Options) -> Self {
        let options = Options {
            poll: options.poll.max(SHORTEST_POLL),
            patience: options.patience.max(SHORTEST_PATIENCE),
            ..options
        };
        let mapping = Mapping {
            table: options.verify_table.for_platform(None),
            state: options.direction.unwrap_or(StateMeans::Ignore),
        };
        Self {
            session,
            intake,
            options,
            mapping,
            users: None,
            held: Held::default(),
            live: 0,
            doubtful: false,
            wishes: VecDeque::new(),
            closing: false,
            number: None,
            next_reply: 0,
            abandoned: VecDeque::new(),
            reached: None,
            checksums_remarked: false,
        }
    }

    /// The session id, 0 before there is one.
    pub(super) fn number(&self) -> u16 {
        self.number.unwrap_or_default()
    }

    pub(super) fn is_connected(&self) -> bool {
        self.number.is_some()
    }

    /// From now on the terminal knows us by this session id.
    pub(super) fn connected(&mut self, number: u16) {
        self.number = Some(number);
    }

    /// Remarks a stage the first time it is reached.
    pub(super) async fn reached(&mut self, stage: Stage) {
        if self.reached < Some(stage) {
            self.reached = Some(stage);
            self.intake.remark(Remark::Reached(stage)).await;
        }
    }

    /// Puts a question and waits for its answer, whatever the answer says. Put again once when none comes.
    pub(super) async fn ask(&mut self, request: &Request) -> Result<Packet, Stop> {
        let mut attempt = 1;
        loop {
            let reply = self.say(request).await?;
            match self.answer(reply, self.options.patience).await {
                Err(Stop::Fault(Fault::Unheard(Unheard::Silence { .. }))) if attempt < ATTEMPTS => attempt += 1,
                answered => return answered,
            }
        }
    }

    /// As [`Terminal::ask`], for questions that must not be refused.
    pub(super) async fn demand(&mut self, request: &Request) -> Result<Packet, Stop> {
        let packet = self.ask(request).await?;
        if packet.code.refuses() {
            return Err(refused(request.name(), packet.code).into());
        }
        Ok(packet)
    }

    /// Says something whose answer does not matter, if there is one at all.
    pub(super) async fn politely(&mut self, request: &Request) {
        if let Ok(reply) = self.say(request).await {
            let _ = self.answer(reply, COURTESY).await;
        }
    }

    /// Says something and returns the number that its answer will carry.
    pub(super) async fn say(&mut self, request: &Request) -> Result<u16, Stop> {
        let reply = self.next_reply;
        self.next_reply = reply.wrapping_add(1);
        self.session.say(Said::request(request, self.number(), reply)).await?;
        Ok(reply)
    }

    /// Waits for the next frame of an answer, for at most `patience`. Events and orders in between are taken as they come.
    ///
    /// A frame with another number is believed, because old firmware does not copy numbers, unless the number is that of an
    /// earlier question that was given up.
    pub(super) async fn answer(&mut self, reply: u16, patience: Span) -> Result<Packet, Stop> {
        let since = self.session.moment();
        loop {
            let left = patience.saturating_sub(self.session.moment() - since);
            let turn = match self.session.hear_within(left).await {
                Ok(turn) => turn,
                Err(unheard) => {
                    self.give_up(reply);
                    return Err(Fault::from(unheard).into());
                }
            };
            let Some(packet) = self.take(turn).await? else { continue };
            let late = packet.reply != reply && self.abandoned.contains(&packet.reply);
            if late {
                continue;
            }
            if packet.code == Code::ACK_UNAUTH && self.reached >= Some(Stage::Authenticated) {
                return Err(refused("the session", packet.code).into());
            }
            return Ok(packet);
        }
    }

    /// Remembers that the answer to a question, should it still come, is too late.
    pub(super) fn give_up(&mut self, reply: u16) {
        self.abandoned.push_back(reply);
        if self.abandoned.len() > REMEMBERED {
            self.abandoned.pop_front();
        }
    }

    /// Takes one turn; what comes out is a packet that is no event.
    pub(super) async fn take(&mut self, turn: Turn<Heard>) -> Result<Option<Packet>, Stop> {
        match turn {
            Turn::Message(heard) => {
                let packet = heard.packet();
                if !self.accepts(packet).await {
                    return Ok(None);
                }
                if !heard.is_event() {
                    return Ok(Some(packet.clone()));
                }
                self.event(packet).await?;
            }
            Turn::Garbled(why) => self.garbled(why).await?,
            Turn::Command(command) => self.wishes.push_back(command),
            Turn::Closing => self.closing = true,
        }
        Ok(None)
    }

    /// What is no packet at all is remarked on; before the first answer it means that something else listens there.
    async fn garbled(&mut self, why: Malformed) -> Result<(), Stop> {
        self.intake.remark(Remark::Garbled(why.clone())).await;
        match self.number {
            Some(_) => Ok(()),
            None => Err(Fault::Confused(why).into()),
        }
    }

    /// Whether a packet counts. A few clones send wrong checksums in all packets, so one remark is enough.
    async fn accepts(&mut self, packet: &Packet) -> bool {
        let Some(wrong) = packet.wrong_checksum() else {
            return true;
        };
        if self.options.strict_checksum || !self.checksums_remarked {
            self.checksums_remarked = true;
            self.intake.remark(Remark::Garbled(wrong)).await;
        }
        !self.options.strict_checksum
    }
}

/// The fault of a terminal that says no.
pub(super) fn refused(what: &'static str, code: Code) -> Fault {
    Fault::Refused {
        what,
        why: code.label(),
    }
}
