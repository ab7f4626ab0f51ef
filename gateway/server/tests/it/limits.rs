//! Strangers who send too much, and an engine that cannot.

use crate::support::front::{LONG, Unable, Verdict, door, front, http2, open, post, site};
use crate::support::http::raw;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tradewind_engine::{Exceeded, PublishError, Quota};
use tradewind_server::ingress::{Budget, Door, Limits, Rate, Site};

#[tokio::test]
async fn what_the_engine_cannot_do_is_told_with_a_time_to_come_back() {
    let cases: [(Verdict, u16, &str, Option<&str>); 6] = [
        (
            || {
                PublishError::Quota(Exceeded {
                    space: "acme".into(),
                    quota: Quota::Events,
                    limit: 10,
                    after: Duration::from_millis(2100),
                })
            },
            429,
            "quota-exceeded",
            Some("3"),
        ),
        (
            || PublishError::Later {
                reason: "append queue is full".into(),
                after: Duration::from_millis(1500),
                full: false,
            },
            503,
            "overloaded",
            Some("2"),
        ),
        (
            || PublishError::Later {
                reason: "disk is full".into(),
                after: Duration::from_secs(30),
                full: true,
            },
            507,
            "disk-full",
            Some("30"),
        ),
        (
            || PublishError::Unavailable("store failed: sector 7".into()),
            503,
            "unavailable",
            Some("5"),
        ),
        (
            || PublishError::NoStream("gone".into()),
            503,
            "reloading",
            Some("1"),
        ),
        (
            || PublishError::Invalid(vec![(0, "attribute `id`: is empty".into())]),
            400,
            "invalid-event",
            None,
        ),
    ];
    for (verdict, status, code, after) in cases {
        let front = front(Unable::new(Some(verdict)), Limits::default(), LONG).await;
        let answer = raw(front.address, &post("x")).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        assert_eq!(
            answer.json()["type"],
            format!("urn:tradewind:problem:{code}")
        );
        assert_eq!(answer.header("retry-after"), after);
        assert!(!answer.text().contains("sector 7"), "{}", answer.text());
    }
}

#[tokio::test]
async fn bytes_beyond_the_budget_are_told_to_come_back() {
    let engine = Unable::new(None);
    let large = "x".repeat(48 << 10);
    let door = Door {
        body_max: 1 << 20,
        ..door()
    };
    let site = Site {
        // For one, and what its connection holds while it is waited for; not for another beside it.
        budget: Budget::new(72 << 10),
        ..site(door, Limits::default())
    };
    let front = open(engine.clone(), site).await;
    let request = post(&large);
    let first = tokio::spawn(async move { raw(front.address, &request).await });
    engine.waiting.notified().await;
    let second = raw(front.address, &post(&large)).await;
    assert_eq!(second.status, 503);
    assert_eq!(second.header("retry-after"), Some("1"));
    // Small ones do not need the budget.
    let small = tokio::spawn(async move { raw(front.address, &post("x")).await });
    engine.waiting.notified().await;
    engine.release.notify_waiters();
    assert_eq!(small.await.unwrap().status, 202);
    assert_eq!(first.await.unwrap().status, 202);
    // What the first one held is free again.
    engine.release.notify_one();
    assert_eq!(raw(front.address, &post(&large)).await.status, 202);
}

#[tokio::test]
async fn additional_requests_of_a_connection_beyond_the_limit_are_told_to_come_back() {
    let limits = Limits {
        requests: 1,
        ..Limits::default()
    };
    let engine = Unable::new(None);
    let front = front(engine.clone(), limits, LONG).await;
    let post = || {
        Request::post(format!("http://{}/any", front.address))
            .body(Full::new(Bytes::from_static(b"x")))
            .unwrap()
    };
    let mut sender = http2(front.address).await;
    let mut taken = Vec::new();
    for _ in 0..2 {
        taken.push(tokio::spawn(sender.send_request(post())));
        engine.waiting.notified().await;
    }
    let third = sender.send_request(post()).await.unwrap();
    assert_eq!(third.status(), 503);
    assert_eq!(third.headers()["retry-after"], "1");
    // Who has nothing under way is heard all the same.
    let mut other = http2(front.address).await;
    taken.push(tokio::spawn(other.send_request(post())));
    engine.waiting.notified().await;
    engine.release.notify_waiters();
    for taken in taken {
        assert_eq!(taken.await.unwrap().unwrap().status(), 202);
    }
}

#[tokio::test]
async fn senders_above_their_rate_are_told_when_to_come_back() {
    let engine = Unable::new(Some(|| PublishError::NoStream("gone".into())));
    let door = Door {
        rate: Some(Arc::new(Rate::new(1, 3))),
        ..door()
    };
    let front = open(engine.clone(), site(door, Limits::default())).await;
    let mut refused = 0;
    for _ in 0..20 {
        let answer = raw(front.address, &post("x")).await;
        if answer.status == 429 {
            refused += 1;
            assert_eq!(answer.json()["type"], "urn:tradewind:problem:rate-limited");
            assert_eq!(answer.header("retry-after"), Some("1"));
        }
    }
    assert!(refused > 0);
    assert_eq!(engine.seen.load(Ordering::Relaxed), 20 - refused);
}

#[tokio::test]
async fn what_follows_a_chunked_body_is_no_request() {
    let engine = Unable::new(Some(|| PublishError::NoStream("gone".into())));
    let front = front(engine.clone(), Limits::default(), LONG).await;
    let chunked = "1\r\nx\r\n0\r\n\r\n";
    let smuggled = "POST /any HTTP/1.1\r\nhost: g\r\ncontent-length: 1\r\n\r\ny";
    for lengths in [
        "transfer-encoding: chunked\r\n",
        "content-length: 4\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 4\r\n",
    ] {
        let before = engine.seen.load(Ordering::Relaxed);
        let request = format!("POST /any HTTP/1.1\r\nhost: g\r\n{lengths}\r\n{chunked}{smuggled}");
        let answer = raw(front.address, request.as_bytes()).await;
        assert_eq!(answer.header("connection"), Some("close"), "{lengths}");
        assert!(!answer.text().contains("HTTP/1.1"), "{}", answer.text());
        assert_eq!(engine.seen.load(Ordering::Relaxed), before + 1);
    }
}

#[tokio::test]
async fn heads_are_bounded_in_count_and_size() {
    let front = front(Unable::new(None), Limits::default(), LONG).await;
    let many = "a: b\r\n".repeat(150);
    let large = format!("a: {}\r\n", "x".repeat(80 << 10));
    for headers in [many, large] {
        let request = format!("POST /any HTTP/1.1\r\nhost: g\r\n{headers}\r\n");
        let answer = raw(front.address, request.as_bytes()).await;
        assert_eq!(answer.status, 431);
        assert_eq!(
            answer.json()["type"],
            "urn:tradewind:problem:head-too-large"
        );
    }
    for broken in [
        "\u{16}\u{3}\u{1}\u{2}",
        "POST /any HTTP/1.1\r\na : b\r\n\r\n",
    ] {
        let answer = raw(front.address, broken.as_bytes()).await;
        assert_eq!(answer.status, 400);
        assert_eq!(
            answer.json()["type"],
            "urn:tradewind:problem:malformed-request"
        );
    }
}

#[tokio::test]
async fn heads_are_bounded_in_http2_as_well() {
    let limits = Limits {
        header_fields: 20,
        header_bytes: 8 << 10,
        ..Limits::default()
    };
    let engine = Unable::new(Some(|| PublishError::NoStream("gone".into())));
    let front = front(engine.clone(), limits, LONG).await;
    let mut sender = http2(front.address).await;
    // The client adds one, content-length.
    for (fields, length, most) in [
        (19, 1, None),
        (20, 1, Some("at most 20 header fields")),
        (120, 1, Some("at most 20 header fields")),
        (1, 8 << 10, Some("at most 8192 bytes of header fields")),
        (1, 16 << 10, Some("at most 8192 bytes of header fields")),
    ] {
        let mut request = Request::post(format!("http://{}/any", front.address))
            .body(Full::default())
            .unwrap();
        for _ in 0..fields {
            let value = "x".repeat(length).parse().unwrap();
            request.headers_mut().append("a", value);
        }
        let response = sender.send_request(request).await.unwrap();
        let status = response.status();
        #[allow(clippy::disallowed_methods)] // from our own server
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        match most {
            None => assert_eq!(status, 503, "{body}"),
            Some(most) => assert_eq!(
                body,
                serde_json::json!({
                    "type": "urn:tradewind:problem:head-too-large",
                    "title": "the head of the request is larger than the gateway takes; nothing was stored",
                    "status": 431,
                    "detail": most,
                })
            ),
        }
    }
    assert_eq!(engine.seen.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn http2_is_spoken_too() {
    let engine = Unable::new(Some(|| PublishError::NoStream("gone".into())));
    let front = front(engine, Limits::default(), LONG).await;
    let mut sender = http2(front.address).await;
    let request = Request::post(format!("http://{}/any", front.address))
        .body(Full::new(Bytes::from_static(b"x")))
        .unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.status(), 503);
    #[allow(clippy::disallowed_methods)] // from our own server
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert!(!body.is_empty());
}
