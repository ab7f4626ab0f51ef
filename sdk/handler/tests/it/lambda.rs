//! AWS Lambda without sockets: payloads in, what would be posted out.

use http::{Request, Response};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};
use tradewind::testing::{self, Hosted};
use tradewind::{BatchFailures, Bytes, Context, Error, Event, Host, Options, Reply};

/// Does what the event's `id` begins with, and replies what it knows.
#[tradewind::handler]
async fn probe(event: Event, cx: Context) -> Result<Reply, Error> {
    match event.id().split('-').next().unwrap_or_default() {
        "ack" => Ok(Reply::ack()),
        "busy" => Err(Error::retry(Duration::from_secs(30)).because("busy")),
        "never" => Err(Error::reject("never")),
        "bug" => panic!("a bug"),
        "slow" => std::future::pending().await,
        _ => {
            let left = cx.remaining().as_millis() as u64;
            let known = json!({ "type": event.ty(), "attempt": cx.attempt(), "trace": cx.traceparent(),
                "host": cx.host().name(), "left": left });
            Ok(Reply::event("known", known))
        }
    }
}

fn hosted() -> Hosted {
    testing::on(Host::Lambda, probe)
}

fn reporting() -> Hosted {
    let mut options = Options::default();
    options.batch_failures = BatchFailures::Report;
    hosted().options(options)
}

async fn invoke(hosted: &Hosted, payload: impl Into<Bytes>) -> (u16, Value) {
    let request = Request::post("/")
        .header("lambda-runtime-aws-request-id", "r-1")
        .header("lambda-runtime-invoked-function-arn", "arn:aws:lambda:f")
        .header(
            "lambda-runtime-trace-id",
            "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
        )
        .body(payload.into())
        .unwrap();
    read(hosted.raw(request).await)
}

fn read(answer: Response<Bytes>) -> (u16, Value) {
    let status = answer.status().as_u16();
    (status, serde_json::from_slice(answer.body()).unwrap())
}

fn event(id: &str) -> Value {
    json!({ "specversion": "1.0", "id": id, "source": "/s", "type": "t" })
}

fn sqs(queue: &str, bodies: &[String]) -> String {
    let record = |(n, body): (usize, &String)| {
        json!({ "messageId": format!("m-{n}"), "eventSource": "aws:sqs", "body": body,
            "eventSourceARN": format!("arn:aws:sqs:eu-west-1:1:{queue}"),
            "attributes": { "ApproximateReceiveCount": "3",
                "AWSTraceHeader": "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=1111111111111111;Sampled=0" } })
    };
    let records: Vec<Value> = bodies.iter().enumerate().map(record).collect();
    json!({ "Records": records }).to_string()
}

fn kinesis(ids: &[&str]) -> String {
    use base64::Engine;
    let encode =
        |id: &&str| base64::engine::general_purpose::STANDARD.encode(event(id).to_string());
    let record = |(n, id): (usize, &&str)| {
        json!({ "eventSource": "aws:kinesis", "eventID": format!("shard:{n}"), "eventSourceARN": "arn:s",
            "kinesis": { "partitionKey": "k", "sequenceNumber": format!("{n}"), "data": encode(id) } })
    };
    let records: Vec<Value> = ids.iter().enumerate().map(record).collect();
    json!({ "Records": records }).to_string()
}

fn events(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| event(id).to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn messages_that_fail_are_reported_one_by_one() {
    let ids = ["ack-0", "busy-1", "never-2", "bug-3", "ack-4", "slow-5"];
    for (queue, ids, failed) in [
        ("q", &[][..], &[][..]),
        ("q", &["ack-0", "ack-1"], &[]),
        ("q", &ids, &["m-1", "m-2", "m-3", "m-5"]),
        // Nothing overtakes what failed.
        ("q.fifo", &ids, &["m-1", "m-2", "m-3", "m-4", "m-5"]),
        ("q.fifo", &["ack-0", "ack-1"], &[]),
        ("q.fifo", &["ack-0", "never-1"], &["m-1"]),
    ] {
        if ids.is_empty() {
            continue;
        }
        let (status, told) = invoke(&reporting(), sqs(queue, &events(ids))).await;
        let failures: Vec<_> = failed
            .iter()
            .map(|id| json!({ "itemIdentifier": id }))
            .collect();
        assert_eq!(
            (status, told),
            (200, json!({ "batchItemFailures": failures })),
            "{queue} {ids:?}"
        );
    }
    let (status, told) = invoke(&reporting(), kinesis(&["ack-0", "never-1", "ack-2"])).await;
    assert_eq!(status, 200);
    let failures = json!([{ "itemIdentifier": "1" }, { "itemIdentifier": "2" }]);
    assert_eq!(told["batchItemFailures"], failures);
}

/// A mapping without `ReportBatchItemFailures` would take a report for success.
#[tokio::test]
async fn unless_told_otherwise_a_failure_is_that_of_the_batch() {
    let (status, told) = invoke(&hosted(), sqs("q", &events(&["ack-0", "never-1"]))).await;
    assert_eq!(status, 500);
    assert_eq!(told["errorType"], "Function.Rejected");
    let message = told["errorMessage"].as_str().unwrap();
    assert!(
        message.starts_with("1 of 2 messages failed: never; all come again"),
        "{message}"
    );
    assert!(
        message.contains("TRADEWIND_BATCH_FAILURES=report"),
        "{message}"
    );

    let (status, told) = invoke(&hosted(), sqs("q", &events(&["ack-0"]))).await;
    assert_eq!((status, &told["batchItemFailures"]), (200, &json!([])));
}

#[tokio::test]
async fn what_is_no_event_in_a_queue_is_a_message_and_the_handler_judges_it() {
    #[tradewind::handler]
    async fn judge(event: Event) -> Result<(), Error> {
        match event.ty() {
            "com.amazonaws.sqs.Message" if event.data().unwrap().bytes.starts_with(b"{") => Ok(()),
            "com.amazonaws.sqs.Message" => Err(Error::reject("no document")),
            _ => Ok(()),
        }
    }
    let mut bodies = events(&["ack-0", "ack-1"]);
    // All that an event has, but its id is empty.
    bodies[1] = bodies[1].replace("ack-1", "");
    bodies.push("plain text".into());
    let mut options = Options::default();
    options.batch_failures = BatchFailures::Report;
    let hosted = testing::on(Host::Lambda, judge).options(options);
    let (status, told) = invoke(&hosted, sqs("q", &bodies)).await;
    assert_eq!(status, 200);
    assert_eq!(
        told["batchItemFailures"],
        json!([{ "itemIdentifier": "m-2" }])
    );
}

#[tokio::test]
async fn a_reply_that_nobody_waits_for_is_sent_on_or_fails_with_the_setting() {
    let (status, told) = invoke(&hosted(), sqs("q", &events(&["reply-0"]))).await;
    assert_eq!(status, 500);
    let message = told["errorMessage"].as_str().unwrap();
    assert!(message.contains("set TRADEWIND_REPLY_URL"), "{message}");

    #[tradewind::handler]
    async fn taken(event: Event) {
        assert_eq!(event.ty(), "known");
        assert_eq!(event.id(), "/s reply-0.reply");
    }
    let server = crate::server::Server::start(taken, Options::default()).await;
    let to = |path: &str| {
        let url = format!("http://{}{path}", server.address);
        Options::default().reply_to(&url, Some("key")).unwrap()
    };
    let payload = sqs("q", &events(&["reply-0"]));
    let (status, told) = invoke(&hosted().options(to("/")), payload.clone()).await;
    assert_eq!((status, told), (200, json!({ "batchItemFailures": [] })));
    let (status, told) = invoke(&hosted().options(to("/robots.txt")), payload).await;
    assert_eq!(status, 500);
    let message = told["errorMessage"].as_str().unwrap();
    assert!(message.contains("answered 404"), "{message}");
}

#[tokio::test]
async fn what_is_known_of_the_delivery_is_told() {
    let invocation = "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01";
    let (_, reply) = invoke(&hosted(), event("1").to_string()).await;
    assert_eq!(reply["data"]["trace"], invocation);
    assert_eq!(reply["data"]["host"], "lambda");
    assert_eq!(reply["data"]["attempt"], 1);
    let own = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let mut traced = event("1");
    traced["traceparent"] = own.into();
    let (_, reply) = invoke(&hosted(), traced.to_string()).await;
    assert_eq!(reply["data"]["trace"], own);

    // Where nobody waits, the handler itself has to look.
    #[tradewind::handler]
    async fn looks(cx: Context) {
        assert_eq!(cx.attempt(), 3);
        let message = "00-5759e988bd862e3fe1be46a994272793-1111111111111111-00";
        assert_eq!(cx.traceparent(), Some(message));
    }
    let hosted = testing::on(Host::Lambda, looks);
    let (status, told) = invoke(&hosted, sqs("q", &events(&["1"]))).await;
    assert_eq!(status, 200, "{told}");
}

/// The platform's deadline less a reserve; a handler that is not done by then is cancelled and told.
#[tokio::test(start_paused = true)]
async fn the_deadline_is_the_platforms() {
    let at = |header: &str| {
        let now = || SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let hosted = hosted().options(Options::default().clock(now));
        let request = Request::post("/")
            .header("lambda-runtime-deadline-ms", header)
            .body(Bytes::from(event("1").to_string()))
            .unwrap();
        async move {
            let (_, told) = read(hosted.raw(request).await);
            told["data"]["left"].as_u64()
        }
    };
    assert_eq!(at("1000900000").await, Some(899_800));
    assert_eq!(at("1000001000").await, Some(900));
    assert_eq!(at("999999000").await, None, "it has passed");
    // What cannot be a deadline is none: the handler has the time that it has without.
    for none in ["600000", "0", "18446744073709551615", "-1", "soon", ""] {
        assert_eq!(at(none).await, Some(15_000), "{none}");
    }

    let (status, told) = invoke(&hosted(), event("slow").to_string()).await;
    assert_eq!(
        (status, &told["errorType"]),
        (500, &json!("Function.TimedOut"))
    );
}

fn http(headers: &Value, body: &str) -> Value {
    json!({ "version": "2.0", "rawPath": "/", "headers": headers, "body": body, "isBase64Encoded": false,
        "requestContext": { "domainName": "abc.lambda-url.eu-west-1.on.aws", "requestId": "id",
            "http": { "method": "POST", "path": "/" }, "timeEpoch": 1_767_323_047_000_u64 } })
}

#[tokio::test]
async fn requests_are_answered_as_requests() {
    let structured = json!({ "content-type": "application/cloudevents+json" });
    for (headers, body, status) in [
        (&structured, event("ack").to_string(), 204),
        (&structured, event("1").to_string(), 200),
        (&structured, event("busy").to_string(), 503),
        (&structured, event("never").to_string(), 422),
        (&structured, event("bug").to_string(), 500),
        (&structured, "{".to_owned(), 400),
        (&structured, event("").to_string(), 400),
        (
            &json!({ "content-type": "application/cloudevents+xml" }),
            "<event/>".into(),
            415,
        ),
        // The request itself is the event.
        (
            &json!({ "content-type": "text/plain" }),
            "hello".into(),
            200,
        ),
        (
            &json!({ "content-type": 7, "\n": "x" }),
            "hello".into(),
            200,
        ),
        (&Value::Null, String::new(), 200),
    ] {
        let (_, told) = invoke(&hosted(), http(headers, &body).to_string()).await;
        assert_eq!(told["statusCode"], status, "{headers} {body}: {told}");
        assert_eq!(told["isBase64Encoded"], false);
    }
    let (_, told) = invoke(
        &hosted(),
        http(&structured, &event("busy").to_string()).to_string(),
    )
    .await;
    assert_eq!(told["headers"]["retry-after"], "30");
    let mut broken = http(&structured, "no base64!");
    broken["isBase64Encoded"] = true.into();
    let (status, told) = invoke(&hosted(), broken.to_string()).await;
    assert_eq!(
        (status, &told["errorType"]),
        (500, &json!("Function.MalformedPayload"))
    );
}

#[tokio::test]
async fn a_signature_is_asked_for_behind_a_function_url_too() {
    let options = Options::default()
        .signing_secrets("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")
        .unwrap();
    let hosted = hosted().options(options);
    for headers in [
        json!({ "content-type": "application/cloudevents+json" }),
        json!({ "content-type": "application/json" }),
    ] {
        let (_, told) = invoke(&hosted, http(&headers, &event("1").to_string()).to_string()).await;
        assert_eq!(told["statusCode"], 401);
        let body = told["body"].as_str().unwrap();
        assert!(body.contains("a valid signature is required\""), "{body}");
    }
    // AWS itself vouches for the messages of a queue.
    let (status, _) = invoke(&hosted, sqs("q", &events(&["ack"]))).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn whoever_calls_gets_what_the_handler_replies() {
    // An event for an event, data for data.
    let (_, reply) = invoke(&hosted(), event("1").to_string()).await;
    assert_eq!(
        (&reply["specversion"], &reply["type"]),
        (&json!("1.0"), &json!("known"))
    );
    let (_, reply) = invoke(&hosted(), r#"{"own":1}"#).await;
    assert_eq!(reply["type"], "com.amazonaws.lambda.Invocation");
    let (_, reply) = invoke(&hosted(), event("ack").to_string()).await;
    assert_eq!(reply, Value::Null);
    // Cognito wants its own document back.
    let cognito = json!({ "triggerSource": "PreSignUp_SignUp", "userPoolId": "p", "region": "r", "userName": "u",
        "response": {} });
    #[tradewind::handler]
    async fn silent(_event: Event) {}
    let hosted = testing::on(Host::Lambda, silent);
    let (_, told) = invoke(&hosted, cognito.to_string()).await;
    assert_eq!(told, cognito);
}

#[tokio::test]
async fn services_are_told_of_each_record() {
    #[tradewind::handler]
    async fn by_subject(event: Event) -> Result<Reply, Error> {
        let data = event.data_json().unwrap();
        match data["recordId"]
            .as_str()
            .or_else(|| data["s3Key"].as_str())
            .unwrap()
        {
            "ack" => Ok(Reply::ack()),
            "reply" => Ok(Reply::bytes("changed", "text/plain", "changed")),
            "never" => Err(Error::reject("never")),
            _ => Err(Error::retry(None).because("busy")),
        }
    }
    let hosted = testing::on(Host::Lambda, by_subject);
    let firehose = |ids: &[&str]| {
        let record =
            |id: &&str| json!({ "recordId": id, "approximateArrivalTimestamp": 1, "data": "eA==" });
        let records: Vec<Value> = ids.iter().map(record).collect();
        json!({ "invocationId": "i", "deliveryStreamArn": "arn:d", "region": "r", "records": records }).to_string()
    };
    let (_, told) = invoke(&hosted, firehose(&["ack", "reply", "never"])).await;
    let record = |id: &str, result: &str, data: &str| json!({ "recordId": id, "result": result, "data": data });
    let expected = [
        record("ack", "Ok", "eA=="),
        record("reply", "Ok", "Y2hhbmdlZA=="),
        record("never", "ProcessingFailed", "eA=="),
    ];
    assert_eq!(told, json!({ "records": expected }));
    // Firehose gives up what it is told of: to be tried again is an affair of the whole.
    let (status, _) = invoke(&hosted, firehose(&["ack", "busy"])).await;
    assert_eq!(status, 500);

    let task =
        |key: &&str| json!({ "taskId": format!("t-{key}"), "s3Key": key, "s3BucketArn": "arn:b" });
    let tasks: Vec<Value> = ["ack", "reply", "never", "busy"].iter().map(task).collect();
    let batch = json!({ "invocationSchemaVersion": "1.0", "invocationId": "i", "job": { "id": "j" }, "tasks": tasks });
    let (_, told) = invoke(&hosted, batch.to_string()).await;
    let result = |key: &str, code: &str, text: &str| json!({ "taskId": format!("t-{key}"), "resultCode": code, "resultString": text });
    let expected = [
        result("ack", "Succeeded", ""),
        result("reply", "Succeeded", "changed"),
        result("never", "PermanentFailure", "never"),
        result("busy", "TemporaryFailure", "busy"),
    ];
    assert_eq!(told["results"], json!(expected));
    assert_eq!(
        (&told["invocationSchemaVersion"], &told["invocationId"]),
        (&json!("1.0"), &json!("i"))
    );

    let output = json!({ "invocationId": "i", "applicationArn": "arn:a", "records": [
        { "recordId": "ack", "data": "eA==" }, { "recordId": "busy", "data": "eA==" }] });
    let (_, told) = invoke(&hosted, output.to_string()).await;
    let expected = json!([{ "recordId": "ack", "result": "Ok" }, { "recordId": "busy", "result": "DeliveryFailed" }]);
    assert_eq!(told["records"], expected);
}

#[tokio::test]
async fn what_is_no_payload_is_a_failure_with_its_reason() {
    for payload in [
        "",
        "{",
        "\u{7}",
        "{\"Records\":[{\"eventSource\":\"aws:sqs\"}]}",
        "[1,]",
    ] {
        let (status, told) = invoke(&hosted(), payload).await;
        assert_eq!(status, 500, "{payload}");
        assert_eq!(
            told["errorType"], "Function.MalformedPayload",
            "{payload}: {told}"
        );
        assert!(!told["errorMessage"].as_str().unwrap().is_empty());
    }
    // None of the headers that should be there is, or they are not what they should be.
    let mut request = Request::post("/").body(Bytes::from("{}")).unwrap();
    for name in [
        "lambda-runtime-deadline-ms",
        "lambda-runtime-trace-id",
        "lambda-runtime-invoked-function-arn",
    ] {
        let answer = hosted().raw(request.clone()).await;
        assert_eq!(answer.status(), 200);
        let value = http::HeaderValue::from_bytes(b"\xff\xfe").unwrap();
        request.headers_mut().insert(name, value);
    }
    assert_eq!(hosted().raw(request).await.status(), 200);
}

/// Payloads that others published, where they are at hand.
pub(crate) fn conformance(folder: &str) -> Option<std::path::PathBuf> {
    let root = std::env::var_os("TRADEWIND_CONFORMANCE").map_or_else(
        || concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/conformance").into(),
        std::path::PathBuf::from,
    );
    let folder = root.join("provider-events").join(folder);
    if !folder.is_dir() {
        eprintln!("SKIPPED: no conformance data (set TRADEWIND_CONFORMANCE)");
        return None;
    }
    Some(folder)
}

/// Every payload that others published, bare and cut off at many places: an answer, never a panic.
#[tokio::test]
async fn published_payloads_are_answered() {
    let Some(folder) = conformance("aws") else {
        return;
    };
    let files = std::fs::read_dir(folder).unwrap();
    #[tradewind::handler]
    async fn silent(_event: Event) {}
    let hosted = testing::on(Host::Lambda, silent);
    let (mut count, mut cut) = (0, 0);
    for file in files.map(|file| file.unwrap().path()) {
        if file.extension().is_none_or(|e| e != "json") {
            continue;
        }
        let payload = std::fs::read(&file).unwrap();
        let is_json = serde_json::from_slice::<Value>(&payload).is_ok();
        let (status, told) = invoke(&hosted, payload.clone()).await;
        assert_eq!(status == 200, is_json, "{}: {told}", file.display());
        count += 1;
        for end in (0..payload.len()).step_by(payload.len() / 7 + 1) {
            let (status, _) = invoke(&hosted, payload[..end].to_vec()).await;
            assert_eq!(status, 500, "{} cut at {end}", file.display());
            cut += 1;
        }
    }
    assert!(count >= 100, "only {count} payloads");
    println!("hosts: {count} published payloads and {cut} cut ones answered");
}
