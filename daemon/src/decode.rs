//! `punchgate decode`: what a captured conversation says, message by message, without a device.
//!
//! Every message, every reading in it and every part not understood becomes one JSON line, in input order.

use bytes::{Bytes, BytesMut};
use jiff::tz::TimeZone;
use punchgate_kit::{
    Cut, Described, Driver, Finding, Framer, HttpDriver, Malformed, Reader, StreamDriver, Wire,
    capture::{Capture, From},
};
use punchgate_model::{DeviceTime, Reading};
use serde_json::{Map, Value, json};

/// What decoding gave: JSON lines, and whether anything was not understood.
#[derive(Debug, Default, PartialEq)]
pub struct Decoded {
    /// One JSON object a line.
    pub lines: Vec<Value>,
    /// Whether some part was not understood (exit status 65).
    pub malformed: bool,
}

impl Decoded {
    fn message(&mut self, from: From, described: Described) {
        let from = match from {
            From::Device => "device",
            From::Gateway => "gateway",
        };
        self.lines
            .push(json!({"type": "message", "from": from, "name": described.name, "fields": described.fields}));
    }

    fn malformed(&mut self, why: &Malformed) {
        self.malformed = true;
        self.lines.push(json!({
            "type": "malformed", "offset": why.at, "wanted": why.wanted, "got": why.got.to_string(),
        }));
    }

    fn findings(&mut self, findings: Vec<Finding>, zone: Option<&TimeZone>) {
        for finding in findings {
            match finding {
                Finding::Reading(reading) => self.lines.push(reading_line(&reading, zone)),
                Finding::Malformed(why) => self.malformed(&why),
            }
        }
    }
}

/// Decodes a capture of a byte stream or of datagrams.
pub fn stream<D: StreamDriver>(options: &D::Options, text: &str, zone: Option<&TimeZone>) -> Decoded {
    let (capture, errors) = Capture::parse(text);
    let mut decoded = Decoded::default();
    let mut ears = Ears::<D>::new(options);
    for line in &capture.lines {
        ears.take(line.from, &line.bytes, zone, &mut decoded);
    }
    ears.end(zone, &mut decoded);
    for error in errors {
        decoded.malformed = true;
        decoded.lines.push(json!({
            "type": "malformed", "line": error.line, "offset": error.column - 1, "wanted": error.wanted, "got": error.got,
        }));
    }
    decoded
}

/// Both directions of a conversation, overheard.
struct Ears<'a, D: StreamDriver> {
    options: &'a D::Options,
    reader: D::Reader,
    device: Ear<D>,
    gateway: Ear<D>,
}

/// One direction: what is not cut yet, and how it is cut.
struct Ear<D: StreamDriver> {
    framer: D::Framer,
    bytes: BytesMut,
}

impl<'a, D: StreamDriver> Ears<'a, D> {
    fn new(options: &'a D::Options) -> Self {
        let ear = || Ear {
            framer: D::framer(options, D::captured_from(&[])),
            bytes: BytesMut::new(),
        };
        Self {
            options,
            reader: D::reader(options),
            device: ear(),
            gateway: ear(),
        }
    }

    fn take(&mut self, from: From, bytes: &[u8], zone: Option<&TimeZone>, decoded: &mut Decoded) {
        let options = self.options;
        let ear = self.ear(from);
        if ear.bytes.is_empty() {
            // A frame begins here: one file may hold streams and datagrams.
            ear.framer = D::framer(options, D::captured_from(bytes));
        }
        ear.bytes.extend_from_slice(bytes);
        while !self.ear(from).bytes.is_empty() {
            let ear = self.ear(from);
            let cut = ear.framer.cut(&ear.bytes);
            if !self.one(from, cut, zone, decoded) {
                return;
            }
        }
    }

    /// What is left at the end was cut off, or stands unterminated.
    fn end(&mut self, zone: Option<&TimeZone>, decoded: &mut Decoded) {
        for from in [From::Gateway, From::Device] {
            while !self.ear(from).bytes.is_empty() {
                let ear = self.ear(from);
                let cut = ear.framer.idled(&ear.bytes);
                if !self.one(from, cut, zone, decoded) {
                    break;
                }
            }
        }
    }

    fn one(&mut self, from: From, cut: Cut, zone: Option<&TimeZone>, decoded: &mut Decoded) -> bool {
        let bytes = &mut self.ear(from).bytes;
        match cut {
            Cut::More => return false,
            Cut::Junk { skip, why } => {
                drop(bytes.split_to(skip.clamp(1, bytes.len())));
                decoded.malformed(&why);
            }
            Cut::Frame { take, body } => {
                let frame = bytes.split_to(take.clamp(1, bytes.len())).freeze();
                let body = frame.get(body).map(|part| frame.slice_ref(part)).unwrap_or_default();
                self.message(from, &body, zone, decoded);
            }
        }
        true
    }

    fn ear(&mut self, from: From) -> &mut Ear<D> {
        match from {
            From::Device => &mut self.device,
            From::Gateway => &mut self.gateway,
        }
    }

    fn message(&mut self, from: From, body: &Bytes, zone: Option<&TimeZone>, decoded: &mut Decoded) {
        match from {
            From::Device => match <D::Heard as Wire>::parse(body) {
                Ok(message) => {
                    decoded.message(from, message.describe());
                    decoded.findings(self.reader.hear(&message), zone);
                }
                Err(why) => decoded.malformed(&why),
            },
            From::Gateway => match <D::Said as Wire>::parse(body) {
                Ok(message) => {
                    decoded.message(from, message.describe());
                    self.reader.say(&message);
                }
                Err(why) => decoded.malformed(&why),
            },
        }
    }
}

/// Decodes one raw HTTP request, head and body.
pub fn exchange<D: HttpDriver>(
    options: &D::Options,
    request: Result<http::Request<Bytes>, Malformed>,
    zone: Option<&TimeZone>,
) -> Decoded {
    let mut decoded = Decoded::default();
    match request.and_then(|request| <D::Heard as Wire>::parse(&request)) {
        Ok(message) => {
            decoded.message(From::Device, message.describe());
            decoded.findings(<D as Driver>::reader(options).hear(&message), zone);
        }
        Err(why) => decoded.malformed(&why),
    }
    decoded
}

/// A reading as `decode` prints it; what the protocol does not say is left out.
fn reading_line(reading: &Reading, zone: Option<&TimeZone>) -> Value {
    let mut line = Map::new();
    let mut put = |key: &str, value: Value| line.insert(key.to_owned(), value);
    put("type", "reading".into());
    put("credential", reading.credential.number().into());
    put("credential_kind", reading.credential.kind().into());
    put("factor", reading.factor.word().into());
    put("direction", reading.direction.word().into());
    put("result", reading.result.word().into());
    if let Some(time) = &reading.device_time {
        put("device_time", time.printed.clone().into());
        put("valid_time", time.civil.is_some().into());
        if let Some(at) = zone.and_then(|zone| instant(time, zone)) {
            put("at", at.into());
        }
    }
    if let Some(seq) = reading.sequence {
        put("seq", seq.into());
    }
    if let Some(id) = &reading.external_id {
        put("external_id", id.clone().into());
    }
    if let Some(zone) = &reading.zone {
        put("zone", zone.clone().into());
    }
    for (key, value) in &reading.details {
        line.entry(key.clone()).or_insert_with(|| value.clone().into());
    }
    Value::Object(line)
}

fn instant(time: &DeviceTime, zone: &TimeZone) -> Option<String> {
    let zone = match time.offset_seconds {
        Some(seconds) => TimeZone::fixed(jiff::tz::Offset::from_seconds(seconds).ok()?),
        None => zone.clone(),
    };
    let at = zone.to_ambiguous_timestamp(time.civil?).compatible().ok()?;
    Some(punchgate_model::Timestamp::from(at).to_string())
}
