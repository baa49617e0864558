//! `check`: reads the configuration and prints the plan. Touches no device, opens no port, changes nothing.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::faults;
use crate::{
    config::{
        Config, Device, Link, Load, Order, Selector, Upstream, Verification, Warning, duration_text, load, warnings,
    },
    exit::Exit,
    messages::{Lang, Message, say},
};

/// Prints the plan and what is odd about it, or every fault.
///
/// # Errors
/// When writing fails.
pub fn check(load_: &Load<'_>, lang: Lang, json: bool, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<Exit> {
    let config = match load(load_) {
        Ok(config) => config,
        Err(problems) => return faults::tell(&load_.file, &problems, lang, json, (out, err)),
    };
    let warnings = warnings(&config);
    if json {
        writeln!(out, "{}", plan_json(&config, &warnings, lang))?;
    } else {
        write_plan(&config, &warnings, lang, out)?;
        let good = Message::new("check-good").with("file", load_.file.display());
        writeln!(out, "\n{}", good.say(lang))?;
    }
    Ok(Exit::Ok)
}

fn write_plan(config: &Config, warnings: &[Warning], lang: Lang, out: &mut dyn Write) -> io::Result<()> {
    let gateway = &config.gateway;
    let zone = gateway.timezone.as_ref().map_or("UTC", |zone| zone.name());
    list(
        out,
        &say(lang, "check-gateway"),
        vec![format!("{}  {zone}", gateway.id)],
        lang,
    )?;
    list(
        out,
        &say(lang, "check-devices"),
        config.devices.iter().map(|device| device_line(device, lang)).collect(),
        lang,
    )?;
    list(out, &say(lang, "check-listeners"), listeners(config, lang), lang)?;
    let policies = config
        .verifications
        .iter()
        .map(|policy| policy_line(policy, lang))
        .collect();
    list(out, &say(lang, "check-policies"), policies, lang)?;
    let upstreams = config
        .upstreams
        .iter()
        .map(|upstream| upstream_line(upstream, lang))
        .collect();
    list(out, &say(lang, "check-upstreams"), upstreams, lang)?;
    if warnings.is_empty() {
        return Ok(());
    }
    list(
        out,
        &say(lang, "check-warnings"),
        warnings.iter().map(|warning| warning.say(lang)).collect(),
        lang,
    )
}

fn list(out: &mut dyn Write, head: &str, lines: Vec<String>, lang: Lang) -> io::Result<()> {
    writeln!(out, "{head}")?;
    if lines.is_empty() {
        writeln!(out, "  {}", say(lang, "check-none"))?;
    }
    lines.iter().try_for_each(|line| writeln!(out, "  {line}"))
}

fn device_line(device: &Device, lang: Lang) -> String {
    let clock = device
        .timezone
        .as_ref()
        .map_or_else(|| say(lang, "check-no-clock"), |zone| zone.name().to_owned());
    let zone = device.zone.clone().unwrap_or_else(|| say(lang, "check-unzoned"));
    format!(
        "{}  {}  {}  {clock}  {zone}",
        device.name,
        device.driver,
        link_text(&device.link)
    )
}

fn link_text(link: &Link) -> String {
    match link {
        Link::Tcp(address) => format!("tcp {address}"),
        Link::Udp(address) => format!("udp {address}"),
        Link::Http => "http".to_owned(),
        Link::Serial(serial) => {
            let parity = match serial.parity.word().chars().next() {
                Some(letter) => letter.to_ascii_uppercase(),
                None => 'N',
            };
            format!(
                "serial {} {} {}{parity}{}",
                serial.port.display(),
                serial.baud,
                serial.data_bits,
                serial.stop_bits
            )
        }
    }
}

fn listeners(config: &Config, lang: Lang) -> Vec<String> {
    let unused = if config.listens() {
        String::new()
    } else {
        format!("  ({})", say(lang, "check-unused"))
    };
    vec![
        format!("admin  {}", config.admin.listen),
        format!("ingest  {}{unused}", config.ingest.listen),
    ]
}

fn policy_line(policy: &Verification, lang: Lang) -> String {
    let message = match policy.order {
        Order::FirstThenSecond => Message::new("check-policy-line"),
        Order::Any => Message::new("check-policy-line-any"),
    };
    message
        .with("name", &policy.name)
        .with("first", selector_text(&policy.first, lang))
        .with("second", selector_text(&policy.second, lang))
        .with("window", duration_text(policy.window))
        .say(lang)
}

fn selector_text(selector: &Selector, lang: Lang) -> String {
    let words = [
        selector
            .factors
            .iter()
            .map(|factor| factor.word().to_owned())
            .collect::<Vec<_>>()
            .join("/"),
        selector
            .directions
            .iter()
            .map(|direction| direction.word().to_owned())
            .collect::<Vec<_>>()
            .join("/"),
        selector.sources.join("/"),
        selector.zones.join("/"),
        selector.groups.join("/"),
        selector.people.join("/"),
    ];
    let words: Vec<String> = words.into_iter().filter(|word| !word.is_empty()).collect();
    if words.is_empty() {
        say(lang, "check-anything")
    } else {
        words.join(" @ ")
    }
}

fn upstream_line(upstream: &Upstream, lang: Lang) -> String {
    let every = upstream.schedule.unwrap_or(upstream.batch.every);
    Message::new("check-upstream-line")
        .with("name", &upstream.name)
        .with("driver", upstream.driver.word())
        .with("url", &upstream.url)
        .with(
            "send",
            upstream
                .send
                .iter()
                .map(|sent| sent.word())
                .collect::<Vec<_>>()
                .join(", "),
        )
        .with("max", upstream.batch.max)
        .with("every", duration_text(every))
        .say(lang)
}

fn plan_json(config: &Config, warnings: &[Warning], lang: Lang) -> Value {
    let devices: Vec<Value> = config.devices.iter().map(device_json).collect();
    let policies: Vec<Value> = config
        .verifications
        .iter()
        .map(|policy| json!({ "name": policy.name, "window_ms": millis(policy.window), "order": policy.order.word() }))
        .collect();
    let upstreams: Vec<Value> = config
        .upstreams
        .iter()
        .map(|u| {
            let send: Vec<&str> = u.send.iter().map(|sent| sent.word()).collect();
            json!({ "name": u.name, "driver": u.driver.word(), "url": u.url, "send": send, "signed": u.secret.is_some() })
        })
        .collect();
    json!({
        "ok": true,
        "gateway": { "id": config.gateway.id, "timezone": config.gateway.timezone.as_ref().map(|zone| zone.name()) },
        "devices": devices,
        "listeners": {
            "admin": config.admin.listen.to_string(),
            "ingest": config.listens().then(|| config.ingest.listen.to_string()),
        },
        "policies": policies,
        "upstreams": upstreams,
        "warnings": warnings.iter().map(|w| faults::item(w.at.as_ref(), &w.message(), lang)).collect::<Vec<_>>(),
    })
}

fn device_json(device: &Device) -> Value {
    json!({
        "name": device.name.as_str(),
        "driver": device.driver,
        "link": link_text(&device.link),
        "timezone": device.timezone.as_ref().map(|zone| zone.name()),
        "zone": device.zone,
        "clock": device.clock.word(),
    })
}

fn millis(span: std::time::Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
