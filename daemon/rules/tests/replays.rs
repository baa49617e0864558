//! `semantics.md` section 7 to the letter.

mod common;

use common::office_door;
use punchgate_model::Timestamp;
use punchgate_rules::{
    Directory, NoGroups, Policy, Rules, Selector,
    replay::{LineError, Replay, replay},
};

fn rules() -> Rules {
    Rules {
        policies: vec![office_door()],
        ..Rules::default()
    }
}

fn run(input: impl AsRef<[u8]>, until: Option<&str>) -> Replay {
    let until = until.map(|text| text.parse::<Timestamp>().expect("an instant"));
    replay(input.as_ref(), &rules(), &NoGroups, until).expect("memory does not fail")
}

fn line(id: &str, person: &str, factor: &str, time: &str) -> String {
    format!(r#"{{"id":"{id}","person":"{person}","factor":"{factor}","source":"s","at":"2026-03-02T{time}+08:00"}}"#)
}

const A1: &str = r#"{"id":"a1","person":"E001","factor":"gps","source":"wecom","at":"2026-03-02T08:40:00.000+08:00"}"#;
const B7: &str = r#"{"id":"b7","person":"E001","factor":"fingerprint","source":"zk-1","zone":"hq-door","at":"2026-03-02T08:55:00.000+08:00"}"#;

#[test]
fn the_example_comes_out_to_the_byte() {
    let expected = [
        r#"{"type":"record","id":"a1","person":"E001","repeats":[]}"#,
        r#"{"type":"record","id":"b7","person":"E001","repeats":[]}"#,
        r#"{"type":"verdict","policy":"office-door","person":"E001","outcome":"verified","first":"a1","second":"b7","gap_ms":900000,"certain":true,"superseded":[],"repeats":[]}"#,
    ];
    // by time: the verdict's earliest punch is a1, so it comes before b7's record
    let by_time = [expected[0], expected[2], expected[1]];
    for input in [
        format!("{A1}\n{B7}\n"),
        format!("{B7}\n{A1}"),
        format!("{A1}\n{B7}\n{A1}\n{B7}\n"),
    ] {
        assert_eq!(
            run(input, None),
            Replay {
                lines: by_time.map(String::from).to_vec(),
                problems: vec![]
            }
        );
    }
}

#[test]
fn a_lonely_verdict_has_nulls_where_something_is_missing() {
    let found = run(A1, None).lines;
    let expected = r#"{"type":"verdict","policy":"office-door","person":"E001","outcome":"missing_second","first":"a1","second":null,"gap_ms":null,"certain":null,"superseded":[],"repeats":[]}"#;
    assert_eq!(found[1], expected);
}

#[test]
fn until_decides_between_pending_and_missing() {
    let outcome = |until| run(A1, Some(until)).lines[1].contains(r#""outcome":"pending""#);
    assert!(outcome("2026-03-02T00:55:00Z"));
    assert!(!outcome("2026-03-02T00:55:00.001Z"));
}

#[test]
fn lines_are_sorted_by_person_then_time_then_type_then_id() {
    let input = [
        line("z", "E2", "gps", "08:00:00"),
        line("b", "E1", "fingerprint", "09:00:00"),
        line("a", "E1", "card", "09:00:00"),
        line("c", "E1", "gps", "10:00:00"),
    ];
    let found = run(input.join("\n"), None).lines;
    let told: Vec<&str> = found.iter().map(|l| &l[..l.len().min(46)]).collect();
    let starts = [
        r#"{"type":"record","id":"a","person":"E1""#,
        r#"{"type":"record","id":"b","person":"E1""#,
        r#"{"type":"verdict","policy":"office-door","pers"#,
        r#"{"type":"record","id":"c","person":"E1""#,
        r#"{"type":"verdict","policy":"office-door","pers"#,
        r#"{"type":"record","id":"z","person":"E2""#,
        r#"{"type":"verdict","policy":"office-door","pers"#,
    ];
    assert_eq!(told.len(), starts.len());
    assert!(
        told.iter().zip(starts).all(|(line, start)| line.starts_with(start)),
        "{told:#?}"
    );
}

#[test]
fn two_verdicts_on_one_gps_punch_go_by_their_doors() {
    let input = [
        line("g", "E1", "gps", "08:44:00"),
        line("y", "E1", "fingerprint", "08:46:00"),
        line("x", "E1", "fingerprint", "08:58:00"),
    ];
    let found = run(input.join("\n"), None).lines;
    assert!(
        found[1].contains(r#""second":"x""#) && found[2].contains(r#""second":"y""#),
        "{found:#?}"
    );
}

#[test]
fn a_broken_line_is_reported_with_its_number_and_the_others_count() {
    let input = format!("{A1}\n\n{{\"id\": \n{B7}\nnull\n[1]\n");
    let found = run(input, None);
    assert_eq!(found.lines.len(), 3);
    assert_eq!(found.problems.iter().map(|p| p.line).collect::<Vec<_>>(), [3, 5, 6]);
    assert_eq!(
        found.problems[2].to_string(),
        "line 6: wanted a JSON object, got an array"
    );
}

#[test]
fn what_is_wrong_with_a_field_is_said() {
    let told = |input: &str| {
        run(input, None)
            .problems
            .first()
            .map(|p| p.why.to_string())
            .unwrap_or_default()
    };
    for field in ["id", "person", "factor", "source", "at"] {
        let mut value: serde_json::Value = serde_json::from_str(A1).expect("JSON");
        value.as_object_mut().expect("an object").remove(field);
        assert_eq!(
            told(&value.to_string()),
            format!("wanted the field {field:?}, which is not there")
        );
        value[field] = serde_json::Value::Null;
        assert_eq!(
            told(&value.to_string()),
            format!("wanted the field {field:?}, which is not there")
        );
        value[field] = 7.into();
        assert!(told(&value.to_string()).ends_with("got 7"), "{field}");
        value[field] = "".into();
        assert!(!told(&value.to_string()).is_empty(), "{field} is empty");
    }
    for (wrong, got) in [
        (r#""factor":"finger""#, "got \"finger\""),
        (r#""at":"2026-03-02T08:40:00""#, "got \"2026-03-02T08:40:00\""),
        (r#""at":"2026-02-30T08:40:00Z""#, "got \"2026-02-30T08:40:00Z\""),
        (r#""direction":"undefined""#, "got \"undefined\""),
        (r#""result":"ok""#, "got \"ok\""),
        (r#""uncertainty_ms":-1"#, "got -1"),
        (r#""uncertainty_ms":1.5"#, "got 1.5"),
        (r#""zone":1"#, "got 1"),
    ] {
        // the last of two equal keys counts
        let input = A1.replace('}', &format!(",{wrong}}}"));
        assert!(told(&input).ends_with(got), "{input}: {}", told(&input));
    }
}

#[test]
fn optional_fields_may_be_null_and_unknown_ones_are_ignored() {
    let more = r#","zone":null,"direction":null,"result":null,"uncertainty_ms":null,"colour":"red"}"#;
    assert_eq!(run(A1.replace('}', more), None), run(A1, None));
}

#[test]
fn windows_line_ends_blank_lines_and_a_byte_order_mark_are_tolerated() {
    assert_eq!(
        run(format!("\u{feff}{A1}\r\n \t\r\n{B7}\r\n\n"), None),
        run(format!("{A1}\n{B7}\n"), None)
    );
    let broken = run(b"\xff\xfe\n", None);
    assert!(
        matches!(broken.problems[0].why, LineError::Json { .. }),
        "{:?}",
        broken.problems
    );
}

#[test]
fn equal_ids_are_one_punch_whichever_comes_first() {
    let pending = A1.replace('}', r#","result":"pending"}"#);
    let later = A1.replace("08:40:00.000", "08:41:00.000");
    for other in [&pending, &later] {
        assert_eq!(
            run(format!("{A1}\n{other}\n{B7}"), None),
            run(format!("{A1}\n{B7}"), None)
        );
        assert_eq!(
            run(format!("{other}\n{B7}\n{A1}"), None),
            run(format!("{A1}\n{B7}"), None)
        );
    }
    assert_eq!(
        run(format!("{pending}\n{B7}"), None).lines.len(),
        2,
        "pending punches take no part"
    );
}

#[test]
fn uncertainty_makes_a_verdict_uncertain() {
    let doubtful = A1.replace('}', r#","uncertainty_ms":1}"#);
    let found = run(format!("{doubtful}\n{B7}"), None).lines;
    assert!(found[1].contains(r#""certain":false"#), "{found:#?}");
}

#[test]
fn a_policy_can_apply_to_a_department() {
    let (directory, _) = Directory::parse(
        b"person,device,credential,kind,name,department\nE001,*,7,enrol,,plant\nE002,*,8,enrol,,office\n",
    );
    let mut policy: Policy = office_door();
    policy.first = Selector {
        groups: vec!["plant".into()],
        ..policy.first
    };
    policy.second = Selector {
        groups: vec!["plant".into()],
        ..policy.second
    };
    let rules = Rules {
        policies: vec![policy],
        ..Rules::default()
    };
    let input = format!("{A1}\n{}", A1.replace("E001", "E002").replace("a1", "a2"));
    let found = replay(input.as_bytes(), &rules, &directory, None)
        .expect("memory does not fail")
        .lines;
    let verdicts: Vec<&String> = found.iter().filter(|l| l.contains("verdict")).collect();
    assert!(matches!(verdicts[..], [only] if only.contains("E001")), "{verdicts:?}");
}

#[test]
fn nothing_in_nothing_out() {
    assert_eq!(run("", None), Replay::default());
}
