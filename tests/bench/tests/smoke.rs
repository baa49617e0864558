//! The measurements themselves work: everything that was sent was acknowledged and reached the sink, in every section.

use std::process::Command;

use serde_json::Value;

#[test]
fn what_was_sent_was_acknowledged_and_delivered_in_every_section() {
    let mut bench = Command::new(env!("CARGO_BIN_EXE_punchgate-bench"));
    bench.args([
        "--smoke",
        "--json",
        "--program",
        env!("CARGO_BIN_EXE_punchgate-under-bench"),
    ]);
    let ran = bench.output().expect("the bench");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let report: Value = serde_json::from_slice(&ran.stdout).expect("JSON");
    let accounts = report["accounts"].as_array().expect("accounts");
    for section in ["ingest", "pace", "backlog", "history", "syncs"] {
        let daemons = |account: &&Value| account["section"] == section && account["subject"] == "punchgate";
        let account = accounts.iter().find(daemons).expect(section);
        assert!(account["sent"].as_u64() > Some(0), "{account}");
        assert_eq!(account["sent"], account["acknowledged"], "{section}");
        assert_eq!(account["sent"], account["delivered"], "{section}");
    }
    for goal in report["goals"].as_array().expect("goals") {
        assert!(goal["got"].as_f64().is_some_and(f64::is_finite), "{goal}");
    }
    let rows = report["tables"]
        .as_array()
        .expect("tables")
        .iter()
        .flat_map(|table| table["rows"].as_array());
    assert!(rows.flatten().count() > 30, "{report:#}");
}
