//! What is written beside the code agrees with it.

use punchgate_shape::{files, protocols, root, text};

#[test]
fn every_protocol_has_its_row_in_the_table() {
    // A folder becomes a protocol when it has a driver.
    let written = protocols().expect("the drivers").into_iter().filter(|protocol| {
        let inside = files(format!("drivers/{protocol}/src")).expect("a source");
        inside.iter().any(|path| path.ends_with("driver.rs"))
    });
    for protocol in written {
        let table = text("drivers/README.md").expect("drivers/README.md holds the table of protocols");
        let row = table
            .lines()
            .any(|line| line.starts_with('|') && line.contains(&format!("`{protocol}`")));
        assert!(
            row || table.contains(&format!("[{protocol}]")),
            "drivers/README.md has no row for `{protocol}`"
        );
    }
}

#[test]
fn every_capture_says_where_it_comes_from() {
    let captures = files("drivers").expect("the drivers").into_iter().filter(|path| {
        path.parent().is_some_and(|parent| parent.ends_with("captures"))
            && path.extension().is_some_and(|extension| extension == "talk")
    });
    for path in captures {
        let text = std::fs::read_to_string(&path).expect("text");
        let head = |key: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))
                .map(str::trim)
                .unwrap_or_default()
        };
        let path = path.display();
        assert!(!head("device").is_empty(), "{path} lacks `device:`");
        assert!(!head("story").is_empty(), "{path} lacks `story:`");
        let origin = head("origin")
            .split([' ', ',', '(', ';'])
            .next()
            .unwrap_or_default()
            .to_owned();
        let known = ["real", "vendor-doc", "public", "made"];
        assert!(
            known.contains(&origin.as_str()),
            "{path}: origin {origin:?} is none of {known:?}"
        );
    }
}

#[test]
fn the_readmes_say_the_same_in_both_languages() {
    let here = |name: &str| root().join(name).exists();
    assert_eq!(
        here("README.md"),
        here("README.zh-CN.md"),
        "one README without the other"
    );
    if !here("README.md") {
        return;
    }
    let (english, chinese) = (headings("README.md"), headings("README.zh-CN.md"));
    assert_eq!(english, chinese, "the levels of the headings differ");
}

/// The level of every heading, code blocks left out.
fn headings(name: &str) -> Vec<usize> {
    let mut in_code = false;
    let text = text(name).expect("a README");
    let mut levels = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code && line.starts_with('#') {
            levels.push(line.chars().take_while(|c| *c == '#').count());
        }
    }
    levels
}
