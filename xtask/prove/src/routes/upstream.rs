//! A function on loopback, over HTTP/1.1 and HTTP/2: it says what it was sent, echoes as it reads,
//! never answers, breaks off.

use super::wire::{Fed, Payload, feed};
use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// Requests that came to an end without an answer, by what was asked.
pub(super) type Left = mpsc::UnboundedReceiver<String>;

/// Starts the function; it runs until the process ends.
pub(super) async fn start() -> std::io::Result<(SocketAddr, Left)> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let (gone, left) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let gone = gone.clone();
            let service = service_fn(move |request| {
                let gone = gone.clone();
                async move { Ok::<_, Infallible>(answer(request, gone).await) }
            });
            tokio::spawn(async move {
                Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service)
                    .await
                    .ok();
            });
        }
    });
    Ok((address, left))
}

/// Tells that what it guards is over.
struct Guard(mpsc::UnboundedSender<String>, String);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.send(std::mem::take(&mut self.1)).ok();
    }
}

async fn answer(
    request: Request<Incoming>,
    gone: mpsc::UnboundedSender<String>,
) -> Response<Payload> {
    let guard = Guard(gone, request.uri().path().to_owned());
    let path = guard.1.clone();
    let steps: Vec<&str> = path.split('/').skip(1).collect();
    let what = (
        steps.first().copied().unwrap_or_default(),
        steps.get(1).copied(),
    );
    match what {
        ("never", _) => std::future::pending().await,
        ("page", _) => {
            let mut page = Response::new(Either::Left(Full::from(super::browser::PAGE)));
            let html = hyper::header::HeaderValue::from_static("text/html");
            page.headers_mut().insert("content-type", html);
            page
        }
        ("status", Some(status)) => {
            let mut response = Response::new(Either::Left(Full::from(format!("said {status}"))));
            *response.status_mut() = status.parse().unwrap_or(StatusCode::IM_A_TEAPOT);
            response
        }
        ("mirror", _) => Response::new(Either::Right(mirror(request.into_body()))),
        ("big", Some(mebibytes)) => {
            let mebibytes: usize = mebibytes.parse().unwrap_or_default();
            let (sender, body) = feed();
            tokio::spawn(async move {
                let piece = Bytes::from(vec![7; 1 << 16]);
                for _ in 0..mebibytes * 16 {
                    if sender.send(Ok(piece.clone())).await.is_err() {
                        return;
                    }
                }
            });
            Response::new(Either::Right(body))
        }
        (ends @ ("half" | "pause"), _) => {
            let broken = ends == "half";
            let (sender, body) = feed();
            tokio::spawn(async move {
                sender.send(Ok("a beginning".into())).await.ok();
                if broken {
                    sender.send(Err("broken off".into())).await.ok();
                }
                sender.closed().await;
                drop(guard);
            });
            Response::new(Either::Right(body))
        }
        _ => echo(request).await,
    }
}

fn mirror(mut body: Incoming) -> Fed {
    let (sender, mirrored) = feed();
    tokio::spawn(async move {
        while let Some(Ok(frame)) = body.frame().await {
            let Ok(data) = frame.into_data() else {
                continue;
            };
            if sender.send(Ok(data)).await.is_err() {
                return;
            }
        }
    });
    mirrored
}

/// Says what came, and what no function may say.
async fn echo(request: Request<Incoming>) -> Response<Payload> {
    let (parts, mut body) = request.into_parts();
    let (mut hash, mut length, mut start) = (Sha256::new(), 0, Vec::new());
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(data) = frame.into_data() else {
            continue;
        };
        hash.update(&data);
        length += data.len();
        if start.len() < 1 << 16 {
            start.extend_from_slice(&data);
        }
    }
    let mut headers: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (name, value) in &parts.headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        headers.entry(name.as_str()).or_default().push(value);
    }
    let said = json!({
        "method": parts.method.as_str(),
        "target": parts.uri.path_and_query().map(ToString::to_string),
        "authority": parts.uri.authority().map(ToString::to_string),
        "version": format!("{:?}", parts.version),
        "headers": headers,
        "length": length,
        "sha256": super::wire::hex(&hash.finalize()),
        "json": serde_json::from_slice::<Value>(&start).ok(),
    });
    let mut response = Response::new(Either::Left(Full::from(said.to_string())));
    let two = parts.version == hyper::Version::HTTP_2;
    for (name, value) in [
        ("content-type", "application/json"),
        ("x-function", "spoke"),
        ("set-cookie", "a=1"),
        ("tradewind-durability", "fsync"),
        ("tradewind-position", "default@0/0"),
        ("access-control-allow-origin", "https://function.example"),
        ("connection", "x-private"),
        ("keep-alive", "timeout=5"),
        ("x-private", "for one connection"),
    ] {
        if two && matches!(name, "connection" | "keep-alive") {
            continue;
        }
        let value = hyper::header::HeaderValue::from_static(value);
        response.headers_mut().append(name, value);
    }
    response
}
