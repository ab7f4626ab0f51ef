use http::Request;
use serde_json::json;
use std::time::Duration;
use tradewind::event::Attribute;
use tradewind::{
    Ack, Bytes, Context, Error, Event, Host, IntoOutcome, Outcome, Reply, ResultExt, testing,
};

fn outcome(value: impl IntoOutcome) -> Outcome {
    value.into_outcome(&testing::event("t", ()), &Context::new("d-1"))
}

fn reply(reply: Reply) -> Event {
    match outcome(reply) {
        Outcome::Reply(event) => event,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_way_to_be_done() {
    assert!(matches!(outcome(()), Outcome::Ack));
    assert!(matches!(outcome(Ack), Outcome::Ack));
    assert!(matches!(outcome(Reply::ack()), Outcome::Ack));
    assert!(matches!(outcome(None::<Reply>), Outcome::Ack));
    assert!(matches!(outcome(Ok::<_, Error>(())), Outcome::Ack));
    assert!(matches!(outcome(Outcome::Ack), Outcome::Ack));
    assert!(matches!(
        outcome(Some(testing::event("t", ()))),
        Outcome::Reply(_)
    ));
}

#[test]
fn every_way_to_fail() {
    fn io() -> Result<(), std::io::Error> {
        Err(std::io::Error::other("down"))
    }
    let pause = Duration::from_secs(3);
    let retry = |after, reason: &str, cause: Option<&str>| {
        format!(
            "{:?}",
            Outcome::Retry {
                after,
                reason: reason.into(),
                cause: cause.map(Into::into)
            }
        )
    };
    let reject = |reason: &str, cause: Option<&str>| {
        format!(
            "{:?}",
            Outcome::Reject {
                reason: reason.into(),
                cause: cause.map(Into::into)
            }
        )
    };
    for (result, expected) in [
        (
            io().map_err(Error::from),
            retry(None, "the handler failed", Some("down")),
        ),
        (
            io().retry_after(pause),
            retry(Some(pause), "the handler failed", Some("down")),
        ),
        (io().or_reject("no"), reject("no", Some("down"))),
        (
            Err(Error::retry(None)),
            retry(None, "the handler failed", None),
        ),
        (
            Err(Error::retry(pause).because("busy")),
            retry(Some(pause), "busy", None),
        ),
        (Err(Error::reject("never")), reject("never", None)),
    ] {
        assert_eq!(format!("{:?}", outcome(result)), expected);
    }
}

#[test]
fn a_cause_is_told_with_its_sources_once() {
    #[derive(Debug)]
    struct Outer(std::io::Error);
    impl std::fmt::Display for Outer {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("cannot charge")
        }
    }
    impl std::error::Error for Outer {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }
    let error = Error::from(Outer(std::io::Error::other("connection reset")));
    assert_eq!(
        error.to_string(),
        "the handler failed: cannot charge: connection reset"
    );
}

#[test]
fn replies_say_what_they_were_told() {
    let event = reply(
        Reply::bytes("t2", "text/csv", "a,b")
            .id("i")
            .source("/elsewhere")
            .subject("s")
            .extension("tries", Attribute::Integer(3))
            .extension("done", Attribute::Boolean(true))
            .extension("who", Attribute::String("me")),
    );
    assert_eq!(
        (event.id(), event.source(), event.ty(), event.subject()),
        ("i", "/elsewhere", "t2", Some("s"))
    );
    assert_eq!(event.data().unwrap().bytes, "a,b");
    assert_eq!(event.data_content_type(), Some("text/csv"));
    assert_eq!(event.attribute("tries"), Some(Attribute::Integer(3)));
    assert_eq!(event.attribute("done"), Some(Attribute::Boolean(true)));
    assert_eq!(event.attribute("who"), Some(Attribute::String("me")));
}

#[test]
fn replies_carry_the_trace_and_the_hops_on_unless_they_set_them() {
    let cause = testing::event("t", ())
        .with_attribute("traceparent", Attribute::String("00-a-b-01"))
        .unwrap()
        .with_attribute("tradewindhops", Attribute::Integer(2))
        .unwrap();
    let own = Reply::event("t2", ()).extension("traceparent", Attribute::String("own"));
    let Outcome::Reply(event) = own.into_outcome(&cause, &Context::new("d")) else {
        panic!("no reply");
    };
    assert_eq!(
        event.attribute("traceparent"),
        Some(Attribute::String("own"))
    );
    assert_eq!(
        event.attribute("tradewindhops"),
        Some(Attribute::Integer(2))
    );
}

#[test]
fn a_reply_that_is_no_event_fails_the_delivery() {
    let unserialisable = std::collections::BTreeMap::from([(vec![1], 1)]);
    for reply in [Reply::event("", ()), Reply::event("t", unserialisable)] {
        match outcome(reply) {
            Outcome::Retry { reason, cause, .. } => {
                assert_eq!(reason, "the handler made a reply that is no valid event");
                assert!(cause.is_some());
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Judges by the key of the object.
#[tradewind::handler]
async fn judge(event: Event) -> Result<Reply, Error> {
    let subject = event.subject().unwrap_or_default();
    match subject {
        "never" => Err(Error::reject("never")),
        "again" => Err(Error::retry(None).because("busy")),
        _ => Ok(Reply::ack()),
    }
}

#[tokio::test]
async fn what_is_to_come_again_stands_above_what_never_can() {
    let record = |key: &str| {
        json!({ "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "eu-west-1",
            "eventTime": "2026-01-02T03:04:05.000Z", "eventName": "ObjectCreated:Put",
            "responseElements": { "x-amz-request-id": key, "x-amz-id-2": "1" },
            "s3": { "bucket": { "name": "orders", "arn": "arn:aws:s3:::orders" },
                "object": { "key": key, "size": 1, "sequencer": "1" } } })
    };
    for (keys, status) in [
        (&["never", "again"][..], 503),
        (&["again", "never"], 503),
        (&["never", "fine"], 422),
        (&["fine", "fine"], 204),
    ] {
        let records: Vec<_> = keys.iter().map(|key| record(key)).collect();
        let message = json!({
            "Type": "Notification", "MessageId": "21be56ed", "TopicArn": "arn:aws:sns:eu-west-1:1:orders",
            "Message": json!({ "Records": records }).to_string(), "Timestamp": "2026-01-02T03:04:05.678Z",
            "SignatureVersion": "1", "Signature": "s", "SigningCertURL": "https://x", "UnsubscribeURL": "https://x" });
        let request = Request::post("/").header("x-amz-sns-message-type", "Notification");
        let request = request.body(Bytes::from(message.to_string())).unwrap();
        let answer = testing::on(Host::Knative, judge).raw(request).await;
        assert_eq!(answer.status(), status, "{keys:?}: {answer:?}");
    }
}
