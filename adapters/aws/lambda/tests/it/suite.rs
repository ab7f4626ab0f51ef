//! The conformance suite.

use crate::server::{Act, SECRET, Server, sink};
use async_trait::async_trait;
use serde_json::json;
use std::sync::{Arc, Mutex};
use tradewind_adapter::Sink;
use tradewind_adapter::testkit::{self, Behaviour, SinkHarness};
use tradewind_event::{Event, json as format};

struct Harness {
    invocation: &'static str,
    server: Mutex<Option<Server>>,
}

#[async_trait]
impl SinkHarness for Harness {
    async fn sink(&self, behaviour: Behaviour) -> Option<Arc<dyn Sink>> {
        let error = |ty: &str| format!("x-amzn-errortype: {ty}\r\n").leak() as &str;
        let act = match behaviour {
            Behaviour::Accept => Act::Answer(200, "", "null".into()),
            Behaviour::Reply(event) => {
                let reply = format::encode(&event).to_vec();
                Act::Answer(200, "", String::from_utf8(reply).unwrap())
            }
            Behaviour::Fail => Act::Answer(500, error("ServiceException"), "{}".into()),
            Behaviour::Throttle => Act::Answer(429, error("TooManyRequestsException"), "{}".into()),
            Behaviour::Refuse => {
                Act::Answer(400, error("InvalidParameterValueException"), "{}".into())
            }
            Behaviour::Hang => Act::Hang,
            Behaviour::Endless => Act::Endless,
            Behaviour::Unreachable => {
                let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
                let url = format!("http://{}", closed.local_addr().unwrap());
                return Some(Arc::new(sink(
                    &url,
                    json!({ "invocation": self.invocation }),
                )));
            }
            _ => return None,
        };
        let server = Server::start(act).await;
        let sink = sink(&server.url(), json!({ "invocation": self.invocation }));
        *self.server.lock().unwrap() = Some(server);
        Some(Arc::new(sink))
    }

    async fn received(&self) -> Vec<Event> {
        let server = self.server.lock().unwrap().clone().unwrap();
        let read = |seen: crate::server::Seen| format::decode(seen.body.into()).unwrap();
        server.seen().into_iter().map(read).collect()
    }

    fn secrets(&self) -> Vec<String> {
        vec![SECRET.into()]
    }
}

#[tokio::test]
async fn the_sink_conforms_however_it_invokes() {
    for (invocation, skipped) in [
        ("sync", &["takes_a_whole_batch"][..]),
        ("async", &["takes_a_whole_batch", "returns_the_reply"]),
        ("dry-run", &["takes_a_whole_batch", "returns_the_reply"]),
    ] {
        let harness = Harness {
            invocation,
            server: Mutex::default(),
        };
        let summary = testkit::sink(&harness).await;
        assert_eq!(summary.skipped, skipped, "{invocation}");
        summary.assert();
    }
}
