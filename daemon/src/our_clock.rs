//! The gateway's own clock, which may be set while the gateway runs: by a person, by a time server, by a machine that was
//! asleep. What is dated by it (arrivals, measurements of other clocks, how far data are complete) must not jump with it.
//!
//! A second clock that nobody sets runs beside it. As long as the two go alike the wall clock is believed. When the wall
//! clock jumps away it is doubted, and time goes on as it did, until a device that has a clock is heard: whichever of the
//! two agrees better with it was right. Without such a device, or where the time before could not be right at all, the
//! wall clock is believed at once. Timers are no part of this: they run by a clock that is never set.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use punchgate_kit::Clock;
use punchgate_model::Timestamp;
use punchgate_rules::is_our_time;

/// So far apart the two may go between two looks without a doubt, in milliseconds: time servers push clocks gently.
const GENTLE_MS: i64 = 2_000;

/// What a jump of the wall clock came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Jump {
    /// By so many milliseconds, and it is believed.
    Believed(i64),
    /// By so many milliseconds, and it is not: time goes on as before.
    Doubted(i64),
}

/// The gateway's own clock. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct OurClock(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// The time that is told, less that of the clock which nobody sets, in milliseconds.
    ahead: Option<i64>,
    /// The same of the wall clock, where that is not believed.
    doubted: Option<i64>,
    /// Whether any device showed a clock.
    has_witness: bool,
    /// What happened last, until somebody asks.
    jumped: Option<Jump>,
}

impl State {
    /// The time, when the wall clock shows `wall` and the clock that nobody sets shows `running`, in milliseconds.
    fn tell(&mut self, wall: Timestamp, running: i64) -> Timestamp {
        let ahead = wall.as_millis().saturating_sub(running);
        let Some(known) = self.ahead else {
            self.ahead = Some(ahead);
            return wall;
        };
        if ahead.saturating_sub(known).saturating_abs() <= GENTLE_MS {
            self.doubted = None;
            self.ahead = Some(ahead);
            return wall;
        }
        let told = Timestamp::from_millis(running.saturating_add(known));
        let nobody_to_ask = !self.has_witness && is_our_time(wall);
        if nobody_to_ask || (is_our_time(wall) && !is_our_time(told)) {
            self.believe(ahead, known);
            return wall;
        }
        if self.doubted != Some(ahead) {
            let is_new = self
                .doubted
                .is_none_or(|doubted| doubted.abs_diff(ahead) > GENTLE_MS.unsigned_abs());
            self.doubted = Some(ahead);
            if is_new {
                self.jumped = Some(Jump::Doubted(ahead.saturating_sub(known)));
            }
        }
        told
    }

    fn believe(&mut self, ahead: i64, known: i64) {
        self.doubted = None;
        self.ahead = Some(ahead);
        self.jumped = Some(Jump::Believed(ahead.saturating_sub(known)));
    }

    /// A device's clock is so far ahead of the time that is told, in milliseconds.
    fn hear(&mut self, offset_ms: i64) {
        self.has_witness = true;
        let (Some(known), Some(doubted)) = (self.ahead, self.doubted) else {
            return;
        };
        let of_wall = offset_ms.saturating_sub(doubted.saturating_sub(known));
        if of_wall.saturating_abs() < offset_ms.saturating_abs() {
            self.believe(doubted, known);
        }
    }
}

impl OurClock {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The clock by which everything is dated, from the machine's two.
    pub fn clock(&self) -> Clock {
        let (ours, wall) = (self.clone(), Clock::system());
        Clock::from_fn(move || ours.state().tell(wall.now(), running()))
    }

    /// A device's clock was found so far ahead, in milliseconds. Answers whether that made us believe a jump.
    pub fn hear(&self, offset_ms: i64) -> bool {
        let mut state = self.state();
        let doubted = state.doubted.is_some();
        state.hear(offset_ms);
        doubted && state.doubted.is_none()
    }

    /// By how much the wall clock is away from the time that is told, in milliseconds, where it is not believed.
    pub fn doubted_ms(&self) -> Option<i64> {
        let state = self.state();
        Some(state.doubted?.saturating_sub(state.ahead?))
    }

    /// What happened since this was asked last.
    pub fn jumped(&self) -> Option<Jump> {
        self.state().jumped.take()
    }
}

/// Milliseconds of a clock that nobody sets and that runs on while the machine sleeps.
fn running() -> i64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    now.tv_sec.saturating_mul(1000).saturating_add(now.tv_nsec / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;
    const YEAR: i64 = 365 * 24 * HOUR;

    /// A machine whose wall clock is `wall` off, `since` milliseconds after its start at a quarter to nine.
    struct Machine {
        state: State,
        running: i64,
        wall: i64,
    }

    impl Machine {
        fn started(wall: i64) -> Self {
            let mut machine = Self {
                state: State::default(),
                running: 0,
                wall,
            };
            machine.off();
            machine
        }

        /// The true time.
        fn truth(&self) -> Timestamp {
            Timestamp::from_millis(1_772_412_300_000).plus_millis(self.running)
        }

        /// Lets a second pass; how far off the time that is told is.
        fn off(&mut self) -> i64 {
            self.running += 1_000;
            let wall = self.truth().plus_millis(self.wall);
            self.state.tell(wall, self.running).since(self.truth())
        }

        /// A device with a clock that is right is heard.
        fn witness(&mut self) {
            let off = self.off();
            self.state.hear(-off);
        }
    }

    /// F32.
    #[test]
    fn a_jump_of_any_size_that_a_device_contradicts_is_not_followed_and_neither_is_the_way_back() {
        for jump in [3_000, -3_000, HOUR, -HOUR, 10 * YEAR, -10 * YEAR, 80 * YEAR, -60 * YEAR] {
            let mut machine = Machine::started(0);
            machine.witness();
            machine.wall = jump;
            assert_eq!(machine.off(), 0, "{jump}");
            machine.witness();
            assert_eq!(machine.off(), 0, "{jump}");
            assert_eq!(machine.state.jumped, Some(Jump::Doubted(jump)));
            machine.wall = 0;
            assert_eq!((machine.off(), machine.state.doubted), (0, None), "{jump}");
        }
    }

    #[test]
    fn a_second_is_followed_as_time_servers_push() {
        for step in [1_000, -1_000] {
            let mut machine = Machine::started(0);
            machine.witness();
            machine.wall = step;
            assert_eq!(machine.off(), step);
        }
    }

    #[test]
    fn a_clock_that_was_wrong_is_followed_once_a_device_agrees_with_where_it_was_set_to() {
        for wrong in [5 * 60_000, -HOUR, YEAR] {
            let mut machine = Machine::started(wrong);
            machine.witness();
            machine.wall = 0;
            assert_eq!(machine.off(), wrong, "nobody was asked yet");
            machine.witness();
            assert_eq!(machine.off(), 0);
            assert_eq!(machine.state.jumped, Some(Jump::Believed(-wrong)));
        }
    }

    /// F31.
    #[test]
    fn a_machine_that_woke_up_in_1970_or_2040_is_told_the_time_at_once() {
        for wrong in [-56 * YEAR, -26 * YEAR, 14 * YEAR] {
            let mut machine = Machine::started(wrong);
            assert_eq!(machine.off(), wrong);
            machine.witness();
            machine.wall = 0;
            assert_eq!(machine.off(), 0);
        }
    }

    /// F38: a virtual machine that stood still, and whose wall clock was set right afterwards.
    #[test]
    fn a_machine_that_stood_still_is_right_again_once_a_device_was_heard() {
        let mut machine = Machine::started(0);
        machine.witness();
        let stood = HOUR;
        // The world went on: the wall clock was set forward by the hour, and devices are an hour ahead of what we tell.
        machine.wall = stood;
        let off = machine.off();
        machine.state.hear(stood - off);
        assert_eq!(machine.off(), stood);
    }

    #[test]
    fn without_any_device_that_has_a_clock_the_wall_clock_is_all_there_is() {
        let mut machine = Machine::started(0);
        machine.wall = HOUR;
        assert_eq!(machine.off(), HOUR);
        machine.wall = -60 * YEAR;
        assert_eq!(machine.off(), HOUR, "but not what cannot be");
    }
}
