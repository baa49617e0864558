use proptest::prelude::*;

use super::Site;
use crate::messages::Lang;

/// A site whose only device has these lines.
fn device(lines: &str) -> Site {
    Site::with(&format!(
        "[gateway]\nid = \"g\"\n[[device]]\nname = \"gate-1\"\n{lines}"
    ))
}

#[track_caller]
fn one_fault(site: &Site, place: &str, parts: &[&str]) {
    let faults = site.faults();
    let [fault] = &faults[..] else {
        panic!("one fault, not {faults:#?}")
    };
    assert!(fault.starts_with(place), "{fault}");
    for part in parts {
        assert!(fault.contains(part), "no {part:?} in: {fault}");
    }
}

const ZK: &str = "driver = \"zk_tcp\"\naddress = \"127.0.0.1:4370\"\n";

#[test]
fn a_mistyped_key_is_told_with_the_nearest() {
    let site = Site::with("[gateway]\nid = \"g\"\ntimezoen = \"Asia/Shanghai\"\n");
    one_fault(
        &site,
        "punchgate.toml:3:1: ",
        &["`timezoen`", "[gateway]", "did you mean `timezone`?", "id, timezone"],
    );
}

#[test]
fn a_mistyped_section_is_told_with_the_nearest() {
    one_fault(
        &Site::with("[gateway]\nid = \"g\"\n[stor]\n"),
        "punchgate.toml:3:",
        &["`stor`", "`store`", "verification"],
    );
}

#[test]
fn a_mistyped_key_of_a_driver_is_told_at_its_place() {
    let site = device(&format!("{ZK}timezone = \"UTC\"\npull_evry = \"5s\"\n"));
    one_fault(
        &site,
        "punchgate.toml:8:1: ",
        &["`pull_evry`", "`pull_every`", "address", "comm_key"],
    );
}

#[test]
fn a_wrong_type_for_a_driver_is_told_at_its_place() {
    one_fault(
        &device(&format!("{ZK}timezone = \"UTC\"\npull_every = 5\n")),
        "punchgate.toml:8:14: ",
        &["gate-1", "integer"],
    );
}

#[test]
fn a_device_that_keeps_time_needs_a_zone() {
    one_fault(&device(ZK), "punchgate.toml:3:", &["\"gate-1\"", "timezone", "zk_tcp"]);
}

#[test]
fn a_zone_that_is_nowhere_is_told_with_the_nearest() {
    let site = device(&format!("{ZK}timezone = \"Asia/Shanghia\"\n"));
    one_fault(
        &site,
        "punchgate.toml:7:12: ",
        &["Asia/Shanghia", "did you mean \"Asia/Shanghai\"?"],
    );
    let city = device(&format!("{ZK}timezone = \"Shanghai\"\n"));
    one_fault(&city, "punchgate.toml:7:12: ", &["\"Asia/Shanghai\""]);
}

#[test]
fn a_world_readable_secret_is_refused_with_the_command_that_mends_it() {
    let site = device(&format!("{ZK}timezone = \"UTC\"\ncomm_key = {{ file = \"key\" }}\n"));
    for mode in [0o644, 0o640, 0o602] {
        site.secret("key", "canary", mode);
        one_fault(
            &site,
            "punchgate.toml:8:12: ",
            &[&format!("(mode {mode:04o})"), "chmod 600 key"],
        );
    }
    site.secret("key", "canary", 0o400);
    site.load().expect("closed to others");
}

#[test]
fn a_secret_in_the_configuration_is_refused_and_not_repeated() {
    let site = device(&format!("{ZK}timezone = \"UTC\"\ncomm_key = \"canary\"\n"));
    one_fault(
        &site,
        "punchgate.toml:8:12: ",
        &["`comm_key`", "{ file = ", "LoadCredential="],
    );
    assert!(!site.faults().concat().contains("canary"));
}

#[test]
fn a_secret_that_is_missing_empty_or_no_file_is_refused() {
    let text = |key: &str| format!("{ZK}timezone = \"UTC\"\ncomm_key = {key}\n");
    one_fault(
        &device(&text("{ file = \"none\" }")),
        "punchgate.toml:8:",
        &["cannot read none"],
    );
    one_fault(
        &device(&text("{ file = \".\" }")),
        "punchgate.toml:8:",
        &["not a regular file"],
    );
    one_fault(
        &device(&text("{ credential = \"../x\" }")),
        "punchgate.toml:8:",
        &["{ credential = \"NAME\" }"],
    );
    let empty = device(&text("{ file = \"key\" }"));
    empty.secret("key", "\n", 0o600);
    one_fault(&empty, "punchgate.toml:8:", &["empty"]);
}

#[test]
fn a_secret_the_driver_cannot_use_is_not_repeated() {
    let site = device(&format!("{ZK}timezone = \"UTC\"\ncomm_key = {{ file = \"key\" }}\n"));
    site.secret("key", "not-a-number-canary", 0o600);
    let drivers: Vec<_> = super::DRIVERS
        .iter()
        .map(|driver| crate::config::KnownDriver {
            check: |options| options.read::<Numbered>().map(drop),
            ..*driver
        })
        .collect();
    let file = site.path().join("punchgate.toml");
    let load = crate::config::Load {
        file,
        drivers: &drivers,
        secrets: crate::config::Secrets::from_environment(),
    };
    let told = crate::config::load(&load).expect_err("not a number").to_string();
    assert!(told.contains("secret") && !told.contains("canary"), "{told}");
}

/// A driver whose secret must be a number.
#[derive(serde::Deserialize)]
struct Numbered {
    #[serde(rename = "comm_key")]
    _comm_key: u32,
}

#[test]
fn two_devices_of_one_name_are_told_with_both_places() {
    let twin = format!("{ZK}timezone = \"UTC\"\n[[device]]\nname = \"gate-1\"\n{ZK}timezone = \"UTC\"\n");
    one_fault(
        &device(&twin),
        "punchgate.toml:8:",
        &["device \"gate-1\"", "punchgate.toml:3:"],
    );
}

#[test]
fn a_name_that_stands_in_two_files_is_told_with_both_files() {
    let upstream = "[[upstream]]\nname = \"erp\"\ndriver = \"webhook\"\nurl = \"http://127.0.0.1:1/\"\n";
    let site = Site::with(&format!("[gateway]\nid = \"g\"\n{upstream}"));
    site.file("conf.d/erp.toml", upstream.as_bytes());
    let faults = site.faults();
    assert_eq!(faults.len(), 1, "{faults:?}");
    for part in ["conf.d/erp.toml:1:", "upstream \"erp\"", "punchgate.toml:3:"] {
        assert!(faults[0].contains(part), "no {part} in {}", faults[0]);
    }
}

#[test]
fn a_table_where_another_file_has_a_value_is_told_with_both_files() {
    let site = Site::with("[gateway]\nid = \"g\"\n[repeats]\nwithin = \"5m\"\n");
    site.file("conf.d/x.toml", b"repeats = 5\n");
    one_fault(&site, "conf.d/x.toml:1:1", &["integer", "table", "punchgate.toml:3:"]);
}

#[test]
fn a_bare_number_is_no_duration() {
    let bare = Site::with("[gateway]\nid = \"g\"\n[repeats]\nwithin = 300\n");
    one_fault(&bare, "punchgate.toml:4:10: ", &["`within`", "\"300s\""]);
    let quoted = Site::with("[gateway]\nid = \"g\"\n[repeats]\nwithin = \"300\"\n");
    one_fault(&quoted, "punchgate.toml:4:10: ", &["\"300s\""]);
    let odd = Site::with("[gateway]\nid = \"g\"\n[store]\nmax_size = 2\nretention = \"five days\"\n");
    assert_eq!(odd.faults().len(), 2, "{:?}", odd.faults());
}

#[test]
fn an_unknown_driver_is_told_with_the_nearest() {
    let site = device("driver = \"zk_tpc\"\naddress = \"127.0.0.1:4370\"\ntimezone = \"UTC\"\n");
    one_fault(
        &site,
        "punchgate.toml:5:10: ",
        &["\"zk_tpc\"", "did you mean \"zk_tcp\"?", "http_ingest"],
    );
}

#[test]
fn a_port_out_of_range_is_told_with_the_range() {
    let site = device("driver = \"zk_tcp\"\naddress = \"127.0.0.1:70000\"\ntimezone = \"UTC\"\n");
    one_fault(&site, "punchgate.toml:6:11: ", &["70000", "1 to 65535"]);
    one_fault(
        &Site::with("[gateway]\nid = \"g\"\n[admin]\nlisten = \"127.0.0.1:99999\"\n"),
        "punchgate.toml:4:",
        &["65535"],
    );
}

#[test]
fn an_address_on_a_serial_line_driver_and_a_port_on_a_network_driver_are_told() {
    let site = device("driver = \"zk_tcp\"\nport = \"/dev/ttyS0\"\naddress = \"t:1\"\ntimezone = \"UTC\"\n");
    one_fault(&site, "punchgate.toml:6:1: ", &["`port`", "tcp"]);
    one_fault(
        &device("driver = \"serial_line\"\ntimezone = \"UTC\"\n"),
        "punchgate.toml:3:",
        &["`port`", "by-id"],
    );
}

#[test]
fn a_truncated_file_is_told_with_its_place() {
    let faults = Site::with("[gateway]\nid = \"g\n").faults();
    assert!(
        faults[0].starts_with("punchgate.toml:2:") && faults[0].contains("not valid TOML"),
        "{faults:?}"
    );
}

#[test]
fn a_huge_file_a_foreign_encoding_and_no_file_are_refused() {
    let site = Site::with("");
    site.file("punchgate.toml", &vec![b'#'; 11 << 20]);
    one_fault(&site, "punchgate.toml", &["10MiB"]);
    site.file("punchgate.toml", b"[gateway]\nid = \"\xff\"\n");
    one_fault(&site, "punchgate.toml", &["UTF-8", "byte 16"]);
    std::fs::remove_file(site.path().join("punchgate.toml")).expect("was there");
    one_fault(&site, "cannot read punchgate.toml", &["No such file"]);
}

#[test]
fn every_fault_is_told_at_once() {
    let site = Site::with(
        "[gateway]\nid = \"Not A Name\"\n[repeats]\nwithin = 5\n[log]\nlevel = \"verbose\"\n[[device]]\nname = \"a\"\n\
         driver = \"zk_tcp\"\n[[verification]]\nname = \"p\"\nwindow = \"5h\"\nfirst = { factors = [\"finger\"] }\n",
    );
    let faults = site.faults();
    for part in [
        "Not A Name",
        "`within`",
        "verbose",
        "`address`",
        "`timezone`",
        "unrelated_after",
        "fingerprint",
        "`second`",
    ] {
        assert!(
            faults.iter().any(|fault| fault.contains(part)),
            "no {part} in {faults:#?}"
        );
    }
}

#[test]
fn a_fault_is_told_in_chinese_too() {
    let problems = Site::with("[gateway]\nid = \"g\"\n[repeats]\nwithin = 5\n")
        .load()
        .expect_err("a fault");
    assert!(
        problems.0[0].say(Lang::ZhCn).contains("缺少单位"),
        "{}",
        problems.0[0].say(Lang::ZhCn)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any text is read or refused; nothing panics, and a refusal always says something.
    #[test]
    fn any_text_is_read_or_refused(text in r#"(\[\[?(gateway|store|device|verification|upstream|log|x)\]?\]?\n|[a-z_]{1,8} = ("[^\n]{0,8}"|[0-9]{1,25}|\[[0-9, ]*\]|\{[a-z =1]*\}|true)\n|[^a]{0,5})*"#) {
        if let Err(problems) = Site::with(&text).load() {
            prop_assert!(!problems.0.is_empty() && problems.0.iter().all(|p| !p.to_string().is_empty()));
        }
    }
}
