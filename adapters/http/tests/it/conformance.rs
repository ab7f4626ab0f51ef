//! The suites that every adapter runs.

use crate::server::{Act, Server, answer, sink};
use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;
use tradewind_adapter::testkit::{self, Behaviour, Request, SinkHarness, WebhookHarness};
use tradewind_adapter::{ApiKey, Build, BuiltSource, Parts, Registry, Sink, Webhook};
use tradewind_event::Event;
use tradewind_http::{HttpSource, api_key};

struct SinkInMode {
    mode: &'static str,
    server: Mutex<Option<Server>>,
}

const TOKEN: &str = "canary-token-1234567890";

#[async_trait]
impl SinkHarness for SinkInMode {
    async fn sink(&self, behaviour: Behaviour) -> Option<Arc<dyn Sink>> {
        let with = |name, value: String| vec![(name, value)];
        let act = match behaviour {
            Behaviour::Accept => answer(202),
            // A careless target repeats what it was sent.
            Behaviour::Fail => Act::Answer(500, Vec::new(), TOKEN.into()),
            Behaviour::Refuse => Act::Answer(400, Vec::new(), TOKEN.into()),
            Behaviour::Throttle => Act::Answer(429, with("retry-after", "7".into()), Vec::new()),
            Behaviour::Hang => Act::Hang,
            Behaviour::Endless => Act::Endless,
            Behaviour::Reply(event) => {
                let (headers, body) = tradewind_event::http::encode_structured(
                    &event,
                    tradewind_event::http::Format::Json,
                );
                let content_type = headers["content-type"].to_str().unwrap().to_owned();
                Act::Answer(200, with("content-type", content_type), body.to_vec())
            }
            Behaviour::Unreachable => {
                let closed = TcpListener::bind("127.0.0.1:0").unwrap();
                let url = format!("http://{}/", closed.local_addr().unwrap());
                return Some(Arc::new(sink(&url, self.settings())));
            }
            _ => return None,
        };
        let server = Server::start(act).await;
        let url = format!("{}?token={TOKEN}-query", server.url());
        *self.server.lock().unwrap() = Some(server);
        Some(Arc::new(sink(&url, self.settings())))
    }

    async fn received(&self) -> Vec<Event> {
        let server = self.server.lock().unwrap().clone().unwrap();
        let decode = |seen: crate::server::Seen| {
            let options = tradewind_event::http::Options::default();
            let message = tradewind_event::http::decode(&seen.headers, seen.body, &options);
            message.unwrap().into_events()
        };
        server.seen().into_iter().flat_map(decode).collect()
    }

    fn secrets(&self) -> Vec<String> {
        vec![TOKEN.into()]
    }
}

impl SinkInMode {
    fn settings(&self) -> Value {
        json!({"mode": self.mode, "auth": {"bearer": TOKEN}})
    }
}

#[tokio::test]
async fn sink_conforms_in_every_mode() {
    for mode in ["binary", "structured", "batch"] {
        let harness = SinkInMode {
            mode,
            server: Mutex::default(),
        };
        let summary = testkit::sink(&harness).await;
        let skipped = match mode {
            "batch" => vec!["returns_the_reply", "too_large_an_event_is_rejected"],
            _ => vec!["takes_a_whole_batch", "too_large_an_event_is_rejected"],
        };
        assert_eq!(summary.skipped, skipped, "{mode}");
        summary.assert();
    }
}

struct Keyed {
    key: String,
    hash: String,
    header: &'static str,
}

impl Keyed {
    fn build(&self, hash: &str) -> Arc<dyn Webhook> {
        let mut registry = Registry::default();
        registry.webhook::<HttpSource>();
        let key = ApiKey {
            sha256: vec![hash.to_owned()],
            ..ApiKey::default()
        };
        let build = Build {
            name: "api".into(),
            api_keys: Arc::new([("shop".to_owned(), key)].into()),
            ..Build::default()
        };
        let settings = json!({"auth": {"api-keys": ["shop"]}});
        match registry.build_source("http", &settings, &build) {
            Ok(BuiltSource::Push(webhook)) => webhook,
            other => panic!("{other:?}"),
        }
    }
}

impl WebhookHarness for Keyed {
    fn webhook(&self) -> Arc<dyn Webhook> {
        self.build(&self.hash)
    }
    fn with_other_secret(&self) -> Arc<dyn Webhook> {
        self.build(&api_key::generate("shop").unwrap().1)
    }
    fn request(&self, n: usize) -> Request {
        let credential = match self.header {
            "authorization" => format!("Bearer {}", self.key),
            _ => self.key.clone(),
        };
        let mut headers = HeaderMap::new();
        for (name, value) in [
            (self.header, credential.as_str()),
            ("ce-specversion", "1.0"),
            ("ce-id", &n.to_string()),
            ("ce-source", "/shop"),
            ("ce-type", "shop.order"),
            ("content-type", "application/json"),
        ] {
            headers.insert(HeaderName::try_from(name).unwrap(), value.parse().unwrap());
        }
        let body = Bytes::from(format!("{{ \"n\" : {n}.0 }}\n"));
        Request {
            parts: Parts {
                method: Method::POST,
                uri: "/events".parse().unwrap(),
                headers,
                peer: None,
            },
            body: body.clone(),
            now: SystemTime::UNIX_EPOCH,
            data: vec![body],
        }
    }
    fn proof(&self) -> Vec<HeaderName> {
        vec![HeaderName::try_from(self.header).unwrap()]
    }
    fn covers_body(&self) -> bool {
        false
    }
}

#[tokio::test]
async fn source_conforms_with_either_header() {
    for header in ["authorization", "x-api-key"] {
        let (key, hash) = api_key::generate("shop").unwrap();
        let harness = Keyed {
            key: key.expose().into(),
            hash,
            header,
        };
        let summary = testkit::webhook(&harness).await;
        let skipped = [
            "a_tampered_body_is_refused",
            "old_and_early_requests_are_refused",
        ];
        assert_eq!(summary.skipped, skipped);
        summary.assert();
    }
}
