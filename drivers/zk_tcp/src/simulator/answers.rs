//! What a simulated terminal says to each command (`zkteco-standalone-4370.md` sections 3 to 6).

use super::visit::{Over, Visit};
use crate::codec::{Code, FreeSizes, Numbers, Packet, Table, commkey};

/// A data set that a client had prepared.
#[derive(Debug)]
pub(super) struct Buffer {
    set: Vec<u8>,
    /// How many bytes the client has read without a gap.
    read: usize,
    /// How many records of the log are in it.
    records: usize,
    /// Whether it was small enough to be sent at once, so that the next question finds the place free.
    sent_at_once: bool,
}

impl Visit<'_> {
    /// Answers one command.
    pub(super) async fn answer(&mut self, asked: Packet) -> Result<(), Over> {
        if asked.code == Code::ACK_OK {
            self.acknowledged();
            return Ok(());
        }
        self.terminal.memory().commands.push(asked.code);
        match asked.code {
            Code::CONNECT => self.connect(&asked).await,
            Code::AUTH => self.authenticate(&asked).await,
            _ if !self.welcome => self.reply(&asked, Code::ACK_UNAUTH, Vec::new()).await,
            Code::EXIT => {
                self.reply(&asked, Code::ACK_OK, Vec::new()).await?;
                Err(Over)
            }
            // Never acknowledged: the terminal is already on its way.
            Code::RESTART | Code::POWEROFF => Err(Over),
            Code::GET_TIME | Code::SET_TIME | Code::GET_VERSION | Code::OPTIONS_RRQ | Code::GET_FREE_SIZES => {
                let (code, data) = self.tells(&asked);
                self.reply(&asked, code, data).await
            }
            Code::REG_EVENT => {
                self.listens = asked.data.iter().any(|byte| *byte != 0);
                self.told = self.terminal.memory().log.len();
                self.reply(&asked, Code::ACK_OK, Vec::new()).await
            }
            Code::DATA_WRRQ | Code::DATA_RDY | Code::FREE_DATA | Code::ATTLOG_RRQ | Code::USERTEMP_RRQ => {
                self.bulk(&asked).await
            }
            Code::CLEAR_ATTLOG => {
                self.terminal.clear();
                self.reply(&asked, Code::ACK_OK, Vec::new()).await
            }
            Code::ENABLEDEVICE
            | Code::DISABLEDEVICE
            | Code::CANCELCAPTURE
            | Code::STARTVERIFY
            | Code::REFRESHDATA
            | Code::REFRESHOPTION
            | Code::TESTVOICE
            | Code::OPTIONS_WRQ => self.reply(&asked, Code::ACK_OK, Vec::new()).await,
            _ => self.reply(&asked, Code::ACK_UNKNOWN, Vec::new()).await,
        }
    }

    async fn reply(&mut self, asked: &Packet, code: Code, data: Vec<u8>) -> Result<(), Over> {
        self.emit(Packet::new(code, self.number, asked.reply, data)).await
    }

    async fn connect(&mut self, asked: &Packet) -> Result<(), Over> {
        self.occupy()?;
        self.welcome = self.terminal.knobs.comm_key == 0;
        let code = if self.welcome { Code::ACK_OK } else { Code::ACK_UNAUTH };
        let surplus = if self.terminal.knobs.surplus {
            vec![0]
        } else {
            Vec::new()
        };
        self.reply(asked, code, surplus).await
    }

    async fn authenticate(&mut self, asked: &Packet) -> Result<(), Over> {
        self.welcome = commkey::shows(&asked.data, self.terminal.knobs.comm_key, self.number);
        let code = if self.welcome { Code::ACK_OK } else { Code::ACK_UNAUTH };
        self.reply(asked, code, Vec::new()).await
    }

    /// What it knows and can say in one frame.
    fn tells(&mut self, asked: &Packet) -> (Code, Vec<u8>) {
        let (knobs, now) = (&self.terminal.knobs, self.session.clock().now());
        let mut memory = self.terminal.memory();
        let data = match asked.code {
            Code::GET_TIME => memory.shows(now).pack().to_le_bytes().to_vec(),
            Code::SET_TIME => match asked.data.get(..4).and_then(|time| time.try_into().ok()) {
                Some(time) => {
                    memory.set_clock(Numbers::unpack(u32::from_le_bytes(time)), now);
                    Vec::new()
                }
                None => return (Code::ACK_BAD_DATA, Vec::new()),
            },
            Code::GET_VERSION => terminated(&knobs.firmware),
            Code::GET_FREE_SIZES => {
                let users = u32::try_from(memory.users.len()).unwrap_or(u32::MAX);
                let counted = i64::try_from(memory.count(knobs))
                    .unwrap_or(i64::MAX)
                    .saturating_add(knobs.count_off);
                let punches = if knobs.counts_nothing {
                    0
                } else {
                    u32::try_from(counted).unwrap_or_default()
                };
                FreeSizes::render(users, punches, knobs.capacity, knobs.sizes)
            }
            _ => match self.option(&asked.data) {
                Some(option) => option,
                None => return (Code::ACK_ERROR, Vec::new()),
            },
        };
        (Code::ACK_OK, data)
    }

    fn option(&self, asked: &[u8]) -> Option<Vec<u8>> {
        let knobs = &self.terminal.knobs;
        let name = std::str::from_utf8(asked).ok()?.trim_end_matches('\0');
        let value = match name {
            "~SerialNumber" => &knobs.serial,
            "~DeviceName" => &knobs.name,
            "~Platform" => &knobs.platform,
            "~OS" | "~SSR" => "1",
            "~PIN2Width" => "24",
            "~ZKFPVersion" => "10",
            "MAC" => "00:17:61:00:00:42",
            _ => return None,
        };
        Some(terminated(&format!("{name}={value}")))
    }

    async fn bulk(&mut self, asked: &Packet) -> Result<(), Over> {
        match asked.code {
            Code::DATA_WRRQ if self.terminal.knobs.legacy => self.reply(asked, Code::ACK_UNKNOWN, Vec::new()).await,
            Code::DATA_WRRQ => match Table::named_by(&asked.data) {
                Some(table) => self.prepare(asked, table).await,
                None => self.reply(asked, Code::ACK_ERROR, Vec::new()).await,
            },
            Code::DATA_RDY => self.block(asked).await,
            Code::FREE_DATA => {
                self.freed();
                self.reply(asked, Code::ACK_OK, Vec::new()).await
            }
            Code::ATTLOG_RRQ => self.at_once(asked, Table::Punches).await,
            _ => self.at_once(asked, Table::Users).await,
        }
    }

    /// A buffer of a table, unless one was left behind: then that one, as real terminals do.
    fn fill(&mut self, table: Table) -> usize {
        let (knobs, memory) = (&self.terminal.knobs, self.terminal.memory());
        self.buffer.take_if(|buffer| buffer.sent_at_once);
        let buffer = self.buffer.get_or_insert_with(|| {
            let (set, records) = match table {
                Table::Punches => (memory.punches(knobs), memory.log.len()),
                Table::Users => (memory.table(knobs), 0),
            };
            Buffer {
                set,
                read: 0,
                records,
                sent_at_once: false,
            }
        });
        buffer.set.len()
    }

    async fn prepare(&mut self, asked: &Packet, table: Table) -> Result<(), Over> {
        let size = self.fill(table);
        if size <= 4 {
            return self.reply(asked, Code::ACK_OK, vec![0; 13]).await;
        }
        if size < self.terminal.knobs.direct_below {
            return self.at_once(asked, table).await;
        }
        let size = u32::try_from(size).unwrap_or(u32::MAX).to_le_bytes();
        let data = [&[0][..], &size, &size, &[0x11, 0x22, 0x33, 0x44]].concat();
        self.reply(asked, Code::ACK_OK, data).await
    }

    async fn at_once(&mut self, asked: &Packet, table: Table) -> Result<(), Over> {
        let size = self.fill(table);
        if let Some(buffer) = &mut self.buffer {
            buffer.sent_at_once = true;
        }
        self.read(asked, 0, size).await
    }

    async fn block(&mut self, asked: &Packet) -> Result<(), Over> {
        let field = |at: usize| {
            let bytes = asked.data.get(at..at + 4)?.try_into().ok()?;
            usize::try_from(u32::from_le_bytes(bytes)).ok()
        };
        match (field(0), field(4)) {
            (Some(start), Some(size)) if self.buffer.is_some() => self.read(asked, start, size).await,
            _ => self.reply(asked, Code::ACK_ERROR, Vec::new()).await,
        }
    }

    /// Sends a part of the buffer: in one frame, or announced and in several.
    async fn read(&mut self, asked: &Packet, start: usize, size: usize) -> Result<(), Over> {
        let (part, withheld) = self.part(start, size);
        if part.len() < self.terminal.knobs.direct_below {
            return self.emit(Packet::new(Code::DATA, self.number, asked.reply, part)).await;
        }
        let (frame, pause) = (self.terminal.knobs.frame.max(16), self.terminal.knobs.pause);
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes();
        let announced = [number(part.len() + withheld), number(frame)].concat();
        self.reply(asked, Code::PREPARE_DATA, announced).await?;
        let mut last = 0;
        for (chunk, data) in part.chunks(frame).enumerate() {
            last = u16::try_from(chunk % 0x1_0000).unwrap_or_default();
            self.emit(Packet::new(Code::DATA, last, asked.reply, data.to_vec()))
                .await?;
            self.tell().await?;
            if !pause.is_zero() {
                self.pause(pause).await?;
            }
        }
        self.emit(Packet::new(Code::ACK_OK, last, asked.reply, Vec::new()))
            .await
    }

    /// A part of the buffer, and how much of it is never sent.
    fn part(&mut self, start: usize, size: usize) -> (Vec<u8>, usize) {
        let withholds = self.terminal.knobs.withholds;
        let Some(buffer) = &mut self.buffer else {
            return (Vec::new(), 0);
        };
        let end = start.saturating_add(size).min(buffer.set.len());
        let sent = end.min(buffer.set.len().saturating_sub(withholds));
        if start <= buffer.read {
            buffer.read = buffer.read.max(sent);
        }
        let part = buffer.set.get(start..sent).unwrap_or_default().to_vec();
        (part, end.saturating_sub(sent.max(start)))
    }

    /// The client is done. If it read everything, it has every record.
    fn freed(&mut self) {
        let Some(buffer) = self.buffer.take() else { return };
        if buffer.read == buffer.set.len() {
            let mut memory = self.terminal.memory();
            let records: Vec<_> = memory.log.iter().take(buffer.records).cloned().collect();
            memory.acknowledge(&records);
        }
    }
}

fn terminated(text: &str) -> Vec<u8> {
    [text.as_bytes(), &[0]].concat()
}
