//! What the measurements know of the daemon: its configuration, and what it says of itself.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::ensure;
use punchgate_lab::{call, gateway::Gateway};
use serde_json::Value;
use tokio::time::sleep;

/// How long deciding and counting may lag behind the last delivery.
const PATIENCE: Duration = Duration::from_secs(900);

/// Everything is on: repeats, a policy, and all kinds of events go to one upstream in batches of 500.
pub fn tables(sink: SocketAddr, every: &str) -> String {
    format!(
        "[[upstream]]\nname = \"erp\"\ndriver = \"webhook\"\nurl = \"http://{sink}/punches\"\n\
         send = [\"punch\", \"record\", \"verdict\"]\nbatch = {{ max = 500, every = \"{every}\" }}\n\
         [repeats]\nwithin = \"5m\"\n\
         [[verification]]\nname = \"office-door\"\nfirst = {{ factors = [\"gps\"], zones = [\"hq-yard\"] }}\n\
         second = {{ factors = [\"fingerprint\"], zones = [\"hq-door\"] }}\nwindow = \"15m\"\n"
    )
}

/// Waits until everything in its journal is decided and nothing waits for the upstream.
///
/// # Errors
/// When it does not come to that in time.
pub async fn settled(gateway: &Gateway) -> anyhow::Result<()> {
    let done = |status: &Value| is_decided(status) && status["upstreams"]["erp"]["backlog"] == 0;
    ensure!(
        gateway.until(PATIENCE, done).await,
        "the daemon does not come to rest: {}",
        gateway.status().await
    );
    Ok(())
}

/// Waits until everything in its journal is decided.
///
/// # Errors
/// When it does not come to that in time.
pub async fn decided(gateway: &Gateway) -> anyhow::Result<()> {
    ensure!(
        gateway.until(PATIENCE, is_decided).await,
        "the daemon does not decide: {}",
        gateway.status().await
    );
    Ok(())
}

fn is_decided(status: &Value) -> bool {
    let number = |key: &str| status["journal"][key].as_u64();
    number("tail").is_some() && number("decided") >= number("tail")
}

/// One of its metrics without labels.
///
/// # Errors
/// When it does not show it.
pub async fn metric(gateway: &Gateway, name: &str) -> anyhow::Result<f64> {
    let text = call::get(gateway.admin(), "/metrics").await?.body;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
    line.ok_or_else(|| anyhow::anyhow!("there is no metric {name}"))
}

/// Starts the process and posts until it acknowledges; how long that took. The punch has no number.
///
/// # Errors
/// When it does not come to that in time.
pub async fn first_acknowledgement(gateway: &mut Gateway) -> anyhow::Result<Duration> {
    let began = Instant::now();
    gateway.spawn()?;
    let punch = serde_json::json!([{"id": "first", "person": "E00001", "factor": "pin", "at": "2026-03-02T00:00:00Z"}]);
    while gateway.post(&punch).await.is_err() {
        ensure!(
            began.elapsed() < PATIENCE,
            "the daemon does not acknowledge:\n{}",
            gateway.log()
        );
        sleep(Duration::from_millis(2)).await;
    }
    Ok(began.elapsed())
}
