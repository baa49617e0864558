//! Bugs planted on purpose, to prove that the simulation would notice the real ones.
//!
//! Each stands at the place in the gateway where a person could make it, behind the feature `sabotage`, and acts only
//! while it is [`active`](plant) on this thread. A build without the feature does not contain it. Deliberately absent:
//! anything that makes a bug easier to find than it would be in a real change.

use std::cell::Cell;

/// A planted bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bug {
    /// The journal says "stored" once the records are written, before the sync.
    AnswerBeforeSync,
    /// A failed sync is tried once more and believed.
    BelieveTheSecondSync,
    /// The directory is not synced after a segment got its name.
    ForgetTheDirectory,
    /// A torn end takes its whole segment with it.
    CutTooMuch,
    /// The intake tells the device "stored" although the disk refused.
    ThankTheDeviceAnyway,
    /// A punch's id is made of when it arrived.
    NameByArrival,
    /// A punch that is held already is taken for a new one.
    ForgetWhatIsHeld,
    /// A revision keeps the number of the one before.
    KeepTheRevision,
    /// Rebuilding the buffer leaves out one record in eight.
    SkipWhileRebuilding,
    /// A late punch decides nothing: only what is newer than all before is looked at.
    DecideInOrderOfArrival,
    /// The buffer's position is written, what belongs to it is not.
    PositionBeforeData,
    /// An upstream's cursor moves when a batch is sent, not when it is taken.
    CursorBeforeAnswer,
    /// 200 with a page of HTML counts as delivered.
    BelieveAnyPage,
    /// A batch that is sent again is not what was sent first.
    AlterWhatIsSentAgain,
    /// An upstream that is busy is taken for one that refuses for good.
    BuryWhenBusy,
    /// A batch that was taken only up to a point is taken for delivered.
    SettleWhatTimedOut,
}

impl Bug {
    /// Every planted bug.
    pub const ALL: [Self; 16] = [
        Self::AnswerBeforeSync,
        Self::BelieveTheSecondSync,
        Self::ForgetTheDirectory,
        Self::CutTooMuch,
        Self::ThankTheDeviceAnyway,
        Self::NameByArrival,
        Self::ForgetWhatIsHeld,
        Self::KeepTheRevision,
        Self::SkipWhileRebuilding,
        Self::DecideInOrderOfArrival,
        Self::PositionBeforeData,
        Self::CursorBeforeAnswer,
        Self::BelieveAnyPage,
        Self::AlterWhatIsSentAgain,
        Self::BuryWhenBusy,
        Self::SettleWhatTimedOut,
    ];

    /// Its name on the command line: the variant's, in words with hyphens.
    pub fn name(self) -> String {
        let mut name = String::new();
        for letter in format!("{self:?}").chars() {
            if letter.is_uppercase() && !name.is_empty() {
                name.push('-');
            }
            name.extend(letter.to_lowercase());
        }
        name
    }

    /// The bug with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|bug| bug.name() == name)
    }
}

thread_local! {
    static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
}

/// Plants a bug on this thread, or none, until the next call.
pub fn plant(bug: Option<Bug>) {
    PLANTED.set(bug);
}

/// Whether this bug is planted on this thread.
pub fn is_planted(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bug_is_found_by_its_name() {
        for bug in Bug::ALL {
            assert_eq!(Bug::named(&bug.name()), Some(bug));
        }
        assert_eq!(Bug::AnswerBeforeSync.name(), "answer-before-sync");
    }
}
