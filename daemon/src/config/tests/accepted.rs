use std::time::Duration;

use punchgate_model::Factor;

use super::{super::*, Site, ZkOptions};

/// The contract's example, as `surface.md` has it.
const CONTRACT: &str = r#"
[gateway]
id = "plant3-gate"
timezone = "Asia/Shanghai"              # business dates only, never assumed for devices

[store]
path = "/var/lib/punchgate"
max_size = "2GiB"

[[device]]
name = "gate-1"
driver = "zk_tcp"
address = "127.0.0.1:4370"
timezone = "Asia/Shanghai"
zone = "hq-door"                        # door group; optional
comm_key = { file = "/etc/punchgate/secrets/gate-1" }   # optional; also { credential = "…" }

[[device]]
name = "press-shop-clock"
driver = "serial_line"
port = "/dev/serial/by-id/usb-FTDI-port0"
timezone = "Asia/Shanghai"

[[device]]
name = "wecom"
driver = "http_ingest"
token = { file = "/etc/punchgate/secrets/ingest" }
factors = ["gps", "wifi"]               # what this source may claim

[ingest]
listen = "127.0.0.1:8081"               # device plane

[admin]
listen = "127.0.0.1:9464"               # /healthz /readyz /metrics /api/v1

[directory]
files = ["/etc/punchgate/people.csv"]   # person,device,credential,kind,name,department
unknown = "quarantine"

[repeats]
within = "5m"

[[verification]]                        # as in semantics.md section 7
name = "office-door"
first  = { factors = ["gps", "wifi"], sources = ["wecom"] }
second = { factors = ["fingerprint"], zones = ["hq-door"] }
window = "15m"

[[upstream]]
name = "erp"
driver = "webhook"
url = "http://127.0.0.1:9900/punches"
secret = { file = "/etc/punchgate/secrets/erp" }   # Standard Webhooks signing secret; optional
send = ["punch", "record", "verdict"]
batch = { max = 100, every = "5s" }
"#;

/// The contract's example with its secrets in a folder of the test.
fn contract_site() -> Site {
    let site = Site::with(&CONTRACT.replace("/etc/punchgate/secrets/", "secrets/"));
    for name in ["gate-1", "ingest", "erp"] {
        site.secret(&format!("secrets/{name}"), &format!("{name}-canary\n"), 0o600);
    }
    site
}

#[test]
fn the_contract_is_accepted_as_it_stands() {
    let config = contract_site().load().expect("the contract");
    assert_eq!(config.gateway.timezone.as_ref().map(Zone::name), Some("Asia/Shanghai"));
    assert_eq!(config.store, Store::default());
    let [gate, clock, wecom] = &config.devices[..] else {
        panic!("three devices: {:?}", config.devices)
    };
    assert_eq!(
        gate.link,
        Link::Tcp(HostPort {
            host: "127.0.0.1".into(),
            port: 4370
        })
    );
    assert_eq!(gate.zone.as_deref(), Some("hq-door"));
    assert_eq!(
        gate.options.read::<ZkOptions>().expect("options").comm_key.as_deref(),
        Some("gate-1-canary")
    );
    assert!(matches!(&clock.link, Link::Serial(line) if line.baud == 9600 && line.parity == Parity::None));
    assert_eq!((&wecom.link, wecom.timezone.as_ref()), (&Link::Http, None));
    assert_eq!((&config.ingest, &config.admin), (&Ingest::default(), &Admin::default()));
    assert_eq!(config.verifications[0].first.factors, [Factor::Gps, Factor::Wifi]);
    assert_eq!(config.verifications[0].window, Duration::from_secs(900));
    let secret = config.upstreams[0].secret.as_ref().and_then(SecretRef::secret);
    assert_eq!(secret.map(Secret::reveal), Some("erp-canary"));
    assert_eq!(warnings(&config), []);
}

#[test]
fn the_contract_reads_word_for_word_when_secrets_stay_closed() {
    let site = Site::with(CONTRACT);
    let load_ = Load {
        file: site.path().join("punchgate.toml"),
        drivers: crate::registry::known(),
        secrets: Secrets::Leave,
    };
    let config = load(&load_).expect("the contract");
    assert_eq!(
        config.devices[0].options.secrets()["comm_key"].source,
        SecretSource::File("/etc/punchgate/secrets/gate-1".into())
    );
}

#[test]
fn what_is_printed_reads_back_and_holds_no_secret() {
    let site = contract_site();
    let config = site.load().expect("the contract");
    let printed = config.to_toml();
    assert!(
        !printed.contains("canary") && !format!("{config:?}").contains("canary"),
        "{printed}"
    );
    let again = Site::with(&printed).load().expect(&printed);
    assert_eq!(again.to_toml(), printed);
}

#[test]
fn a_byte_order_mark_and_carriage_returns_are_tolerated() {
    let text = format!(
        "\u{feff}{}",
        CONTRACT
            .replace("/etc/punchgate/secrets/", "secrets/")
            .replace('\n', "\r\n")
    );
    let site = contract_site();
    let plain = site.load().expect("the contract");
    site.file("punchgate.toml", text.as_bytes());
    assert_eq!(site.load().expect("with CRLF").to_toml(), plain.to_toml());
}

#[test]
fn drop_ins_add_tables_and_override_values_in_the_order_of_their_names() {
    let site = contract_site();
    site.file("conf.d/20-late.toml", b"[repeats]\nwithin = \"7m\"\n");
    site.file(
        "conf.d/10-door.toml",
        b"[repeats]\nwithin = \"6m\"\n[[device]]\nname = \"gate-2\"\ndriver = \"zk_tcp\"\naddress = \"gate2.local:4370\"\ntimezone = \"Asia/Tokyo\"\n",
    );
    site.file("conf.d/ignored.toml.bak", b"nonsense");
    let config = site.load().expect("with drop-ins");
    assert_eq!(config.repeats.within, Duration::from_secs(420));
    assert_eq!(config.devices.last().map(|device| device.name.as_str()), Some("gate-2"));
}

#[test]
fn a_systemd_credential_is_read_from_its_directory() {
    let site = Site::with(
        "[gateway]\nid = \"g\"\n[[upstream]]\nname = \"erp\"\ndriver = \"webhook\"\nurl = \"https://erp.example/\"\nsecret = { credential = \"erp\" }\n",
    );
    site.secret("credentials/erp", "from-systemd", 0o440);
    let config = site.load().expect("a credential");
    assert_eq!(
        config.upstreams[0]
            .secret
            .as_ref()
            .and_then(SecretRef::secret)
            .map(Secret::reveal),
        Some("from-systemd")
    );
}

#[test]
fn replay_reads_the_rules_alone() {
    let site = Site::with(
        "[[device]]\ndriver = \"no such thing\"\n[directory]\nfiles = [\"people.csv\"]\n[repeats]\nwithin = \"1m\"\n[[verification]]\nname = \"p\"\nfirst = { factors = [\"gps\"] }\nsecond = { factors = [\"card\"] }\n",
    );
    let rules = load_rules(&site.path().join("punchgate.toml")).expect("rules");
    assert_eq!(rules.repeats.within, Duration::from_secs(60));
    assert_eq!(rules.directory.files, [site.path().join("people.csv")]);
    assert_eq!(rules.verifications[0].unrelated_after, Duration::from_secs(4 * 3600));
}

#[test]
fn a_port_means_serial_and_an_address_means_network() {
    let site = Site::with(
        "[gateway]\nid = \"g\"\n[[device]]\nname = \"a\"\ndriver = \"serial_line\"\naddress = \"[::1]:4001\"\ntimezone = \"UTC\"\n\
         [[device]]\nname = \"b\"\ndriver = \"zk_tcp\"\ntransport = \"udp\"\naddress = \"t:4370\"\ntimezone = \"UTC\"\n",
    );
    let config = site.load().expect("two links");
    assert_eq!(
        config.devices[0].link,
        Link::Tcp(HostPort {
            host: "::1".into(),
            port: 4001
        })
    );
    assert_eq!(
        config.devices[1].link,
        Link::Udp(HostPort {
            host: "t".into(),
            port: 4370
        })
    );
}

#[test]
fn odd_policies_and_open_listeners_are_warned_of() {
    let site = Site::with(
        "[gateway]\nid = \"g\"\n[admin]\nlisten = \"0.0.0.0:9464\"\n[[verification]]\nname = \"p\"\nfirst = { factors = [\"gps\"], sources = [\"ghost\"] }\nsecond = { zones = [\"nowhere\"] }\n[[upstream]]\nname = \"u\"\ndriver = \"webhook\"\nurl = \"http://erp.example/\"\n",
    );
    let config = site.load().expect("odd, not wrong");
    let kinds: Vec<WarningKind> = warnings(&config).into_iter().map(|warning| warning.kind).collect();
    let policy = || "p".to_owned();
    assert_eq!(
        kinds,
        [
            WarningKind::NoDevices,
            WarningKind::Exposed {
                listener: "admin",
                listen: "0.0.0.0:9464".into()
            },
            WarningKind::UnknownSource {
                policy: policy(),
                selector: "first",
                source: "ghost".into()
            },
            WarningKind::UnknownZone {
                policy: policy(),
                selector: "second",
                zone: "nowhere".into()
            },
            WarningKind::Overlap { policy: policy() },
            WarningKind::Cleartext {
                upstream: "u".into(),
                url: "http://erp.example/".into()
            },
        ]
    );
}

#[test]
fn policies_that_judge_the_same_and_cards_that_never_meet_are_warned_of() {
    let policy = |name: &str, zone: &str| {
        format!(
            "[[verification]]\nname = \"{name}\"\nfirst = {{ factors = [\"gps\"] }}\nsecond = {{ factors = [\"face\"], zones = [\"{zone}\"] }}\n"
        )
    };
    let device = |name: &str, zone: &str| {
        format!(
            "[[device]]\nname = \"{name}\"\ndriver = \"zk_tcp\"\naddress = \"t:4370\"\ntimezone = \"UTC\"\nzone = \"{zone}\"\ncard_format = \"wiegand-26\"\n"
        )
    };
    let text = format!(
        "[gateway]\nid = \"g\"\n{}{}{}{}",
        device("north", "a"),
        policy("one", "a"),
        policy("two", "a"),
        policy("three", "b")
    );
    let config = Site::with(&text).load().expect("odd, not wrong");
    let kinds: Vec<WarningKind> = warnings(&config).into_iter().map(|warning| warning.kind).collect();
    assert!(
        kinds.contains(&WarningKind::CardsApart { device: "north".into() }),
        "{kinds:?}"
    );
    let same: Vec<&WarningKind> = kinds
        .iter()
        .filter(|kind| matches!(kind, WarningKind::SamePunches { .. }))
        .collect();
    let expected = WarningKind::SamePunches {
        policy: "two".into(),
        other: "one".into(),
    };
    assert_eq!(same, [&expected], "another zone is another door");
}

#[test]
fn a_policy_states_an_instant_with_its_offset_and_nothing_else() {
    let policy = |from: &str| {
        let text = format!(
            "[gateway]\nid = \"g\"\n[[verification]]\nname = \"p\"\nfirst = {{ factors = [\"gps\"] }}\nsecond = {{ factors = [\"face\"] }}\nfrom = {from}\n"
        );
        Site::with(&text).load().map(|config| config.verifications[0].from)
    };
    let stated = policy("\"2026-03-02T08:00:00+08:00\"").expect("an instant");
    assert_eq!(stated, Some("2026-03-02T00:00:00Z".parse().expect("an instant")));
    for wrong in ["\"2026-03-02T08:00:00\"", "\"2026-03-02\"", "\"yesterday\"", "7"] {
        let told = policy(wrong).expect_err(wrong).0[0].say(crate::messages::Lang::En);
        assert!(told.contains("with its offset"), "{told}");
    }
}
