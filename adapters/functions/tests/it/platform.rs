//! A server that stands for a platform, and what the table says of each.

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, Uri};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{Build, Delivery, Outcome, Registry, Report, Sink};
use tradewind_event::Event;
use tradewind_functions::PLATFORMS;

pub(crate) enum Act {
    Answer(u16, Vec<(&'static str, String)>, String),
    Hang,
    Endless,
}

pub(crate) type Seen = (Uri, HeaderMap, Bytes);

#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// Answers functions so, and whoever asks for an ID token with one.
    pub(crate) async fn start(act: Act) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            seen: Arc::default(),
        };
        let (seen, act) = (Arc::clone(&server.seen), Arc::new(act));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (seen, act) = (Arc::clone(&seen), Arc::clone(&act));
                tokio::spawn(async move {
                    let service = service_fn(move |request| {
                        answer(request, Arc::clone(&act), Arc::clone(&seen))
                    });
                    let io = TokioIo::new(stream);
                    let http = auto::Builder::new(TokioExecutor::new());
                    http.serve_connection(io, service).await.ok();
                });
            }
        });
        server
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn answer(
    request: Request<Incoming>,
    act: Arc<Act>,
    seen: Arc<Mutex<Vec<Seen>>>,
) -> Result<Response<BoxBody<Bytes, Infallible>>, Infallible> {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return std::future::pending().await;
    };
    let body = body.to_bytes();
    let mut response = Response::new(Full::new(Bytes::new()).boxed());
    if head.uri.path().starts_with("/computeMetadata/") {
        assert_eq!(head.headers["metadata-flavor"], "Google");
        let query = head.uri.query().unwrap_or_default();
        let token = format!("token-for.{}", query.replace('%', "-"));
        *response.body_mut() = Full::new(Bytes::from(token)).boxed();
        return Ok(response);
    }
    seen.lock().unwrap().push((head.uri, head.headers, body));
    match &*act {
        Act::Hang => std::future::pending().await,
        Act::Endless => {
            let forever = futures(Bytes::from(vec![b'x'; 16 << 10]));
            *response.body_mut() = BoxBody::new(StreamBody::new(forever));
        }
        Act::Answer(status, headers, text) => {
            *response.status_mut() = StatusCode::from_u16(*status).unwrap();
            for (name, value) in headers {
                response.headers_mut().insert(*name, value.parse().unwrap());
            }
            *response.body_mut() = Full::new(Bytes::from(text.clone())).boxed();
        }
    }
    Ok(response)
}

fn futures(chunk: Bytes) -> impl futures_util::Stream<Item = Result<Frame<Bytes>, Infallible>> {
    futures_util::stream::repeat_with(move || Ok(Frame::data(chunk.clone())))
}

/// A sink of this kind, as the configuration builds it.
pub(crate) fn sink(kind: &str, url: &str, mut settings: Value) -> Arc<dyn Sink> {
    let mut registry = Registry::default();
    tradewind_functions::register(&mut registry);
    settings["url"] = json!(url);
    settings["allow-private"] = json!(["127.0.0.0/8"]);
    let built = registry.build_sink(kind, &settings, &Build::default());
    built.unwrap_or_else(|failure| panic!("{}: {}", failure.path, failure.error))
}

pub(crate) async fn deliver(sink: &dyn Sink) -> Outcome {
    let (report, mut outcomes) = Report::channel();
    let event = Event::builder("1", "/shop", "order.placed").data("text/plain", "x");
    let delivery = Delivery {
        id: "d-1".into(),
        event: event.build().unwrap(),
        subscription: "test".into(),
        stream: "default".into(),
        position: "0/7".into(),
        attempt: 1,
        timeout: Duration::from_secs(20),
        replay: None,
        trace: None,
    };
    sink.deliver(vec![delivery], report, CancellationToken::new())
        .await;
    outcomes.try_recv().unwrap().1
}

#[tokio::test]
async fn google_gets_tokens_for_its_service_or_its_function() {
    for (kind, audience) in [("gcp-cloud-run", ""), ("gcp-function", "-2Ff")] {
        let server = Server::start(Act::Answer(204, Vec::new(), String::new())).await;
        let base = format!("http://{}", server.address);
        let settings = json!({"auth": {"id-token": {"metadata": base}}});
        let sink = sink(kind, &format!("{base}/f?x=1"), settings);
        assert!(matches!(deliver(&*sink).await, Outcome::Accepted { .. }));
        let own = base.replace("://", "-3A-2F-2F").replace(":", "-3A");
        let token = format!("Bearer token-for.audience={own}{audience}&format=full");
        assert_eq!(server.seen()[0].1["authorization"], token, "{kind}");
    }
}

#[tokio::test]
async fn platforms_name_their_calls() {
    for (kind, header) in [
        ("openfaas", "x-call-id"),
        ("fn", "fn-call-id"),
        ("cloudflare-worker", "cf-ray"),
    ] {
        let headers = vec![(header, "call-1".to_owned())];
        let server = Server::start(Act::Answer(202, headers, String::new())).await;
        let url = format!("http://{}/async-function/resize", server.address);
        let sink = sink(kind, &url, json!({}));
        let Outcome::Accepted { receipt, .. } = deliver(&*sink).await else {
            panic!("{kind}: not accepted");
        };
        assert_eq!(receipt.as_deref(), Some("call-1"), "{kind}");
        assert_eq!(server.seen()[0].0.path(), "/async-function/resize");
    }
}

/// One letter per verdict: p(atience), t(hrottled), l(ater), r(ejected).
fn verdict(outcome: &Outcome) -> (char, String) {
    match outcome {
        Outcome::Retry {
            patience,
            throttled,
            reason,
            ..
        } => match (patience, throttled) {
            (Some(_), _) => ('p', reason.detail.clone()),
            (_, true) => ('t', reason.detail.clone()),
            _ => ('l', reason.detail.clone()),
        },
        Outcome::Reject { reason, .. } => ('r', reason.detail.clone()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn answers_mean_what_the_platform_means_by_them() {
    for (kind, status, expected, hint) in [
        ("gcp-cloud-run", 401, 'p', "roles/run.servicesInvoker"),
        ("gcp-cloud-run", 403, 'p', "roles/run.servicesInvoker"),
        ("gcp-cloud-run", 404, 'p', "`ingress`"),
        ("gcp-cloud-run", 429, 't', ""),
        ("gcp-cloud-run", 503, 'l', "instances are all taken"),
        ("gcp-function", 403, 'p', "roles/cloudfunctions.invoker"),
        ("azure-function", 401, 'p', "`auth.function-key`"),
        ("azure-function", 404, 'p', "a slot that swaps"),
        ("azure-function", 429, 't', ""),
        ("azure-function", 502, 'l', "230 s"),
        ("azure-function", 503, 'l', "starting or stopped"),
        ("azure-function", 413, 'r', ""),
        ("knative", 503, 't', ""),
        ("knative", 404, 'p', "becoming ready"),
        ("knative", 500, 'l', ""),
        ("openfaas", 404, 'p', "/function/NAME"),
        ("openfaas", 502, 'l', "upstream_timeout"),
        ("openfaas", 429, 't', ""),
        ("cloudflare-worker", 413, 'r', "the plan of the zone"),
        ("cloudflare-worker", 429, 't', ""),
        ("cloudflare-worker", 503, 't', ""),
        ("cloudflare-worker", 522, 'l', ""),
        ("fn", 503, 't', ""),
        ("fn", 504, 'l', "`timeout`"),
        ("fn", 404, 'p', "/invoke/FUNCTION-ID"),
    ] {
        let server = Server::start(Act::Answer(status, Vec::new(), "no".into())).await;
        let url = format!("http://{}/", server.address);
        let sink = sink(kind, &url, json!({"auth": "none"}));
        let (letter, detail) = verdict(&deliver(&*sink).await);
        assert_eq!(letter, expected, "{kind} {status}");
        assert!(
            detail.starts_with("no") && detail.contains(hint),
            "{kind} {status}: {detail}"
        );
    }
}

#[test]
fn limits_are_told_and_unknown_keys_refused() {
    let mut registry = Registry::default();
    tradewind_functions::register(&mut registry);
    for entry in PLATFORMS {
        let kind = entry.platform.kind;
        let sink = sink(kind, "http://127.0.0.1:8080/", json!({"auth": "none"}));
        assert_eq!(
            sink.capability().deliver_bytes_max,
            entry.platform.bytes_max
        );
        assert_eq!(sink.capability().deliver_time_max, entry.platform.time_max);
        let settings = json!({"url": "https://a.example/", "adult": 1});
        let failure = registry.build_sink(kind, &settings, &Build::default());
        let failure = failure.unwrap_err().error.to_string();
        assert!(failure.contains("unknown field `adult`"), "{failure}");
    }
}
