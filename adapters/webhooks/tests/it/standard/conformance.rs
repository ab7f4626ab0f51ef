//! The suite that every webhook passes.

use super::requests::{NOW, SECRET, now, parts, webhook};
use bytes::Bytes;
use http::HeaderName;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tradewind_adapter::Webhook;
use tradewind_adapter::testkit::{self, Request, WebhookHarness};

/// One harness per set of header names.
struct Harness(&'static str);

impl WebhookHarness for Harness {
    fn webhook(&self) -> Arc<dyn Webhook> {
        webhook(json!({ "secrets": [SECRET], "source": "https://pay.example" }))
    }

    fn with_other_secret(&self) -> Arc<dyn Webhook> {
        let other = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        webhook(json!({ "secrets": [other], "source": "https://pay.example" }))
    }

    fn request(&self, n: usize) -> Request {
        let mut body = format!("{{ \"type\": \"n\",\r\n \"n\":{n}.0 }}").into_bytes();
        if n == 2 {
            body.extend_from_slice(b"\xff\xfe");
        }
        let body = Bytes::from(body);
        Request {
            parts: parts(self.0, &format!("msg_{n}"), NOW, &body),
            body: body.clone(),
            now: now(),
            data: vec![body],
        }
    }

    fn proof(&self) -> Vec<HeaderName> {
        ["id", "timestamp", "signature"]
            .map(|name| format!("{}-{name}", self.0).parse().unwrap())
            .into()
    }

    fn window(&self) -> Option<Duration> {
        Some(Duration::from_secs(300))
    }
}

#[tokio::test]
async fn conforms() {
    testkit::webhook(&Harness("webhook")).await.assert();
    testkit::webhook(&Harness("svix")).await.assert();
}
