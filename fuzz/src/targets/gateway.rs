//! The two listeners of the gateway, from a parsed head to the answer.

use crate::Target;
use crate::input::Cut;
use crate::signing::{Kind, NOW, SECRETS, SVIX, WEBHOOK, fill, one, replace, signed};
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use serde_json::Value;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tower_service::Service;
use tradewind_config::System;
use tradewind_engine::{Clock, Exceeded, Happening, Origin, PublishError, Receipt};
use tradewind_event::Event;
use tradewind_policy::{self as policy, Policies, Principal};
use tradewind_server::admin::{self, Guard, Metrics};
use tradewind_server::ingress::{Ingress, Limits, Publisher};
use tradewind_server::run::{self, Options, Running};

/// The only key that is configured, and one that is well-formed.
const KEY: &str = "tw_shop_000000000000000000000000000000000000000000000000";
const OTHER: &str = "tw_shop_111111111111111111111111111111111111111111111111";
/// The token of the admin API.
const TOKEN: &str = "right";
/// Largest body that ingress takes here.
const BODY: usize = 2048;

/// Requests to every kind of source.
pub(super) const INGRESS: Target = Target {
    words: &[
        "POST /github\n",
        "POST /hooks\n",
        "POST /keyed\n",
        "POST /open\n",
        "OPTIONS /open\n",
        "host: g\n",
        "x-hub-signature-256: sha256={first}\nx-github-event: push\nx-github-delivery: 1\n",
        "webhook-id: a\nwebhook-timestamp: {now}\nwebhook-signature: v1,{first}\n",
        "svix-id: a\nsvix-timestamp: {now}\nsvix-signature: v1,{second}\n",
        "authorization: Bearer {key}\n",
        "x-api-key: {key}\n",
        "x-api-key: {other}\n",
        "idempotency-key: 1\n",
        "webhook-request-origin: a.example\n",
        "content-length: 5\n",
        "content-encoding: gzip\n",
        "ce-specversion: 1.0\nce-id: 1\nce-source: /s\nce-type: t\n",
        "content-type: application/cloudevents+json\n",
        "content-type: application/cloudevents-batch+json\n",
    ],
    // The first input builds the gateway, with the schemas of all its adapters.
    memory: 768 << 10,
    growth: 256,
    ..Target::new("ingress", ingress)
};

/// Requests to the admin API, with and without its token.
pub(super) const ADMIN: Target = Target {
    words: &[
        "GET /v1/status\n",
        "GET /v1/subscriptions/a\n",
        "POST /v1/subscriptions/a/pause\n",
        "GET /v1/subscriptions/a/dead-letters?limit=1&after=0/0\n",
        "POST /v1/subscriptions/a/dead-letters/redrive\n",
        "POST /v1/replays\n",
        "DELETE /v1/replays/",
        "GET /v1/explain?event=",
        "GET /v1/events/default/0/0\n",
        "POST /v1/streams/default/events\n",
        "GET /v1/tail?what=a\n",
        "host: localhost\n",
        "authorization: Bearer {token}\n",
        "content-type: application/json\n",
        "{\"all\":true}",
        "{\"position\":\"0/0\"}",
        "{\"subscription\":\"a\",\"from\":\"oldest\",\"rate-per-second\":1}",
        "%2F",
        "default@0/0",
    ],
    // The first one starts the gateway.
    memory: 16 << 20,
    growth: 1024,
    ..Target::new("admin", admin)
};

/// A clock that stands still: time is not what is tried here.
#[derive(Debug)]
struct Still;

#[async_trait]
impl Clock for Still {
    fn unix_ms(&self) -> u64 {
        NOW * 1000
    }
    fn monotonic_ms(&self) -> u64 {
        0
    }
    async fn sleep_until(&self, _: u64) {
        std::future::pending().await
    }
}

/// Takes everything, and keeps it for the oracle.
#[derive(Default)]
struct Kept(Mutex<Vec<(Origin, Vec<Event>)>>);

#[async_trait]
impl Publisher for Kept {
    async fn publish(
        &self,
        _: &str,
        origin: &Origin,
        events: Vec<Event>,
    ) -> Result<Vec<Receipt>, PublishError> {
        let receipts = events.iter().enumerate().map(|(n, _)| Receipt {
            position: format!("0/{n}"),
            duplicate: false,
            matched: 1,
            due_ms: None,
        });
        let receipts = receipts.collect();
        self.0.lock().unwrap().push((origin.clone(), events));
        Ok(receipts)
    }
    fn room(&self, _: &str) -> Result<(), Exceeded> {
        Ok(())
    }
    fn decide(
        &self,
        who: &Principal,
        action: policy::Action,
        resource: policy::Resource<'_>,
    ) -> policy::Decision {
        Policies::off().decide(who, action, resource, policy::Facts::default())
    }
    fn count_denied(&self, _: policy::Action, _: &policy::Decision) {}
    fn listened(&self) -> bool {
        false
    }
    fn report(&self, _: Happening) {}
}

struct Door {
    ingress: Ingress,
    kept: Arc<Kept>,
}

fn door() -> Door {
    let [first, second] = SECRETS;
    let hash = tradewind_adapter::api_key::hash_hex(KEY);
    let text = format!(
        "limits: {{ body: {BODY}B, batch: 8 }}
api-keys: {{ shop: {{ sha256: {hash} }} }}
sources:
  github: {{ kind: github, path: /github, secrets: [{first}, {second}] }}
  hooks: {{ kind: standard-webhooks, path: /hooks, source: /s, secrets: [{first}, {second}] }}
  keyed: {{ kind: http, path: /keyed, auth: {{ api-keys: [shop] }}, percent: lenient }}
  open: {{ kind: http, path: /open, auth: none-i-understand, allowed-origins: [a.example],
          raw: {{ type: t, source: /s }} }}
"
    );
    let registry = tradewind_server::registry();
    let checked = tradewind_config::load_str("fuzz.yaml", &text, &registry, &System);
    let site = run::site(&checked.unwrap_or_else(|why| panic!("{why}")));
    let kept = Arc::new(Kept::default());
    let ingress = Ingress::new(
        kept.clone(),
        Arc::new(Still),
        Arc::new(arc_swap::ArcSwap::from_pointee(site)),
        Arc::new(Metrics::default()),
        &Limits::default(),
    );
    Door { ingress, kept }
}

/// `METHOD target`, headers, a body; `None` where HTTP itself would have refused it.
fn request(
    mut input: Cut<'_>,
    fill: impl FnOnce(&str, &mut HeaderMap, &[u8]),
) -> Option<Request<Bytes>> {
    let line = input.line();
    let (method, target) = line.split_once(' ').unwrap_or(("GET", line));
    let mut headers = input.headers();
    let body = input.rest();
    fill(target, &mut headers, body);
    let mut request = Request::builder()
        .method(method)
        .uri(target)
        .body(Bytes::copy_from_slice(body))
        .ok()?;
    *request.headers_mut() = headers;
    Some(request)
}

fn ingress(input: &[u8]) {
    thread_local! {
        static DOOR: Door = door();
    }
    let request = request(Cut(input), |target, headers, body| {
        let kind = match target {
            "/github" => Kind::GitHub,
            _ if headers.contains_key("webhook-signature") => WEBHOOK,
            _ => SVIX,
        };
        fill(kind, headers, body);
        replace(headers, "{key}", KEY);
        replace(headers, "{other}", OTHER);
    });
    let Some(request) = request else { return };
    let (headers, body) = (request.headers().clone(), request.body().clone());
    DOOR.with(|door| {
        let answer = crate::wait(door.ingress.handle(None, request.map(Full::new)));
        let status = answer.status().as_u16();
        assert!(status < 500, "{status}");
        let taken = std::mem::take(&mut *door.kept.0.lock().unwrap());
        assert!(taken.is_empty() || matches!(status, 200 | 202), "{status}");
        for (origin, events) in taken {
            assert!(body.len() <= BODY && events.len() <= 8 && !events.is_empty());
            assert!(entitled(&origin.source, &headers, &body), "{origin:?}");
            for event in &events {
                assert_eq!(event.validate(), Ok(()));
            }
            if matches!(&*origin.source, "github" | "hooks") {
                assert_eq!(crate::oracle::bytes(&events[0]), &body[..]);
            }
        }
        if status >= 400 {
            problem(crate::wait(whole(answer.into_body())), status);
        }
    });
}

/// Whether whoever sent this may publish through the source.
fn entitled(source: &str, headers: &HeaderMap, body: &[u8]) -> bool {
    match source {
        "github" => signed(Kind::GitHub, headers, body),
        "hooks" => signed(WEBHOOK, headers, body) || signed(SVIX, headers, body),
        "keyed" => {
            let bearer = one(headers, "authorization").and_then(|value| {
                let (scheme, key) = value.split_once(' ')?;
                scheme.eq_ignore_ascii_case("bearer").then_some(key)
            });
            bearer == Some(KEY) || one(headers, "x-api-key") == Some(KEY)
        }
        _ => true,
    }
}

/// The body of an answer, which is small.
#[allow(clippy::disallowed_methods, reason = "it is limited")]
async fn whole<B>(body: B) -> Bytes
where
    B: http_body::Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let body = Limited::new(body, 1 << 20).collect().await;
    body.unwrap().to_bytes()
}

/// A refusal says why, in a form of its own.
fn problem(body: Bytes, status: u16) {
    let problem: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(problem["status"], status);
    assert!(problem["title"].is_string());
}

struct Office {
    runtime: tokio::runtime::Runtime,
    router: Router,
    _running: Running,
    _folder: TempDir,
}

/// A gateway of its own, on a folder that goes with it.
fn office() -> Office {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let data = folder.path().join("data");
    let text = format!(
        "listen: 127.0.0.1:0
durability: ephemeral
data-dir: {}
subscriptions:
  a: {{ filter: {{ exact: {{ type: t }} }}, sink: {{ kind: memory, queue: fuzz }} }}
",
        data.display()
    );
    let options = Options {
        path: None,
        text,
        amend: Arc::new(|_| ()),
        drain_delay: std::time::Duration::ZERO,
    };
    let running = runtime
        .block_on(run::start(options))
        .unwrap_or_else(|why| panic!("{why}"));
    let guard = Guard::Token(tradewind_adapter::Secret::new(TOKEN));
    Office {
        router: admin::router(running.gateway.clone(), guard),
        runtime,
        _running: running,
        _folder: folder,
    }
}

fn admin(input: &[u8]) {
    thread_local! {
        static OFFICE: Office = office();
    }
    let request = request(Cut(input), |_, headers, _| {
        replace(headers, "{token}", TOKEN);
    });
    let Some(request) = request else { return };
    let (path, headers) = (request.uri().path().to_owned(), request.headers().clone());
    OFFICE.with(|office| {
        let answer: Response<Body> = office
            .runtime
            .block_on(office.router.clone().call(request.map(Body::from)))
            .unwrap();
        let status = answer.status().as_u16();
        assert!(status < 500, "{status}");
        let open = matches!(&*path, "/livez" | "/readyz" | "/metrics" | "/openapi.json");
        let token = headers
            .get("authorization")
            .is_some_and(|v| v == "Bearer right");
        // Heads that nobody should send are refused before anybody is asked who sends them.
        assert!(
            open || token || matches!(status, 400 | 401 | 403 | 414 | 431),
            "{status} without the token"
        );
        if path == "/v1/tail" && status == 200 {
            return;
        }
        let body = office.runtime.block_on(whole(answer.into_body()));
        if status == 200 && path.starts_with("/v1/") {
            assert!(serde_json::from_slice::<Value>(&body).is_ok());
        }
    });
}
