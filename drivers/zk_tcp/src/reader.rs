//! Reads the readings out of a conversation that somebody else had, also when only the terminal's side of it was captured.

use bytes::Bytes;
use punchgate_kit::{Finding, Malformed, Reader};
use punchgate_model::Origin;

use crate::{
    codec::{
        Code, Event, FreeSizes, Heard, Numbers, Packet, Said, Table, UserLayout,
        bulk::{self, Entries, Series},
        stride,
        user::Users,
    },
    log,
    mapping::Mapping,
    options::{Options, StateMeans},
};

/// The reader for `punchgate decode`. Unlike the driver it takes the punch state for a direction unless told not to, because
/// it shows a person what a terminal said and decides nothing.
#[derive(Debug)]
pub struct ZkReader {
    options: Options,
    platform: Option<String>,
    sizes: FreeSizes,
    clock: Option<Numbers>,
    users: Option<Users>,
    asked: Option<Code>,
    table: Option<Table>,
    /// A data set in parts: how long it will be where that was announced, and what is there.
    whole: Option<usize>,
    set: Vec<u8>,
    announced: Option<usize>,
    series: Series,
}

impl ZkReader {
    /// A reader for conversations with a terminal that is set up with these options.
    pub fn new(options: &Options) -> Self {
        Self {
            options: options.clone(),
            platform: None,
            sizes: FreeSizes::default(),
            clock: None,
            users: None,
            asked: None,
            table: None,
            whole: None,
            set: Vec::new(),
            announced: None,
            series: Series::default(),
        }
    }

    fn mapping(&self) -> Mapping {
        Mapping {
            table: self.options.verify_table.for_platform(self.platform.as_deref()),
            state: self.options.direction.unwrap_or(StateMeans::State),
        }
    }

    fn event(&self, packet: &Packet) -> Vec<Finding> {
        match Event::parse(packet) {
            Ok(Event::Punches(rows)) => rows
                .iter()
                .map(|(row, bytes)| self.mapping().reading(row, bytes, self.users.as_ref(), Origin::Live))
                .map(Finding::Reading)
                .collect(),
            Ok(Event::Notice(_)) => Vec::new(),
            Err(why) => vec![why.into()],
        }
    }

    fn answer(&mut self, packet: &Packet) -> Vec<Finding> {
        match packet.code {
            Code::PREPARE_DATA => match bulk::announced(&packet.data) {
                Ok(size) => {
                    self.announced = Some(size);
                    self.series = Series::default();
                    Vec::new()
                }
                Err(why) => vec![why.into()],
            },
            Code::DATA | Code::ACK_DATA => self.data(packet),
            Code::ACK_OK if bulk::is_prepared(&packet.data) && self.asks_for_a_set() => {
                self.begin();
                self.whole = bulk::prepared(&packet.data).ok().flatten();
                Vec::new()
            }
            // The end of a series that is shorter than announced: what is there is all there will be.
            Code::ACK_OK if packet.data.is_empty() && !self.series.is_empty() => self.series_ended(),
            Code::ACK_OK => {
                self.note(&packet.data);
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn asks_for_a_set(&self) -> bool {
        matches!(self.asked, None | Some(Code::DATA_WRRQ))
    }

    /// Keeps what helps to understand later messages.
    fn note(&mut self, data: &Bytes) {
        if let Some(platform) = data.strip_prefix(b"~Platform=") {
            self.platform = Some(String::from_utf8_lossy(platform).trim_end_matches('\0').to_owned());
        }
        let sizes = match self.asked {
            Some(asked) => asked == Code::GET_FREE_SIZES,
            None => matches!(data.len(), 80 | 92 | 112),
        };
        if sizes {
            self.sizes = FreeSizes::parse(data).unwrap_or(self.sizes);
        }
        if self.asked == Some(Code::GET_TIME) {
            let time = data
                .get(..4)
                .and_then(|time| time.try_into().ok())
                .map(u32::from_le_bytes);
            self.clock = time.map(Numbers::unpack).or(self.clock);
        }
    }

    fn data(&mut self, packet: &Packet) -> Vec<Finding> {
        let Some(announced) = self.announced else {
            self.set.extend_from_slice(&packet.data);
            return self.part_ended();
        };
        self.series.add(packet.session, &packet.data);
        if self.series.len() >= announced {
            self.series_ended()
        } else {
            Vec::new()
        }
    }

    fn series_ended(&mut self) -> Vec<Finding> {
        self.announced = None;
        self.set.extend(std::mem::take(&mut self.series).into_bytes());
        self.part_ended()
    }

    /// A part is whole; perhaps the set is.
    fn part_ended(&mut self) -> Vec<Finding> {
        if self.whole.is_some_and(|whole| self.set.len() < whole) {
            return Vec::new();
        }
        let set = std::mem::take(&mut self.set);
        self.whole = None;
        match Entries::parse(&set) {
            Ok(entries) => self.entries(&entries),
            Err(why) => vec![why.into()],
        }
    }

    fn entries(&mut self, entries: &Entries<'_>) -> Vec<Finding> {
        let latest = self.clock.map(log::a_day_later);
        let punches = stride::choose(&entries.bytes, self.sizes.punches, latest);
        let table = self.table.or_else(|| match punches {
            Some(_) => Some(Table::Punches),
            None => UserLayout::choose(&entries.bytes, self.sizes.users).map(|_| Table::Users),
        });
        match (table, punches) {
            (Some(Table::Users), _) => {
                self.users = Some(Users::parse(&entries.bytes, self.sizes.users));
                Vec::new()
            }
            (_, Some(layout)) => {
                let rows = log::Rows::read(&entries.bytes, layout);
                let mapping = self.mapping();
                let readings = rows.readings(&mapping, self.users.as_ref()).map(Finding::Reading);
                readings
                    .chain(rows.garbled.iter().cloned().map(Finding::Malformed))
                    .collect()
            }
            _ if entries.bytes.is_empty() => Vec::new(),
            _ => vec![Malformed::new(4, "records of 8, 16, 40 or 49 bytes", &entries.bytes).into()],
        }
    }

    fn begin(&mut self) {
        self.whole = None;
        self.announced = None;
        self.set.clear();
        self.series = Series::default();
    }
}

impl Reader<Heard, Said> for ZkReader {
    fn hear(&mut self, heard: &Heard) -> Vec<Finding> {
        let packet = heard.packet();
        let mut findings = if heard.is_event() {
            self.event(packet)
        } else {
            self.answer(packet)
        };
        if let Some(wrong) = packet.wrong_checksum() {
            findings.insert(0, wrong.into());
            if self.options.strict_checksum {
                findings.truncate(1);
            }
        }
        findings
    }

    fn say(&mut self, said: &Said) {
        let packet = said.packet();
        self.asked = Some(packet.code);
        match packet.code {
            Code::DATA_WRRQ => {
                self.begin();
                self.table = Table::named_by(&packet.data);
            }
            Code::ATTLOG_RRQ => {
                self.begin();
                self.table = Some(Table::Punches);
            }
            Code::USERTEMP_RRQ => {
                self.begin();
                self.table = Some(Table::Users);
            }
            _ => {}
        }
    }
}
