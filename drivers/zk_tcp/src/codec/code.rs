//! Commands and reply codes (`zkteco-standalone-4370.md` section 3). An unknown one is a value, not an error.

/// The first field of a packet: a command, a reply code, or 500 for an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(pub u16);

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal),+ $(,)?) => {
        impl Code {
            $($(#[$doc])* pub const $name: Self = Self($number);)+

            /// Its name in the sheet, if it has one there.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some(stringify!($name)),)+
                    _ => None,
                }
            }
        }
    };
}

codes! {
    /// Reads a database area the old way.
    DB_RRQ = 7,
    /// Writes a user.
    USER_WRQ = 8,
    /// Reads all users the old way.
    USERTEMP_RRQ = 9,
    /// Writes templates.
    USERTEMP_WRQ = 10,
    /// Reads an option by name.
    OPTIONS_RRQ = 11,
    /// Writes an option.
    OPTIONS_WRQ = 12,
    /// Reads the punch log the old way.
    ATTLOG_RRQ = 13,
    /// Clears data.
    CLEAR_DATA = 14,
    /// Clears the punch log.
    CLEAR_ATTLOG = 15,
    /// Deletes a user.
    DELETE_USER = 18,
    /// Deletes a template.
    DELETE_USERTEMP = 19,
    /// Opens the door.
    UNLOCK = 31,
    /// Clears the operation log.
    CLEAR_OPLOG = 33,
    /// Reads the operation log the old way.
    OPLOG_RRQ = 34,
    /// Reads counts and capacities.
    GET_FREE_SIZES = 50,
    /// Starts verifying.
    STARTVERIFY = 60,
    /// Starts enrolling.
    STARTENROLL = 61,
    /// Stops enrolling.
    CANCELCAPTURE = 62,
    /// Reads the state.
    STATE_RRQ = 64,
    /// Reads how many digits a user id may have.
    GET_PINWIDTH = 69,
    /// Reads the clock.
    GET_TIME = 201,
    /// Sets the clock.
    SET_TIME = 202,
    /// From us: which events are wanted. From the device: an event.
    REG_EVENT = 500,
    /// Opens a session.
    CONNECT = 1000,
    /// Ends a session.
    EXIT = 1001,
    /// Lets people punch.
    ENABLEDEVICE = 1002,
    /// Shows "Working..." and lets nobody punch.
    DISABLEDEVICE = 1003,
    /// Starts the device again; often not answered.
    RESTART = 1004,
    /// Switches off.
    POWEROFF = 1005,
    /// Makes writes take effect.
    REFRESHDATA = 1013,
    /// Makes options take effect.
    REFRESHOPTION = 1014,
    /// Speaks a phrase.
    TESTVOICE = 1017,
    /// Reads the firmware version.
    GET_VERSION = 1100,
    /// Shows the comm key.
    AUTH = 1102,
    /// Announces a series of DATA.
    PREPARE_DATA = 1500,
    /// Data.
    DATA = 1501,
    /// Gives the device its buffer back.
    FREE_DATA = 1502,
    /// Lets the device prepare a data set.
    DATA_WRRQ = 1503,
    /// Reads a part of it.
    DATA_RDY = 1504,
    /// Done.
    ACK_OK = 2000,
    /// Refused.
    ACK_ERROR = 2001,
    /// Done, and here are data.
    ACK_DATA = 2002,
    /// Ask again.
    ACK_RETRY = 2003,
    /// Ask again.
    ACK_REPEAT = 2004,
    /// Not before the comm key was shown.
    ACK_UNAUTH = 2005,
    /// The command is not known.
    ACK_UNKNOWN = 0xFFFF,
    /// The command is bad.
    ACK_BAD_COMMAND = 0xFFFD,
    /// Not initialised.
    ACK_NOT_INITIALISED = 0xFFFC,
    /// The data are bad.
    ACK_BAD_DATA = 0xFFFB,
}

impl Code {
    /// Its name, or its number where the sheet has no name.
    pub fn label(self) -> String {
        self.name().map_or_else(|| format!("CODE_{}", self.0), str::to_owned)
    }

    /// Whether this is an answer that says no.
    pub const fn refuses(self) -> bool {
        matches!(self.0, 2001 | 2003..=2005 | 0xFFFB..=0xFFFF)
    }
}
