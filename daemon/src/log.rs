//! The log: lines to standard error, by a thread of their own. Whoever reads them may stop; nothing that punches need
//! waits for that, and what there was no room for is counted.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

use tracing_subscriber::fmt::MakeWriter;

/// Lines that may wait to be written.
const WAITING: usize = 8192;
/// How long the last lines are waited for.
const LAST: Duration = Duration::from_millis(500);

enum Job {
    Line(Vec<u8>),
    /// Answered when everything before is written.
    Finish(SyncSender<()>),
}

/// The way into the log. Clones are the same log.
#[derive(Clone)]
pub struct Lines {
    jobs: SyncSender<Job>,
    dropped: Arc<AtomicU64>,
}

impl Lines {
    /// A log that writes to `out` in a thread of its own.
    ///
    /// # Errors
    /// When the system has no thread.
    pub fn to(out: impl Write + Send + 'static) -> io::Result<Self> {
        let (jobs, waiting) = sync_channel(WAITING);
        let dropped = Arc::new(AtomicU64::new(0));
        let counted = dropped.clone();
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || write_all(out, &waiting, &counted))?;
        Ok(Self { jobs, dropped })
    }

    /// Waits for what was logged, but not long.
    pub fn finish(&self) {
        let (done, heard) = sync_channel(1);
        if self.jobs.try_send(Job::Finish(done)).is_ok() {
            // Whoever does not read by now will not have the last lines.
            let _ = heard.recv_timeout(LAST);
        }
    }
}

fn write_all(mut out: impl Write, waiting: &Receiver<Job>, dropped: &AtomicU64) {
    for job in waiting {
        // A log that cannot be written is no reason to stop.
        match job {
            Job::Line(line) => drop(out.write_all(&line)),
            Job::Finish(done) => drop(done.try_send(())),
        }
        let missing = dropped.swap(0, Ordering::Relaxed);
        if missing > 0 {
            let _ = writeln!(
                out,
                "{missing} lines of the log were dropped: whoever reads it is too slow"
            );
        }
    }
}

/// One line on its way.
pub struct Line<'a> {
    bytes: Vec<u8>,
    lines: &'a Lines,
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        let line = std::mem::take(&mut self.bytes);
        if !line.is_empty() && self.lines.jobs.try_send(Job::Line(line)).is_err() {
            self.lines.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line {
            bytes: Vec::new(),
            lines: self,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut paper = self.0.lock().map_err(|_| io::ErrorKind::Other)?;
            paper.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_stops_delays_nobody_and_is_told_how_much_it_missed() {
        let paper = Paper::default();
        let stuck = paper.0.lock().expect("a lock");
        let lines = Lines::to(paper.clone()).expect("a thread");
        for n in 0..WAITING + 100 {
            writeln!(lines.make_writer(), "line {n}").expect("never waits");
        }
        drop(stuck);
        thread::sleep(Duration::from_millis(50));
        lines.finish();
        let text = String::from_utf8(paper.0.lock().expect("a lock").clone()).expect("text");
        assert!(
            text.starts_with("line 0\n") && text.contains("lines of the log were dropped"),
            "{}",
            text.len()
        );
    }
}
