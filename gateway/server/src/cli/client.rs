//! Client of the admin API, over its socket, or an address with or without TLS.

use super::failure::Failure;
use super::secured::Tls;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::path::PathBuf;
use tokio::net::{TcpStream, UnixStream};
use tradewind_adapter::Secret;

/// Where the admin API is.
#[derive(Debug)]
pub(super) enum At {
    Socket(PathBuf),
    Tcp {
        /// Host and port.
        authority: String,
        /// Without one a certificate has to do.
        token: Option<Secret>,
        tls: Option<Tls>,
    },
}

/// A client of the admin API.
#[derive(Debug)]
pub(super) struct Client {
    at: At,
}

impl Client {
    pub(super) fn new(at: At) -> Self {
        Self { at }
    }

    /// Reads a value.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.call(Method::GET, path, None).await
    }

    /// Changes something.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: Value,
    ) -> Result<T, Failure> {
        self.call(Method::POST, path, Some(body.to_string().into()))
            .await
    }

    /// One call with a JSON answer.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Bytes>,
    ) -> Result<T, Failure> {
        let response = self.send(method, path, body).await?;
        let bytes = collect(response).await?;
        serde_json::from_slice(&bytes).map_err(|error| {
            Failure::new(format!("the gateway's answer is not understood: {error}"))
                .hint("gateway and command line should be of one version")
        })
    }

    /// One call; anything but 2xx is a failure.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Bytes>,
    ) -> Result<Response<Incoming>, Failure> {
        let mut request = Request::builder().method(method).uri(path);
        match &self.at {
            At::Socket(_) => request = request.header(HOST, "localhost"),
            At::Tcp {
                authority, token, ..
            } => {
                request = request.header(HOST, authority);
                if let Some(token) = token {
                    request = request.header(AUTHORIZATION, format!("Bearer {}", token.expose()));
                }
            }
        }
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let request = request
            .body(Full::from(body.unwrap_or_default()))
            .map_err(|error| Failure::usage(error.to_string()))?;
        let response = match &self.at {
            At::Socket(path) => {
                let stream = UnixStream::connect(path).await.map_err(|error| {
                    Failure::new(format!("no gateway at {}: {error}", path.display()))
                        .hint("is it running? name it by --data-dir, --admin or --config")
                })?;
                exchange(stream, request).await?
            }
            At::Tcp { authority, tls, .. } => {
                let stream = TcpStream::connect(authority).await.map_err(|error| {
                    Failure::new(format!("no gateway at {authority}: {error}"))
                        .hint("is it running? name it by --data-dir, --admin or --config")
                })?;
                match tls {
                    Some(tls) => exchange(tls.connect(authority, stream).await?, request).await?,
                    None => exchange(stream, request).await?,
                }
            }
        };
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let bytes = collect(response).await?;
        Err(problem(status, &bytes))
    }
}

/// One request on a connection of its own.
pub(super) async fn exchange<S>(
    stream: S,
    request: Request<Full<Bytes>>,
) -> Result<Response<Incoming>, Failure>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
{
    let gone = |error: hyper::Error| Failure::new(format!("the gateway hung up: {error}"));
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(gone)?;
    tokio::spawn(async move {
        // Its failure shows in the response.
        connection.await.ok();
    });
    sender.send_request(request).await.map_err(gone)
}

/// Largest answer that is read, in bytes.
const ANSWER_MAX: usize = 64 << 20;

/// The whole body, up to [`ANSWER_MAX`].
pub(super) async fn collect(response: Response<Incoming>) -> Result<Bytes, Failure> {
    #[allow(clippy::disallowed_methods)]
    Limited::new(response.into_body(), ANSWER_MAX)
        .collect()
        .await
        .map(|body| body.to_bytes())
        .map_err(|error| Failure::new(format!("the gateway hung up: {error}")))
}

/// A refusal, from its problem details where there are any.
pub(super) fn problem(status: http::StatusCode, body: &[u8]) -> Failure {
    let problem: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |key: &str| problem[key].as_str();
    let mut message = match (text("title"), text("detail")) {
        (Some(title), Some(detail)) => format!("{title}: {detail}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => format!("{status} {}", String::from_utf8_lossy(body)),
    };
    for event in problem["events"].as_array().into_iter().flatten() {
        let detail = event["detail"].as_str().unwrap_or_default();
        message.push_str(&format!("\n  event {}: {detail}", event["index"]));
    }
    for violation in problem["violations"]
        .as_array()
        .into_iter()
        .flatten()
        .skip(1)
    {
        message.push_str(&format!("\n  {}", violation.as_str().unwrap_or_default()));
    }
    let failure = match (text("type"), text("detail")) {
        // The detail is what `check` says, place and all.
        (Some("urn:tradewind:problem:invalid-config"), Some(detail)) => Failure::config(detail),
        _ => Failure::new(message),
    };
    match text("hint") {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// A path segment or query value, percent-encoded.
pub(super) fn encode(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            // Writing to a string cannot fail.
            _ => write!(out, "%{byte:02X}").unwrap_or_default(),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_that_refuses_a_configuration_fails_as_check_does() {
        for (code, exit) in [("invalid-config", 78), ("not-found", 1)] {
            let body = format!(r#"{{"type":"urn:tradewind:problem:{code}","detail":"no"}}"#);
            let status = http::StatusCode::UNPROCESSABLE_ENTITY;
            assert_eq!(problem(status, body.as_bytes()).code, exit, "{code}");
        }
    }
}
