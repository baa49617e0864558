//! Text clocks (`ascii-line-clocks.md`).

use std::sync::LazyLock;

use punchgate_kit::{Carrier, Driver, Reader, StreamDriver, Wire, laws};
use punchgate_serial_line::{Options, Record, SerialLine, presets};

/// Every preset, and behind them none. Made once: that takes longer than reading a thousand records.
static CHOICES: LazyLock<Vec<Options>> = LazyLock::new(|| {
    let named = presets::names().map(|name| Options::preset(name).expect("a shipped preset is sound"));
    named.chain([Options::default()]).collect()
});

/// A byte stream; the first byte chooses the preset, or none. Any chunking gives the same frames, every frame is a record that
/// renders as it came, and the reader says the same of it twice.
///
/// # Panics
/// When a law is broken.
pub fn serial_line(bytes: &[u8]) {
    let Some((choice, bytes)) = bytes.split_first() else {
        return;
    };
    let none = CHOICES.len() - 1;
    let options = &CHOICES[usize::from(*choice).min(none)];
    let framer = SerialLine::framer(options, Carrier::Serial);
    laws::any_chunking_gives_the_same_frames(&framer, bytes);
    let (mut reader, mut second) = (SerialLine::reader(options), SerialLine::reader(options));
    for frame in laws::frames(&framer, bytes, bytes.len().max(1)) {
        let record = Record::parse(&frame).expect("every frame is a record");
        assert_eq!(record.render(), frame, "rendered otherwise than it came");
        record.describe();
        assert_eq!(
            reader.hear(&record),
            second.hear(&record),
            "read differently the second time"
        );
    }
}
