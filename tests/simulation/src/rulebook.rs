//! What the simulated gateway is configured with: one policy with short spans, the devices, the people.

use std::time::Duration;

use punchgate::decide::settings::{DeviceSettings, Settings};
use punchgate_model::{Factor, Timestamp};
use punchgate_rules::{ClockMode, Policy, Selector};

use crate::{
    scene::{Make, REPEATS, UNRELATED, WINDOW},
    station::Station,
    world::World,
};

/// The directory of people: one file.
pub fn directory(world: &World) -> Vec<String> {
    let rows: String = world
        .stations
        .iter()
        .map(|station| station.directory(world.scene.people))
        .collect();
    vec![format!("person,device,credential,kind,name,department\n{rows}")]
}

/// What of the configuration decides: one policy, short spans.
pub fn settings(world: &World) -> Settings {
    let of = |factors: &[Factor]| Selector {
        factors: factors.to_vec(),
        ..Selector::default()
    };
    let millis = |ms: i64| Duration::from_millis(ms.unsigned_abs());
    let mut policy = Policy::new(
        "office-door",
        of(&[Factor::Gps]),
        of(&[Factor::Fingerprint, Factor::Card]),
    );
    policy.window = millis(WINDOW);
    policy.unrelated_after = millis(UNRELATED);
    let device = |station: &Station| {
        let make = station.device.make;
        let settings = DeviceSettings {
            timezone: (make != Make::App).then(|| "UTC".to_owned()),
            zone: (make == Make::Terminal).then(|| "hq-door".into()),
            clock: ClockMode::Correct,
            not_before: Timestamp::from_millis(1_514_764_800_000),
            max_future_ms: 120_000,
            keeps_log: make == Make::Terminal,
        };
        (station.device.name.clone(), settings)
    };
    Settings {
        cards: punchgate_rules::Cards::default(),
        repeats_within_ms: REPEATS.unsigned_abs(),
        policies: vec![policy],
        max_wait_ms: 600_000,
        hold_unknown: false,
        devices: world.stations.iter().map(device).collect(),
    }
}
