//! The gateway under test, seen from outside.

use http_body_util::Full;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

/// A gateway with a configuration file and a data directory of its own.
pub(crate) struct Gateway {
    binary: PathBuf,
    /// Below `sources`, besides the source `in` at `/events`.
    pub(crate) sources: String,
    /// Further top-level keys.
    pub(crate) settings: String,
    /// Variables of its environment, and of its command line's, besides our own.
    pub(crate) environment: Vec<(&'static str, String)>,
    folder: tempfile::TempDir,
    pub(crate) address: SocketAddr,
    child: Option<Child>,
}

impl Gateway {
    /// Prepares one; `subscriptions` is the YAML below that key.
    pub(crate) fn new(binary: &Path, subscriptions: &str) -> Result<Self, String> {
        // Below the target folder: the system's scratch folder often lies in memory, which the
        // gateway rightly refuses.
        let near = binary.parent().ok_or("the gateway's path has no folder")?;
        let folder = tempfile::Builder::new()
            .prefix("prove-")
            .tempdir_in(near)
            .map_err(|e| e.to_string())?;
        let address = std::net::TcpListener::bind(("127.0.0.1", 0))
            .and_then(|listener| listener.local_addr())
            .map_err(|e| e.to_string())?;
        let gateway = Self {
            binary: binary.to_owned(),
            sources: String::new(),
            settings: String::new(),
            environment: Vec::new(),
            folder,
            address,
            child: None,
        };
        gateway.configure(subscriptions)?;
        Ok(gateway)
    }

    /// Its process id, while it runs.
    pub(crate) fn id(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// Path of the data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Path of something of ours beside them.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Path of the configuration file.
    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join("tradewind.yaml")
    }

    /// The configuration with these subscriptions.
    pub(crate) fn text(&self, subscriptions: &str) -> String {
        let Self {
            address,
            sources,
            settings,
            ..
        } = self;
        format!(
            "listen: {address}\ndata-dir: {}\nshutdown-grace: 5s\nlog: {{ level: error }}\n{settings}sources:\n  in: {{ kind: http, path: /events, auth: none-i-understand }}\n{sources}subscriptions:\n{subscriptions}",
            self.data().display(),
        )
    }

    /// Replaces the configuration file at once.
    pub(crate) fn configure(&self, subscriptions: &str) -> Result<(), String> {
        self.write(&self.text(subscriptions))
    }

    /// Replaces the configuration file at once by another text.
    pub(crate) fn write(&self, text: &str) -> Result<(), String> {
        let new = self.folder.path().join("new.yaml");
        std::fs::write(&new, text)
            .and_then(|()| std::fs::rename(&new, self.config()))
            .map_err(|e| e.to_string())
    }

    /// Starts it and waits until it takes connections; returns how long that took.
    #[allow(
        clippy::disallowed_methods,
        reason = "measures the process from outside"
    )]
    pub(crate) async fn start(&mut self) -> Result<Duration, String> {
        let begun = Instant::now();
        // What it says is kept beside its configuration, and shown only when it does not start.
        let said = self.folder.path().join("log");
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(&said);
        let child = Command::new(&self.binary)
            .arg("serve")
            .arg("--config")
            .arg(self.config())
            // As the packages start it.
            .env("MIMALLOC_PURGE_DELAY", "1")
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.map_err(|e| e.to_string())?)
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| format!("{}: {e}", self.binary.display()))?;
        let child = self.child.insert(child);
        loop {
            if tokio::net::TcpStream::connect(self.address).await.is_ok() {
                return Ok(begun.elapsed());
            }
            if let Ok(Some(status)) = child.try_wait() {
                let said = std::fs::read_to_string(&said).unwrap_or_default();
                return Err(format!(
                    "the gateway ended while starting: {status}\n{said}"
                ));
            }
            if begun.elapsed() > Duration::from_secs(60) {
                return Err("the gateway does not listen after a minute".into());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// It runs, and none of its tasks has panicked.
    pub(crate) fn said_no_panic(&self) -> Result<(), String> {
        let said = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        match said.lines().find(|line| line.contains("panicked")) {
            Some(line) => Err(format!("the gateway said: {line}")),
            None => Ok(()),
        }
    }

    /// kill -9.
    pub(crate) async fn kill(&mut self) -> Result<(), String> {
        let mut child = self.child.take().ok_or("the gateway is not running")?;
        child.kill().await.map_err(|e| e.to_string())
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) -> Result<(), String> {
        let id = self
            .child
            .as_ref()
            .and_then(Child::id)
            .ok_or("the gateway is not running")?;
        let id = i32::try_from(id)
            .ok()
            .and_then(Pid::from_raw)
            .ok_or("not a process id")?;
        kill_process(id, signal).map_err(|e| e.to_string())
    }

    /// Whether the process has ended by itself.
    pub(crate) fn gone(&mut self) -> Option<ExitStatus> {
        self.child.as_mut()?.try_wait().ok()?
    }

    /// Waits for the end; gives up after a minute.
    pub(crate) async fn ended(&mut self) -> Result<ExitStatus, String> {
        let mut child = self.child.take().ok_or("the gateway is not running")?;
        match tokio::time::timeout(Duration::from_secs(60), child.wait()).await {
            Ok(status) => status.map_err(|e| e.to_string()),
            Err(_) => Err("the gateway does not end".into()),
        }
    }

    /// A call of its own command line; what it says is dropped.
    pub(crate) fn command(&self, command: &[&str]) -> Command {
        let mut call = self.bare(command);
        call.arg("--config").arg(self.config());
        call
    }

    /// The same, without a word of its configuration.
    pub(crate) fn bare<S: AsRef<std::ffi::OsStr>>(&self, command: &[S]) -> Command {
        let mut call = Command::new(&self.binary);
        call.args(command)
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        call
    }

    /// Asks the running gateway by its own command line.
    pub(crate) async fn ask(&self, command: &[&str]) -> Result<Value, String> {
        let output = self
            .command(command)
            .args(["--output", "json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .output()
            .await
            .map_err(|e| e.to_string())?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        serde_json::from_slice(&output.stdout).map_err(|e| e.to_string())
    }

    /// Moves all dead letters of a subscription back to pending; returns how many.
    pub(crate) async fn redrive(&self, subscription: &str) -> Result<u64, String> {
        let path = format!("/v1/subscriptions/{subscription}/dead-letters/redrive");
        let (status, answer) = self.call("POST", &path, "{\"all\":true}").await?;
        let refused = || format!("the redrive was answered {status}: {answer}");
        answer["count"].as_u64().ok_or_else(refused)
    }

    /// One call of the admin API without a body: status and JSON.
    pub(crate) async fn admin(&self, method: &str, path: &str) -> Result<(u16, Value), String> {
        self.call(method, path, "").await
    }

    /// One call of the admin API: status and JSON.
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        body: &str,
    ) -> Result<(u16, Value), String> {
        let socket = self.folder.path().join("data/admin.sock");
        let stream = tokio::net::UnixStream::connect(&socket).await;
        let stream = stream.map_err(|e| format!("the admin socket: {e}"))?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(stream))
                .await
                .map_err(|e| e.to_string())?;
        tokio::spawn(connection);
        let request = hyper::Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost")
            .header("content-type", "application/json")
            .body(Full::new(body.to_owned().into()))
            .map_err(|e| e.to_string())?;
        let answer = crate::load::ask(&mut sender, request).await;
        let answer = answer.ok_or_else(|| format!("no answer to {method} {path}"))?;
        let body = serde_json::from_slice(answer.body()).unwrap_or_default();
        Ok((answer.status().as_u16(), body))
    }

    /// The account of every subscription, once nothing is pending in any of `quiet`.
    pub(crate) async fn accounts(&self, quiet: &[&str]) -> Result<Vec<(String, Value)>, String> {
        let (mut idle, mut before) = (0, Vec::new());
        for _ in 0..6000 {
            let (_, listed) = self.admin("GET", "/v1/subscriptions").await?;
            let accounts: Vec<(String, Value)> = listed
                .as_array()
                .ok_or("the subscriptions are no array")?
                .iter()
                .map(|s| {
                    (
                        s["name"].as_str().unwrap_or_default().to_owned(),
                        s["account"].clone(),
                    )
                })
                .collect();
            let settled = accounts
                .iter()
                .filter(|(name, _)| quiet.contains(&name.as_str()))
                .all(|(_, account)| account["pending"] == 0);
            if settled {
                return Ok(accounts);
            }
            // On a busy machine it may take long: as long as something happens, it goes on.
            idle = if accounts == before { idle + 1 } else { 0 };
            if idle == 600 {
                break;
            }
            before = accounts;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err("deliveries are still pending after a minute in which nothing happened".into())
    }
}

/// The accounting identity of one subscription.
pub(crate) fn balance(name: &str, account: &Value) -> Result<(), String> {
    let figure = |key: &str| account[key].as_u64().unwrap_or_default();
    let right = [
        "accepted",
        "dead_lettered",
        "expired",
        "cancelled",
        "purged",
        "pending",
    ];
    if figure("matched") == right.iter().map(|key| figure(key)).sum::<u64>() {
        Ok(())
    } else {
        Err(format!("the account of {name} does not balance: {account}"))
    }
}
