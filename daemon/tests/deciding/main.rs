//! Deciding on the whole path: journal entries in, events out, compared with the naive reference as an upstream sees
//! them. Whatever order facts came in, however often, and whatever restarts and rebuilds lay between, what holds in
//! the end is the same.

mod any_order;
mod asked;
mod stories;
mod terms;
mod world;
