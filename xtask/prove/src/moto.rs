//! Services of AWS on loopback, by moto.

use crate::{load, tools};
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};

/// A server that takes calls of services that speak JSON.
pub(crate) trait Calls {
    /// One call.
    async fn call(&self, service: &str, action: &str, input: &Value) -> Result<Value, String>;

    /// One call of SQS.
    async fn sqs(&self, action: &str, input: &Value) -> Result<Value, String> {
        self.call("sqs", &format!("AmazonSQS.{action}"), input)
            .await
    }
}

/// A server; it ends with the value, and forgets everything.
pub(crate) struct Moto {
    pub(crate) address: SocketAddr,
    _child: Child,
}

/// Who asks a service, as a header: signatures are not looked at, but service and region are.
pub(crate) fn identity(service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )
}

impl Moto {
    pub(crate) async fn start(gateway: &Path) -> Result<Self, String> {
        let python = tools::python(gateway, "moto", &["moto[s3,server]==5.*"]).await?;
        let address = std::net::TcpListener::bind(("127.0.0.1", 0))
            .and_then(|listener| listener.local_addr())
            .map_err(|e| e.to_string())?;
        let child = Command::new(python)
            .args(["-m", "moto.server", "-H", "127.0.0.1", "-p"])
            .arg(address.port().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| e.to_string())?;
        let moto = Self {
            address,
            _child: child,
        };
        for _ in 0..600 {
            if load::connect(address).await.is_some() {
                return Ok(moto);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err("moto does not listen after 30 s".into())
    }

    /// One request.
    pub(crate) async fn ask(&self, request: Request<Full<Bytes>>) -> Result<Bytes, String> {
        let mut sender = load::connect(self.address).await.ok_or("moto is gone")?;
        let answer = load::ask(&mut sender, request).await;
        let answer = answer.ok_or("moto does not answer")?;
        let status = answer.status();
        let body = answer.into_body();
        match status.is_success() {
            true => Ok(body),
            false => Err(format!("{status}: {}", String::from_utf8_lossy(&body))),
        }
    }
}

impl Calls for Moto {
    async fn call(&self, service: &str, action: &str, input: &Value) -> Result<Value, String> {
        let request = Request::post("/")
            .header("host", self.address.to_string())
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", action)
            .header("authorization", identity(service))
            .body(Full::new(Bytes::from(input.to_string())))
            .map_err(|e| e.to_string())?;
        let body = self.ask(request).await;
        let body = body.map_err(|e| format!("{action}: {e}"))?;
        if body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&body).map_err(|e| format!("{action}: {e}"))
    }
}
