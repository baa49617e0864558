//! What an operator set, checked and ready for use. Everything that can be wrong is told when the configuration is read.

use std::sync::Arc;

use jiff::civil::DateTime;
use punchgate_kit::Malformed;
use punchgate_model::Span;
use serde::{Deserialize, Deserializer, de::Error};

use crate::{
    envelope::Envelope,
    fields::{Fields, regex},
    format::{Entry, Format, Misread, Stamps, Wash},
    framer::{Records, Shape},
    presets,
    settings::{
        Acknowledge, Check, CheckPlace, CleanSettings, Covers, Dropped, FrameKind, FrameSettings, PollSettings,
        Settings, TimeSettings, usual_idle, usual_longest,
    },
    stamp::Pattern,
};

/// The options of a text clock; the README lists them. Without any, every preset is tried on every record.
#[derive(Debug, Clone)]
pub struct Options(Arc<Checked>);

#[derive(Debug)]
struct Checked {
    formats: Vec<Format>,
    records: Records,
    acknowledge: Acknowledge,
    nak: bool,
    poll: Option<Poll>,
}

/// How a clock is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Poll {
    /// One for each address, said in turn.
    pub words: Vec<Vec<u8>>,
    pub every: Span,
    pub after_record: bool,
}

impl Default for Options {
    /// Every preset is tried on every record; nothing is said to the clock.
    fn default() -> Self {
        Self::try_from(Settings::default()).unwrap_or_else(|_| Self(Arc::new(Checked::empty())))
    }
}

impl<'de> Deserialize<'de> for Options {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Settings::deserialize(deserializer)?
            .try_into()
            .map_err(D::Error::custom)
    }
}

impl Options {
    /// The options that come with a preset.
    ///
    /// # Errors
    /// A sentence with the names there are.
    pub fn preset(name: &str) -> Result<Self, String> {
        Settings {
            preset: Some(name.to_owned()),
            ..Settings::default()
        }
        .try_into()
    }

    /// Reads a record in the first format that fits. `received` is the time of arrival where the clock stands.
    pub(crate) fn read(&self, frame: &[u8], received: Option<DateTime>) -> Result<Entry, Misread> {
        let mut damaged = None;
        let mut strange = None;
        for format in &self.0.formats {
            match format.read(frame, received) {
                Ok(entry) => return Ok(entry),
                Err(Misread::Damaged(why)) => damaged = damaged.or(Some(why)),
                Err(Misread::Strange(why)) => strange = strange.or(Some(why)),
            }
        }
        let alone = self.0.formats.len() == 1;
        match (damaged, strange) {
            (Some(why), None) => Err(Misread::Damaged(why)),
            (_, Some(why)) if alone => Err(Misread::Strange(why)),
            (Some(why), _) if frame.first() == Some(&crate::envelope::STX) => Err(Misread::Damaged(why)),
            _ => Err(Misread::Strange(Malformed::new(
                0,
                "a record in the format of one of the presets",
                frame,
            ))),
        }
    }

    /// Whether the end of a record could be taken for a whole one.
    pub(crate) fn is_loose(&self, frame: &[u8]) -> bool {
        (1..frame.len()).any(|from| frame.get(from..).is_some_and(|tail| self.read(tail, None).is_ok()))
    }

    /// The framer.
    pub(crate) fn records(&self) -> &Records {
        &self.0.records
    }

    /// What the clock wants to hear when its record is safe.
    pub fn acknowledge(&self) -> Acknowledge {
        self.0.acknowledge
    }

    /// Whether a damaged record is answered with NAK.
    pub fn says_nak(&self) -> bool {
        self.0.nak
    }

    pub(crate) fn poll(&self) -> Option<&Poll> {
        self.0.poll.as_ref()
    }
}

impl Checked {
    fn empty() -> Self {
        let wash = wash(&CleanSettings::default()).unwrap_or_else(|_| Wash {
            mask: 0xff,
            dropped: Vec::new(),
            upper: false,
            trim: false,
            ignored: Vec::new(),
        });
        Self {
            formats: Vec::new(),
            records: records(None, &wash),
            acknowledge: Acknowledge::None,
            nak: false,
            poll: None,
        }
    }
}

impl TryFrom<Settings> for Options {
    type Error = String;

    fn try_from(mut settings: Settings) -> Result<Self, String> {
        if let Some(name) = settings.preset.clone() {
            settings = settings.over(presets::settings(&name)?);
        }
        let clean = settings.clean.clone().unwrap_or_default();
        let wash = wash(&clean)?;
        let frame = settings.frame.clone();
        let (acknowledge, nak) = (settings.acknowledge.unwrap_or_default(), settings.nak.unwrap_or(false));
        let poll = settings.poll.take().map(poll).transpose()?;
        let formats = match settings.fields {
            Some(_) => vec![format(settings, &wash)?],
            None => every_format(&settings, &wash)?,
        };
        let mut records = records(frame.as_ref(), &wash);
        records.words.extend(poll.iter().flat_map(|poll| poll.words.clone()));
        Ok(Self(Arc::new(Checked {
            formats,
            records,
            acknowledge,
            nak,
            poll,
        })))
    }
}

/// All presets, for a clock of which nothing is said but perhaps how to clean its records.
fn every_format(settings: &Settings, wash: &Wash) -> Result<Vec<Format>, String> {
    let given = [
        ("frame", settings.frame.is_some()),
        ("id", settings.id.is_some()),
        ("time", settings.time.is_some()),
        ("direction", settings.direction.is_some()),
        ("factor", settings.factor.is_some()),
    ];
    if let Some((section, _)) = given.iter().find(|(_, given)| *given) {
        return Err(format!(
            "{section} needs fields or a preset; say preset = \"…\" or how the fields are found"
        ));
    }
    presets::names()
        .map(|name| {
            let preset = Settings {
                preset: Some(name.to_owned()),
                ..presets::settings(name)?
            };
            let ignored = wash.ignored.clone();
            format(
                preset,
                &Wash {
                    ignored,
                    ..wash.clone()
                },
            )
        })
        .collect()
}

fn format(settings: Settings, wash: &Wash) -> Result<Format, String> {
    let fields = Fields::new(settings.fields.ok_or("fields: missing")?)?;
    let stamps = stamps(&settings.time.unwrap_or_default(), &fields)?;
    let envelope = settings
        .frame
        .as_ref()
        .filter(|frame| frame.kind == FrameKind::Enclosed)
        .map(envelope);
    if let Some(frame) = &settings.frame {
        check_frame(frame)?;
    }
    Ok(Format {
        name: settings.preset.unwrap_or_else(|| "own".to_owned()),
        envelope,
        wash: wash.clone(),
        fields,
        id: settings.id.unwrap_or_default(),
        stamps,
        directions: settings.direction,
        factor: settings.factor.unwrap_or(punchgate_model::Factor::Card),
    })
}

fn check_frame(frame: &FrameSettings) -> Result<(), String> {
    if !(2..=4096).contains(&frame.longest) {
        return Err(format!("frame.longest = {}: wanted 2 to 4096 bytes", frame.longest));
    }
    if frame.idle < Span::from_millis(10) {
        return Err("frame.idle: wanted at least 10ms".to_owned());
    }
    let enclosed = frame.kind == FrameKind::Enclosed;
    if !enclosed
        && (frame.check.is_some() || frame.check_place.is_some() || frame.covers.is_some() || frame.address > 0)
    {
        return Err("frame: check, check_place, covers and address are for kind = \"enclosed\"".to_owned());
    }
    if enclosed && frame.check == Some(Check::Lrc) && frame.check_place == Some(CheckPlace::BeforeEnd) {
        return Err("frame.check = \"lrc\" is one byte of any value and must stand after the end".to_owned());
    }
    match (frame.kind, frame.length) {
        (FrameKind::Fixed, Some(1..=4096)) => Ok(()),
        (FrameKind::Fixed, _) => Err("frame.length: wanted 1 to 4096 bytes for kind = \"fixed\"".to_owned()),
        (_, Some(_)) => Err("frame.length is for kind = \"fixed\"".to_owned()),
        _ => Ok(()),
    }
}

fn envelope(frame: &FrameSettings) -> Envelope {
    let check = frame.check.unwrap_or(Check::None);
    let covers = if check == Check::Lrc {
        Covers::Frame
    } else {
        Covers::Text
    };
    Envelope {
        check,
        place: frame.check_place.unwrap_or(CheckPlace::AfterEnd),
        covers: frame.covers.unwrap_or(covers),
        end: frame.end,
        address: frame.address,
    }
}

fn records(frame: Option<&FrameSettings>, wash: &Wash) -> Records {
    let shape = match frame {
        None => Shape::Any,
        Some(frame) => match frame.kind {
            FrameKind::Line => Shape::Line(frame.terminator),
            FrameKind::Enclosed => Shape::Enclosed(envelope(frame)),
            FrameKind::Fixed => Shape::Fixed(frame.length.unwrap_or(1)),
        },
    };
    let longest = frame.map_or(usual_longest(), |frame| frame.longest);
    let limit = match shape {
        Shape::Fixed(length) => longest.max(length),
        _ => longest,
    };
    Records {
        // An enclosed record may end with CR; everywhere else a CR before a record is the rest of the last one.
        swallowed: [b"\r\n".as_slice(), &wash.dropped].concat(),
        shape,
        mask: wash.mask,
        words: vec![b"\x06".to_vec(), b"\x15".to_vec(), b"A\r".to_vec()],
        limit,
        idle: frame.map_or(usual_idle(), |frame| frame.idle),
        idle_closes: frame.is_some_and(|frame| frame.idle_closes),
    }
}

fn wash(clean: &CleanSettings) -> Result<Wash, String> {
    let usual = vec![Dropped::Nul, Dropped::Ff, Dropped::Xon, Dropped::Xoff];
    let dropped = clean.drop.clone().unwrap_or(usual);
    let byte = |dropped: &Dropped| match dropped {
        Dropped::Nul => 0x00,
        Dropped::Ff => 0x0c,
        Dropped::Xon => 0x11,
        Dropped::Xoff => 0x13,
    };
    Ok(Wash {
        mask: if clean.strip_parity { 0x7f } else { 0xff },
        dropped: dropped.iter().map(byte).collect(),
        upper: clean.upper,
        trim: clean.trim,
        ignored: clean
            .ignore
            .iter()
            .map(|pattern| regex("clean.ignore", pattern))
            .collect::<Result<_, _>>()?,
    })
}

fn stamps(time: &TimeSettings, fields: &Fields) -> Result<Stamps, String> {
    let read = |what: &str, formats: &[String]| {
        let patterns = formats
            .iter()
            .map(|format| Pattern::new(format).map_err(|why| format!("time.{what}: {why}")));
        let patterns = patterns.collect::<Result<Vec<_>, _>>()?;
        match (fields.names().contains(&what), patterns.is_empty()) {
            (true, true) => Err(format!(
                "time.{what}: fields have an item {what}; give at least one format for it"
            )),
            (false, false) => Err(format!("time.{what}: fields have no item {what}")),
            _ => Ok(patterns),
        }
    };
    let stamps = Stamps {
        date: read("date", &time.date)?,
        time: read("time", &time.time)?,
        datetime: read("datetime", &time.datetime)?,
    };
    let all = stamps.date.iter().chain(&stamps.time).chain(&stamps.datetime);
    let dated = ["month", "day"].iter().any(|item| fields.names().contains(item));
    let timed = all.clone().any(|pattern| pattern.has('H') || pattern.has('I')) || fields.names().contains(&"hour");
    if (dated || all.clone().next().is_some()) && !timed {
        return Err("time: there is a date but no hour; give %H or %I, or an item hour".to_owned());
    }
    Ok(stamps)
}

fn poll(settings: PollSettings) -> Result<Poll, String> {
    if settings.say.is_empty() || settings.every < Span::from_millis(10) {
        return Err("poll: wanted something to say, and every at least 10ms".to_owned());
    }
    let addressed = settings.say.contains("{address}");
    if addressed == settings.addresses.is_empty() {
        return Err("poll: {address} in say and a list of addresses go together".to_owned());
    }
    let words: Vec<Vec<u8>> = match addressed {
        true => settings
            .addresses
            .iter()
            .map(|a| settings.say.replace("{address}", a).into_bytes())
            .collect(),
        false => vec![settings.say.clone().into_bytes()],
    };
    let answers: [&[u8]; 3] = [b"\x06", b"\x15", b"A\r"];
    if words
        .iter()
        .any(|word| word.is_empty() || word.len() > 128 || answers.contains(&word.as_slice()))
    {
        return Err("poll.say: at most 128 bytes, and none that acknowledges".to_owned());
    }
    Ok(Poll {
        words,
        every: settings.every,
        after_record: settings.after_record,
    })
}
