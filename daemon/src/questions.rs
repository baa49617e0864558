//! What people ask about what is decided, answered by the thread that decides: between two pages, so that an answer is of
//! one moment.

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::decide::{Decider, asked::Asked};

/// A question on its way.
#[derive(Debug)]
pub struct Question {
    asked: Asked,
    answer: oneshot::Sender<Option<Value>>,
}

impl Question {
    /// Answers it.
    pub fn answer(self, decider: &Decider) {
        let told = decider.tell(&self.asked).unwrap_or_else(|error| {
            tracing::warn!(%error, "a question could not be answered");
            None
        });
        // Whoever asked may not wait any more.
        let _ = self.answer.send(told);
    }
}

/// Where questions are asked.
#[derive(Debug, Clone)]
pub struct Desk(mpsc::Sender<Question>);

impl Desk {
    /// Where questions are asked, and where they arrive.
    pub fn new() -> (Self, Questions) {
        let (asks, arriving) = mpsc::channel(16);
        (Self(asks), Questions(arriving))
    }

    /// Asks; `None` when there is no such thing, or nobody decides any more.
    pub async fn ask(&self, asked: Asked) -> Option<Value> {
        let (answer, answered) = oneshot::channel();
        self.0.send(Question { asked, answer }).await.ok()?;
        answered.await.ok().flatten()
    }
}

/// Where questions arrive.
#[derive(Debug)]
pub struct Questions(mpsc::Receiver<Question>);

impl Questions {
    /// Where nobody asks.
    pub fn none() -> Self {
        Desk::new().1
    }

    /// The next one; `None` when nobody can ask any more.
    pub async fn next(&mut self) -> Option<Question> {
        self.0.recv().await
    }

    /// Answers what has arrived.
    pub fn answer_those_waiting(&mut self, decider: &Decider) {
        while let Ok(question) = self.0.try_recv() {
            question.answer(decider);
        }
    }
}
