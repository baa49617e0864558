//! Reading a data set: in blocks where the firmware can, the old way where it cannot.

use std::time::Duration;

use punchgate_kit::{Fault, Remark, Unheard};

use super::{Stop, ask::Terminal, ask::refused};
use crate::codec::{
    Code, Request, Table,
    bulk::{self, Series},
    user::Users,
};

/// How many bytes are asked for at once. What UDP wants; on TCP a larger block would gain little.
const BLOCK: usize = 16 * 1024;
/// How often a block is asked for.
const ATTEMPTS: u32 = 3;
/// How long the end of a series is waited for when all its bytes are there.
const LAST_WORD: Duration = Duration::from_secs(1);

/// An answer to a question for data.
enum Data {
    /// Here they are.
    Here(Vec<u8>),
    /// So many bytes were prepared.
    Prepared(usize),
    /// The terminal cannot.
    Refused(Code),
}

impl Terminal {
    /// Reads a table. The terminal keeps its buffer until [`Terminal::free`], except after a fault.
    pub(super) async fn fetch(&mut self, table: Table) -> Result<Vec<u8>, Stop> {
        let fetched = self.fetch_set(table).await;
        if fetched.as_ref().is_err_and(|stop| !is_gone(stop)) {
            // Otherwise the next one to ask would be given this set again.
            self.politely(&Request::Free).await;
        }
        fetched
    }

    /// Gives the terminal its buffer back.
    pub(super) async fn free(&mut self) -> Result<(), Stop> {
        self.ask(&Request::Free).await.map(drop)
    }

    /// Reads the user table. A terminal that has none to give leaves every index unknown.
    pub(super) async fn load_users(&mut self) -> Result<(), Stop> {
        let sizes = self.sizes().await?;
        let set = self.fetch(Table::Users).await;
        let set = match set {
            Err(Stop::Fault(Fault::Refused { why, .. })) => {
                self.intake
                    .remark(Remark::Unexpected(format!("the user table was refused: {why}")))
                    .await;
                Vec::new()
            }
            set => {
                let set = set?;
                self.free().await?;
                set
            }
        };
        self.users = match bulk::Entries::parse(&set) {
            Ok(entries) => Some(Users::parse(&entries.bytes, sizes.users)),
            Err(why) => {
                self.intake.remark(Remark::Garbled(why)).await;
                Some(Users::default())
            }
        };
        Ok(())
    }

    async fn fetch_set(&mut self, table: Table) -> Result<Vec<u8>, Stop> {
        match self.data(&Request::Prepare(table), bulk::LONGEST_SET).await? {
            Data::Here(set) => Ok(set),
            Data::Prepared(size) => self.blocks(size).await,
            Data::Refused(_) => match self.data(&Request::Legacy(table), bulk::LONGEST_SET).await? {
                Data::Here(set) => Ok(set),
                Data::Prepared(size) => self.blocks(size).await,
                Data::Refused(code) => Err(refused("its data", code).into()),
            },
        }
    }

    async fn blocks(&mut self, size: usize) -> Result<Vec<u8>, Stop> {
        let mut set = Vec::with_capacity(size);
        while set.len() < size {
            if self.closing {
                return Err(Stop::Closing);
            }
            let wanted = BLOCK.min(size - set.len());
            let block = self.block(set.len(), wanted).await?;
            set.extend_from_slice(&block);
            if block.len() < wanted {
                // It has less than it said; what is there is kept, and the counts will not agree.
                break;
            }
        }
        Ok(set)
    }

    /// One block; shorter than wanted only if it stayed so at every attempt.
    async fn block(&mut self, start: usize, wanted: usize) -> Result<Vec<u8>, Stop> {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let request = Request::Read {
            start: number(start),
            size: number(wanted),
        };
        let mut best = Vec::new();
        for _ in 0..ATTEMPTS {
            match self.data(&request, wanted).await? {
                Data::Here(block) if block.len() == wanted => return Ok(block),
                Data::Here(block) if block.len() > best.len() && block.len() < wanted => best = block,
                Data::Here(_) => {}
                Data::Prepared(_) => return Ok(best),
                Data::Refused(code) => return Err(refused("a block of its data", code).into()),
            }
        }
        Ok(best)
    }

    /// Asks for data and puts the frames of the answer together; asks again while nothing at all comes.
    async fn data(&mut self, request: &Request, most: usize) -> Result<Data, Stop> {
        let mut attempt = 1;
        loop {
            let reply = self.say(request).await?;
            match self.collect(reply, most).await {
                Err(stop) if is_silence(&stop) && attempt < ATTEMPTS => attempt += 1,
                collected => return collected,
            }
        }
    }

    async fn collect(&mut self, reply: u16, most: usize) -> Result<Data, Stop> {
        let mut series = Series::default();
        let mut announced = None;
        loop {
            let whole = announced.is_some_and(|size| series.len() >= size);
            let patience = if whole { LAST_WORD } else { self.options.patience };
            let packet = match self.answer(reply, patience).await {
                Ok(packet) => packet,
                // Lost datagrams: what came is worth keeping only if it is whole, and the caller sees that by its length.
                Err(stop) if is_silence(&stop) && !series.is_empty() => return Ok(Data::Here(series.into_bytes())),
                Err(stop) => return Err(stop),
            };
            match packet.code {
                Code::PREPARE_DATA => {
                    announced = Some(bulk::announced(&packet.data).map_err(Fault::from)?.min(most));
                    series = Series::default();
                }
                Code::DATA | Code::ACK_DATA => {
                    series.add(packet.session, &packet.data);
                    if announced.is_none() || series.len() > most {
                        self.give_up(reply);
                        return Ok(Data::Here(series.into_bytes()));
                    }
                }
                Code::ACK_OK if announced.is_some() => return Ok(Data::Here(series.into_bytes())),
                Code::ACK_OK => {
                    let size = bulk::prepared(&packet.data).map_err(Fault::from)?;
                    return Ok(size.map_or_else(|| Data::Here(Vec::new()), Data::Prepared));
                }
                code if code.refuses() => return Ok(Data::Refused(code)),
                code => {
                    self.intake
                        .remark(Remark::Unexpected(format!("{} among data", code.label())))
                        .await
                }
            }
        }
    }
}

fn is_silence(stop: &Stop) -> bool {
    matches!(stop, Stop::Fault(Fault::Unheard(Unheard::Silence { .. })))
}

fn is_gone(stop: &Stop) -> bool {
    matches!(stop, Stop::Fault(Fault::Unheard(_)))
}
