//! The HTTP host of the SDK: what stands between a stranger and a handler.

use crate::Target;
use crate::input::Cut;
use crate::signing::{NOW, SECRETS, WEBHOOK, fill, signed};
use bytes::Bytes;
use http::Request;
use std::cell::Cell;
use std::time::{Duration, UNIX_EPOCH};
use tradewind::{Ack, Error, Event, Options, handler_fn, testing};

/// A request line, headers and a body; without `open` before them, a signature is asked for.
pub(super) const HANDLER: Target = Target {
    words: &[
        "open\n",
        "signed\n",
        "POST /\n",
        "GET /robots.txt\n",
        "webhook-id: a\nwebhook-timestamp: {now}\nwebhook-signature: v1,{first}\n",
        "tradewind-delivery-id: a,b\n",
        "tradewind-attempt: 2\n",
        "ce-specversion: 1.0\nce-id: 1\nce-source: /s\nce-type: t\n",
        "content-type: application/cloudevents+json\n",
        "content-type: application/cloudevents-batch+json\n",
        "content-encoding: gzip\n",
        "v1,{second}",
    ],
    memory: 256 << 10,
    growth: 256,
    ..Target::new("handler", handler)
};

thread_local! {
    pub(super) static CALLS: Cell<usize> = const { Cell::new(0) };
}

pub(super) async fn count(event: Event) -> Result<Ack, Error> {
    assert_eq!(event.validate(), Ok(()));
    CALLS.set(CALLS.get() + 1);
    Ok(Ack)
}

fn handler(input: &[u8]) {
    let mut input = Cut(input);
    let open = input.line() == "open";
    let line = input.line();
    let (method, target) = line.split_once(' ').unwrap_or(("POST", line));
    let mut headers = input.headers();
    let body = input.rest();
    fill(WEBHOOK, &mut headers, body);
    let mut options = Options::default().clock(|| UNIX_EPOCH + Duration::from_secs(NOW));
    if !open {
        options = options.signing_secrets(&SECRETS.join(" ")).unwrap();
    }
    options.body_max = 2048;
    let Ok(mut request) = Request::builder()
        .method(method)
        .uri(target)
        .body(Bytes::copy_from_slice(body))
    else {
        return;
    };
    *request.headers_mut() = headers.clone();
    CALLS.set(0);
    let answer = crate::wait(testing::answer(handler_fn(count), options, request));
    let (status, calls) = (answer.status().as_u16(), CALLS.get());
    assert!(
        matches!(status, 204 | 400 | 401 | 404 | 405 | 413 | 415),
        "{status}"
    );
    assert!(calls == 0 || status == 204, "{calls} events were handled");
    assert!(body.len() <= 2048 || calls == 0);
    if !open && calls > 0 {
        assert!(signed(WEBHOOK, &headers, body), "taken without a signature");
    }
    if status >= 400 {
        let problem: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
        assert_eq!(problem["status"], status);
    }
}
