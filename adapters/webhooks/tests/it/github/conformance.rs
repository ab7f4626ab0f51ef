//! The suite that every webhook passes.

use super::requests::{now, parts, webhook};
use bytes::Bytes;
use http::HeaderName;
use std::sync::Arc;
use tradewind_adapter::Webhook;
use tradewind_adapter::testkit::{self, Request, WebhookHarness};

struct Harness;

impl WebhookHarness for Harness {
    fn webhook(&self) -> Arc<dyn Webhook> {
        webhook(&["It's a Secret to Everybody"])
    }

    fn with_other_secret(&self) -> Arc<dyn Webhook> {
        webhook(&["It's another Secret"])
    }

    fn request(&self, n: usize) -> Request {
        // Spaces, escapes and key order must survive.
        let body = format!(
            "{{ \"number\": {n},\r\n \"action\":\"opened\", \"b\": \"\\u00e9\", \"a\": 1.0 }}"
        );
        let body = Bytes::from(body);
        let delivery = format!("72d3162e-cc78-11e3-81ab-{n:012}");
        Request {
            parts: parts(
                "It's a Secret to Everybody",
                "pull_request",
                &delivery,
                &body,
            ),
            body: body.clone(),
            now: now(),
            data: vec![body],
        }
    }

    fn proof(&self) -> Vec<HeaderName> {
        vec![HeaderName::from_static("x-hub-signature-256")]
    }
}

#[tokio::test]
async fn conforms() {
    testkit::webhook(&Harness).await.assert();
}
