//! The verbs, from the arguments' meaning to the exit status.

use std::{fs, path::PathBuf};

use tempfile::TempDir;

use super::{
    check::check,
    config_print::print,
    directory::{self, Import, To},
    replay::{Replay, replay},
};
use crate::{
    config::{self, Load, Secrets},
    exit::Exit,
    messages::Lang,
    registry,
};

const GOOD: &str = r#"
[gateway]
id = "plant3-gate"
[[device]]
name = "gate-1"
driver = "zk_tcp"
address = "127.0.0.1:4370"
timezone = "Asia/Shanghai"
zone = "hq-door"
[[device]]
name = "wecom"
driver = "http_ingest"
token = { file = "token" }
[[verification]]
name = "office-door"
first = { factors = ["gps"], sources = ["wecom"] }
second = { factors = ["fingerprint"], zones = ["hq-door"] }
"#;

struct Site(TempDir);

impl Site {
    fn with(config: &str) -> Self {
        let site = Self(tempfile::tempdir().expect("a folder"));
        fs::write(site.path("punchgate.toml"), config).expect("written");
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn load(&self) -> Load<'static> {
        Load {
            file: self.path("punchgate.toml"),
            drivers: registry::known(),
            secrets: Secrets::Leave,
        }
    }

    fn check(&self, lang: Lang, json: bool) -> (Exit, String, String) {
        said(|out, err| check(&self.load(), lang, json, out, err))
    }
}

fn said(
    verb: impl FnOnce(&mut dyn std::io::Write, &mut dyn std::io::Write) -> std::io::Result<Exit>,
) -> (Exit, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let exit = verb(&mut out, &mut err).expect("written");
    (
        exit,
        String::from_utf8(out).expect("text"),
        String::from_utf8(err).expect("text"),
    )
}

#[test]
fn check_prints_the_plan_in_the_language_asked_for() {
    let site = Site::with(GOOD);
    let (exit, plan, err) = site.check(Lang::En, false);
    assert_eq!((exit, err.as_str()), (Exit::Ok, ""));
    for part in [
        "gate-1  zk_tcp  tcp 127.0.0.1:4370  Asia/Shanghai  hq-door",
        "wecom  http_ingest  http",
        "office-door",
        "within 15m",
        "no upstream",
    ] {
        assert!(plan.contains(part), "no {part:?} in\n{plan}");
    }
    let (_, plan, _) = site.check(Lang::ZhCn, false);
    assert!(plan.contains("设备") && plan.contains("没有配置任何上游"), "{plan}");
}

#[test]
fn check_prints_the_plan_for_machines() {
    let (exit, plan, _) = Site::with(GOOD).check(Lang::En, true);
    let plan: serde_json::Value = serde_json::from_str(&plan).expect("JSON");
    assert_eq!(exit, Exit::Ok);
    assert_eq!(
        (&plan["ok"], &plan["devices"][0]["driver"]),
        (&true.into(), &"zk_tcp".into())
    );
    assert_eq!(plan["warnings"][0]["code"], "warning-no-upstreams");
}

#[test]
fn a_configuration_that_cannot_be_used_exits_78_with_every_fault() {
    let site = Site::with(&GOOD.replace("timezone", "timezoen").replace("window", "windwo"));
    let (exit, out, err) = site.check(Lang::En, false);
    assert_eq!((exit, out.as_str()), (Exit::Config, ""));
    assert!(
        err.contains("did you mean `timezone`?") && err.contains("problems: 2"),
        "{err}"
    );
    let (exit, out, _) = site.check(Lang::En, true);
    let told: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((exit, &told["ok"]), (Exit::Config, &false.into()));
    assert!(
        told["problems"]
            .as_array()
            .is_some_and(|all| all.iter().any(|p| p["code"] == "config-unknown-key" && p["line"] == 8)),
        "{told}"
    );
}

#[test]
fn the_printed_configuration_can_be_used_and_shows_where_secrets_are() {
    let (exit, text, _) = said(|out, err| print(&Site::with(GOOD).load(), Lang::En, false, out, err));
    assert_eq!(exit, Exit::Ok);
    assert!(
        text.contains("token = { file = ") && text.contains("max_wait = \"1d\""),
        "{text}"
    );
    assert_eq!(Site::with(&text).check(Lang::En, true).0, Exit::Ok);
}

const PUNCHES: &str = r#"{"id":"a1","person":"E001","factor":"gps","source":"wecom","at":"2026-03-02T08:40:00.000+08:00"}
{"id":"b7","person":"E001","factor":"fingerprint","source":"zk-1","zone":"hq-door","at":"2026-03-02T08:55:00.000+08:00"}
"#;

fn replayed(config: &str, punches: &str) -> (Exit, String, String) {
    let site = Site::with(config);
    fs::write(site.path("punches.jsonl"), punches).expect("written");
    let asked = Replay {
        config: site.path("punchgate.toml"),
        until: None,
        file: site.path("punches.jsonl"),
    };
    said(|out, err| replay(&asked, Lang::En, out, err))
}

#[test]
fn replay_prints_what_the_rules_say() {
    let (exit, out, err) = replayed(GOOD, PUNCHES);
    let wanted = concat!(
        r#"{"type":"record","id":"a1","person":"E001","repeats":[]}"#,
        "\n",
        r#"{"type":"record","id":"b7","person":"E001","repeats":[]}"#,
        "\n",
        r#"{"type":"verdict","policy":"office-door","person":"E001","outcome":"verified","first":"a1","second":"b7","gap_ms":900000,"certain":true,"superseded":[],"repeats":[]}"#,
        "\n",
    );
    // The record of a1, then the verdict that begins with it, or the record of b7: the rules decide the order.
    let sorted = |text: &str| {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!((exit, sorted(&out), err.as_str()), (Exit::Ok, sorted(wanted), ""));
}

#[test]
fn a_line_that_is_no_punch_is_reported_with_its_number_and_the_others_count() {
    let (exit, out, err) = replayed(GOOD, &format!("{PUNCHES}nonsense\n"));
    assert_eq!((exit, out.lines().count()), (Exit::BadInput, 3));
    assert!(err.contains("punches.jsonl:3: "), "{err}");
}

#[test]
fn replay_needs_the_directory_only_for_groups() {
    let absent = "[directory]\nfiles = [\"absent.csv\"]\n";
    assert_eq!(replayed(&format!("{GOOD}{absent}"), PUNCHES).0, Exit::Ok);
    let grouped = GOOD.replace("sources = [\"wecom\"]", "groups = [\"office\"]");
    let (exit, _, err) = replayed(&format!("{grouped}{absent}"), PUNCHES);
    assert_eq!(exit, Exit::Io);
    assert!(err.contains("absent.csv"), "{err}");
}

const PEOPLE: &str = "person,device,credential,kind,name,department,shoe
E001,gate-1,0007,enrol,Li Wei,office,44
E001,gate-1,0007,enrol,Li Wei,office,44
E001,gate-1,9,enrol,Li Wei,store,44
E002,gate-1,0007,enrol,Otto,,
E003,gate-9,7,enrol,,,
E004,*,04A1B2C3,card,,,
E005,*,no card,card,,,
";

fn with_people(site: &Site) -> config::Config {
    fs::write(site.path("people.csv"), PEOPLE).expect("written");
    fs::write(
        site.path("new.csv"),
        PEOPLE.replace("E002,gate-1,0007", "E002,gate-1,8"),
    )
    .expect("written");
    config::load(&site.load()).expect("a good configuration")
}

fn lint(config: &config::Config, lang: Lang, json: bool) -> (Exit, String, String) {
    said(|out, err| directory::lint(config, &[], false, To { lang, json, out, err }))
}

#[test]
fn a_directory_is_looked_over_line_by_line_in_both_languages() {
    let site = Site::with(&format!(
        "{GOOD}[directory]\nfiles = [\"people.csv\"]\ncard_format = \"uid-hex\"\n"
    ));
    let config = with_people(&site);
    let (exit, told, _) = lint(&config, Lang::En, false);
    assert_eq!(exit, Exit::Problems, "{told}");
    for words in [
        "people.csv:1: nobody reads the column \"shoe\"",
        "people.csv:3: says the same as line 2",
        "people.csv:4: puts the person in another department than line 2",
        "people.csv:5: enrol:**07 belongs to another person by line 2",
        "rows name the device \"gate-9\"",
        "1 cards are not written in the format",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    assert!(!told.contains("0007"), "numbers are masked: {told}");
    let (_, told, _) = lint(&config, Lang::ZhCn, false);
    assert!(told.contains("people.csv:5: enrol:**07 在第 2 行属于另一人"), "{told}");
    let (_, told, _) = lint(&config, Lang::En, true);
    let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!((&told["ok"], &told["found"][0]["line"]), (&false.into(), &1.into()));
}

#[test]
fn an_import_is_dry_unless_told_otherwise_and_keeps_the_mode_of_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let site = Site::with(&format!(
        "{GOOD}[directory]\nfiles = [\"people.csv\"]\n[admin]\nlisten = \"127.0.0.1:1\"\n"
    ));
    let config = with_people(&site);
    let mode = |mode| fs::set_permissions(site.path("people.csv"), fs::Permissions::from_mode(mode));
    mode(0o640).expect("ours");
    let import = |yes| {
        let asked = Import {
            file: site.path("new.csv"),
            into: None,
            gbk: false,
            yes,
        };
        said(|out, err| {
            let to = To {
                lang: Lang::En,
                json: false,
                out,
                err,
            };
            directory::import(&config, &asked, to)
        })
    };
    let (exit, shown, told) = import(false);
    assert_eq!(exit, Exit::Ok, "{told}");
    assert!(shown.contains("1 numbers more, 0 fewer, 1 of somebody else"), "{shown}");
    assert_eq!(fs::read_to_string(site.path("people.csv")).expect("there"), PEOPLE);
    let (exit, _, told) = import(true);
    assert!(
        exit == Exit::Ok && told.contains("it will be read at the next start"),
        "{told}"
    );
    let file = fs::metadata(site.path("people.csv")).expect("there");
    assert_eq!(file.permissions().mode() & 0o777, 0o640);
    assert!(
        fs::read_to_string(site.path("people.csv"))
            .expect("there")
            .contains("E002,gate-1,8")
    );
    let left: Vec<_> = fs::read_dir(site.path(""))
        .expect("a folder")
        .filter_map(Result::ok)
        .collect();
    assert!(
        left.iter()
            .all(|entry| !entry.file_name().to_string_lossy().starts_with(".people"))
    );
    let (_, shown, _) = import(false);
    assert!(shown.contains("nothing would change"), "{shown}");
}
