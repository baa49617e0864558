//! Everything the program says to an operator, in each language, from one catalogue.
//!
//! Promises: the languages have the same sentences with the same variables, and every sentence is used (tests
//! see to both). Deliberately absent: log lines and metrics, which are for machines and stay English.

mod lang;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, fmt::Display, sync::LazyLock};

use fluent_bundle::{FluentArgs, FluentResource, concurrent::FluentBundle};
use serde::{Serialize, Serializer, ser::SerializeStruct};
use serde_json::Value;
use unic_langid::LanguageIdentifier;

pub use lang::Lang;

type Bundle = FluentBundle<FluentResource>;

static EN: LazyLock<Bundle> = LazyLock::new(|| bundle("en", include_str!("../../messages/en.ftl")));
static ZH_CN: LazyLock<Bundle> = LazyLock::new(|| bundle("zh-CN", include_str!("../../messages/zh-CN.ftl")));

/// Reads a catalogue. One with a fault still serves every sentence that could be read; the tests find the fault.
fn bundle(tag: &str, source: &str) -> Bundle {
    let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(readable, _)| readable);
    let language: LanguageIdentifier = tag.parse().unwrap_or_default();
    let mut bundle = Bundle::new_concurrent(vec![language]);
    // Isolation marks would stand as odd characters in terminals, and neither language runs right to left.
    bundle.set_use_isolating(false);
    bundle.add_resource_overriding(resource);
    bundle
}

fn catalogue(lang: Lang) -> &'static Bundle {
    match lang {
        Lang::En => &EN,
        Lang::ZhCn => &ZH_CN,
    }
}

/// One thing to say: a sentence of the catalogue and what it is about. It has no language until it is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    id: Cow<'static, str>,
    args: Vec<(Cow<'static, str>, Arg)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Arg {
    Text(String),
    Message(Message),
}

impl Message {
    /// A sentence by its id in the catalogue.
    pub fn new(id: &'static str) -> Self {
        Self {
            id: id.into(),
            args: Vec::new(),
        }
    }

    /// Fills in a variable.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Display) -> Self {
        self.args.push((name.into(), Arg::Text(value.to_string())));
        self
    }

    /// Fills in a variable with another message, said in the same language.
    #[must_use]
    pub fn with_message(mut self, name: &'static str, value: Self) -> Self {
        self.args.push((name.into(), Arg::Message(value)));
        self
    }

    /// Fills in a variable that may be absent; the sentence then selects on `none`.
    #[must_use]
    pub fn or_none(self, name: &'static str, value: Option<&str>) -> Self {
        self.with(name, value.unwrap_or("none"))
    }

    /// The id in the catalogue; stable, for machines.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The sentence in a language. Control characters in the arguments are shown escaped.
    pub fn say(&self, lang: Lang) -> String {
        let mut args = FluentArgs::new();
        for (name, value) in &self.args {
            let text = match value {
                Arg::Text(text) => plain(text),
                Arg::Message(message) => message.say(lang),
            };
            args.set(name.as_ref(), text);
        }
        say_with(lang, &self.id, &args)
    }

    /// Says again, in another language, what a gateway told as JSON. A sentence that only the gateway knows, because it
    /// is of another version, is given in its words.
    pub fn retell(told: &Value, lang: Lang) -> String {
        match Self::from_json(told).filter(|message| catalogue(lang).has_message(&message.id)) {
            Some(message) => message.say(lang),
            None => plain(told["text"].as_str().or(told.as_str()).unwrap_or_default()),
        }
    }

    fn from_json(told: &Value) -> Option<Self> {
        let arg = |value: &Value| match value {
            Value::String(text) => Some(Arg::Text(text.clone())),
            message => Self::from_json(message).map(Arg::Message),
        };
        let args = told["args"].as_object()?.iter();
        Some(Self {
            id: told["code"].as_str()?.to_owned().into(),
            args: args
                .map(|(name, value)| Some((name.clone().into(), arg(value)?)))
                .collect::<Option<_>>()?,
        })
    }
}

/// For machines: `code` is stable, `text` is English, and `args` is what the sentence is about.
impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let args = self.args.iter().map(|(name, value)| {
            let value = match value {
                Arg::Text(text) => Value::String(text.clone()),
                Arg::Message(message) => serde_json::to_value(message).unwrap_or_default(),
            };
            (name.to_string(), value)
        });
        let args: serde_json::Map<String, Value> = args.collect();
        let mut told = serializer.serialize_struct("Message", 3)?;
        told.serialize_field("code", &self.id)?;
        told.serialize_field("args", &args)?;
        told.serialize_field("text", &self.say(Lang::En))?;
        told.end()
    }
}

/// Says a sentence that needs no variables.
pub fn say(lang: Lang, id: &'static str) -> String {
    say_with(lang, id, &FluentArgs::new())
}

/// Says a sentence if the catalogue has it; for ids that are put together, such as those of command-line help.
pub(crate) fn try_say(lang: Lang, id: &str) -> Option<String> {
    let bundle = catalogue(lang);
    let pattern = bundle.get_message(id)?.value()?;
    Some(bundle.format_pattern(pattern, None, &mut Vec::new()).into_owned())
}

fn say_with(lang: Lang, id: &str, args: &FluentArgs<'_>) -> String {
    let bundle = catalogue(lang);
    // An id that is nowhere is still better shown than swallowed; a test makes sure that there is none.
    let Some(pattern) = bundle.get_message(id).and_then(|message| message.value()) else {
        return id.to_owned();
    };
    bundle.format_pattern(pattern, Some(args), &mut Vec::new()).into_owned()
}

fn plain(text: &str) -> String {
    let harmless = |c: char| !c.is_control() || c == '\n' || c == '\t';
    text.chars()
        .flat_map(|c| {
            if harmless(c) {
                vec![c]
            } else {
                c.escape_default().collect()
            }
        })
        .collect()
}
