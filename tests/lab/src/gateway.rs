//! The daemon as a process, with a configuration, a state directory and ports of its own.
//!
//! Promises: what it writes lies in one temporary folder; its ports stay the same over restarts; it is killed when this
//! is dropped. What it logs is in [`Gateway::log`], and is shown when a story about it fails.

use std::{
    fs::{self, File, OpenOptions},
    io,
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    call::{self, Answer},
    patience::until,
    ports,
};

/// How long the daemon may take to be ready.
const READY_WITHIN: Duration = Duration::from_secs(20);
/// The token of every source that calls by HTTP.
pub const TOKEN: &str = "a-token-for-tests";
/// The name of the source that calls by HTTP.
pub const APP: &str = "wecom";

/// A daemon and what belongs to it.
pub struct Gateway {
    program: PathBuf,
    folder: TempDir,
    state: PathBuf,
    ingest: SocketAddr,
    admin: SocketAddr,
    under: Vec<String>,
    environment: Vec<(String, String)>,
    child: Option<Child>,
}

impl Gateway {
    /// A gateway that is not started. Its configuration has an HTTP source named [`APP`] and whatever `tables` adds.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn new(program: impl Into<PathBuf>, tables: &str) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("punchgate-").tempdir()?;
        let gateway = Self {
            program: program.into(),
            state: folder.path().join("state"),
            folder,
            ingest: ports::free(),
            admin: ports::free(),
            under: Vec::new(),
            environment: Vec::new(),
            child: None,
        };
        gateway.secret("token", TOKEN)?;
        gateway.configure(tables)?;
        Ok(gateway)
    }

    /// Starts a gateway with these tables and waits until it is ready.
    ///
    /// # Errors
    /// When it does not become ready; the error holds its log.
    pub async fn start(program: impl Into<PathBuf>, tables: &str) -> io::Result<Self> {
        let mut gateway = Self::new(program, tables)?;
        gateway.restart().await?;
        Ok(gateway)
    }

    /// Keeps its state elsewhere. Takes effect with the next [`Gateway::configure`].
    pub fn keep_state_in(&mut self, path: impl Into<PathBuf>) {
        self.state = path.into();
    }

    /// Gives the process a variable of the environment; it has no others but `LANG`. Takes effect with the next start.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.into()));
    }

    /// Starts the process under a program that becomes it, as `strace -D` does; no words start it directly.
    pub fn run_under(&mut self, words: Vec<String>) {
        self.under = words;
    }

    /// Writes its configuration; a running daemon keeps the one it has.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn configure(&self, tables: &str) -> io::Result<()> {
        let text = format!(
            "[gateway]\nid = \"gate\"\n[store]\npath = {:?}\n[ingest]\nlisten = \"{}\"\n[admin]\nlisten = \"{}\"\n\
             [[device]]\nname = \"{APP}\"\ndriver = \"http_ingest\"\ntoken = {{ file = \"token\" }}\n{tables}\n",
            self.state.display().to_string(),
            self.ingest,
            self.admin
        );
        fs::write(self.config(), text)
    }

    /// Writes a file into its folder that only its owner can read.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn secret(&self, name: &str, text: &str) -> io::Result<()> {
        use io::Write;
        let path = self.folder.path().join(name);
        let mut options = OpenOptions::new();
        options.create(true).write(true).truncate(true).mode(0o600);
        options.open(path)?.write_all(text.as_bytes())
    }

    /// Its configuration file.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("punchgate.toml")
    }

    /// Its state directory.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// Where it listens for callers.
    pub fn ingest(&self) -> SocketAddr {
        self.ingest
    }

    /// Where it tells how it is.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Starts the process and does not wait. What it logs is added to what it logged before.
    ///
    /// # Errors
    /// When the program is not there.
    pub fn spawn(&mut self) -> io::Result<()> {
        let log = OpenOptions::new().create(true).append(true).open(self.log_file())?;
        let mut command = self.command(&self.under, &["run"]);
        self.child = Some(command.stderr(log).stdout(File::open("/dev/null")?).spawn()?);
        Ok(())
    }

    /// Starts the process and waits until it is ready.
    ///
    /// # Errors
    /// When it ends or is not ready in time; the error holds its log.
    pub async fn restart(&mut self) -> io::Result<()> {
        self.spawn()?;
        if self.is_ready_within(READY_WITHIN).await {
            return Ok(());
        }
        Err(io::Error::other(format!("the gateway is not ready:\n{}", self.log())))
    }

    /// Whether it becomes ready in time; false at once when it has ended.
    pub async fn is_ready_within(&mut self, patience: Duration) -> bool {
        let admin = self.admin;
        let end = tokio::time::Instant::now() + patience;
        while tokio::time::Instant::now() < end && self.ended().is_none() {
            if call::get(admin, "/readyz")
                .await
                .is_ok_and(|answer| answer.status == 200)
            {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        false
    }

    /// How the process ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.as_mut()?.try_wait().ok().flatten()
    }

    /// The number of its process, while there is one.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Kills it as a power cut would: it is not asked.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Both fail only when it has ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Asks it to end, and does not wait.
    pub fn tell_to_stop(&self) {
        let pid = self.pid().and_then(|pid| i32::try_from(pid).ok());
        if let Some(pid) = pid.and_then(Pid::from_raw) {
            // Fails only when it has ended already.
            let _ = kill_process(pid, Signal::TERM);
        }
    }

    /// Asks it to end and waits; `None` when it had not ended after so long, and then it is killed.
    pub async fn stop(&mut self, patience: Duration) -> Option<ExitStatus> {
        self.tell_to_stop();
        let end = tokio::time::Instant::now() + patience;
        while tokio::time::Instant::now() < end {
            if let Some(status) = self.ended() {
                self.child = None;
                return Some(status);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.kill();
        None
    }

    /// Asks it to read its configuration again, and does not wait.
    pub fn reload(&self) {
        let pid = self.child.as_ref().and_then(|child| i32::try_from(child.id()).ok());
        if let Some(pid) = pid.and_then(Pid::from_raw) {
            // Fails only when it has ended already.
            let _ = kill_process(pid, Signal::HUP);
        }
    }

    /// Runs another command of the program with this configuration, to its end.
    ///
    /// # Errors
    /// When the program is not there.
    pub fn ask(&self, arguments: &[&str]) -> io::Result<Output> {
        self.command(&[], arguments).output()
    }

    fn command(&self, under: &[String], arguments: &[&str]) -> Command {
        let mut command = match under.split_first() {
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(&self.program);
                command
            }
            None => Command::new(&self.program),
        };
        command.env_clear().env("LANG", "C.UTF-8");
        command.envs(self.environment.iter().cloned());
        command.arg("--config").arg(self.config()).args(arguments);
        command
    }

    /// What `/api/v1/status` says; null when nobody answers.
    pub async fn status(&self) -> Value {
        let answer = call::get(self.admin, "/api/v1/status").await;
        answer.map(|answer| answer.json()).unwrap_or_default()
    }

    /// Waits until the status is as wanted; false when patience ended first.
    pub async fn until(&self, patience: Duration, wanted: impl Fn(&Value) -> bool) -> bool {
        until(patience, async || wanted(&self.status().await)).await
    }

    /// Posts punches: an array of items.
    ///
    /// # Errors
    /// When nobody answers, or the answer breaks off.
    pub async fn post(&self, punches: &Value) -> io::Result<Answer> {
        self.post_once(punches, "").await
    }

    /// Posts punches with more header lines, each ended by CR LF.
    ///
    /// # Errors
    /// As [`Gateway::post`].
    pub async fn post_once(&self, punches: &Value, more: &str) -> io::Result<Answer> {
        let body = serde_json::json!({ "punches": punches }).to_string();
        call::post(self.ingest, "/ingest/v1/punches", TOKEN, more, &body).await
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Everything it has logged, over all starts.
    pub fn log(&self) -> String {
        fs::read(self.log_file()).map_or_else(|_| String::new(), |bytes| String::from_utf8_lossy(&bytes).into_owned())
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- what the gateway logged ---\n{}", self.log());
        }
    }
}
