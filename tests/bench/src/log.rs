//! The raw log: append, `fdatasync`, answer all who wait. Nothing that is durable can do less.

use std::{fs::File, io, io::Write, path::Path, sync::Arc, thread};

use tokio::sync::{mpsc, oneshot};

/// Reports that share one sync at most.
const GROUP: usize = 4_096;

/// Something to append, and whom to tell when the disk has it.
#[derive(Debug)]
pub struct Append {
    /// Appended as it is.
    pub bytes: Vec<u8>,
    /// Told after the sync.
    pub durable: oneshot::Sender<()>,
}

/// Starts the one thread that writes to a new file; it ends when nobody can send any more. `grown` is told how long the
/// file is after each sync.
///
/// # Errors
/// When the file or the thread cannot be made.
pub fn committer(path: &Path, grown: impl Fn(u64) + Send + 'static) -> io::Result<mpsc::UnboundedSender<Append>> {
    let mut file = File::create(path)?;
    let (appends, mut arriving) = mpsc::unbounded_channel::<Append>();
    let work = move || -> io::Result<()> {
        let (mut group, mut bytes, mut length) = (Vec::with_capacity(GROUP), Vec::new(), 0);
        while arriving.blocking_recv_many(&mut group, GROUP) > 0 {
            bytes.clear();
            group
                .iter()
                .for_each(|append: &Append| bytes.extend_from_slice(&append.bytes));
            file.write_all(&bytes)?;
            file.sync_data()?;
            length += bytes.len() as u64;
            grown(length);
            for append in group.drain(..) {
                // The caller may have gone away.
                let _ = append.durable.send(());
            }
        }
        Ok(())
    };
    thread::Builder::new().name("committer".to_owned()).spawn(work)?;
    Ok(appends)
}

/// Appends and waits until the disk has it.
///
/// # Errors
/// When the writer failed.
pub async fn append(log: &mpsc::UnboundedSender<Append>, bytes: Vec<u8>) -> io::Result<()> {
    let (durable, told) = oneshot::channel();
    let gone = || io::Error::other("the log cannot be written");
    log.send(Append { bytes, durable }).map_err(|_| gone())?;
    told.await.map_err(|_| gone())
}

/// Records of 250 bytes that `waiters` append in batches for so long; each second, how many became durable.
///
/// # Errors
/// When the file cannot be written.
pub async fn rate(folder: &Path, batch: usize, waiters: usize, time: std::time::Duration) -> io::Result<f64> {
    let path = folder.join("raw");
    let bytes: Arc<[u8]> = vec![7u8; batch * 250].into();
    let began = std::time::Instant::now();
    let records = if waiters == 1 {
        let mut file = File::create(&path)?;
        let mut records = 0;
        while began.elapsed() < time {
            file.write_all(&bytes)?;
            file.sync_data()?;
            records += batch;
        }
        records
    } else {
        let log = committer(&path, |_| ())?;
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..waiters {
            let (log, bytes) = (log.clone(), bytes.clone());
            all.spawn(async move {
                let mut records = 0;
                while began.elapsed() < time {
                    append(&log, bytes.to_vec()).await?;
                    records += batch;
                }
                io::Result::Ok(records)
            });
        }
        let mut records = 0;
        while let Some(done) = all.join_next().await {
            records += done.map_err(io::Error::other)??;
        }
        records
    };
    let rate = records as f64 / began.elapsed().as_secs_f64();
    std::fs::remove_file(path)?;
    Ok(rate)
}
