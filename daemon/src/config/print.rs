//! Prints the effective configuration as TOML. Secrets appear as where they are.

use std::fmt::Write as _;

use super::{Config, Device, Link, Selector, Upstream, Verification, duration_text};

impl Config {
    /// The effective configuration as TOML that reads back to the same; secrets stay where they are.
    pub fn to_toml(&self) -> String {
        let mut page = Page(String::new());
        page.section("[gateway]");
        page.text("id", &self.gateway.id);
        if let Some(zone) = &self.gateway.timezone {
            page.text("timezone", zone.name());
        }
        page.section("[store]");
        page.text("path", &self.store.path.display().to_string());
        page.text("max_size", &self.store.max_size.to_string());
        page.text("retention", &duration_text(self.store.retention));
        page.text("ballast", &self.store.ballast.to_string());
        self.devices.iter().for_each(|device| page.device(device));
        page.section("[ingest]");
        page.text("listen", &self.ingest.listen.to_string());
        page.section("[ingest.limits]");
        page.text("body", &self.ingest.limits.body.to_string());
        page.raw("connections", self.ingest.limits.connections);
        page.text("head_timeout", &duration_text(self.ingest.limits.head_timeout));
        page.text("body_timeout", &duration_text(self.ingest.limits.body_timeout));
        page.section("[admin]");
        page.text("listen", &self.admin.listen.to_string());
        page.section("[directory]");
        page.list(
            "files",
            self.directory.files.iter().map(|file| file.display().to_string()),
        );
        page.text("unknown", self.directory.unknown.word());
        page.text("card_format", self.directory.card_format.word());
        page.raw("card_bits", self.directory.card_bits);
        page.section("[repeats]");
        page.text("within", &duration_text(self.repeats.within));
        self.verifications.iter().for_each(|policy| page.verification(policy));
        self.upstreams.iter().for_each(|upstream| page.upstream(upstream));
        page.section("[log]");
        page.text("format", self.log.format.word());
        page.text("level", self.log.level.word());
        page.0
    }
}

struct Page(String);

impl Page {
    fn section(&mut self, head: &str) {
        let gap = if self.0.is_empty() { "" } else { "\n" };
        self.line(format_args!("{gap}{head}"));
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "{line}");
    }

    fn raw(&mut self, key: &str, value: impl std::fmt::Display) {
        self.line(format_args!("{key} = {value}"));
    }

    fn text(&mut self, key: &str, value: &str) {
        self.raw(key, toml::Value::String(value.to_owned()));
    }

    fn list(&mut self, key: &str, items: impl Iterator<Item = String>) {
        self.raw(key, toml::Value::Array(items.map(toml::Value::String).collect()));
    }

    fn device(&mut self, device: &Device) {
        self.section("[[device]]");
        self.text("name", device.name.as_str());
        self.text("driver", device.driver);
        self.link(&device.link);
        if let Some(zone) = &device.timezone {
            self.text("timezone", zone.name());
        }
        if let Some(zone) = &device.zone {
            self.text("zone", zone);
        }
        if let Some(format) = device.card_format {
            self.text("card_format", format.word());
        }
        self.text("clock", device.clock.word());
        self.raw("not_before", device.not_before.to_jiff().strftime("%Y-%m-%d"));
        self.text("max_future", &duration_text(device.max_future));
        for (key, value) in device.options.table() {
            self.raw(&key, value);
        }
        for (key, secret) in device.options.secrets() {
            self.raw(key, &secret.source);
        }
    }

    fn link(&mut self, link: &Link) {
        match link {
            Link::Tcp(address) => {
                self.text("address", &address.to_string());
                self.text("transport", "tcp");
            }
            Link::Udp(address) => {
                self.text("address", &address.to_string());
                self.text("transport", "udp");
            }
            Link::Serial(serial) => {
                self.text("transport", "serial");
                self.text("port", &serial.port.display().to_string());
                self.raw("baud", serial.baud);
                self.raw("data_bits", serial.data_bits);
                self.text("parity", serial.parity.word());
                self.raw("stop_bits", serial.stop_bits);
                self.raw("rs485", serial.rs485);
            }
            Link::Http => {}
        }
    }

    fn verification(&mut self, policy: &Verification) {
        self.section("[[verification]]");
        self.text("name", &policy.name);
        self.raw("first", selector(&policy.first));
        self.raw("second", selector(&policy.second));
        self.text("window", &duration_text(policy.window));
        self.text("unrelated_after", &duration_text(policy.unrelated_after));
        self.text("order", policy.order.word());
        self.raw("reuse_first", policy.reuse_first);
        self.text("max_wait", &duration_text(policy.max_wait));
        if let Some(from) = policy.from {
            self.text("from", &from.to_string());
        }
    }

    fn upstream(&mut self, upstream: &Upstream) {
        self.section("[[upstream]]");
        self.text("name", &upstream.name);
        self.text("driver", upstream.driver.word());
        self.text("url", &upstream.url);
        if let Some(secret) = &upstream.secret {
            self.raw("secret", &secret.source);
        }
        self.list("send", upstream.send.iter().map(|sent| sent.word().to_owned()));
        self.raw(
            "batch",
            format_args!(
                "{{ max = {}, every = \"{}\" }}",
                upstream.batch.max,
                duration_text(upstream.batch.every)
            ),
        );
        if let Some(schedule) = upstream.schedule {
            self.text("schedule", &duration_text(schedule));
        }
        self.text("timeout", &duration_text(upstream.timeout));
    }
}

/// A selector on one line; lists that restrict nothing are left out.
fn selector(selector: &Selector) -> toml::Value {
    let words = |items: Vec<String>| toml::Value::Array(items.into_iter().map(toml::Value::String).collect());
    let lists = [
        (
            "factors",
            selector.factors.iter().map(|factor| factor.word().to_owned()).collect(),
        ),
        ("sources", selector.sources.clone()),
        ("zones", selector.zones.clone()),
        (
            "directions",
            selector
                .directions
                .iter()
                .map(|direction| direction.word().to_owned())
                .collect(),
        ),
        ("people", selector.people.clone()),
        ("groups", selector.groups.clone()),
    ];
    let table = lists
        .into_iter()
        .filter(|(_, items): &(_, Vec<String>)| !items.is_empty());
    toml::Value::Table(table.map(|(key, items)| (key.to_owned(), words(items))).collect())
}
