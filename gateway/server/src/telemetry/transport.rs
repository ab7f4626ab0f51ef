//! How spans reach the collector: the TLS stack of everything else.
#![allow(
    clippy::disallowed_types,
    reason = "reaches the collector that the operator named, nothing that a sender can choose"
)]

use super::course::Course;
use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use opentelemetry_http::{HttpClient, HttpError};
use std::time::Duration;
use tokio::runtime::Handle;

const ANSWER_MAX: usize = 1 << 20;

/// Runs requests on the gateway's runtime; the exporter has a thread of its own.
#[derive(Debug)]
pub(super) struct Transport {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    runtime: Handle,
    course: Course,
    deadline: Duration,
}

impl Transport {
    pub(super) fn new(course: Course, deadline: Duration) -> Result<Self, String> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let tls = rustls::ClientConfig::builder_with_provider(provider.into())
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Ok(Self {
            client: Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .build(connector),
            runtime: Handle::current(),
            course,
            deadline,
        })
    }
}

#[async_trait]
impl HttpClient for Transport {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let exchanged = self.exchange(request).await;
        match &exchanged {
            Ok(response) => self.course.answered(response.status()),
            Err(error) => self.course.failed(&**error),
        }
        exchanged
    }
}

impl Transport {
    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        // The exporter asks for its own only before it tries again.
        let deadline = self.deadline;
        let client = self.client.clone();
        let exchange = async move {
            let response = client.request(request.map(Full::new)).await?;
            let (parts, body) = response.into_parts();
            #[allow(
                clippy::disallowed_methods,
                reason = "limited, and within the deadline"
            )]
            let body = Limited::new(body, ANSWER_MAX).collect().await?.to_bytes();
            Ok::<_, HttpError>(Response::from_parts(parts, body))
        };
        // Timers, too, are made where the runtime is.
        let within = async move { tokio::time::timeout(deadline, exchange).await };
        self.runtime.spawn(within).await??
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::{Metrics, Scrape};
    use std::io::Write;
    use std::sync::{Arc, Mutex};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    const MINUTE: Duration = Duration::from_secs(60);

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            Write::write(&mut *self.0.lock().unwrap(), bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Log {
        fn lines(&self) -> Vec<String> {
            let written = std::mem::take(&mut *self.0.lock().unwrap());
            let text = String::from_utf8(written).unwrap();
            text.lines().map(str::to_owned).collect()
        }
    }

    /// Takes one request on a connection of its own, and answers this, where it is anything.
    async fn collector(listener: &TcpListener, answer: &str) {
        let (mut connection, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        assert!(connection.read(&mut request).await.unwrap() > 0);
        connection.write_all(answer.as_bytes()).await.unwrap();
    }

    fn answer(status: &str) -> String {
        format!(
            "HTTP/1.1 {status}\r\nconnection: close\r\nx-key: hunter2\r\ncontent-length: 7\r\n\r\nhunter2"
        )
    }

    #[tokio::test]
    async fn what_a_collector_does_not_take_is_told_once_and_counted() {
        let log = Log::default();
        let written = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || written.clone())
            .finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        let metrics = Arc::new(Metrics::default());
        let transport = Transport::new(Course::new(metrics.clone()), MINUTE).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1/traces", listener.local_addr().unwrap());
        let again = "spans reach the collector again";
        for (answer, told) in [
            (answer("200 OK"), None),
            (answer("401 Unauthorized"), Some("answers 401 Unauthorized")),
            (answer("401 Unauthorized"), None),
            (answer("307 Temporary Redirect"), None),
            (answer("202 Accepted"), Some(again)),
            (answer("200 OK"), None),
            (String::new(), Some("spans do not reach the collector")),
            (answer("503 Service Unavailable"), None),
            (answer("200 OK"), Some(again)),
        ] {
            let request = Request::post(&url).header("x-key", "hunter2");
            let sending = transport.send_bytes(request.body(Bytes::from_static(b"x")).unwrap());
            let (sent, ()) = tokio::join!(sending, collector(&listener, &answer));
            assert_eq!(sent.is_ok(), !answer.is_empty(), "{answer}");
            let lines = log.lines();
            match told {
                Some(told) => assert!(
                    lines.len() == 1 && lines[0].contains(told) && !lines[0].contains("hunter2"),
                    "{answer}: {lines:?}"
                ),
                None => assert!(lines.is_empty(), "{answer}: {lines:?}"),
            }
        }
        let text = metrics.render(&Scrape::default());
        for (outcome, count) in [("taken", 4), ("refused", 4), ("failed", 1)] {
            let line = format!("tradewind_traces_exports_total{{outcome=\"{outcome}\"}} {count}");
            assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
        }
    }

    #[tokio::test]
    async fn a_collector_that_never_answers_is_given_up_in_time() {
        let metrics = Arc::new(Metrics::default());
        let deadline = Duration::from_millis(50);
        let transport = Transport::new(Course::new(metrics.clone()), deadline).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let request = Request::post(url).body(Bytes::new()).unwrap();
        let sending = tokio::time::timeout(MINUTE / 4, transport.send_bytes(request));
        assert!(sending.await.unwrap().is_err());
    }
}
