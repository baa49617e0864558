//! One answer for each post, given when the disk has its punches.

use bytes::Bytes;
use http::{Method, Request, Response, request::Parts};
use punchgate_kit::{
    About, Custody, Driver, Exchange, Fault, HttpDriver, Intake, Maturity, NotStored, Once, Receipted, Refused, Remark,
    Session, Turn,
};
use sha2::{Digest as _, Sha256};

use crate::{
    Answer, IngestReader, Options, PUNCHES_PATH, Post, Problem, Reply,
    codec::{Key, MOST_PUNCHES, bearer},
    reader::sort,
};

/// The driver `http_ingest`.
#[derive(Debug, Clone, Copy)]
pub struct HttpIngest;

impl Driver for HttpIngest {
    const ABOUT: About = About {
        name: "http_ingest",
        devices: "apps, clouds and programs that post punches",
        custody: Custody::DeviceWaits,
        maturity: Maturity::Written,
        has_clock: false,
        secrets: &["token"],
    };
    type Link = Exchange;
    type Heard = Post;
    type Said = Reply;
    type Options = Options;
    type Reader = IngestReader;

    fn reader(options: &Options) -> IngestReader {
        IngestReader::new(options)
    }

    async fn converse(mut session: Session<Post, Reply>, intake: Intake, options: Options) -> Result<(), Fault> {
        loop {
            match session.hear().await? {
                Turn::Message(post) => {
                    let reply = match answer(&session, &intake, &options, &post).await {
                        Ok(answer) => Reply::Answer(answer),
                        Err(problem) => Reply::Problem(problem),
                    };
                    session.say(reply).await?;
                }
                Turn::Garbled(why) => {
                    let problem = Problem::refusing(&Refused::Malformed(why.clone()));
                    intake.remark(Remark::Garbled(why)).await;
                    session.say(Reply::Problem(problem)).await?;
                }
                Turn::Command(command) => {
                    // The asker may have gone away.
                    let _ = command
                        .answer
                        .send(Err("an http_ingest source cannot be asked anything".to_owned()));
                }
                Turn::Closing => return Ok(()),
            }
        }
    }
}

async fn answer(
    session: &Session<Post, Reply>,
    intake: &Intake,
    options: &Options,
    post: &Post,
) -> Result<Answer, Problem> {
    if post.count() > MOST_PUNCHES {
        return Err(Problem::too_many_punches(post.count()));
    }
    let once = once(post)?;
    if let Some(pace) = &options.max_per_second {
        pace.take(post.count(), session.moment()).map_err(Problem::too_fast)?;
    }
    let (readings, outcomes) = sort(post, options.factors.as_deref());
    // A call with a key is remembered whatever is in it.
    if readings.is_empty() && once.is_none() {
        return Ok(Answer::rejecting(outcomes.into_iter().flatten().collect()));
    }
    let not_stored = |why: NotStored| Problem::not_stored(&why);
    let receipted = match once {
        None => Receipted::Stored(intake.report(readings).await.map_err(not_stored)?),
        Some(once) => intake.report_once(once, readings).await.map_err(not_stored)?,
    };
    match receipted {
        Receipted::Stored(stored) => Ok(Answer::acknowledging(&stored, outcomes)),
        Receipted::KeyReused => Err(Problem::key_reused()),
    }
}

fn once(post: &Post) -> Result<Option<Once>, Problem> {
    let key = match post.key() {
        Key::Absent => return Ok(None),
        Key::Unusable => return Err(Problem::bad_key()),
        Key::Given(key) => key.clone(),
    };
    let digest = Sha256::digest(post.body());
    let digest = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Some(Once { key, digest }))
}

impl HttpDriver for HttpIngest {
    const PATHS: &'static [&'static str] = &[PUNCHES_PATH];

    fn admit(head: &Parts) -> Result<(), Refused> {
        if head.uri.path() != PUNCHES_PATH {
            return Err(Refused::Nowhere);
        }
        if head.method != Method::POST {
            return Err(Refused::Method);
        }
        Ok(())
    }

    fn is_from(heard: &Request<Bytes>, options: &Options) -> bool {
        bearer(heard.headers()).is_some_and(|token| options.is_token(token))
    }

    fn refuse(why: &Refused) -> Response<Bytes> {
        Problem::refusing(why).response()
    }
}
