//! What the journal and the buffer cost on this machine, beside the least they could cost.
//!
//! `cargo run --release -p punchgate-journal --example rate [directory]`

use std::{
    error::Error,
    fs::OpenOptions,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use punchgate_journal::{Buffer, BufferOptions, Changes, DiskStorage, Entry, Journal, Options, Payload, Position};
use punchgate_model::{Credential, DeviceTime, Factor, Reading, Timestamp};

const PATIENCE: Duration = Duration::from_millis(700);

fn main() -> Result<(), Box<dyn Error>> {
    let dir = std::env::args()
        .nth(1)
        .map_or_else(|| std::env::temp_dir().join("punchgate-rate"), PathBuf::from);
    std::fs::create_dir_all(&dir)?;
    println!("records of 250 bytes, durable at each batch; best of three turns each");
    for batch in [1usize, 64, 512] {
        let (mut plain, mut zeroed, mut ours) = (0f64, 0f64, 0f64);
        // In turns, because neighbours on the disk come and go.
        for _ in 0..3 {
            plain = plain.max(raw(&dir, batch, false)?);
            zeroed = zeroed.max(raw(&dir, batch, true)?);
            ours = ours.max(journal(&dir, batch)?);
        }
        let ratio = ours / plain;
        println!(
            "batch {batch:3}: raw {plain:8.0}/s, into zeros {zeroed:8.0}/s, journal {ours:8.0}/s, ratio {ratio:.2}"
        );
    }
    history(&dir.join("history"), 1_000_000)?;
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}

fn raw(dir: &Path, batch: usize, zeroed: bool) -> Result<f64, Box<dyn Error>> {
    let path = dir.join("raw");
    let file = OpenOptions::new().create(true).truncate(true).write(true).open(&path)?;
    let bytes = vec![7u8; batch * 283];
    if zeroed {
        file.write_all_at(&vec![0; 64 << 20], 0)?;
        file.sync_all()?;
    }
    let (start, mut at, mut records) = (Instant::now(), 0u64, 0usize);
    while start.elapsed() < PATIENCE {
        file.write_all_at(&bytes, at)?;
        file.sync_data()?;
        at += bytes.len() as u64;
        records += batch;
        if zeroed && at + bytes.len() as u64 > 64 << 20 {
            at = 0;
        }
    }
    let rate = records as f64 / start.elapsed().as_secs_f64();
    std::fs::remove_file(path)?;
    Ok(rate)
}

fn journal(dir: &Path, batch: usize) -> Result<f64, Box<dyn Error>> {
    let dir = dir.join("journal");
    let (mut journal, _) = Journal::open(Arc::new(DiskStorage), &dir, Options::new([1; 16]))?;
    let batch: Vec<_> = (0..batch)
        .map(|_| Payload {
            version: 1,
            bytes: vec![7; 250],
        })
        .collect();
    let (start, mut records) = (Instant::now(), 0usize);
    while start.elapsed() < PATIENCE {
        journal.append(&batch)?;
        records += batch.len();
    }
    let rate = records as f64 / start.elapsed().as_secs_f64();
    std::fs::remove_dir_all(dir)?;
    Ok(rate)
}

fn entry(n: u64) -> Entry {
    let at = Timestamp::from_millis(1_772_000_000_000 + i64::try_from(n).unwrap_or(0) * 1000);
    let mut reading = Reading::new(Credential::Enrol(format!("{:04}", n % 500)), Factor::Fingerprint);
    reading.sequence = Some(n);
    reading.device_time = Some(DeviceTime::from_numbers(2026, 3, 2, 8, 45, 0));
    Entry::Reading {
        device: "zk-1".into(),
        epoch: 0,
        received_at: at,
        reading,
    }
}

/// Writes a long history, opens it, and rebuilds the buffer with five changes a punch.
fn history(dir: &Path, records: u64) -> Result<(), Box<dyn Error>> {
    let path = dir.join("journal");
    let (mut journal, _) = Journal::open(Arc::new(DiskStorage), &path, Options::new([1; 16]))?;
    let start = Instant::now();
    for first in (0..records).step_by(1000) {
        let batch: Vec<_> = (first..first + 1000).map(|n| entry(n).to_payload()).collect();
        journal.append(&batch)?;
    }
    println!(
        "{records} readings made, encoded and stored in {:.2?}, {} MiB",
        start.elapsed(),
        journal.bytes() >> 20
    );
    drop(journal);
    let start = Instant::now();
    let (journal, opening) = Journal::open(Arc::new(DiskStorage), &path, Options::new([1; 16]))?;
    println!(
        "opened in {:.2?}: {} records checked, {} segments unscanned",
        start.elapsed(),
        opening.records,
        opening.unscanned.len()
    );

    let (buffer, _) = Buffer::open(&dir.join("buffer"), BufferOptions::default(), |_| true);
    let start = Instant::now();
    let mut reader = journal.reader();
    let (mut seq, mut read, mut parsed) = (0, Duration::ZERO, Duration::ZERO);
    loop {
        let lap = Instant::now();
        let page = reader.after(seq, 512, 1 << 20)?;
        read += lap.elapsed();
        if page.through.seq == seq {
            break;
        }
        let lap = Instant::now();
        let entries: Vec<_> = page.records.iter().map(|r| Entry::from_payload(&r.payload)).collect();
        parsed += lap.elapsed();
        apply(&buffer, seq + 1, &entries, page.through)?;
        seq = page.through.seq;
    }
    let whole = start.elapsed();
    let rest = whole - read - parsed;
    let updates = (5 * records) as f64 / rest.as_secs_f64();
    println!(
        "rebuilt in {whole:.2?}: read {read:.2?}, parse {parsed:.2?}, buffer {rest:.2?} ({updates:.0} changes/s), {} MiB on disk, RSS {} MiB",
        buffer.bytes_on_disk() >> 20,
        rss()
    );
    let start = Instant::now();
    for n in 0..100_000u64 {
        buffer.get("seen", &id(n * 7919 % records + 1))?;
    }
    println!("100000 ids looked up in {:.2?}", start.elapsed());
    let start = Instant::now();
    buffer.close()?;
    println!("buffer closed in {:.2?}", start.elapsed());
    let start = Instant::now();
    let (_, opening) = Buffer::open(&dir.join("buffer"), BufferOptions::default(), |_| true);
    println!(
        "buffer opened again in {:.2?}, fresh: {}, RSS {} MiB",
        start.elapsed(),
        opening.fresh,
        rss()
    );
    Ok(())
}

/// Five changes a punch: its id, its place in the person's history, a record, a verdict, an outbox event.
fn apply(buffer: &Buffer, first: u64, entries: &[Entry], through: Position) -> Result<(), Box<dyn Error>> {
    let mut changes = Changes::default();
    for (seq, entry) in (first..).zip(entries) {
        let Entry::Reading {
            reading, received_at, ..
        } = entry
        else {
            continue;
        };
        changes.insert("seen", id(seq), seq.to_be_bytes());
        let mut key = reading.credential.number().as_bytes().to_vec();
        key.extend_from_slice(&received_at.as_millis().to_be_bytes());
        changes.insert("punches", key.clone(), vec![1; 60]);
        changes.insert("records", key.clone(), vec![2; 40]);
        changes.insert("verdicts", key, vec![3; 40]);
    }
    changes.insert("outbox", first.to_be_bytes(), vec![4; 300 * entries.len()]);
    buffer.apply(changes, through)?;
    Ok(())
}

/// An id as scattered as a hash.
fn id(seq: u64) -> [u8; 16] {
    let scattered = u128::from(seq).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
    scattered.to_be_bytes()
}

fn rss() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) >> 10
}
