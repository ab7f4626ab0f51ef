//! MiniStack: AWS on this machine, which really runs functions.

use crate::moto::{Calls, identity};
use crate::{load, tools};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};

const PACKAGE: &str = "ministack==1.5.33";

/// A server; it ends with the value.
pub(crate) struct MiniStack {
    pub(crate) address: SocketAddr,
    /// A Python that has what the server is made of.
    pub(crate) python: PathBuf,
    /// Where it keeps what it has over a restart.
    state: Option<PathBuf>,
    child: Child,
}

impl MiniStack {
    /// A server that forgets everything with its end.
    pub(crate) async fn start(gateway: &Path) -> Result<Self, String> {
        Self::new(gateway, None).await
    }

    /// A server that may be restarted, and keeps what it has in this folder.
    pub(crate) async fn keeping(gateway: &Path, state: &Path) -> Result<Self, String> {
        Self::new(gateway, Some(state.to_owned())).await
    }

    async fn new(gateway: &Path, state: Option<PathBuf>) -> Result<Self, String> {
        let python = tools::python(gateway, "ministack", &[PACKAGE]).await?;
        let address = std::net::TcpListener::bind(("127.0.0.1", 0))
            .and_then(|listener| listener.local_addr())
            .map_err(|e| e.to_string())?;
        let child = spawned(&python, address, state.as_deref())?;
        let server = Self {
            address,
            python,
            state,
            child,
        };
        server.listens().await?;
        Ok(server)
    }

    /// Ends it, as a host that goes down does, and starts it anew at the same address.
    pub(crate) async fn restart(&mut self) -> Result<(), String> {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok());
        let id = id.and_then(Pid::from_raw).ok_or("MiniStack is gone")?;
        kill_process(id, Signal::TERM).map_err(|e| e.to_string())?;
        let ended = tokio::time::timeout(Duration::from_secs(60), self.child.wait()).await;
        ended
            .map_err(|_| "MiniStack does not end")?
            .map_err(|e| e.to_string())?;
        self.child = spawned(&self.python, self.address, self.state.as_deref())?;
        self.listens().await
    }

    async fn listens(&self) -> Result<(), String> {
        for _ in 0..600 {
            if load::connect(self.address).await.is_some() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err("MiniStack does not listen after 30 s".into())
    }

    /// Creates a function.
    pub(crate) async fn create(&self, function: &Value) -> Result<(), String> {
        let answer = self.post("/2015-03-31/functions", function).await?;
        match answer.status().is_success() {
            true => Ok(()),
            false => {
                let said = String::from_utf8_lossy(answer.body());
                Err(format!("the function was not made: {said}"))
            }
        }
    }

    /// Asks Lambda for something.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Response<Bytes>, String> {
        let headers = [("content-type", "application/json")];
        self.ask("lambda", path, &headers, body).await
    }

    /// Asks a service for something.
    pub(crate) async fn ask(
        &self,
        service: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Result<Response<Bytes>, String> {
        let mut request = Request::post(path)
            .header("host", self.address.to_string())
            .header("authorization", identity(service));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request
            .body(Full::new(Bytes::from(body.to_string())))
            .map_err(|e| e.to_string())?;
        let sender = load::connect(self.address).await;
        let mut sender = sender.ok_or("MiniStack is gone")?;
        let answer = load::ask(&mut sender, request).await;
        answer.ok_or_else(|| "MiniStack does not answer".into())
    }
}

impl Calls for MiniStack {
    async fn call(&self, service: &str, action: &str, input: &Value) -> Result<Value, String> {
        let headers = [
            ("content-type", "application/x-amz-json-1.0"),
            ("x-amz-target", action),
        ];
        let answer = self.ask(service, "/", &headers, input).await?;
        let said: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        match answer.status().is_success() {
            true => Ok(said),
            false => Err(format!("{action} was answered {}: {said}", answer.status())),
        }
    }
}

fn spawned(python: &Path, address: SocketAddr, state: Option<&Path>) -> Result<Child, String> {
    let mut server = Command::new(python.with_file_name("ministack"));
    if let Some(state) = state {
        server.env("PERSIST_STATE", "1").env("STATE_DIR", state);
    }
    server
        .env("BIND_HOST", "127.0.0.1")
        .env("GATEWAY_PORT", address.port().to_string())
        // These listen elsewhere than on loopback.
        .env("IOT_MTLS_ENABLED", "0")
        .env("SFTP_ENABLED", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| e.to_string())
}
