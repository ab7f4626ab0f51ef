//! MiniStack: AWS on this machine, which really runs functions.

use crate::moto::identity;
use crate::{load, tools};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response};
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
    _child: Child,
}

impl MiniStack {
    pub(crate) async fn start(gateway: &Path) -> Result<Self, String> {
        let python = tools::python(gateway, "ministack", &[PACKAGE]).await?;
        let address = std::net::TcpListener::bind(("127.0.0.1", 0))
            .and_then(|listener| listener.local_addr())
            .map_err(|e| e.to_string())?;
        let child = Command::new(python.with_file_name("ministack"))
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
            .map_err(|e| e.to_string())?;
        let server = Self {
            address,
            python,
            _child: child,
        };
        for _ in 0..600 {
            if load::connect(address).await.is_some() {
                return Ok(server);
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
