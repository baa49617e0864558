//! The files that operators bring: the directory, and punches to replay.

use punchgate_model::{Credential, DeviceName, Factor};
use punchgate_rules::{Directory, NoGroups, Policy, Rules, Selector, replay as rules};

/// A directory: faults are told on lines that are there, reading it twice is one directory, and adding it to itself changes
/// nothing.
///
/// # Panics
/// When a law is broken.
pub fn directory(bytes: &[u8]) {
    let (directory, problems) = Directory::parse(bytes);
    let lines = bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() + 1;
    for problem in &problems {
        let line = usize::try_from(problem.line).expect("a line number");
        assert!((1..=lines).contains(&line), "{problem} in {lines} lines");
    }
    assert_eq!(Directory::parse(bytes), (directory.clone(), problems));
    let mut twice = directory.clone();
    twice.extend(directory.clone());
    assert_eq!(twice, directory, "added to itself");
    directory.lint();
    Directory::text(bytes);
    directory.resolve(&DeviceName::new("door"), &Credential::Card("0001".to_owned()));
}

/// Punches to replay: the order of the lines and repeated lines change nothing (`semantics.md` section 7).
///
/// # Panics
/// When a law is broken.
pub fn replay(bytes: &[u8]) {
    let whole = said(bytes);
    assert!(whole.iter().all(|line| !line.contains('\n')), "a line in two");
    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    if lines.iter().any(|line| line.starts_with(b"\xef\xbb\xbf")) {
        // A mark of the byte order is one at the start of the file and nowhere else.
        return;
    }
    lines.reverse();
    assert_eq!(said(&lines.join(&b'\n')), whole, "backwards");
    lines.extend(lines.clone());
    assert_eq!(said(&lines.join(&b'\n')), whole, "twice");
}

fn said(bytes: &[u8]) -> Vec<String> {
    let factors = |factors: &[Factor]| Selector {
        factors: factors.to_vec(),
        ..Selector::default()
    };
    let policy = Policy::new(
        "office-door",
        factors(&[Factor::Gps, Factor::Wifi]),
        factors(&[Factor::Fingerprint, Factor::Face]),
    );
    let rules_ = Rules {
        policies: vec![policy],
        ..Rules::default()
    };
    let replayed = rules::replay(bytes, &rules_, &NoGroups, None).expect("memory does not fail");
    replayed.lines
}
