//! One HTTP delivery of a batch, signed (`surface.md` "Webhook out"; `03-erp-hr-webhooks.md` sections 5 to 7).
//!
//! Promises: a total deadline over connecting, sending and reading; HTTP/1.1 only; no redirect is followed and no
//! proxy of the environment is asked; at most 1 MiB of an answer is read. `webhook-id` and
//! `Idempotency-Key` are derived from the body: equal batches carry equal ids, across restarts too, and no id ever
//! comes with another body.
//! Deliberately absent: retrying ([`crate::pump`]) and what an answer means ([`crate::answer`]).

use std::fmt::Write as _;

use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use punchgate_kit::Clock;
use punchgate_model::Span;
use reqwest::{Client, Response, Url, redirect};
use sha2::{Digest, Sha256};
use tokio::time::{Instant, timeout_at};

use crate::{
    answer::Answer,
    outgoing::Outgoing,
    payload,
    refusal::{Delivered, Reason, Refusal},
    signature::{Signature, SigningKey},
};

/// The most that is read of an answer, in bytes.
const LONGEST_ANSWER: usize = 1 << 20;

/// How a webhook is configured.
#[derive(Debug, Clone)]
pub struct WebhookConfig {
    /// The gateway's id; becomes the events' `source`.
    pub gateway: String,
    /// Where to post.
    pub url: String,
    /// The keys that sign; none for an unsigned webhook, several while a key is being changed.
    pub keys: Vec<SigningKey>,
    /// The deadline of one attempt as a whole; 30 s if in doubt.
    pub timeout: Span,
    /// Certificate authorities to trust instead of the system's, in PEM.
    pub authorities: Option<Vec<u8>>,
    /// For `webhook-timestamp` and dates in `Retry-After`.
    pub clock: Clock,
}

impl WebhookConfig {
    /// An unsigned webhook with the default deadline and the machine's clock.
    pub fn new(gateway: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            gateway: gateway.into(),
            url: url.into(),
            keys: Vec::new(),
            timeout: Span::from_secs(30),
            authorities: None,
            clock: Clock::system(),
        }
    }
}

/// Why a webhook cannot be made of its configuration.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The address is none.
    #[error("read the webhook's url: {0} (wanted http://host/path or https://host/path)")]
    Url(String),
    /// The authorities are no certificates.
    #[error("read the webhook's certificate authorities: {0} (wanted PEM)")]
    Authorities(String),
    /// The HTTP client could not be built, for example because the system has no certificate authorities.
    #[error("prepare the webhook's HTTP client: {0}")]
    Client(String),
}

/// An upstream that takes batches by HTTP.
#[derive(Debug)]
pub struct Webhook {
    client: Client,
    url: Url,
    source: String,
    keys: Vec<SigningKey>,
    timeout: Span,
    clock: Clock,
}

impl Webhook {
    /// Prepares a webhook. Nothing is sent yet.
    ///
    /// # Errors
    /// [`WebhookError`] when the configuration makes no sense.
    pub fn new(config: WebhookConfig) -> Result<Self, WebhookError> {
        let url = Url::parse(&config.url).map_err(|error| WebhookError::Url(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(WebhookError::Url(format!("the scheme is {:?}", url.scheme())));
        }
        Ok(Self {
            client: client(&url, config.authorities.as_deref())?,
            url,
            source: payload::source(&config.gateway),
            keys: config.keys,
            timeout: config.timeout,
            clock: config.clock,
        })
    }

    /// Posts a batch once. An empty batch is delivered.
    ///
    /// # Errors
    /// [`Refusal`] unless the upstream has the batch.
    pub async fn deliver(&mut self, batch: &[Outgoing]) -> Result<Delivered, Refusal> {
        if batch.is_empty() {
            return Ok(Delivered::default());
        }
        let body = payload::render(&self.source, batch);
        let headers = self.headers(&body);
        let deadline = Instant::now() + self.timeout;
        let request = self.client.post(self.url.clone()).headers(headers).body(body);
        let response = match timeout_at(deadline, request.send()).await {
            Err(_) => return Err(self.too_slow("an answer")),
            Ok(Err(error)) => return Err(unreachable(error)),
            Ok(Ok(response)) => response,
        };
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let (body, end) = match timeout_at(deadline, read(response)).await {
            Err(_) => return Err(self.too_slow("the end of the answer")),
            Ok(read) => read,
        };
        // A bad answer is judged by what arrived of it; a good one counts only when it is whole.
        if (200..=299).contains(&status)
            && let Err(why) = end
        {
            return Err(Refusal::Down { why });
        }
        let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let answer = Answer {
            status,
            retry_after: text(RETRY_AFTER),
            content_type: text(CONTENT_TYPE),
            location: text(LOCATION),
            body: &body,
        };
        answer.judge(batch, self.clock.now())
    }

    fn headers(&self, body: &[u8]) -> HeaderMap {
        let id = batch_id(body);
        let seconds = self.clock.now().as_millis().div_euclid(1_000);
        let signature = Signature::of(&self.keys, &id, seconds, body);
        let fields = [
            ("webhook-id", Some(id.clone())),
            ("webhook-timestamp", Some(seconds.to_string())),
            ("webhook-signature", signature.map(|Signature(text)| text)),
            // A quoted string, as the IETF draft has it.
            ("idempotency-key", Some(format!("\"{id}\""))),
        ];
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(payload::BATCH_TYPE));
        for (name, value) in fields {
            // All of it is ASCII of our own making.
            if let Some(Ok(value)) = value.map(HeaderValue::try_from) {
                headers.insert(name, value);
            }
        }
        headers
    }

    fn too_slow(&self, what: &str) -> Refusal {
        Refusal::TimedOut {
            why: Reason::new(format!("waited {:?} for {what}", self.timeout)),
        }
    }
}

fn client(url: &Url, authorities: Option<&[u8]>) -> Result<Client, WebhookError> {
    // The first to install a provider wins; that somebody else did is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .http1_only()
        .redirect(redirect::Policy::none())
        .no_proxy()
        .connect_timeout(Span::from_secs(10))
        .pool_idle_timeout(Span::from_secs(15))
        .tcp_nodelay(true)
        .user_agent(concat!("punchgate/", env!("CARGO_PKG_VERSION")));
    if let Some(pem) = authorities {
        let certificates = reqwest::Certificate::from_pem_bundle(pem);
        let certificates = certificates.map_err(|error| WebhookError::Authorities(chain(&error)))?;
        builder = builder.tls_certs_only(certificates);
    } else if url.scheme() == "http" {
        // Spare a plain webhook the system's certificates: their memory, and the need to have any.
        builder = builder.tls_certs_only([]);
    }
    builder.build().map_err(|error| WebhookError::Client(chain(&error)))
}

/// The body, and whether it came to its end. Stops at [`LONGEST_ANSWER`].
async fn read(mut response: Response) -> (Vec<u8>, Result<(), Reason>) {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(None) => return (body, Ok(())),
            Ok(Some(chunk)) if body.len() + chunk.len() > LONGEST_ANSWER => {
                let why = format!("the answer is longer than {LONGEST_ANSWER} bytes, which is no acknowledgement");
                return (body, Err(Reason::new(why)));
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Err(error) => {
                let why = format!(
                    "the answer broke off after {} bytes: {}",
                    body.len(),
                    chain(&error.without_url())
                );
                return (body, Err(Reason::new(why)));
            }
        }
    }
}

fn unreachable(error: reqwest::Error) -> Refusal {
    // The address may hold a password, so it is not shown.
    let error = error.without_url();
    let why = Reason::new(chain(&error));
    if error.is_timeout() && !error.is_connect() {
        Refusal::TimedOut { why }
    } else {
        Refusal::Down { why }
    }
}

/// An error and what caused it, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    text
}

/// `msg_` and the first 128 bits of the body's SHA-256.
fn batch_id(body: &[u8]) -> String {
    let mut id = String::from("msg_");
    for byte in Sha256::digest(body).iter().take(16) {
        // Writing to a String does not fail.
        let _ = write!(id, "{byte:02x}");
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_none_is_refused() {
        for url in ["", "erp", "ftp://erp/punches", "file:///etc/passwd"] {
            let error = Webhook::new(WebhookConfig::new("gate", url)).expect_err("not an address");
            assert!(matches!(error, WebhookError::Url(_)), "{url}: {error}");
        }
    }

    #[test]
    fn a_batch_keeps_its_id_and_no_other_batch_has_it() {
        assert_eq!(batch_id(b"[]"), batch_id(b"[]"));
        assert_ne!(batch_id(b"[]"), batch_id(b"[ ]"));
        assert_eq!(batch_id(b"[]").len(), 36);
    }

    #[test]
    fn authorities_that_are_none_are_refused() {
        let mut config = WebhookConfig::new("gate", "https://erp.example/punches");
        config.authorities = Some(b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n".to_vec());
        assert!(Webhook::new(config).is_err());
    }
}
