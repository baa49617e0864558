//! The upstream: what it takes, what it says of it, and how the two come apart.

use std::time::Duration;

use punchgate_conservation::Event;
use punchgate_model::Timestamp;
use punchgate_upstream::{Deliver, Delivered, Outgoing, Reason, Refusal, answer::Answer, payload};
use tokio::time::sleep;

use crate::{scene::Mood, world::World};

/// How long the gateway waits for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The gateway's way to the upstream, with the network between: the body is the real one, the judgement of the answer too.
pub struct Way {
    world: World,
    source: String,
}

/// What comes back.
struct Said {
    status: u16,
    content_type: &'static str,
    retry_after: Option<&'static str>,
    body: String,
}

impl Way {
    /// The way to the world's upstream.
    pub fn new(world: World) -> Self {
        Self {
            world,
            source: payload::source("simulated"),
        }
    }

    fn mood(&self) -> Mood {
        let (moods, how_often) = &self.world.scene.moods;
        if moods.is_empty() || !self.world.mishap(*how_often) {
            return Mood::Good;
        }
        self.world.books().dice.pick(moods)
    }

    async fn travel(&self) {
        let latency = self.world.scene.network.latency;
        sleep(Duration::from_millis(self.world.between(1, latency.max(1)))).await;
        if !self.world.is_alive() {
            std::future::pending::<()>().await;
        }
    }

    /// The upstream takes the first so many events of a body.
    fn take(&self, body: &[u8], most: usize) {
        let mut books = self.world.books();
        match Event::batch(body) {
            Ok(mut events) => {
                events.truncate(most);
                books.ledger.receive(events);
            }
            Err(why) => books.ledger.unreadable(&why.to_string()),
        }
    }

    /// What the upstream does and says; `None` when no answer comes.
    fn answer(&self, mood: Mood, batch: &[Outgoing], body: &[u8]) -> Option<Said> {
        let json = |status, body: &str| Said {
            status,
            content_type: "application/json",
            retry_after: None,
            body: body.to_owned(),
        };
        let said = match mood {
            Mood::Good | Mood::Forget | Mood::LoseAnswer | Mood::CutAnswer | Mood::Conflict => {
                self.take(body, usize::MAX);
                json(if mood == Mood::Conflict { 409 } else { 200 }, r#"{"status":"ok"}"#)
            }
            Mood::Partial => {
                self.take(body, batch.len() / 2);
                json(500, "the database went away")
            }
            Mood::Busy => json(503, ""),
            Mood::TooMany => Said {
                retry_after: Some("20"),
                ..json(429, "")
            },
            Mood::Page => Said {
                content_type: "text/html",
                ..json(200, "<html><body>Welcome! Please log in.</body></html>")
            },
            Mood::Reject => {
                self.take(body, usize::MAX);
                json(200, &rejections(batch))
            }
            Mood::Unauthorized => json(401, ""),
            Mood::TooLarge if batch.len() > 1 => json(413, ""),
            Mood::TooLarge => {
                self.take(body, usize::MAX);
                json(200, "")
            }
            Mood::Never | Mood::CutRequest => return None,
        };
        (mood != Mood::LoseAnswer).then_some(said)
    }
}

/// About one event in eight is refused for good.
fn rejections(batch: &[Outgoing]) -> String {
    let results = batch.iter().map(|event| {
        let bad = event.id.bytes().map(u32::from).sum::<u32>() % 8 == 0;
        let status = if bad { "rejected" } else { "accepted" };
        serde_json::json!({"id": event.id, "status": status, "error": "unknown person"})
    });
    serde_json::json!({"results": results.collect::<Vec<_>>()}).to_string()
}

impl Deliver for Way {
    async fn deliver(&mut self, batch: &[Outgoing]) -> Result<Delivered, Refusal> {
        let body = payload::render(&self.source, batch);
        let mood = self.mood();
        self.travel().await;
        self.world.note("deliver", format!("{mood:?}").as_bytes());
        self.world.note("body", &body);
        let said = self.answer(mood, batch, &body);
        self.travel().await;
        let broke = |why: &str| Err(Refusal::Down { why: Reason::new(why) });
        let Some(said) = said else {
            if mood == Mood::CutRequest {
                return broke("the connection broke");
            }
            sleep(PATIENCE).await;
            return Err(Refusal::TimedOut {
                why: Reason::new("no answer"),
            });
        };
        if mood == Mood::CutAnswer {
            return broke("the answer broke off");
        }
        let answer = Answer {
            status: said.status,
            retry_after: said.retry_after,
            content_type: Some(said.content_type),
            location: None,
            body: said.body.as_bytes(),
        };
        answer.judge(batch, Timestamp::from_millis(self.world.now()))
    }
}
