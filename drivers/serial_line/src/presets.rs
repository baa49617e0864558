//! The formats of real clocks, each nothing but configuration.

use crate::settings::Settings;

/// Name and text of every preset, in the order in which an unknown record is tried.
const ALL: [(&str, &str); 11] = [
    ("giga-tms-tr320", include_str!("../presets/giga-tms-tr320.toml")),
    ("tna2000", include_str!("../presets/tna2000.toml")),
    ("zk-punch-file", include_str!("../presets/zk-punch-file.toml")),
    ("opticon-opl97xx", include_str!("../presets/opticon-opl97xx.toml")),
    ("idteck-sr10", include_str!("../presets/idteck-sr10.toml")),
    ("ibm-7525", include_str!("../presets/ibm-7525.toml")),
    ("twn3-inditag", include_str!("../presets/twn3-inditag.toml")),
    ("wiegand-hex6", include_str!("../presets/wiegand-hex6.toml")),
    ("wiegand-dec10", include_str!("../presets/wiegand-dec10.toml")),
    ("twn3-hid", include_str!("../presets/twn3-hid.toml")),
    ("care-roster", include_str!("../presets/care-roster.toml")),
];

/// The names of all presets, in the order in which an unknown record is tried.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|(name, _)| *name)
}

/// The settings of a preset.
///
/// # Errors
/// A sentence with the names there are.
pub(crate) fn settings(name: &str) -> Result<Settings, String> {
    let known = ALL.iter().find(|(known, _)| *known == name);
    let (_, text) = known.ok_or_else(|| {
        format!(
            "preset: {name:?} is not known; wanted one of {}",
            names().collect::<Vec<_>>().join(", ")
        )
    })?;
    toml::from_str(text).map_err(|error| format!("preset {name}: {error}"))
}
