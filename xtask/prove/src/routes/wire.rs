//! A client that speaks HTTP/1.1 or HTTP/2 and sends bodies piece by piece.

use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full, Limited};
use hyper::body::{Body, Frame, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use std::fmt::Write;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc;

pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A body that a channel feeds.
pub(super) struct Fed(mpsc::Receiver<Result<Bytes, BoxError>>);

pub(super) type Payload = Either<Full<Bytes>, Fed>;

/// The end where pieces go in; the body ends when it is dropped.
pub(super) type Feed = mpsc::Sender<Result<Bytes, BoxError>>;

pub(super) fn feed() -> (Feed, Fed) {
    let (sender, receiver) = mpsc::channel(4);
    (sender, Fed(receiver))
}

impl Body for Fed {
    type Data = Bytes;
    type Error = BoxError;
    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let piece = self.0.poll_recv(context);
        piece.map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}

/// The protocol towards the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    One,
    Two,
}

enum Sender {
    One(http1::SendRequest<Payload>),
    Two(http2::SendRequest<Payload>),
}

/// A connection to the gateway.
pub(super) struct Client {
    sender: Sender,
    address: SocketAddr,
}

impl Client {
    pub(super) async fn connect(address: SocketAddr, version: Version) -> Result<Self, String> {
        let stream = TcpStream::connect(address).await.map_err(text)?;
        Self::over(stream, address, version).await
    }

    /// One that will leave without a word: its end resets the connection.
    pub(super) async fn abrupt(address: SocketAddr, version: Version) -> Result<Self, String> {
        let stream = TcpStream::connect(address).await.map_err(text)?;
        stream.set_zero_linger().map_err(text)?;
        Self::over(stream, address, version).await
    }

    /// One from another address of this machine.
    pub(super) async fn from(
        from: [u8; 4],
        address: SocketAddr,
        version: Version,
    ) -> Result<Self, String> {
        let socket = TcpSocket::new_v4().map_err(text)?;
        socket.bind((from, 0).into()).map_err(text)?;
        let stream = socket.connect(address).await.map_err(text)?;
        Self::over(stream, address, version).await
    }

    async fn over(
        stream: TcpStream,
        address: SocketAddr,
        version: Version,
    ) -> Result<Self, String> {
        let io = TokioIo::new(stream);
        let sender = match version {
            Version::One => {
                let (sender, connection) = http1::handshake(io).await.map_err(text)?;
                tokio::spawn(connection);
                Sender::One(sender)
            }
            Version::Two => {
                let executor = TokioExecutor::new();
                let (sender, connection) = http2::handshake(executor, io).await.map_err(text)?;
                tokio::spawn(connection);
                Sender::Two(sender)
            }
        };
        Ok(Self { sender, address })
    }

    /// Sends a request, and returns the head of its answer.
    pub(super) async fn begin(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Payload,
    ) -> Result<Response<Incoming>, String> {
        let mut request = Request::builder().method(method);
        request = match self.sender {
            Sender::One(_) => request.uri(target).header("host", "gateway.example"),
            Sender::Two(_) => request.uri(format!("http://{}{target}", self.address)),
        };
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body).map_err(text)?;
        let answer = match &mut self.sender {
            Sender::One(sender) => {
                sender.ready().await.map_err(text)?;
                sender.send_request(request).await
            }
            Sender::Two(sender) => {
                sender.ready().await.map_err(text)?;
                sender.send_request(request).await
            }
        };
        answer.map_err(|e| format!("{method} {target}: {e:?}"))
    }
}

/// A whole answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.and_then(|v| v.to_str().ok()).unwrap_or_default()
    }
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
    /// The code of a refusal.
    pub(super) fn code(&self) -> String {
        let ty = self.json()["type"].as_str().unwrap_or_default().to_owned();
        ty.rsplit(':').next().unwrap_or_default().to_owned()
    }
}

/// One exchange on a connection of its own.
pub(super) async fn send(
    address: SocketAddr,
    version: Version,
    (method, target): (&str, &str),
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Result<Answer, String> {
    let mut client = Client::connect(address, version).await?;
    let body = Either::Left(Full::new(body.into()));
    let answer = client.begin(method, target, headers, body).await?;
    whole(answer).await
}

#[allow(clippy::disallowed_methods, reason = "limited")]
pub(super) async fn whole(answer: Response<Incoming>) -> Result<Answer, String> {
    let (parts, body) = answer.into_parts();
    let body = Limited::new(body, 128 << 20)
        .collect()
        .await
        .map_err(text)?;
    Ok(Answer {
        status: parts.status,
        headers: parts.headers,
        body: body.to_bytes(),
    })
}

/// The next piece of an answer that is not empty.
pub(super) async fn piece(answer: &mut Response<Incoming>) -> Result<Option<Bytes>, String> {
    while let Some(frame) = answer.body_mut().frame().await {
        match frame.map_err(text)?.into_data() {
            Ok(data) if !data.is_empty() => return Ok(Some(data)),
            _ => {}
        }
    }
    Ok(None)
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut all, byte| {
        write!(all, "{byte:02x}").ok();
        all
    })
}

pub(super) fn text(error: impl std::fmt::Debug) -> String {
    format!("{error:?}")
}
