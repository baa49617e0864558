//! Captures as text.

use punchgate_kit::capture::{Capture, From};

/// A capture: no line is read twice or named outside the file, and what was read reads the same when it is written plainly.
///
/// # Panics
/// When a law is broken.
pub fn capture(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (capture, errors) = Capture::parse(&text);
    let count = text.lines().count();
    let numbers = capture.lines.iter().map(|line| line.number);
    let mut numbers: Vec<usize> = numbers.chain(errors.iter().map(|error| error.line)).collect();
    numbers.sort_unstable();
    assert!(
        numbers.iter().all(|number| (1..=count).contains(number)),
        "lines {numbers:?} of {count}"
    );
    assert!(numbers.is_sorted_by(|a, b| a < b), "a line was read twice: {numbers:?}");
    assert!(errors.iter().all(|error| error.column >= 1), "{errors:?}");
    let written: String = capture.lines.iter().map(|line| plain(line.from, &line.bytes)).collect();
    let (again, errors) = Capture::parse(&written);
    assert_eq!(errors, []);
    let said = |capture: &Capture| -> Vec<(From, Vec<u8>)> {
        let lines = capture.lines.iter().filter(|line| !line.bytes.is_empty());
        lines.map(|line| (line.from, line.bytes.clone())).collect()
    };
    assert_eq!(said(&again), said(&capture));
}

fn plain(from: From, bytes: &[u8]) -> String {
    let mark = if from == From::Device { '>' } else { '<' };
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{mark} {hex}\n")
}
