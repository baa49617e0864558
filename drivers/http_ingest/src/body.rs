//! A whole body: bounded, and read so that one bad item does not spoil the others.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::Item;

/// The items of a body: the first ones, and how many there are.
#[derive(Debug, Default)]
pub(crate) struct Items {
    pub(crate) kept: Vec<Item>,
    pub(crate) count: usize,
}

impl Items {
    /// How many are kept; of the rest only the number.
    pub(crate) const MOST: usize = 1000;
}

impl<'de> Deserialize<'de> for Items {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Items;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of punches")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Items, A::Error> {
                let mut found = Items::default();
                while found.count < Items::MOST {
                    let Some(raw) = items.next_element::<&RawValue>()? else {
                        return Ok(found);
                    };
                    found.kept.push(Item::read(raw));
                    found.count += 1;
                }
                while items.next_element::<IgnoredAny>()?.is_some() {
                    found.count += 1;
                }
                Ok(found)
            }
        }
        deserializer.deserialize_seq(List)
    }
}

/// A whole body.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) punches: Items,
}

impl<'de> Deserialize<'de> for Body {
    /// Only an object is a body: what serde derives would take an array too.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Whole;
        impl<'de> Visitor<'de> for Whole {
            type Value = Body;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with the field \"punches\"")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Body, A::Error> {
                let mut punches = None;
                while let Some(name) = entries.next_key::<Cow<'de, str>>()? {
                    if name != "punches" {
                        entries.next_value::<IgnoredAny>()?;
                    } else if punches.replace(entries.next_value()?).is_some() {
                        return Err(A::Error::duplicate_field("punches"));
                    }
                }
                let punches = punches.ok_or_else(|| A::Error::missing_field("punches"))?;
                Ok(Body { punches })
            }
        }
        deserializer.deserialize_map(Whole)
    }
}
