//! The Runtime API, 2018-06-01, and as much of the Extensions API as it takes to be told of the end.

use super::answer::Told;
use super::send::Sent;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::json;
use std::fmt;

/// Largest payload: what Lambda takes, with room for the envelope of an emulator.
const PAYLOAD_MAX: usize = 32 << 20;
const EXTENSION: &str = "tradewind";
pub(crate) const ERROR_TYPE: &str = "lambda-runtime-function-error-type";
pub(crate) const ERROR_BODY: &str = "lambda-runtime-function-error-body";
pub(crate) const MODE: &str = "lambda-runtime-function-response-mode";
/// What a stream that failed is called.
pub(crate) const BROKEN: &str = "Function.StreamBroken";
const STREAMED: &str = "application/vnd.awslambda.http-integration-response";

/// What is posted of an invocation that failed.
pub(crate) fn error(kind: &str, message: &str) -> Bytes {
    let error = json!({ "errorType": kind, "errorMessage": message, "stackTrace": [] });
    error.to_string().into()
}

const TRAILERS: &str = "lambda-runtime-function-error-type, lambda-runtime-function-error-body";

fn whole(body: Bytes) -> Sent {
    Sent::Whole(Full::new(body))
}

#[allow(clippy::disallowed_types, reason = "it only talks to the platform")]
type Client = hyper_util::client::legacy::Client<HttpConnector, Sent>;

/// Where Lambda is asked for work.
#[derive(Clone)]
pub(crate) struct Api {
    base: String,
    client: Client,
}

/// Why the platform did not answer as it should.
#[derive(Debug)]
pub(crate) struct Unanswered(String);

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unanswered {}

impl Api {
    /// `address` is host and port, or an address with scheme and path.
    #[allow(clippy::disallowed_types, reason = "it only talks to the platform")]
    pub(crate) fn new(address: &str) -> Result<Self, Unanswered> {
        let base = match address.contains("://") {
            true => address.trim_end_matches('/').to_owned(),
            false => format!("http://{address}"),
        };
        let uri: Option<Uri> = base.parse().ok();
        if uri.as_ref().and_then(Uri::scheme_str) != Some("http") {
            let reason = format!("AWS_LAMBDA_RUNTIME_API: `{address}` is no host with port");
            return Err(Unanswered(reason));
        }
        let client = hyper_util::client::legacy::Client::builder(TokioExecutor::new());
        Ok(Self {
            base,
            client: client.build(HttpConnector::new()),
        })
    }

    /// The next invocation, however long it takes: the process may be frozen meanwhile.
    pub(crate) async fn next(&self) -> Result<(HeaderMap, Bytes), Unanswered> {
        let path = "/2018-06-01/runtime/invocation/next";
        let answer = self
            .ask(Method::GET, path, &[], whole(Bytes::new()))
            .await?;
        match answer.status() {
            StatusCode::OK => {
                let (head, body) = answer.into_parts();
                Ok((head.headers, body))
            }
            status => Err(Unanswered(format!("the next invocation: {status}"))),
        }
    }

    /// Tells the end of an invocation.
    pub(crate) async fn tell(&self, id: &str, told: Told) -> Result<(), Unanswered> {
        let json = ("content-type", "application/json");
        let (path, headers, body) = match told {
            Told::Answer(body) => ("response", vec![json], whole(body)),
            Told::Stream(streaming) => {
                let headers = vec![
                    ("content-type", STREAMED),
                    (MODE, "streaming"),
                    ("trailer", TRAILERS),
                ];
                ("response", headers, Sent::stream(streaming))
            }
            Told::Failed { kind, message } => (
                "error",
                vec![json, (ERROR_TYPE, kind)],
                whole(error(kind, &message)),
            ),
        };
        let path = format!("/2018-06-01/runtime/invocation/{id}/{path}");
        let answer = self.ask(Method::POST, &path, &headers, body).await?;
        match answer.status().is_success() {
            true => Ok(()),
            false => Err(Unanswered(format!(
                "the end of an invocation: {} {}",
                answer.status(),
                String::from_utf8_lossy(&answer.body()[..answer.body().len().min(200)])
            ))),
        }
    }

    /// Registers an extension that wants to hear of nothing: only then Lambda sends SIGTERM. Completes with
    /// an error where the platform has no extensions; else when the platform ends.
    pub(crate) async fn extend(&self) -> Result<(), Unanswered> {
        let name = ("lambda-extension-name", EXTENSION);
        let path = "/2020-01-01/extension/register";
        let body = Bytes::from_static(br#"{"events":[]}"#);
        let json = ("content-type", "application/json");
        let headers = [name, json];
        let answer = self.ask(Method::POST, path, &headers, whole(body)).await?;
        let id = answer.headers().get("lambda-extension-identifier");
        let id = id.and_then(|id| id.to_str().ok());
        let id = id.ok_or_else(|| Unanswered("no extensions".into()))?;
        let path = "/2020-01-01/extension/event/next";
        let headers = [("lambda-extension-identifier", id)];
        self.ask(Method::GET, path, &headers, whole(Bytes::new()))
            .await?;
        Ok(())
    }

    // What is collected is limited.
    #[allow(clippy::disallowed_methods)]
    async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&'static str, &str)],
        body: Sent,
    ) -> Result<Response<Bytes>, Unanswered> {
        let broken = |what: &dyn fmt::Display| Unanswered(format!("{path}: {what}"));
        let mut request = Request::new(body);
        *request.method_mut() = method;
        let uri = format!("{}{path}", self.base);
        *request.uri_mut() = uri.parse().map_err(|e| broken(&e))?;
        for (name, value) in headers {
            let value = HeaderValue::try_from(*value).map_err(|e| broken(&e))?;
            request.headers_mut().insert(*name, value);
        }
        let answer = self.client.request(request).await;
        let (head, body) = answer
            .map_err(|e| broken(&crate::error::chain(&e)))?
            .into_parts();
        let body = Limited::new(body, PAYLOAD_MAX).collect().await;
        let body = body.map_err(|e| broken(&e))?.to_bytes();
        Ok(Response::from_parts(head, body))
    }
}
