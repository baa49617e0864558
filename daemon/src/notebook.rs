//! The way into the journal for all that no device reports: where upstreams stand, watermarks, configurations.
//!
//! It is the intake that writes them, with the next group of readings: one sync serves all.

use punchgate_journal::{Entry, Seq};
use punchgate_kit::NotStored;
use tokio::sync::{mpsc, oneshot};

/// Something other than a device's report that must be in the journal.
#[derive(Debug)]
pub struct Note {
    /// What to write.
    pub entries: Vec<Entry>,
    /// Told once it is durable; `None` for what may ride along with the next sync.
    pub answer: Option<oneshot::Sender<Result<Seq, NotStored>>>,
}

/// The way for pumps, operators and timers to write journal entries.
#[derive(Debug, Clone)]
pub struct Notebook(mpsc::Sender<Note>);

impl Notebook {
    /// A notebook and the end that the intake reads.
    pub fn new() -> (Self, mpsc::Receiver<Note>) {
        let (notes, arriving) = mpsc::channel(256);
        (Self(notes), arriving)
    }

    /// Writes entries and waits until they are durable.
    ///
    /// # Errors
    /// [`NotStored`], and then nothing of it counts.
    pub async fn write(&self, entries: Vec<Entry>) -> Result<Seq, NotStored> {
        let (answer, answered) = oneshot::channel();
        let note = Note {
            entries,
            answer: Some(answer),
        };
        self.0.send(note).await.map_err(|_| NotStored::Stopping)?;
        answered.await.unwrap_or(Err(NotStored::Stopping))
    }

    /// Writes entries that may be lost in a power cut, and does not wait.
    pub async fn jot(&self, entries: Vec<Entry>) {
        // Nobody reads any more only when the gateway has stopped.
        let _ = self.0.send(Note { entries, answer: None }).await;
    }
}
