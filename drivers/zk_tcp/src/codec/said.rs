//! Us to the terminal. There is a request for everything that a gateway may want, and none to disable a terminal or to clear
//! a log. An acknowledgement of a punch can be made only from a [`Stored`].

use bytes::Bytes;
use punchgate_kit::{Described, Malformed, Stored, Wire};

use super::{Code, Notice, Numbers, Packet, fields::u32_at, heard::described};

/// What can be read in bulk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// The punch log.
    Punches,
    /// The user table.
    Users,
}

impl Table {
    /// The eleven bytes of DATA_WRRQ: 1, the command to run, and its two arguments.
    const fn prepare(self) -> [u8; 11] {
        match self {
            Self::Punches => [1, 13, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            Self::Users => [1, 9, 0, 5, 0, 0, 0, 0, 0, 0, 0],
        }
    }

    /// The table that these data of a DATA_WRRQ name.
    pub fn named_by(data: &[u8]) -> Option<Self> {
        match data {
            [1, 13, 0, ..] => Some(Self::Punches),
            [1, 9, 0, 5, ..] => Some(Self::Users),
            _ => None,
        }
    }
}

/// What a gateway may want of a terminal.
#[derive(Clone, PartialEq, Eq)]
pub enum Request {
    /// Open a session.
    Connect,
    /// Show the comm key, mixed with the session id.
    Auth([u8; 4]),
    /// End the session.
    Exit,
    /// Let people punch: heals what a client left behind that crashed.
    Enable,
    /// Read an option.
    Option(&'static str),
    /// Read the firmware version.
    Version,
    /// Write an option.
    SetOption(&'static str),
    /// Read the clock.
    Time,
    /// Set the clock.
    SetTime(Numbers),
    /// Make a write take effect.
    Refresh,
    /// Read counts and capacities.
    Sizes,
    /// Ask for events.
    Register(u32),
    /// Prepare a data set.
    Prepare(Table),
    /// Read a part of what was prepared.
    Read {
        /// The first byte.
        start: u32,
        /// How many bytes.
        size: u32,
    },
    /// Give the terminal its buffer back.
    Free,
    /// Read a table the old way.
    Legacy(Table),
}

impl Request {
    /// Its command.
    pub const fn code(&self) -> Code {
        match self {
            Self::Connect => Code::CONNECT,
            Self::Auth(_) => Code::AUTH,
            Self::Exit => Code::EXIT,
            Self::Enable => Code::ENABLEDEVICE,
            Self::Option(_) => Code::OPTIONS_RRQ,
            Self::Version => Code::GET_VERSION,
            Self::SetOption(_) => Code::OPTIONS_WRQ,
            Self::Time => Code::GET_TIME,
            Self::SetTime(_) => Code::SET_TIME,
            Self::Refresh => Code::REFRESHDATA,
            Self::Sizes => Code::GET_FREE_SIZES,
            Self::Register(_) => Code::REG_EVENT,
            Self::Prepare(_) => Code::DATA_WRRQ,
            Self::Read { .. } => Code::DATA_RDY,
            Self::Free => Code::FREE_DATA,
            Self::Legacy(Table::Punches) => Code::ATTLOG_RRQ,
            Self::Legacy(Table::Users) => Code::USERTEMP_RRQ,
        }
    }

    /// Its command's name.
    pub fn name(&self) -> &'static str {
        self.code().name().unwrap_or("a request")
    }

    fn data(&self) -> Vec<u8> {
        match self {
            Self::Auth(hash) => hash.to_vec(),
            Self::Option(text) | Self::SetOption(text) => [text.as_bytes(), &[0]].concat(),
            Self::SetTime(time) => time.pack().to_le_bytes().to_vec(),
            Self::Register(mask) => mask.to_le_bytes().to_vec(),
            Self::Prepare(table) => table.prepare().to_vec(),
            Self::Read { start, size } => [start.to_le_bytes(), size.to_le_bytes()].concat(),
            Self::Legacy(Table::Users) => vec![5],
            Self::Connect
            | Self::Exit
            | Self::Enable
            | Self::Version
            | Self::Time
            | Self::Refresh
            | Self::Sizes
            | Self::Free
            | Self::Legacy(Table::Punches) => Vec::new(),
        }
    }
}

/// One message to a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said(Packet);

impl Said {
    /// A request in a session, with its running number.
    pub fn request(request: &Request, session: u16, reply: u16) -> Self {
        Self(Packet::new(request.code(), session, reply, request.data()))
    }

    /// The acknowledgement of an event whose punches are on the disk.
    pub fn stored(_proof: &Stored, session: u16) -> Self {
        Self(Packet::new(Code::ACK_OK, session, 0, Bytes::new()))
    }

    /// The acknowledgement of an event that is no punch.
    pub fn noted(_notice: &Notice, session: u16) -> Self {
        Self(Packet::new(Code::ACK_OK, session, 0, Bytes::new()))
    }

    /// The packet.
    pub fn packet(&self) -> &Packet {
        &self.0
    }
}

impl Wire for Said {
    type Raw = Bytes;

    fn parse(raw: &Bytes) -> Result<Self, Malformed> {
        Packet::parse(raw).map(Self)
    }

    fn render(&self) -> Bytes {
        self.0.render()
    }

    fn describe(&self) -> Described {
        let packet = &self.0;
        let described = described(packet, &packet.code.label());
        let text = |data: &[u8]| String::from_utf8_lossy(data).trim_end_matches('\0').to_owned();
        match packet.code {
            Code::OPTIONS_RRQ | Code::OPTIONS_WRQ => described.with("option", text(&packet.data)),
            Code::SET_TIME => match u32_at(&packet.data, 0) {
                Some(time) => described.with("time", Numbers::unpack(time).device_time().printed),
                None => described,
            },
            Code::REG_EVENT => described.with("mask", u32_at(&packet.data, 0)),
            Code::DATA_RDY => described
                .with("start", u32_at(&packet.data, 0))
                .with("size", u32_at(&packet.data, 4)),
            Code::DATA_WRRQ => match Table::named_by(&packet.data) {
                Some(Table::Punches) => described.with("table", "punches"),
                Some(Table::Users) => described.with("table", "users"),
                None => described,
            },
            _ => described,
        }
    }
}
