//! What is sent, and what answers mean.

use crate::server::{Act, Server, deliver, event, sink};
use serde_json::{Value, json};
use std::sync::Arc;
use tradewind_adapter::{ErrorKind, Outcome, Sink};
use tradewind_aws::testkit as aws;

#[tokio::test]
async fn a_function_is_invoked_as_it_is_asked_for() {
    for (invocation, kind) in [
        ("sync", "RequestResponse"),
        ("async", "Event"),
        ("dry-run", "DryRun"),
    ] {
        let server = Server::start(Act::Answer(200, "", String::new())).await;
        let sink = sink(&server.url(), json!({ "invocation": invocation }));
        let Outcome::Accepted { receipt, .. } = deliver(&sink, event()).await else {
            panic!("{invocation}: not accepted");
        };
        assert_eq!(receipt.as_deref(), Some("r-1"));
        let [seen] = &server.seen()[..] else {
            panic!("{invocation}: not one call");
        };
        let path = "POST /2015-03-31/functions/charge/invocations?Qualifier=live HTTP/1.1";
        assert_eq!(seen.line, path);
        assert_eq!(seen.headers["x-amz-invocation-type"], kind);
        assert!(seen.headers["authorization"].contains("/eu-west-1/lambda/"));
        let sent: Value = serde_json::from_slice(&seen.body).unwrap();
        assert_eq!(
            (&sent["id"], &sent["data"]),
            (&json!("e-1"), &json!({"a": 1}))
        );
    }
}

#[tokio::test]
async fn the_data_alone() {
    let server = Server::start(Act::Answer(200, "", String::new())).await;
    let sink = sink(&server.url(), json!({ "payload": "data" }));
    let text = event().with_data("text/plain", &b"a \"b\""[..]).unwrap();
    let bytes = event()
        .with_data("application/octet-stream", &b"\xff"[..])
        .unwrap();
    for event in [event(), text, bytes] {
        deliver(&sink, event).await;
    }
    let seen: Vec<_> = server.seen().into_iter().map(|seen| seen.body).collect();
    assert_eq!(seen, [&b"{\"a\":1}"[..], br#""a \"b\"""#]);
    let both = json!({ "function": "charge", "payload": "data", "render": "aws-sqs" });
    let refused = tradewind_lambda::LambdaSink::new(serde_json::from_value(both).unwrap());
    assert!(refused.unwrap_err().message().contains("payload: data"));
}

#[tokio::test]
async fn the_event_of_a_trigger() {
    let failures = r#"{"batchItemFailures":[{"itemIdentifier":"e-1"}]}"#;
    let server = Server::start(Act::Answer(200, "", failures.into())).await;
    let arn = "arn:aws:sqs:eu-west-1:123456789012:orders";
    let render = json!({ "render": { "to": "aws-sqs", "resource": arn } });
    let outcome = deliver(&sink(&server.url(), render), event()).await;
    let Outcome::Retry { reason, .. } = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(reason.code, "batch-item-failure");
    let sent: Value = serde_json::from_slice(&server.seen()[0].body).unwrap();
    let record = &sent["Records"][0];
    assert_eq!(
        (&record["body"], &record["eventSourceARN"]),
        (&json!("{\"a\":1}"), &json!(arn))
    );
    // What is no batch has no failures in it.
    let outcome = deliver(&sink(&server.url(), json!({})), event()).await;
    assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
}

/// One letter per verdict: p(atience), t(hrottled), l(ater), r(ejected).
fn verdict(outcome: &Outcome) -> (char, String) {
    match outcome {
        Outcome::Retry {
            patience,
            throttled,
            reason,
            ..
        } => {
            let letter = match (patience, throttled) {
                (Some(_), _) => 'p',
                (_, true) => 't',
                _ => 'l',
            };
            (letter, reason.to_string())
        }
        Outcome::Reject { reason, .. } => ('r', reason.to_string()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn failures_of_the_function_are_told_from_those_of_lambda() {
    let failed = "x-amz-function-error: Unhandled\r\n";
    let error = |ty: &str| format!("x-amzn-errortype: {ty}\r\n").leak() as &str;
    for (status, headers, payload, letter, told) in [
        (
            200,
            failed,
            r#"{"errorType":"OutOfStock","errorMessage":"none left"}"#,
            'l',
            "function-error: OutOfStock: none left (unhandled)",
        ),
        (
            200,
            failed,
            r#"{"errorMessage":"Task timed out after 3.00 seconds"}"#,
            'l',
            "Task timed out",
        ),
        (
            403,
            error("AccessDeniedException"),
            r#"{"Message":"no"}"#,
            'p',
            "this identity needs lambda:InvokeFunction on arn:aws:lambda:eu-west-1:*:function:charge:live",
        ),
        (
            404,
            error("ResourceNotFoundException"),
            r#"{"Message":"no"}"#,
            'p',
            "check name, account and region",
        ),
        (
            429,
            error("TooManyRequestsException"),
            r#"{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","message":"Rate Exceeded."}"#,
            't',
            "Rate Exceeded",
        ),
        (
            502,
            error("EC2ThrottledException"),
            "{}",
            't',
            "EC2ThrottledException",
        ),
        // The function is being made or changed.
        (
            409,
            error("ResourceConflictException"),
            r#"{"Message":"Pending"}"#,
            'l',
            "Pending",
        ),
        (
            502,
            error("KMSNotFoundException"),
            "{}",
            'l',
            "KMSNotFoundException",
        ),
        (
            502,
            error("ResourceNotReadyException"),
            "{}",
            'l',
            "ResourceNotReadyException",
        ),
        (
            400,
            error("InvalidRequestContentException"),
            r#"{"message":"no"}"#,
            'r',
            "InvalidRequestContentException",
        ),
        (
            413,
            error("RequestTooLargeException"),
            r#"{"message":"6291456"}"#,
            'r',
            "RequestTooLargeException",
        ),
        (
            500,
            error("ServiceException"),
            "{}",
            'l',
            "ServiceException",
        ),
    ] {
        let server = Server::start(Act::Answer(status, headers, payload.into())).await;
        let outcome = deliver(&sink(&server.url(), json!({})), event()).await;
        let (found, reason) = verdict(&outcome);
        assert_eq!(found, letter, "{status} {headers}: {reason}");
        assert!(reason.contains(told), "{status} {headers}: {reason}");
        assert_eq!(
            server.seen().len(),
            1,
            "the gateway retries, and nobody else"
        );
    }
}

#[tokio::test]
async fn what_is_too_large_is_not_sent() {
    let server = Server::start(Act::Answer(200, "", String::new())).await;
    let large = |bytes: usize| {
        let event = tradewind_event::Event::builder("1", "/s", "t");
        event.data("text/plain", "x".repeat(bytes)).build().unwrap()
    };
    for (invocation, bytes) in [("sync", 6 << 20), ("async", 1 << 20)] {
        let sink = sink(&server.url(), json!({ "invocation": invocation }));
        let (letter, reason) = verdict(&deliver(&sink, large(bytes)).await);
        assert!(letter == 'r' && reason.contains("too-large"), "{reason}");
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn health_asks_and_runs_nothing() {
    let server = Server::start(Act::Answer(204, "", String::new())).await;
    sink(&server.url(), json!({})).health().await.unwrap();
    assert_eq!(server.seen()[0].headers["x-amz-invocation-type"], "DryRun");
    let denied = Act::Answer(
        403,
        "x-amzn-errortype: AccessDeniedException\r\n",
        "{}".into(),
    );
    let server = Server::start(denied).await;
    let error = sink(&server.url(), json!({})).health().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(
        error.to_string().contains("lambda:InvokeFunction"),
        "{error}"
    );
}

#[test]
fn settings_that_cannot_work_are_refused() {
    for (settings, told) in [
        (
            json!({"function": "charge", "render": "aws-none"}),
            "unknown envelope `aws-none`",
        ),
        (
            json!({"function": "charge", "render": {"to": "aws-s3", "resource": "x"}}),
            "takes no `resource`",
        ),
    ] {
        let config = serde_json::from_value(settings).unwrap();
        let error = tradewind_lambda::LambdaSink::new(config)
            .unwrap_err()
            .to_string();
        assert!(error.contains(told), "{error}");
    }
    for wrong in [
        json!({}),
        json!({"function": "a b"}),
        json!({"function": "a", "invocation": "later"}),
    ] {
        assert!(serde_json::from_value::<tradewind_lambda::Config>(wrong).is_err());
    }
}

#[tokio::test]
async fn refusals_say_which_permission_or_setting_is_missing() {
    let permission = "lambda:InvokeFunction on arn:aws:lambda:eu-west-1:*:function:charge:live";
    aws::refusals(aws::Wire::Json, permission, |origin| {
        Arc::new(sink(origin, json!({})))
    })
    .await;
}
