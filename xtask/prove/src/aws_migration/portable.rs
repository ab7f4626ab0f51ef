//! The portable handler: examples/orders as it is, behind a door that notes what comes and when it is done.

use super::acts::Act;
use crate::load;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

pub(super) struct Portable {
    door: SocketAddr,
    acts: Arc<Mutex<Vec<Act>>>,
    _child: Child,
}

impl Portable {
    /// The binary lies beside the gateway's: `cargo build -p orders` makes it.
    pub(super) async fn start(gateway: &Path) -> Result<Self, String> {
        let binary = gateway.with_file_name("orders");
        let address = std::net::TcpListener::bind(("127.0.0.1", 0))
            .and_then(|listener| listener.local_addr())
            .map_err(|e| e.to_string())?;
        let child = Command::new(&binary)
            .env("TRADEWIND_LISTEN", address.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| format!("{}: {e} (hint: cargo build -p orders)", binary.display()))?;
        let mut patience = 200;
        while load::connect(address).await.is_none() {
            patience -= 1;
            if patience == 0 {
                return Err("the portable handler does not listen after 10 s".into());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let listener = TcpListener::bind(("127.0.0.1", 0)).await;
        let listener = listener.map_err(|e| e.to_string())?;
        let door = listener.local_addr().map_err(|e| e.to_string())?;
        let acts = Arc::<Mutex<Vec<Act>>>::default();
        let ledger = acts.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let ledger = ledger.clone();
                let service = service_fn(move |request| {
                    let ledger = ledger.clone();
                    async move { Ok::<_, Infallible>(pass(request, address, &ledger).await) }
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        Ok(Self {
            door,
            acts,
            _child: child,
        })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/", self.door)
    }

    /// What it did.
    pub(super) fn acts(&self) -> Vec<Act> {
        let acts = self.acts.lock().unwrap_or_else(PoisonError::into_inner);
        acts.clone()
    }
}

fn now() -> f64 {
    #[allow(
        clippy::disallowed_methods,
        reason = "held against what the function says of itself"
    )]
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.unwrap_or_default().as_secs_f64()
}

async fn pass(
    request: Request<Incoming>,
    to: SocketAddr,
    ledger: &Mutex<Vec<Act>>,
) -> Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    #[allow(clippy::disallowed_methods, reason = "from the gateway under test")]
    let body = body.collect().await.map(|body| body.to_bytes());
    let body = body.unwrap_or_default();
    let order: Value = serde_json::from_slice(&body).unwrap_or_default();
    let order = order["id"]
        .as_str()
        .or_else(|| order["data"]["id"].as_str());
    let order = order.unwrap_or_default().to_owned();
    let nth = {
        let mut acts = ledger.lock().unwrap_or_else(PoisonError::into_inner);
        acts.push(Act {
            order,
            begin: now(),
            end: f64::INFINITY,
        });
        acts.len() - 1
    };
    let answer = match load::connect(to).await {
        Some(mut sender) => {
            let request = Request::from_parts(parts, Full::new(body));
            load::ask(&mut sender, request).await
        }
        None => None,
    };
    let mut acts = ledger.lock().unwrap_or_else(PoisonError::into_inner);
    acts[nth].end = now();
    let Some(answer) = answer else {
        let mut gone = Response::new(Full::default());
        *gone.status_mut() = hyper::StatusCode::BAD_GATEWAY;
        return gone;
    };
    let (parts, body) = answer.into_parts();
    Response::from_parts(parts, Full::new(body))
}
