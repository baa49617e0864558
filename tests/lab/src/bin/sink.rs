//! `punchgate-sink`: a webhook sink to point a gateway at, for demonstrations and tests.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::Context;
use clap::Parser;
use punchgate_lab::sink::{Call, Sink, SinkOptions};
use tokio::sync::broadcast::error::RecvError;

/// Takes punchgate's webhooks, checks them, and shows what arrives.
///
/// GET /events and GET /stats tell what it holds; POST /faults makes it misbehave, for example
/// {"faults":[{"fault":"status","code":503,"headers":[["retry-after","2"]]}]}.
#[derive(Debug, Parser)]
#[command(name = "punchgate-sink", version)]
struct Arguments {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:9900")]
    listen: SocketAddr,
    /// Check signatures with the secret in this file (whsec_… or any text).
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Keep what is accepted in this file, synced before it is acknowledged.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Print a JSON line for each call.
    #[arg(long)]
    json: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let secret = match &arguments.secret_file {
        Some(path) => Some(std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?),
        None => None,
    };
    let sink = Sink::start(SinkOptions {
        listen: arguments.listen,
        secret,
        state: arguments.state,
    });
    let sink = sink
        .await
        .with_context(|| format!("start the sink on {}", arguments.listen))?;
    println!("listening {}", sink.address());
    let mut calls = sink.listen();
    loop {
        tokio::select! {
            call = calls.recv() => match call {
                Ok(call) => show(&call, &sink, arguments.json)?,
                // It prints more slowly than it takes; the counters are right all the same.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return Ok(()),
            },
            stopped = tokio::signal::ctrl_c() => return Ok(stopped?),
        }
    }
}

fn show(call: &Call, sink: &Sink, json: bool) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string(call)?);
    } else {
        let (events, new, held) = (call.ids.len(), call.new, sink.stats().held);
        println!(
            "{events:>5} events, {new:>5} new, answered {:<16} holding {held}",
            call.answered
        );
    }
    Ok(())
}
