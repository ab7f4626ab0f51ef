//! The loop against a Runtime API that does not keep its word.

use super::run;
use crate::crew::Crew;
use crate::{Event, Handler, Host, InvokeMode, Options};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// Answers each question for an invocation in turn, then none; and keeps what it is told.
struct Platform {
    next: Mutex<VecDeque<Response<Full<Bytes>>>>,
    told: Mutex<Vec<String>>,
    /// What was posted last: headers, body, trailers.
    posted: Mutex<Option<(HeaderMap, Bytes, HeaderMap)>>,
    idle: Notify,
}

impl Platform {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path().to_owned();
        if !path.ends_with("/invocation/next") {
            let (head, body) = request.into_parts();
            let kind = head.headers.get("lambda-runtime-function-error-type");
            let kind = kind.map_or("", |kind| kind.to_str().unwrap());
            self.told.lock().unwrap().push(format!("{path} {kind}"));
            #[allow(clippy::disallowed_methods, reason = "limited")]
            let body = Limited::new(body, 16 << 20).collect().await.unwrap();
            let trailers = body.trailers().cloned().unwrap_or_default();
            if path.ends_with("/response") {
                let posted = (head.headers, body.to_bytes(), trailers);
                *self.posted.lock().unwrap() = Some(posted);
            }
            let mut answer = Response::new(Full::default());
            *answer.status_mut() = match path.contains("/full/") {
                true => StatusCode::PAYLOAD_TOO_LARGE,
                false => StatusCode::ACCEPTED,
            };
            return answer;
        }
        let next = self.next.lock().unwrap().pop_front();
        match next {
            Some(next) => next,
            None => {
                self.idle.notify_one();
                std::future::pending().await
            }
        }
    }
}

fn invocation(id: Option<&str>, payload: &str) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::from(payload.to_owned()));
    if let Some(id) = id {
        let id = http::HeaderValue::from_bytes(id.as_bytes()).unwrap();
        answer
            .headers_mut()
            .insert("lambda-runtime-aws-request-id", id);
    }
    answer
}

fn status(code: u16) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = StatusCode::from_u16(code).unwrap();
    answer
}

/// Runs a handler that takes everything until the platform has no more to give; and how that ended.
async fn told(next: Vec<Response<Full<Bytes>>>, prefix: &str) -> (Vec<String>, Result<(), String>) {
    let handler = crate::handler_fn(|_event: Event| async {});
    let (platform, ended) = serve(next, prefix, handler, Options::default()).await;
    let mut told = platform.told.lock().unwrap().clone();
    told.retain(|told| !told.contains("/extension/"));
    (told, ended)
}

async fn serve(
    next: Vec<Response<Full<Bytes>>>,
    prefix: &str,
    handler: impl Handler,
    options: Options,
) -> (Arc<Platform>, Result<(), String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let platform = Arc::new(Platform {
        next: Mutex::new(next.into()),
        told: Mutex::default(),
        posted: Mutex::default(),
        idle: Notify::new(),
    });
    let served = platform.clone();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let platform = served.clone();
            let service = service_fn(move |request| {
                let platform = platform.clone();
                async move { Ok::<_, Infallible>(platform.answer(request).await) }
            });
            tokio::spawn(async move {
                let server = auto::Builder::new(TokioExecutor::new());
                server
                    .serve_connection(TokioIo::new(stream), service)
                    .await
                    .ok();
            });
        }
    });
    let crew = Crew::new(Arc::new(handler), Host::Lambda, &options);
    let api = format!("{prefix}{address}");
    let get = move |name: &str| (name == "AWS_LAMBDA_RUNTIME_API").then(|| api.clone());
    let ended = run(crew, options, get, platform.idle.notified()).await;
    (platform, ended.map_err(|failure| failure.to_string()))
}

#[tokio::test]
async fn a_platform_that_breaks_its_word_does_not_end_the_function() {
    let invocations = vec![
        invocation(None, "{}"),
        invocation(Some(""), "{}"),
        invocation(Some("../../init/error"), "{}"),
        invocation(Some("\u{e9}"), "{}"),
        status(500),
        invocation(Some("full"), "{}"),
        invocation(Some("r-1"), "{"),
        invocation(Some("r-2"), "{}"),
    ];
    let (told, ended) = told(invocations, "").await;
    let path = |rest: &str| format!("/2018-06-01/runtime/invocation/{rest}");
    assert_eq!(
        told,
        [
            path("full/response "),
            path("r-1/error Function.MalformedPayload"),
            path("r-2/response "),
        ]
    );
    assert_eq!(ended, Ok(()));
}

#[tokio::test]
async fn a_platform_that_is_gone_ends_it() {
    let (_, ended) = told((0..6).map(|_| status(503)).collect(), "http://").await;
    let reason = ended.unwrap_err();
    assert!(reason.contains("503"), "{reason}");
}

#[tokio::test]
async fn an_address_that_is_none_is_told() {
    for (address, expected) in [
        (None, "AWS_LAMBDA_RUNTIME_API: is not set"),
        (Some(""), "AWS_LAMBDA_RUNTIME_API: is not set"),
        (
            Some("https://x"),
            "AWS_LAMBDA_RUNTIME_API: `https://x` is no host with port",
        ),
        (
            Some("a b"),
            "AWS_LAMBDA_RUNTIME_API: `a b` is no host with port",
        ),
    ] {
        let options = Options::default();
        let handler = crate::handler_fn(|_event: Event| async {});
        let crew = Crew::new(Arc::new(handler), Host::Lambda, &options);
        let get = |_: &str| address.map(str::to_owned);
        let ended = run(crew, options, get, std::future::pending()).await;
        let reason = ended.unwrap_err().to_string();
        assert!(reason.starts_with(expected), "{reason}");
    }
}

fn pieces(event: &Event) -> crate::Response {
    let fine = ["one ", "two"].map(|piece| Ok(Bytes::from(piece)));
    let end = event
        .subject()
        .map(|why| Err(std::io::Error::other(why.to_owned())));
    let pieces = fine.into_iter().chain(end);
    crate::Response::stream("text/plain", futures_util::stream::iter(pieces))
        .header("set-cookie", "a=1")
        .header("set-cookie", "b=2")
}

/// What was posted of a request to a function URL that brings an event with this subject.
async fn streamed(subject: Option<&str>) -> (HeaderMap, Bytes, HeaderMap) {
    let event = Event::builder("1", "/s", "t");
    let event = match subject {
        Some(subject) => event.subject(subject),
        None => event,
    };
    let way = crate::testing::WAYS
        .iter()
        .find(|way| way.trigger == "function URL");
    let request = way.unwrap().bring(&event.build().unwrap());
    let payload = String::from_utf8(request.body().to_vec()).unwrap();
    let options = Options {
        invoke_mode: InvokeMode::ResponseStream,
        ..Options::default()
    };
    let handler = crate::handler_fn(|event: Event| async move { pieces(&event) });
    let (platform, ended) = serve(
        vec![invocation(Some("r-1"), &payload)],
        "",
        handler,
        options,
    )
    .await;
    assert_eq!(ended, Ok(()));
    let posted = platform.posted.lock().unwrap().take();
    posted.unwrap()
}

#[tokio::test]
async fn a_stream_is_posted_piece_by_piece_and_its_failure_in_trailers() {
    use base64::Engine;
    for (subject, failed) in [
        (None, false),
        (Some("the disk of customer 7 is full"), true),
    ] {
        let (headers, body, trailers) = streamed(subject).await;
        assert_eq!(
            headers["lambda-runtime-function-response-mode"],
            "streaming"
        );
        assert_eq!(headers["transfer-encoding"], "chunked");
        let mark = body.windows(8).position(|bytes| bytes == [0; 8]).unwrap();
        let prelude: serde_json::Value = serde_json::from_slice(&body[..mark]).unwrap();
        assert_eq!(prelude["cookies"], serde_json::json!(["a=1", "b=2"]));
        assert_eq!(&body[mark + 8..], b"one two");
        let kind = trailers.get("lambda-runtime-function-error-type");
        assert_eq!(kind.is_some(), failed, "{trailers:?}");
        if failed {
            let told = trailers["lambda-runtime-function-error-body"].as_bytes();
            let told = base64::engine::general_purpose::STANDARD
                .decode(told)
                .unwrap();
            let told: serde_json::Value = serde_json::from_slice(&told).unwrap();
            assert_eq!(told["errorType"], "Function.StreamBroken");
            // What the stream said is for the log.
            assert_eq!(told["errorMessage"], "the stream broke off");
        }
    }
}
