//! What a delivery costs from its bytes to its event: `cargo xtask bench normalise`.

use crate::fetched::{sender, sns};
use crate::github::requests as github;
use crate::senders::now;
use crate::web::{key, web};
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use bytes::Bytes;
use http::HeaderMap;
use std::hint::black_box;
use std::time::Duration;
use tokio::time::Instant;
use tradewind_adapter::{Parts, Webhook};
use tradewind_formats::Message;

/// Bytes of a body, about.
const SIZE: usize = 4 << 10;
/// How long each is repeated, and how often in one go.
const WHILE: Duration = Duration::from_secs(1);
const AT_ONCE: u32 = 20;

/// Microseconds per KiB of a body, in the quickest go: what else the machine does only adds to it.
fn cost(bytes: usize, mut work: impl FnMut()) -> f64 {
    let (began, mut best) = (Instant::now(), Duration::MAX);
    while began.elapsed() < WHILE {
        let go = Instant::now();
        for _ in 0..AT_ONCE {
            work();
        }
        best = best.min(go.elapsed());
    }
    best.as_secs_f64() * 1e6 / f64::from(AT_ONCE) / (bytes as f64 / 1024.0)
}

fn whole(webhook: &dyn Webhook, parts: &Parts, body: &Bytes) {
    let verified = webhook.verify(parts, body, now()).unwrap();
    let events = webhook.decode(parts, body.clone(), &verified).unwrap();
    assert_eq!(black_box(events).len(), 1);
}

#[tokio::test]
async fn from_bytes_to_an_event() {
    if std::env::var_os("TRADEWIND_BENCH").is_none() {
        return;
    }
    let filler = "x".repeat(SIZE);

    let text = std::str::from_utf8(github::BODY).unwrap();
    let body = Bytes::from(text.replacen('{', &format!("{{\"filler\":\"{filler}\","), 1));
    let parts = github::parts("hush-4711", "push", "d-1", &body);
    let webhook = github::webhook(&["hush-4711"]);
    let hub = cost(body.len(), || whole(&*webhook, &parts, &body));
    let secret = hmac::Key::new(hmac::HMAC_SHA256, b"hush-4711");
    let digest = cost(body.len(), || {
        black_box(hmac::sign(&secret, &body));
    });

    let sender = sender("aws-sns");
    let body = sns(true, |message| message["Message"] = filler.clone().into());
    let (parts, webhook) = (sender.parts(), sender.on(&web()));
    if let Some(fetching) = webhook.missing(&parts, &body, now()) {
        fetching.await.unwrap();
    }
    let sns = cost(body.len(), || whole(&*webhook, &parts, &body));
    let signature = key(true).sign(filler.as_bytes());
    let rsa = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key(true).public()).unwrap();
    let rsa = cost(body.len(), || {
        black_box(rsa.verify_sig(filler.as_bytes(), &signature)).unwrap();
    });

    let rule = format!(
        r#"{{"version":"0","id":"6a7e8feb-b491-4cf7-a9f1-bf3703467718","detail-type":"Order Placed","source":"shop","account":"111122223333","time":"2025-02-19T00:05:20Z","region":"eu-west-1","resources":["arn:aws:x"],"detail":{{"filler":"{filler}"}}}}"#
    );
    let (headers, body) = (HeaderMap::new(), Bytes::from(rule));
    let bridge = cost(body.len(), || {
        let message = Message {
            headers: &headers,
            body: &body,
        };
        let events = tradewind_formats::decode(&message).unwrap();
        assert_eq!(black_box(events).len(), 1);
    });
    println!(
        "normalise: us per KiB of a body of {} KiB: GitHub {hub:.2} (its digest alone {digest:.2}), SNS {sns:.2} \
         (RSA of 2048 bits alone {rsa:.2}), EventBridge {bridge:.2} (no signature, detected)",
        SIZE >> 10
    );
    println!("normalise ratio: {:.3}", hub / digest);
}
