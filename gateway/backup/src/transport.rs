//! How object storage is reached: the TLS stack of everything else, and a deadline on each request.
#![allow(
    clippy::disallowed_types,
    reason = "reaches what the operator named, nothing that a sender can choose"
)]

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use object_store::ClientOptions;
use object_store::client::{
    self, HttpClient, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse,
    HttpService,
};
use std::io;
use std::time::Duration;

/// Time for one request and its whole answer.
const DEADLINE: Duration = Duration::from_secs(120);
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// Most bytes of an answer: the largest piece, with room to spare.
const ANSWER_MAX: usize = 320 << 20;

/// Makes clients for object storage.
#[derive(Debug)]
pub(crate) struct Transport;

impl client::HttpConnector for Transport {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let tls = rustls::ClientConfig::builder_with_provider(provider.into())
            .with_safe_default_protocol_versions()
            .map_err(|error| object_store::Error::Generic {
                store: "S3",
                source: error.into(),
            })?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_MAX));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .build(connector);
        Ok(HttpClient::new(Pooled(client)))
    }
}

#[derive(Debug)]
struct Pooled(Client<HttpsConnector<HttpConnector>, HttpRequestBody>);

#[async_trait]
impl HttpService for Pooled {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let shown = Shown::by(&request);
        let exchange = async {
            let response = self.0.request(request).await.map_err(|error| {
                let kind = match error.is_connect() {
                    true => HttpErrorKind::Connect,
                    false => HttpErrorKind::Request,
                };
                HttpError::new(kind, error)
            })?;
            let (parts, body) = response.into_parts();
            #[allow(
                clippy::disallowed_methods,
                reason = "limited, and within the deadline"
            )]
            let body: Bytes = Limited::new(body, ANSWER_MAX)
                .collect()
                .await
                .map_err(|error| HttpError::new_boxed(HttpErrorKind::Interrupted, error))?
                .to_bytes();
            let body = match parts.status.is_success() {
                true => body,
                // It is told of in errors.
                false => shown.withheld(body),
            };
            let body = Full::new(body).map_err(|never| match never {});
            Ok(HttpResponse::from_parts(
                parts,
                client::HttpResponseBody::new(body),
            ))
        };
        let late = |_| {
            HttpError::new(
                HttpErrorKind::Timeout,
                io::Error::from(io::ErrorKind::TimedOut),
            )
        };
        tokio::time::timeout(DEADLINE, exchange)
            .await
            .map_err(late)?
    }
}

/// Credentials of a request. Of one whose signature is wrong the service says all that was signed.
struct Shown(Vec<String>);

impl Shown {
    fn by(request: &HttpRequest) -> Self {
        let headers =
            ["authorization", "x-amz-security-token"].map(|name| request.headers().get(name));
        let texts = headers
            .into_iter()
            .flatten()
            .filter_map(|value| value.to_str().ok());
        Self(texts.map(str::to_owned).collect())
    }

    fn withheld(&self, body: Bytes) -> Bytes {
        let text = String::from_utf8_lossy(&body);
        match self.0.iter().any(|shown| text.contains(shown)) {
            false => body,
            true => {
                let hide = |text: String, shown: &String| text.replace(shown, "[secret]");
                self.0.iter().fold(text.into_owned(), hide).into()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_shown_is_not_told_back() {
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        let headers = request.headers_mut();
        headers.insert("x-amz-security-token", "hunter2".parse().unwrap());
        headers.insert("authorization", "AWS4 a/b".parse().unwrap());
        let shown = Shown::by(&request);
        let told = |text: &'static str| shown.withheld(Bytes::from_static(text.as_bytes()));
        assert_eq!(
            told("<Code>SignatureDoesNotMatch</Code> token:hunter2 AWS4 a/b"),
            "<Code>SignatureDoesNotMatch</Code> token:[secret] [secret]"
        );
        assert_eq!(told("<Code>NoSuchKey</Code>"), "<Code>NoSuchKey</Code>");
    }
}
