//! A driver's own keys: kept as written, handed to the driver's `Options` with every fault at its place.
//!
//! Promises: a driver's `deny_unknown_fields` becomes "unknown key … did you mean …" at the right line; secrets
//! are opened by us and reach the driver as text, never through the configuration file.

use std::{collections::BTreeMap, fmt};

use serde::de::{self, DeserializeOwned, IntoDeserializer, Visitor, value::StrDeserializer};

use super::{
    node::{Entry, Node, Value},
    place::Place,
    secret::SecretRef,
};

/// The keys of a device that belong to its driver.
#[derive(Debug, Clone)]
pub struct Options {
    at: Place,
    entries: Vec<Entry>,
    secrets: BTreeMap<String, SecretRef>,
}

impl PartialEq for Options {
    fn eq(&self, other: &Self) -> bool {
        self.table() == other.table() && self.secrets == other.secrets
    }
}

impl Options {
    pub(crate) fn new(at: Place, entries: Vec<Entry>, secrets: BTreeMap<String, SecretRef>) -> Self {
        Self { at, entries, secrets }
    }

    /// The secrets among the options, by key.
    pub fn secrets(&self) -> &BTreeMap<String, SecretRef> {
        &self.secrets
    }

    pub(crate) fn secrets_are_open(&self) -> bool {
        self.secrets.values().all(|secret| secret.secret().is_some())
    }

    /// The options without secrets, as a TOML table.
    pub fn table(&self) -> toml::Table {
        self.entries
            .iter()
            .map(|entry| (entry.key.clone(), plain(&entry.node)))
            .collect()
    }

    /// Reads the options as a driver wants them.
    ///
    /// A secret that was not opened reads as an empty text.
    ///
    /// # Errors
    /// [`OptionsError`] with the place, when a key is unknown, missing or wrong.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, OptionsError> {
        let secrets = self.secrets.iter().map(|(key, secret)| {
            let text = secret.secret().map_or("", |secret| secret.reveal());
            (key.as_str(), secret.at.clone(), Item::Secret(key, text))
        });
        let entries = self
            .entries
            .iter()
            .map(|e| (e.key.as_str(), e.key_at.clone(), Item::Node(&e.node)));
        let items: Vec<_> = entries.chain(secrets).collect();
        T::deserialize(TableReader {
            items: items.into_iter(),
            next: None,
        })
        .map_err(|error| {
            let told = error.to_string();
            let open = self
                .secrets
                .iter()
                .filter_map(|(key, secret)| Some((key, secret.secret()?.reveal(), &secret.at)));
            match open.into_iter().find(|(_, secret, _)| told.contains(secret)) {
                Some((key, spilt, at)) => error.about_secret(key, spilt, at),
                None => error.or_at(&self.at),
            }
        })
    }
}

/// Why a driver does not take its options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionsError {
    /// Where.
    pub at: Option<Place>,
    /// What.
    pub why: OptionsFault,
}

/// What is wrong with an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OptionsFault {
    /// A key the driver does not know, and those it does.
    Unknown {
        /// The key.
        key: String,
        /// The driver's keys.
        known: &'static [&'static str],
    },
    /// A key the driver needs.
    Missing(String),
    /// A secret the driver cannot use, in the driver's words unless they repeat it.
    Secret(String),
    /// Anything else, in the driver's words.
    Refused(String),
}

impl OptionsError {
    fn new(why: OptionsFault) -> Self {
        Self { at: None, why }
    }

    /// The driver's words about a secret, unless they repeat it.
    fn about_secret(self, key: &str, secret: &str, at: &Place) -> Self {
        let told = self.to_string();
        let spilt = !secret.is_empty() && told.contains(secret);
        let why = if spilt {
            "not in the form the driver wants"
        } else {
            &told
        };
        Self {
            at: Some(at.clone()),
            why: OptionsFault::Secret(format!("the secret `{key}`: {why}")),
        }
    }

    fn or_at(mut self, at: &Place) -> Self {
        self.at.get_or_insert_with(|| at.clone());
        self
    }
}

impl fmt::Display for OptionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            OptionsFault::Unknown { key, known } => {
                write!(f, "unknown key `{key}`, wanted one of: {}", known.join(", "))
            }
            OptionsFault::Missing(key) => write!(f, "missing key `{key}`"),
            OptionsFault::Secret(why) | OptionsFault::Refused(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for OptionsError {}

impl de::Error for OptionsError {
    fn custom<T: fmt::Display>(why: T) -> Self {
        Self::new(OptionsFault::Refused(why.to_string()))
    }

    /// Names the kind of a text, not the text: it may be a secret, and the place says which it is.
    fn invalid_type(got: de::Unexpected<'_>, wanted: &dyn de::Expected) -> Self {
        Self::custom(format_args!("got {}, wanted {wanted}", kind(&got)))
    }

    fn invalid_value(got: de::Unexpected<'_>, wanted: &dyn de::Expected) -> Self {
        Self::custom(format_args!("got {}, wanted {wanted}", kind(&got)))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::new(OptionsFault::Unknown {
            key: field.to_owned(),
            known: expected,
        })
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(OptionsFault::Missing(field.to_owned()))
    }
}

fn kind(got: &de::Unexpected<'_>) -> String {
    match got {
        de::Unexpected::Str(_) => "a string".to_owned(),
        other => other.to_string(),
    }
}

fn plain(node: &Node) -> toml::Value {
    match &node.value {
        Value::Text(text) => toml::Value::String(text.clone()),
        Value::When(when) => when
            .parse()
            .map_or_else(|_| toml::Value::String(when.clone()), toml::Value::Datetime),
        Value::Integer(number) => toml::Value::Integer(*number),
        Value::Float(number) => toml::Value::Float(*number),
        Value::Flag(flag) => toml::Value::Boolean(*flag),
        Value::List(items) => toml::Value::Array(items.iter().map(plain).collect()),
        Value::Table(table) => toml::Value::Table(
            table
                .entries
                .iter()
                .map(|entry| (entry.key.clone(), plain(&entry.node)))
                .collect(),
        ),
    }
}

#[derive(Clone, Copy)]
enum Item<'a> {
    Node(&'a Node),
    Secret(&'a str, &'a str),
}

struct TableReader<'a> {
    items: std::vec::IntoIter<(&'a str, Place, Item<'a>)>,
    next: Option<(Place, Item<'a>)>,
}

fn items(table: &super::node::Table) -> TableReader<'_> {
    let items: Vec<_> = table
        .entries
        .iter()
        .map(|e| (e.key.as_str(), e.key_at.clone(), Item::Node(&e.node)))
        .collect();
    TableReader {
        items: items.into_iter(),
        next: None,
    }
}

impl<'de> de::MapAccess<'de> for TableReader<'de> {
    type Error = OptionsError;

    fn next_key_seed<K: de::DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, OptionsError> {
        let Some((key, at, item)) = self.items.next() else {
            return Ok(None);
        };
        let key: StrDeserializer<'_, OptionsError> = key.into_deserializer();
        let key = seed.deserialize(key).map_err(|error| error.or_at(&at))?;
        self.next = Some((at, item));
        Ok(Some(key))
    }

    fn next_value_seed<V: de::DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, OptionsError> {
        let (at, item) = self
            .next
            .take()
            .ok_or_else(|| de::Error::custom("a value before its key"))?;
        match item {
            Item::Node(node) => seed.deserialize(node).map_err(|error| error.or_at(&node.at)),
            Item::Secret(key, text) => seed
                .deserialize(Whispered(text))
                .map_err(|error| error.about_secret(key, text, &at)),
        }
    }
}

/// A secret as a driver reads it: a text.
struct Whispered<'a>(&'a str);

impl<'de> de::Deserializer<'de> for Whispered<'de> {
    type Error = OptionsError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, OptionsError> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, OptionsError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, OptionsError> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> de::Deserializer<'de> for TableReader<'de> {
    type Error = OptionsError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, OptionsError> {
        visitor.visit_map(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, OptionsError> for &'de Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> de::Deserializer<'de> for &'de Node {
    type Error = OptionsError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, OptionsError> {
        let read = match &self.value {
            Value::Text(text) | Value::When(text) => visitor.visit_borrowed_str(text),
            Value::Integer(number) => visitor.visit_i64(*number),
            Value::Float(number) => visitor.visit_f64(*number),
            Value::Flag(flag) => visitor.visit_bool(*flag),
            Value::List(list) => visitor.visit_seq(de::value::SeqDeserializer::new(list.iter())),
            Value::Table(table) => visitor.visit_map(items(table)),
        };
        read.map_err(|error| error.or_at(&self.at))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, OptionsError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, OptionsError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, OptionsError> {
        let read = match &self.value {
            Value::Text(text) => visitor.visit_enum(text.as_str().into_deserializer()),
            Value::Table(table) => visitor.visit_enum(de::value::MapAccessDeserializer::new(items(table))),
            other => Err(de::Error::custom(format_args!(
                "wanted a word or a table, got {}",
                other.kind()
            ))),
        };
        read.map_err(|error| error.or_at(&self.at))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map struct identifier ignored_any
    }
}
