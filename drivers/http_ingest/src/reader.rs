//! Claims to readings. Pure.

use std::collections::HashMap;

use punchgate_kit::{Finding, Malformed, driver::Reader};
use punchgate_model::{Factor, Reading};

use crate::{Claim, Item, Options, Post, Reply, reply::Rejection};

/// The readings of a post, and for each item `None`, or why it was rejected.
pub(crate) fn sort(post: &Post, factors: Option<&[Factor]>) -> (Vec<Reading>, Vec<Option<Rejection>>) {
    let mut readings = Vec::with_capacity(post.items().len());
    let mut outcomes = Vec::with_capacity(post.items().len());
    let mut seen = HashMap::new();
    for item in post.items() {
        let judged = match item {
            Item::Claim(claim) => allowed(claim, factors).map(|()| claim),
            Item::Bad { id, why } => Err(Rejection {
                id: id.clone(),
                why: why.clone(),
            }),
        };
        outcomes.push(match judged {
            Ok(claim) => {
                readings.push(claim.reading(occurrence(&mut seen, claim)));
                None
            }
            Err(rejection) => Some(rejection),
        });
    }
    (readings, outcomes)
}

type Row<'a> = (&'a str, Factor, &'a str);

/// The ordinal of a claim without id among equal ones of the same post.
fn occurrence<'a>(seen: &mut HashMap<Row<'a>, u32>, claim: &'a Claim) -> u32 {
    if claim.id.is_some() {
        return 0;
    }
    let count = seen
        .entry((&claim.person, claim.factor, &claim.at.printed))
        .or_default();
    let ordinal = *count;
    *count += 1;
    ordinal
}

fn allowed(claim: &Claim, factors: Option<&[Factor]>) -> Result<(), Rejection> {
    let Some(factors) = factors.filter(|factors| !factors.contains(&claim.factor)) else {
        return Ok(());
    };
    let words: Vec<_> = factors.iter().map(|factor| factor.word()).collect();
    Err(Rejection {
        id: claim.id.clone(),
        why: format!(
            "factor: this source may claim {}, got {}",
            words.join(" "),
            claim.factor
        ),
    })
}

/// Reads posts that somebody else received.
#[derive(Debug, Clone)]
pub struct IngestReader {
    factors: Option<Vec<Factor>>,
}

impl IngestReader {
    /// A reader for a source with these options.
    pub fn new(options: &Options) -> Self {
        Self {
            factors: options.factors.clone(),
        }
    }
}

impl Reader<Post, Reply> for IngestReader {
    fn hear(&mut self, post: &Post) -> Vec<Finding> {
        let (readings, outcomes) = sort(post, self.factors.as_deref());
        let rejected = outcomes.into_iter().flatten().map(|rejection| {
            let id = rejection.id.unwrap_or_default();
            Finding::Malformed(Malformed::new(0, rejection.why, id.as_bytes()))
        });
        readings.into_iter().map(Finding::Reading).chain(rejected).collect()
    }
}
