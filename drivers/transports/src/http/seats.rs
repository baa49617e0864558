//! Who may stay when too many come.
//!
//! Everybody is let in while there is room. After that a newcomer takes the seat of the connection that has been idle
//! longest, first of those that never brought a whole request: a crowd that opens connections and says nothing only
//! pushes out its own. A connection with a request in hand keeps its seat. The last seats are for addresses that have
//! none.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use tokio::task::{AbortHandle, Id};

use super::{Limits, watch::Watch};

#[derive(Debug)]
struct Seat {
    address: IpAddr,
    watch: Arc<Watch>,
    task: AbortHandle,
}

/// The connections of one listener.
#[derive(Debug)]
pub(super) struct Seats {
    limits: Arc<Limits>,
    taken: HashMap<Id, Seat>,
    of_address: HashMap<IpAddr, usize>,
}

impl Seats {
    pub(super) fn new(limits: Arc<Limits>) -> Self {
        Self {
            limits,
            taken: HashMap::new(),
            of_address: HashMap::new(),
        }
    }

    /// Makes room for a connection from this address; false when everybody is busy.
    pub(super) fn make_room(&mut self, address: IpAddr) -> bool {
        let own = self.of_address.get(&address).copied().unwrap_or(0);
        let open = self.limits.connections.saturating_sub(self.limits.reserved);
        if own >= self.limits.per_address || (own > 0 && self.taken.len() >= open) {
            return self.displace(Some(address));
        }
        self.taken.len() < self.limits.connections || self.displace(None)
    }

    /// Gives a seat to a connection for which room was made.
    pub(super) fn take(&mut self, address: IpAddr, watch: Arc<Watch>, task: AbortHandle) {
        *self.of_address.entry(address).or_default() += 1;
        self.taken.insert(task.id(), Seat { address, watch, task });
    }

    /// A connection has ended.
    pub(super) fn leave(&mut self, id: Id) {
        let Some(seat) = self.taken.remove(&id) else { return };
        if let Some(own) = self.of_address.get_mut(&seat.address) {
            *own -= 1;
            if *own == 0 {
                self.of_address.remove(&seat.address);
            }
        }
    }

    /// Ends the connection that has been idle longest, of one address or of all; false when none is idle.
    pub(super) fn displace(&mut self, of: Option<IpAddr>) -> bool {
        let spare = |(id, seat): (&Id, &Seat)| {
            let wanted = of.is_none_or(|address| address == seat.address);
            wanted.then(|| seat.watch.spare())?.map(|spare| (spare, *id))
        };
        let longest = self.taken.iter().filter_map(spare).max_by_key(|(spare, _)| *spare);
        let Some((_, id)) = longest else { return false };
        if let Some(seat) = self.taken.get(&id) {
            seat.task.abort();
        }
        self.leave(id);
        true
    }
}
