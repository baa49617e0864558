//! One run: lives and deaths of the gateway's process, then calm, then the books.

use std::{sync::atomic::Ordering, time::Duration};

use punchgate_conservation::{Law, Violation};
use punchgate_model::Factor;
use tokio::time::{Instant, sleep, sleep_until};

use crate::{
    gateway::Gateway,
    scene::{End, Life, Make, Scene},
    shelf::Shelf,
    world::{Globe, World},
};

/// After faults end, so long may what waits for the faults' sake wait on: the longest backoff is 5 min.
const CALMING: Duration = Duration::from_secs(330);
/// A fresh punch arrives within this after that.
const FRESH: Duration = Duration::from_secs(60);
/// Windows lapse and sources are complete within this.
const SETTLING: Duration = Duration::from_secs(1_200);

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The trace folded into one number.
    pub hash: u64,
    /// Laws that were broken.
    pub violations: Vec<Violation>,
    /// Deaths of the process: kills and power cuts.
    pub crashes: u64,
    /// Simulated time, in milliseconds.
    pub simulated: u64,
    /// Punches issued, acknowledged and delivered.
    pub punches: (usize, usize, usize),
    /// Steps of the trace.
    pub steps: u64,
}

/// Runs a seed.
pub fn run(seed: u64, shown: bool) -> Outcome {
    run_scene(seed, Scene::of(seed), shown)
}

/// Runs a scene.
pub fn run_scene(seed: u64, scene: Scene, shown: bool) -> Outcome {
    let world = Globe::begin(seed, scene, shown);
    if shown {
        eprintln!("{:#?}", world.scene);
    }
    let mut shelf = match Shelf::of(&world) {
        Ok(shelf) => shelf,
        Err(error) => panic!("a place for the buffer: {error}"),
    };
    let mut crashes = 0;
    let mut lives = world.scene.lives.clone().into_iter().enumerate();
    loop {
        let life = lives.next();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build();
        let Ok(runtime) = runtime else {
            panic!("a runtime without threads or sockets")
        };
        world.dead.store(false, Ordering::Relaxed);
        runtime.block_on(async {
            world.wake();
            match &life {
                Some((number, life)) => faulty(&world, &mut shelf, *number, life).await,
                None => calm(&world, &mut shelf).await,
            }
            world.dead.store(true, Ordering::Relaxed);
            world.sleep(life.as_ref().map_or(0, |(_, life)| life.down));
        });
        drop(runtime);
        world.stations.iter().for_each(|station| station.settle(&world));
        let Some((_, life)) = life else { break };
        crashes += u64::from(died(&world, &life));
    }
    crate::rot::epilogue(&world);
    outcome(&world, crashes)
}

/// What the end of a life leaves of the disk. Whether it was a death, and no stop.
fn died(world: &World, life: &Life) -> bool {
    let death = life.end != End::Stop || world.disk.is_off();
    world.note("down", format!("{:?}", life.end).as_bytes());
    match life.end {
        End::Cut(loss) => world.disk.power_cut(loss),
        // A call beyond the end of the power did nothing, so a stop that met it is a kill.
        End::Stop | End::Kill => world.disk.kill(),
    }
    death
}

/// The books are closed, and everything must balance.
fn outcome(world: &World, crashes: u64) -> Outcome {
    let now = world.elapsed();
    let mut books = world.books();
    books.ledger.close(&Scene::policy());
    Outcome {
        hash: books.trace.hash(),
        violations: books.ledger.violations().to_vec(),
        crashes,
        simulated: u64::try_from(now).unwrap_or(0),
        punches: (
            books.ledger.issued(),
            books.ledger.acknowledged(),
            books.ledger.delivered(),
        ),
        steps: books.trace.steps(),
    }
}

/// A life with faults, to its end.
async fn faulty(world: &World, shelf: &mut Shelf, number: usize, life: &Life) {
    let disk = &world.disk;
    disk.set_capacity((world.scene.room > 0 && number % 2 == 1).then_some(world.scene.room));
    if let Some(call) = life.ends_at_call {
        disk.power_off_at(disk.changes() + call);
    }
    if let Some(sync) = life.bad_sync {
        disk.fail_sync_at(disk.syncs() + sync);
    }
    if let Some((first, count)) = life.full {
        disk.full_at_writes(disk.writes() + first, count);
    }
    world.wall.store(life.wall, Ordering::Relaxed);
    let gateway = match Gateway::start(world, shelf) {
        Ok(gateway) => gateway,
        Err(why) => {
            world.note("stillborn", why.0.as_bytes());
            sleep(Duration::from_millis(life.lasts)).await;
            return;
        }
    };
    if disk.is_off() {
        return;
    }
    let end = Instant::now() + Duration::from_millis(life.lasts);
    let jumping = async {
        if let Some((after, to)) = life.wall_jumps {
            sleep(Duration::from_millis(after)).await;
            world.wall.store(to, Ordering::Relaxed);
            world.note("jump", &to.to_le_bytes());
        }
        std::future::pending::<()>().await;
    };
    let broken = async {
        while !gateway.is_broken() {
            sleep(Duration::from_millis(500)).await;
        }
    };
    tokio::select! {
        biased;
        () = world.power_gone.notified() => return,
        () = people(world) => {}
        () = jumping => {}
        () = broken => return world.note("broken", b""),
        () = sleep_until(end) => {}
    }
    if life.end == End::Stop {
        gateway.stop(shelf).await;
    }
}

/// Punches as the scene has planned them; those from before now are made up for.
async fn people(world: &World) {
    loop {
        let next = {
            let mut books = world.books();
            let next = world.scene.punches.get(books.next).copied();
            books.next += 1;
            next
        };
        let Some(punch) = next else {
            return std::future::pending().await;
        };
        let wait = punch.at - world.elapsed();
        if let Ok(wait @ 1..) = u64::try_from(wait) {
            // A life that ends meanwhile leaves this punch to the next.
            world.books().next -= 1;
            sleep(Duration::from_millis(wait)).await;
            world.books().next += 1;
        }
        if let Some(station) = world.stations.get(punch.device) {
            station.punch(world, punch.person, punch.factor, punch.at + crate::scene::BEGIN);
        }
    }
}

/// The last life: no more faults. Everything owed must arrive, what is fresh soon, and the whole must be right.
async fn calm(world: &World, shelf: &mut Shelf) {
    world.calm.store(true, Ordering::Relaxed);
    world.wall.store(0, Ordering::Relaxed);
    world.disk.set_capacity(None);
    let gateway = match Gateway::start(world, shelf) {
        Ok(gateway) => gateway,
        Err(why) => {
            return world
                .books()
                .ledger
                .broke(Law::LiveAfterFaults, format!("it does not start: {}", why.0));
        }
    };
    let _ = tokio::time::timeout(CALMING, people(world)).await;
    let fresh: Vec<(String, String)> = world
        .stations
        .iter()
        .filter_map(|station| {
            let factor = match station.device.make {
                Make::Terminal => Factor::Fingerprint,
                Make::Line => Factor::Card,
                Make::App => Factor::Gps,
            };
            let name = station.punch(world, 0, factor, world.now())?;
            Some((station.device.name.clone(), name))
        })
        .collect();
    sleep(FRESH).await;
    for (device, name) in fresh {
        if !world.books().ledger.has(&device, &name) {
            let what = format!("{device} {name} has not arrived within {} s", FRESH.as_secs());
            world.books().ledger.broke(Law::LiveAfterFaults, what);
        }
    }
    let end = Instant::now() + SETTLING;
    while Instant::now() < end && !is_settled(world) {
        sleep(Duration::from_secs(30)).await;
    }
    if gateway.is_broken() {
        world
            .books()
            .ledger
            .broke(Law::LiveAfterFaults, "storing or deciding ended");
    }
    gateway.stop(shelf).await;
}

fn is_settled(world: &World) -> bool {
    world.stations.iter().for_each(|station| station.settle(world));
    let books = world.books();
    books.ledger.owed().is_empty() && books.ledger.differences(&Scene::policy()).is_empty()
}
