//! `punchgate demo`: the whole way of a punch on simulated devices that speak their real protocols on real ports.
//!
//! The gateway and the sink are processes of their own, so that killing them is killing them. The closing table
//! compares what every device got acknowledged with what the sink holds. Deliberately absent: anything the gateway
//! would not do at a site; it is started with `run` and a configuration like any other.

mod places;
mod show;
mod site;
mod tally;

use std::{io, time::Duration};

use punchgate_model::Factor;

use crate::{
    exit::Exit,
    messages::{Lang, Message},
};
use show::Show;
use site::{Site, UNKNOWN_BADGE};
use tally::Tally;

/// How the demo is to go.
#[derive(Debug, Clone, Copy)]
pub struct Demo {
    /// About 20 seconds instead of a minute.
    pub fast: bool,
    /// The language.
    pub lang: Lang,
}

/// Plays the demo; [`Exit::Problems`] when the closing table does not add up.
pub fn demo(asked: Demo) -> Exit {
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error, asked.lang),
    };
    match runtime.block_on(play(asked)) {
        Ok(true) => Exit::Ok,
        Ok(false) => Exit::Problems,
        Err(error) => failed(&error, asked.lang),
    }
}

fn failed(error: &io::Error, lang: Lang) -> Exit {
    eprintln!("{}", Message::new("cli-io").with("why", error).say(lang));
    Exit::Io
}

async fn play(asked: Demo) -> io::Result<bool> {
    let show = Show::new(asked.lang);
    let beat = Duration::from_millis(if asked.fast { 1_200 } else { 4_000 });
    show.scene("demo-opening");
    let mut site = Site::build(&show).await?;
    let watching = tokio::spawn(show.clone().watch(site.sink_address()));
    scenes(&mut site, &show, beat).await?;
    show.scene("demo-closing");
    let tally = Tally::settle(&site, Duration::from_secs(60)).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    watching.abort();
    let equal = tally.write(&show)?;
    site.close().await;
    Ok(equal)
}

/// What happens, in order. Times are told in minutes before now, so that 15 minutes pass without waiting for them.
async fn scenes(site: &mut Site, show: &Show, beat: Duration) -> io::Result<()> {
    show.scene("demo-verified");
    site.app("E001", 12, Factor::Gps);
    tokio::time::sleep(beat / 2).await;
    site.finger("1001", 0);
    tokio::time::sleep(beat).await;

    show.scene("demo-late");
    site.app("E002", 21, Factor::Gps);
    site.finger("1002", 0);
    tokio::time::sleep(beat).await;

    show.scene("demo-missing");
    site.finger("1003", 0);
    site.app("E004", 45, Factor::Gps);
    tokio::time::sleep(beat).await;

    show.scene("demo-revised");
    site.app("E003", 9, Factor::Gps);
    tokio::time::sleep(beat).await;

    show.scene("demo-wrong-order");
    site.finger("1005", 30);
    site.app("E005", 27, Factor::Gps);
    tokio::time::sleep(beat).await;

    show.scene("demo-repeats");
    site.finger("1006", 0);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    site.finger("1006", 0);
    site.badge("0107");
    site.badge(UNKNOWN_BADGE);
    tokio::time::sleep(beat).await;

    show.scene("demo-terminal-killed");
    site.terminal_off().await;
    site.finger("1001", 0);
    site.finger("1002", 0);
    tokio::time::sleep(beat).await;
    site.terminal_on().await?;
    tokio::time::sleep(beat).await;

    show.scene("demo-sink-killed");
    site.kill_sink().await?;
    site.app("E006", 3, Factor::Gps);
    site.finger("1004", 0);
    tokio::time::sleep(beat).await;
    site.start_sink().await?;
    tokio::time::sleep(beat).await;

    show.scene("demo-gateway-killed");
    for minutes in 50..90 {
        site.app("E002", minutes, Factor::Wifi);
    }
    site.kill_gateway().await?;
    for minutes in 90..110 {
        site.app("E002", minutes, Factor::Wifi);
    }
    site.finger("1006", 0);
    site.badge(UNKNOWN_BADGE);
    tokio::time::sleep(beat / 2).await;
    show.scene("demo-learnt");
    site.learn_badge()?;
    site.start_gateway().await?;
    tokio::time::sleep(beat).await;
    Ok(())
}
