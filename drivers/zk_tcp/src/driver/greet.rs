//! The beginning: who are we, who is it, and live events first.

use punchgate_kit::{Fault, Remark, Stage};

use super::{Stop, ask::Terminal, ask::refused};
use crate::{
    codec::{Code, Packet, Request, commkey, event},
    options::CommKey,
};

impl Terminal {
    /// Connects and gets to know the terminal.
    pub(super) async fn greet(&mut self) -> Result<(), Stop> {
        self.connect().await?;
        self.reached(Stage::Authenticated).await;
        self.introduce().await?;
        self.read_clock().await?;
        if self.options.live {
            self.listen().await?;
        }
        Ok(())
    }

    async fn connect(&mut self) -> Result<(), Stop> {
        let answer = self.ask(&Request::Connect).await?;
        self.connected(answer.session);
        self.reached(Stage::Reachable).await;
        match answer.code {
            Code::ACK_OK => {}
            Code::ACK_UNAUTH => self.authenticate().await?,
            code => return Err(refused("the connection", code).into()),
        }
        // The vendor's own software does so; firmware that does not know it loses nothing.
        self.ask(&Request::SetOption("SDKBuild=1")).await?;
        Ok(())
    }

    async fn authenticate(&mut self) -> Result<(), Stop> {
        let key = self.options.comm_key.as_ref().map_or(0, CommKey::number);
        let shown = commkey::hash(key, self.number(), commkey::TICKS);
        match self.ask(&Request::Auth(shown)).await?.code {
            Code::ACK_OK => Ok(()),
            Code::ACK_UNAUTH => Err(self.wrong_key().into()),
            code => Err(refused("the comm key", code).into()),
        }
    }

    /// Asking again would only be refused again, and each attempt occupies the one session that a terminal has.
    fn wrong_key(&self) -> Fault {
        let device = self.intake.device();
        let what = match self.options.comm_key {
            Some(_) => format!("the terminal {device} refused the comm key"),
            None => format!("the terminal {device} wants a comm key and none is configured"),
        };
        Fault::NeedsPerson {
            code: "wrong-comm-key",
            what,
            mend: format!(
                "set comm_key of {device} to the \"Comm Key\" in the menu of the terminal (Comm. > PC Connection)"
            ),
        }
    }

    async fn introduce(&mut self) -> Result<(), Stop> {
        let serial = self.option("~SerialNumber").await?.unwrap_or_default();
        let platform = self.option("~Platform").await?;
        let name = self.option("~DeviceName").await?;
        let firmware = self.ask(&Request::Version).await?;
        let firmware = (firmware.code == Code::ACK_OK).then(|| printable(&firmware.data));
        self.mapping.table = self.options.verify_table.for_platform(platform.as_deref());
        let about: Vec<String> = [name, platform, firmware]
            .into_iter()
            .flatten()
            .filter(|text| !text.is_empty())
            .collect();
        let about = about.join(", ");
        self.intake.remark(Remark::Identity { serial, about }).await;
        Ok(())
    }

    /// Reads an option; `None` where the terminal has none of that name. Some firmware answers with what it had in its buffer,
    /// so the name must come back, and the question is put once more when another one does.
    async fn option(&mut self, name: &'static str) -> Result<Option<String>, Stop> {
        for _ in 0..2 {
            let answer = self.ask(&Request::Option(name)).await?;
            if answer.code != Code::ACK_OK {
                return Ok(None);
            }
            if let Some(value) = value_of(&answer, name) {
                return Ok(Some(value));
            }
        }
        let why = format!("no answer to the question for {name} began with that name");
        self.intake.remark(Remark::Unexpected(why)).await;
        Ok(None)
    }

    /// Asks for events. The terminal is enabled first: a client that crashed may have left it showing "Working...".
    async fn listen(&mut self) -> Result<(), Stop> {
        self.ask(&Request::Enable).await?;
        let answer = self.ask(&Request::Register(event::ALL)).await?;
        if answer.code.refuses() {
            let why = format!("no live events, the terminal refused them: {}", answer.code.label());
            self.intake.remark(Remark::Unexpected(why)).await;
        }
        Ok(())
    }
}

fn value_of(answer: &Packet, name: &str) -> Option<String> {
    let value = answer.data.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
    Some(printable(value))
}

/// Text up to the first NUL, at most 64 characters, without what would spoil a log line.
fn printable(text: &[u8]) -> String {
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    let text = String::from_utf8_lossy(text);
    text.chars()
        .filter(|c| !c.is_control())
        .take(64)
        .collect::<String>()
        .trim()
        .to_owned()
}
