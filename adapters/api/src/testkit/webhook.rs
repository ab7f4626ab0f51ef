//! The suite for webhooks.

use super::{End, Summary, Test, Verdict, always, check, run, tests};
use crate::{Cause, Parts, Refusal, Verified, Webhook};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tradewind_event::Event;

/// A request as the sender would make it.
#[derive(Debug, Clone)]
pub struct Request {
    /// Head.
    pub parts: Parts,
    /// Raw body.
    pub body: Bytes,
    /// When it arrives.
    pub now: SystemTime,
    /// What must become of the body: the data of each event, byte by byte.
    pub data: Vec<Bytes>,
}

/// Drives one webhook adapter.
pub trait WebhookHarness: Sync {
    /// The webhook, configured with the secret that [`WebhookHarness::request`] uses.
    fn webhook(&self) -> Arc<dyn Webhook>;
    /// The same webhook, configured with another secret.
    fn with_other_secret(&self) -> Arc<dyn Webhook>;
    /// The `n`th good request; two numbers give two different messages.
    fn request(&self, n: usize) -> Request;
    /// Headers that carry the proof: without any of them, or with one twice, nothing is verified.
    fn proof(&self) -> Vec<HeaderName>;
    /// Whether the proof covers the body. Default yes.
    fn covers_body(&self) -> bool {
        true
    }
    /// How old or early a request may be, where its time is signed.
    fn window(&self) -> Option<Duration> {
        None
    }
}

/// Runs the suite.
pub async fn webhook(harness: &dyn WebhookHarness) -> Summary {
    let tests: Vec<Test<dyn WebhookHarness + '_>> = tests![
        a_good_request_passes if always,
        the_head_is_enough_where_it_says_so if always,
        a_wrong_secret_is_refused if always,
        a_tampered_body_is_refused if always,
        a_missing_proof_is_refused if always,
        a_repeated_proof_is_refused if always,
        a_broken_proof_is_refused if always,
        old_and_early_requests_are_refused if always,
        keeps_data_byte_exact if always,
        ids_deduplicate if always,
        is_pure if always,
        garbage_is_no_panic if always,
    ];
    run(harness, crate::Capability::default(), tests).await
}

/// As the gateway does it: what is missing first.
async fn judge(webhook: &dyn Webhook, request: &Request) -> Result<Verified, Refusal> {
    let Request {
        parts, body, now, ..
    } = request;
    if let Some(fetching) = webhook.missing(parts, body, *now) {
        fetching.await?;
    }
    webhook.verify(parts, body, *now)
}

async fn verify(webhook: &dyn Webhook, request: &Request) -> Result<Verified, End> {
    judge(webhook, request)
        .await
        .map_err(|e| End::Failed(format!("a good request was refused: {e}")))
}

async fn decode(webhook: &dyn Webhook, request: &Request) -> Result<Vec<Event>, End> {
    let verified = verify(webhook, request).await?;
    webhook
        .decode(&request.parts, request.body.clone(), &verified)
        .map_err(|e| End::Failed(format!("a good request was not decoded: {e}")))
}

/// The request is refused with 401 or 403, or it cannot be checked now; the sender learns nothing.
async fn refused(webhook: &dyn Webhook, request: &Request, what: &str) -> Verdict {
    match judge(webhook, request).await {
        Ok(verified) => Err(End::Failed(format!("{what} passed as {verified:?}"))),
        Err(refusal) => {
            let denied = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];
            let unknown = refusal.cause == Some(Cause::Unavailable);
            check(unknown || denied.contains(&refusal.status), || {
                format!("{what} was answered {}", refusal.status)
            })?;
            check(refusal.detail.is_none(), || {
                format!("{what}: the sender is told {:?}", refusal.detail)
            })
        }
    }
}

async fn a_good_request_passes(harness: &dyn WebhookHarness) -> Verdict {
    let verified = verify(&*harness.webhook(), &harness.request(0)).await?;
    check(!verified.principal.is_empty(), || "no principal".into())
}

async fn the_head_is_enough_where_it_says_so(harness: &dyn WebhookHarness) -> Verdict {
    let webhook = harness.webhook();
    if !webhook.verifies_head() {
        return Err(End::Skipped);
    }
    let mut request = harness.request(0);
    request.body = Bytes::new();
    verify(&*webhook, &request).await.map(drop)
}

async fn a_wrong_secret_is_refused(harness: &dyn WebhookHarness) -> Verdict {
    refused(
        &*harness.with_other_secret(),
        &harness.request(0),
        "a wrong secret",
    )
    .await
}

async fn a_tampered_body_is_refused(harness: &dyn WebhookHarness) -> Verdict {
    if !harness.covers_body() {
        return Err(End::Skipped);
    }
    let webhook = harness.webhook();
    let good = harness.request(0);
    let mut tampered = vec![
        ("an empty body", Vec::new()),
        ("a longer body", [&good.body[..], b"\n"].concat()),
        ("a body put into another", good.body.repeat(2)),
    ];
    for at in [0, good.body.len() / 2, good.body.len().saturating_sub(1)] {
        let mut body = good.body.to_vec();
        if let Some(byte) = body.get_mut(at) {
            *byte ^= 1;
            tampered.push(("a flipped bit", body));
        }
    }
    for (what, body) in tampered {
        let request = Request {
            body: body.into(),
            ..good.clone()
        };
        refused(&*webhook, &request, what).await?;
    }
    Ok(())
}

async fn a_missing_proof_is_refused(harness: &dyn WebhookHarness) -> Verdict {
    for name in harness.proof() {
        let mut request = harness.request(0);
        check(request.parts.headers.remove(&name).is_some(), || {
            format!("the good request has no header {name}")
        })?;
        refused(
            &*harness.webhook(),
            &request,
            &format!("a request without {name}"),
        )
        .await?;
    }
    Ok(())
}

async fn a_repeated_proof_is_refused(harness: &dyn WebhookHarness) -> Verdict {
    for name in harness.proof() {
        let mut request = harness.request(0);
        if let Some(value) = request.parts.headers.get(&name).cloned() {
            request.parts.headers.append(&name, value);
        }
        refused(
            &*harness.webhook(),
            &request,
            &format!("a request with {name} twice"),
        )
        .await?;
    }
    Ok(())
}

async fn a_broken_proof_is_refused(harness: &dyn WebhookHarness) -> Verdict {
    for name in harness.proof() {
        let good = harness.request(0);
        let Some(value) = good.parts.headers.get(&name) else {
            continue;
        };
        let value = value.as_bytes();
        let half = value.get(..value.len() / 2).unwrap_or_default();
        let broken = [
            Vec::new(),
            half.to_vec(),
            [value, b"A"].concat(),
            b"\xff\xfe".to_vec(),
        ];
        for bytes in broken {
            let Ok(header) = HeaderValue::from_bytes(&bytes) else {
                continue;
            };
            let mut request = good.clone();
            request.parts.headers.insert(&name, header);
            refused(&*harness.webhook(), &request, &format!("a broken {name}")).await?;
        }
    }
    Ok(())
}

async fn old_and_early_requests_are_refused(harness: &dyn WebhookHarness) -> Verdict {
    let window = harness.window().ok_or(End::Skipped)?;
    let beyond = window + Duration::from_secs(2);
    let good = harness.request(0);
    for (what, now) in [
        ("an old request", good.now.checked_add(beyond)),
        ("an early request", good.now.checked_sub(beyond)),
    ] {
        let now = now.ok_or_else(|| End::Failed("the window is out of range".into()))?;
        let request = Request {
            now,
            ..good.clone()
        };
        refused(&*harness.webhook(), &request, what).await?;
    }
    Ok(())
}

async fn keeps_data_byte_exact(harness: &dyn WebhookHarness) -> Verdict {
    for n in 0..3 {
        let request = harness.request(n);
        let events = decode(&*harness.webhook(), &request).await?;
        let data: Vec<Bytes> = events
            .iter()
            .map(|e| e.data().map(|d| d.bytes.clone()).unwrap_or_default())
            .collect();
        check(data == request.data, || {
            format!("data should be {:?}, is {data:?}", request.data)
        })?;
        for event in &events {
            event
                .validate()
                .map_err(|e| End::Failed(format!("an invalid event: {e}")))?;
        }
    }
    Ok(())
}

fn identities(events: &[Event]) -> Vec<(String, String)> {
    let identity = |e: &Event| (e.source().to_owned(), e.id().to_owned());
    events.iter().map(identity).collect()
}

async fn ids_deduplicate(harness: &dyn WebhookHarness) -> Verdict {
    let first = decode(&*harness.webhook(), &harness.request(0)).await?;
    let again = decode(&*harness.webhook(), &harness.request(0)).await?;
    let other = decode(&*harness.webhook(), &harness.request(1)).await?;
    check(identities(&first) == identities(&again), || {
        "the same request twice has two identities".into()
    })?;
    check(identities(&first) != identities(&other), || {
        "two requests have one identity".into()
    })
}

async fn is_pure(harness: &dyn WebhookHarness) -> Verdict {
    let webhook = harness.webhook();
    let request = harness.request(0);
    let first = (
        verify(&*webhook, &request).await?,
        decode(&*webhook, &request).await?,
    );
    for n in 0..3 {
        decode(&*webhook, &harness.request(n)).await?;
    }
    let again = (
        verify(&*webhook, &request).await?,
        decode(&*webhook, &request).await?,
    );
    check(first == again, || "one request, two results".into())
}

async fn garbage_is_no_panic(harness: &dyn WebhookHarness) -> Verdict {
    let webhook = harness.webhook();
    let good = harness.request(0);
    let verified = verify(&*webhook, &good).await?;
    let half = good.body.slice(..good.body.len() / 2);
    let bodies = [
        Bytes::new(),
        half,
        Bytes::from_static(b"\xff\xfe\x00"),
        Bytes::from_static(b"{\"a\":"),
        Bytes::from_static(b"null"),
        Bytes::from("[".repeat(100_000)),
        Bytes::from("{\"a\":".repeat(100_000)),
    ];
    for body in bodies {
        // Either answer is right, as long as there is one.
        for parts in [good.parts.clone(), bare(&good.parts)] {
            webhook.verify(&parts, &body, good.now).ok();
            webhook.challenge(&parts, &body);
            if let Err(refusal) = webhook.decode(&parts, body.clone(), &verified) {
                check(refusal.status.is_client_error(), || {
                    format!("garbage was answered {}", refusal.status)
                })?;
            }
        }
    }
    Ok(())
}

/// The same head without any header.
fn bare(parts: &Parts) -> Parts {
    Parts {
        headers: http::HeaderMap::new(),
        ..parts.clone()
    }
}
