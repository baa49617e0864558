//! Everything the program says to an operator, in each language, from one catalogue.
//!
//! Promises: the languages have the same sentences with the same variables, and every sentence is used (tests
//! see to both). Deliberately absent: log lines and metrics, which are for machines and stay English.

mod lang;
#[cfg(test)]
mod tests;

use std::{fmt::Display, sync::LazyLock};

use fluent_bundle::{FluentArgs, FluentResource, concurrent::FluentBundle};
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
    id: &'static str,
    args: Vec<(&'static str, Arg)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Arg {
    Text(String),
    Message(Message),
}

impl Message {
    /// A sentence by its id in the catalogue.
    pub fn new(id: &'static str) -> Self {
        Self { id, args: Vec::new() }
    }

    /// Fills in a variable.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Display) -> Self {
        self.args.push((name, Arg::Text(value.to_string())));
        self
    }

    /// Fills in a variable with another message, said in the same language.
    #[must_use]
    pub fn with_message(mut self, name: &'static str, value: Self) -> Self {
        self.args.push((name, Arg::Message(value)));
        self
    }

    /// Fills in a variable that may be absent; the sentence then selects on `none`.
    #[must_use]
    pub fn or_none(self, name: &'static str, value: Option<&str>) -> Self {
        self.with(name, value.unwrap_or("none"))
    }

    /// The id in the catalogue; stable, for machines.
    pub fn id(&self) -> &'static str {
        self.id
    }

    /// The sentence in a language. Control characters in the arguments are shown escaped.
    pub fn say(&self, lang: Lang) -> String {
        let mut args = FluentArgs::new();
        for (name, value) in &self.args {
            let text = match value {
                Arg::Text(text) => plain(text),
                Arg::Message(message) => message.say(lang),
            };
            args.set(*name, text);
        }
        say_with(lang, self.id, &args)
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
