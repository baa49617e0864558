//! From what was written on a command line to what a driver or a simulator reads.

use serde::de::DeserializeOwned;

/// The options that tell how a simulated device's stream is cut: its preset, where its protocol has presets.
pub(super) fn framing<T: DeserializeOwned>(knobs: &toml::Table) -> Result<T, toml::de::Error> {
    let preset = knobs.get("preset").map(|preset| ("preset".to_owned(), preset.clone()));
    read(preset.into_iter().collect())
}

/// A simulator's knobs. What was written without quotes may be meant as a text all the same: `record=16`.
pub(super) fn knobs_of<T: DeserializeOwned>(knobs: &toml::Table) -> Result<T, toml::de::Error> {
    read(knobs.clone()).or_else(|wrong| {
        let text = |(key, value): (&String, &toml::Value)| (key.clone(), value.to_string().trim_matches('"').into());
        let numbers = knobs.iter().filter(|(_, value)| value.is_integer());
        for (key, value) in numbers.map(text) {
            let one = toml::Table::from_iter([(key, value)]);
            let merged: toml::Table = knobs.clone().into_iter().chain(one).collect();
            if let Ok(understood) = read(merged) {
                return Ok(understood);
            }
        }
        Err(wrong)
    })
}

/// Reads a table.
pub(super) fn read<T: DeserializeOwned>(table: toml::Table) -> Result<T, toml::de::Error> {
    T::deserialize(toml::Value::Table(table))
}
