//! The conformance suite, for every platform.

use crate::platform::{Act, Server, sink};
use async_trait::async_trait;
use serde_json::json;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use tradewind_adapter::Sink;
use tradewind_adapter::testkit::{self, Behaviour, SinkHarness};
use tradewind_event::Event;
use tradewind_event::http::{Format, Options, decode, encode_structured};
use tradewind_functions::PLATFORMS;

const KEY: &str = "canary-key-1234567890";

struct Harness {
    kind: &'static str,
    server: Mutex<Option<Server>>,
}

impl Harness {
    fn sink(&self, url: &str) -> Arc<dyn Sink> {
        let settings = json!({"auth": {"api-key": {"key": KEY, "query": "code"}}});
        sink(self.kind, url, settings)
    }
}

#[async_trait]
impl SinkHarness for Harness {
    async fn sink(&self, behaviour: Behaviour) -> Option<Arc<dyn Sink>> {
        // A careless target repeats what it was sent.
        let said = |status| Act::Answer(status, Vec::new(), KEY.into());
        let act = match behaviour {
            Behaviour::Accept => said(204),
            Behaviour::Fail => said(500),
            Behaviour::Throttle => said(429),
            Behaviour::Refuse => said(400),
            Behaviour::Hang => Act::Hang,
            Behaviour::Endless => Act::Endless,
            Behaviour::Reply(event) => {
                let (headers, body) = encode_structured(&event, Format::Json);
                let content_type = headers["content-type"].to_str().unwrap().to_owned();
                let body = String::from_utf8(body.to_vec()).unwrap();
                Act::Answer(200, vec![("content-type", content_type)], body)
            }
            Behaviour::Unreachable => {
                let closed = TcpListener::bind("127.0.0.1:0").unwrap();
                return Some(self.sink(&format!("http://{}/", closed.local_addr().unwrap())));
            }
            _ => return None,
        };
        let server = Server::start(act).await;
        let url = format!("http://{}/f", server.address);
        *self.server.lock().unwrap() = Some(server);
        Some(self.sink(&url))
    }

    async fn received(&self) -> Vec<Event> {
        let server = self.server.lock().unwrap().clone().unwrap();
        let read = |(uri, headers, body): crate::platform::Seen| {
            assert_eq!(uri.query(), Some(&*format!("code={KEY}")));
            let message = decode(&headers, body, &Options::default());
            message.unwrap().into_events()
        };
        server.seen().into_iter().flat_map(read).collect()
    }

    fn secrets(&self) -> Vec<String> {
        vec![KEY.into()]
    }
}

#[tokio::test]
async fn every_platform_conforms() {
    for entry in PLATFORMS {
        let kind = entry.platform.kind;
        let harness = Harness {
            kind,
            server: Mutex::default(),
        };
        let summary = testkit::sink(&harness).await;
        let skipped = match entry.platform.bytes_max {
            Some(_) => vec!["takes_a_whole_batch"],
            None => vec!["takes_a_whole_batch", "too_large_an_event_is_rejected"],
        };
        assert_eq!(summary.skipped, skipped, "{kind}");
        summary.assert();
    }
}
