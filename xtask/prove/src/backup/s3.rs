//! An S3 server on loopback.

use crate::tools;
use http_body_util::Full;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};

const BUCKET: &str = "backups";

pub(super) struct Server {
    address: SocketAddr,
    /// Ends with it.
    _child: Child,
}

impl Server {
    pub(super) async fn start(gateway: &Path) -> Result<Self, String> {
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
        let server = Self {
            address,
            _child: child,
        };
        for _ in 0..600 {
            if let Some(mut sender) = crate::load::connect(address).await {
                let request = hyper::Request::put(format!("/{BUCKET}"))
                    .header("host", address.to_string())
                    .body(Full::default())
                    .map_err(|e| e.to_string())?;
                return match crate::load::ask(&mut sender, request).await {
                    Some(answer) if answer.status().is_success() => Ok(server),
                    Some(answer) => Err(format!("it makes no bucket: {}", answer.status())),
                    None => Err("it does not answer".into()),
                };
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err("it does not listen after 30 s".into())
    }

    pub(super) fn place(&self) -> String {
        format!("s3://{BUCKET}/tradewind")
    }

    /// By which it is found.
    pub(super) fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL_S3", format!("http://{}", self.address)),
            ("AWS_ALLOW_HTTP", "true".into()),
            ("AWS_REGION", "us-east-1".into()),
            ("AWS_ACCESS_KEY_ID", "test".into()),
            ("AWS_SECRET_ACCESS_KEY", "test".into()),
        ]
    }
}
