use super::*;
use crate::{Auth, Build, Callers, Capability, Delivery, Invoke, Reason, Report};
use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::Full;
use serde_json::json;
use std::sync::atomic::AtomicUsize;
use std::time::SystemTime;
use tokio_util::sync::CancellationToken;

/// Knows `good-…`, forbids `known-…`, fails at `broken`, says nothing at `silent`, nonsense at `odd-…`.
#[derive(Debug, Default)]
struct Function {
    asked: AtomicUsize,
}

#[async_trait]
impl Sink for Function {
    async fn deliver(&self, _: Vec<Delivery>, _: Report, _: CancellationToken) {}
    fn capability(&self) -> Capability {
        Capability::default()
    }
    fn describe(&self) -> String {
        "function".into()
    }
    fn invoke(&self) -> Option<&dyn Invoke> {
        Some(self)
    }
}

#[async_trait]
impl Invoke for Function {
    async fn ask(&self, event: Event) -> Result<Response<Body>, Reason> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        assert_eq!(event.ty(), AUTHORIZE);
        let data: Value = serde_json::from_slice(&event.data().unwrap().bytes).unwrap();
        assert_eq!(data["at"], "door");
        let token = data["headers"]["authorization"]
            .as_str()
            .unwrap()
            .to_owned();
        assert_eq!(data["headers"].as_object().unwrap().len(), 1);
        tokio::time::sleep(Duration::from_millis(100)).await;
        let (status, body) = match token.split('-').next().unwrap() {
            "good" => (200, json!({ "principal": token }).to_string()),
            "reader" => (
                200,
                json!({ "principal": token, "scopes": ["subscribe"] }).to_string(),
            ),
            "no" => (200, json!({ "allow": false }).to_string()),
            "known" => (403, String::new()),
            "unknown" => (401, String::new()),
            "odd" => (200, token),
            "long" => (200, json!({ "principal": "x".repeat(1 << 20) }).to_string()),
            "raw" => (200, token["raw-".len()..].to_owned()),
            "nameless" => (200, "{}".into()),
            "moved" => (302, String::new()),
            "silent" => std::future::pending().await,
            _ => return Err(Reason::new("connect", "hunter2")),
        };
        let body = Full::new(Bytes::from(body)).map_err(|never| match never {});
        let mut answer = Response::new(body.boxed_unsync());
        *answer.status_mut() = StatusCode::from_u16(status).unwrap();
        Ok(answer)
    }
}

#[derive(Debug)]
struct Lent(Arc<Function>);

impl Sinks for Lent {
    fn sink(&self, settings: &Map<String, Value>) -> Result<Arc<dyn Sink>, Error> {
        assert_eq!(settings["kind"], "function");
        Ok(self.0.clone())
    }
}

fn built(settings: Value) -> (Result<Callers, Error>, Arc<Function>) {
    let function = Arc::new(Function::default());
    let build = Build {
        name: "door".into(),
        sinks: Some(Arc::new(Lent(function.clone()))),
        ..Build::default()
    };
    let auth: Auth = serde_json::from_value(settings).unwrap();
    (Callers::new(Some(&auth), &build), function)
}

fn callers(more: Value) -> (Callers, Arc<Function>) {
    let mut settings = json!({ "sink": { "kind": "function" }, "headers": ["authorization"] });
    settings
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let (callers, function) = built(json!({ "authorizer": settings }));
    (callers.unwrap(), function)
}

async fn show(callers: &Callers, token: &str) -> Result<Verified, Refusal> {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", token.parse().unwrap());
    headers.insert("cookie", "session=hunter2".parse().unwrap());
    if let Some(asking) = callers.missing(&headers) {
        asking.await?;
    }
    callers.verify(&headers, None, SystemTime::UNIX_EPOCH)
}

#[tokio::test(start_paused = true)]
async fn what_it_says_is_what_callers_are_told() {
    let (callers, _) = callers(json!({ "timeout": "1s" }));
    let good = show(&callers, "good-1").await.unwrap();
    assert_eq!(
        (good.principal.as_str(), good.method),
        ("authorizer:good-1", "authorizer")
    );
    let reader = show(&callers, "reader-1").await.unwrap();
    assert!(reader.may(Action::Subscribe).is_ok() && reader.may(Action::Publish).is_err());
    for (token, status) in [
        ("no-1", 401),
        ("unknown-1", 401),
        ("known-1", 403),
        ("odd-1", 503),
        ("long-1", 503),
        ("nameless-1", 503),
        (r#"raw-{"principal":"shop","allowed":false}"#, 503),
        (r#"raw-{"principal":"shop","scope":["publish"]}"#, 503),
        ("moved-1", 503),
        ("broken-1", 503),
        ("silent-1", 503),
    ] {
        let refusal = show(&callers, token).await.unwrap_err();
        assert_eq!(refusal.status, status, "{token}: {refusal}");
        assert!(
            !refusal.reason.contains(token) && !refusal.reason.contains("hunter2"),
            "{refusal}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_asked_once_for_what_is_shown_and_again_when_that_is_old() {
    let (callers, function) = callers(json!({ "cache": "60s" }));
    let asked = || function.asked.load(Ordering::SeqCst);
    let crowd = (0..20).map(|_| show(&callers, "good-1"));
    let mut crowd: Vec<_> = crowd.map(Box::pin).collect();
    // All at once: those behind the first wait for its answer.
    std::future::poll_fn(|context| {
        crowd.retain_mut(|one| one.as_mut().poll(context).is_pending());
        match crowd.is_empty() {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    assert_eq!(asked(), 1);
    tokio::time::advance(Duration::from_secs(59)).await;
    show(&callers, "good-1").await.unwrap();
    assert_eq!(asked(), 1);
    show(&callers, "good-2").await.unwrap();
    assert_eq!(asked(), 2);
    tokio::time::advance(Duration::from_secs(2)).await;
    show(&callers, "good-1").await.unwrap();
    assert_eq!(asked(), 3);
    // A no is forgotten sooner, a failure at once.
    for (token, pause) in [("no-1", 6), ("broken-1", 2)] {
        let before = asked();
        for _ in 0..3 {
            show(&callers, token).await.unwrap_err();
        }
        assert_eq!(asked(), before + 1, "{token}");
        tokio::time::advance(Duration::from_secs(pause)).await;
        show(&callers, token).await.unwrap_err();
        assert_eq!(asked(), before + 2, "{token}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_strangers_is_bounded_and_throws_nobody_out() {
    let (callers, function) = callers(json!({ "cache": "1h" }));
    show(&callers, "good-1").await.unwrap();
    for n in 0..ANSWERS_MAX + 10 {
        show(&callers, &format!("no-{n}")).await.unwrap_err();
    }
    let asked = function.asked.load(Ordering::SeqCst);
    show(&callers, "good-1").await.unwrap();
    assert_eq!(function.asked.load(Ordering::SeqCst), asked);
}

#[tokio::test(start_paused = true)]
async fn who_shows_nothing_or_too_much_is_refused_unasked() {
    let (callers, function) = callers(json!({}));
    let mut headers = HeaderMap::new();
    assert!(callers.missing(&headers).is_none());
    assert_eq!(
        callers
            .verify(&headers, None, SystemTime::UNIX_EPOCH)
            .unwrap_err()
            .status,
        401
    );
    for value in ["good-1", "good-2"] {
        headers.append("authorization", value.parse().unwrap());
    }
    assert!(callers.missing(&headers).is_none());
    assert_eq!(
        callers
            .verify(&headers, None, SystemTime::UNIX_EPOCH)
            .unwrap_err()
            .status,
        401
    );
    let long = "g".repeat(HEADER_MAX + 1);
    assert_eq!(show(&callers, &long).await.unwrap_err().status, 401);
    assert_eq!(function.asked.load(Ordering::SeqCst), 0);
}

#[test]
fn what_it_is_shown_are_credentials() {
    let (callers, _) = callers(json!({ "headers": ["X-Session", "cookie"] }));
    assert_eq!(callers.credentials(), ["x-session", "cookie"]);
    let open = Callers::new(Some(&Auth::NoneIUnderstand), &Build::default()).unwrap();
    assert!(open.credentials().is_empty());
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let sink = json!({ "kind": "function" });
    for (settings, told) in [
        (json!({ "sink": sink, "headers": [] }), "must name 1 to 8"),
        (json!({ "sink": sink, "headers": ["a b"] }), "is no header"),
        (
            json!({ "sink": sink, "headers": ["a", "Host"] }),
            "is no credential",
        ),
        (
            json!({ "sink": sink, "headers": ["ce-id"] }),
            "is no credential",
        ),
        (
            json!({ "sink": sink, "headers": ["tradewind-hops"] }),
            "is no credential",
        ),
        (
            json!({ "sink": sink, "headers": ["a"], "cache": "2h" }),
            "cache",
        ),
        (
            json!({ "sink": sink, "headers": ["a"], "cache": "30" }),
            "cache",
        ),
        (
            json!({ "sink": sink, "headers": ["a"], "timeout": "0s" }),
            "no time at all",
        ),
        (
            json!({ "sink": sink, "headers": ["a"], "timeout": "31s" }),
            "timeout",
        ),
    ] {
        let (built, _) = built(json!({ "authorizer": settings }));
        let error = built.unwrap_err();
        assert!(error.message().contains(told), "{settings}: {error}");
    }
    let both =
        json!({ "authorizer": { "sink": sink, "headers": ["a"] }, "certificates": ["dns:a"] });
    assert!(
        built(both)
            .0
            .unwrap_err()
            .message()
            .contains("stands beside")
    );
}
