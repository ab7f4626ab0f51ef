//! What is particular to each platform that calls over HTTP.

use http::{Request, Response};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};
use tradewind::testing::{self, Hosted};
use tradewind::{Bytes, Context, Event, Host, Options, Reply};

/// Replies what it knows.
#[tradewind::handler]
async fn known(event: Event, cx: Context) -> Reply {
    let data = event.data_json();
    let known = json!({ "id": event.id(), "source": event.source(), "type": event.ty(), "data": data,
        "attempt": cx.attempt(), "left": cx.remaining().as_millis() as u64 });
    Reply::event("known", known)
}

async fn ask(
    hosted: &Hosted,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Response<Bytes> {
    let mut request = Request::post(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    hosted.raw(request.body(body.into()).unwrap()).await
}

fn document(answer: &Response<Bytes>) -> Value {
    serde_json::from_slice(answer.body()).unwrap_or_default()
}

const JSON: (&str, &str) = ("content-type", "application/json");

fn event() -> Value {
    json!({ "specversion": "1.0", "id": "1", "source": "/s", "type": "t", "data": [1.50] })
}

/// An application with two functions, one of a queue and one of HTTP.
fn application(name: &str) -> (tempfile::TempDir, Hosted) {
    let folder = tempfile::tempdir().unwrap();
    let function = |name: &str, bindings: Value| {
        std::fs::create_dir(folder.path().join(name)).unwrap();
        let file = folder.path().join(name).join("function.json");
        std::fs::write(file, json!({ "bindings": bindings }).to_string()).unwrap();
    };
    function(
        "queue",
        json!([{ "name": "state", "type": "table", "direction": "in" },
            { "name": "message", "type": "queueTrigger", "direction": "in" },
            { "name": name, "type": "queue", "direction": "out" }]),
    );
    function(
        "http",
        json!([{ "name": "req", "type": "httpTrigger", "direction": "in" },
            { "name": "$return", "type": "http", "direction": "out" }]),
    );
    std::fs::create_dir(folder.path().join("broken")).unwrap();
    std::fs::write(folder.path().join("broken/function.json"), "{").unwrap();
    let root = folder.path().to_str().unwrap().to_owned();
    let hosted = testing::on(Host::Azure, known).variable("FUNCTIONS_APP_ROOT_PATH", &root);
    (folder, hosted)
}

fn queue(value: &Value, metadata: &Value) -> String {
    let mut metadata = metadata.clone();
    metadata["sys"] =
        json!({ "MethodName": "queue", "UtcNow": "2026-01-02T03:04:05Z", "RandGuid": "1" });
    // An input binding stands before the trigger's value.
    json!({ "Data": { "a": {}, "message": value, "state": [] }, "Metadata": metadata }).to_string()
}

#[tokio::test]
async fn azure_replies_by_its_output_bindings() {
    let quoted = Value::from(event().to_string()).to_string();
    for (output, path) in [("out", "/Outputs/out"), ("$return", "/ReturnValue")] {
        let (_folder, hosted) = application(output);
        let answer = ask(
            &hosted,
            "/queue",
            &[JSON],
            queue(&quoted.clone().into(), &json!({})),
        )
        .await;
        assert_eq!(answer.status(), 200);
        let answered = document(&answer);
        let reply = answered.pointer(path).unwrap();
        assert_eq!(
            (&reply["type"], &reply["data"]["id"]),
            (&json!("known"), &json!("1"))
        );
        assert_eq!(answered["Logs"], json!([]));
    }
    let (_folder, hosted) = application("out");
    // Many at once: each is an event, and all replies go out.
    let many = json!([quoted, event(), event().to_string()]);
    let answer = ask(&hosted, "/queue", &[JSON], queue(&many, &json!({}))).await;
    assert_eq!(
        document(&answer)["Outputs"]["out"].as_array().map(Vec::len),
        Some(3)
    );
    // What is no event stays what the host brought.
    for value in [
        json!("\"plain\""),
        json!({ "own": 1 }),
        json!([]),
        json!(["x"]),
        json!(7),
        Value::Null,
    ] {
        let answer = ask(
            &hosted,
            "/queue",
            &[JSON],
            queue(&value, &json!({ "Id": "\"m-1\"" })),
        )
        .await;
        let reply = &document(&answer)["Outputs"]["out"]["data"];
        assert_eq!(
            reply["type"], "com.microsoft.azure.functions.queue",
            "{value}"
        );
        assert_eq!(reply["data"]["Data"]["message"], value);
    }
}

#[tokio::test]
async fn azure_counts_attempts_in_many_ways() {
    let (_folder, hosted) = application("out");
    for (metadata, attempt) in [
        (json!({}), 1),
        (json!({ "DequeueCount": 3 }), 3),
        (json!({ "DequeueCount": "3" }), 3),
        (json!({ "DeliveryCount": "\"4\"" }), 4),
        (
            json!({ "RetryContext": { "RetryCount": 2 }, "DequeueCount": 1 }),
            3,
        ),
        (json!({ "RetryContext": "{\"RetryCount\":\"2\"}" }), 3),
        (json!({ "DequeueCount": "-1" }), 1),
        (json!({ "DequeueCount": {}, "RetryContext": 7 }), 1),
        (
            json!({ "RetryContext": { "RetryCount": u32::MAX } }),
            u32::MAX,
        ),
    ] {
        let answer = ask(&hosted, "/queue", &[JSON], queue(&event(), &metadata)).await;
        let reply = &document(&answer)["Outputs"]["out"]["data"];
        assert_eq!(reply["attempt"], attempt, "{metadata}");
    }
}

fn http(headers: &Value, body: &Value) -> String {
    let request = json!({ "Url": "https://x/api/http", "Method": "POST", "Query": "{}", "Headers": headers,
        "Params": {}, "Body": body });
    json!({ "Data": { "req": request }, "Metadata": { "sys": { "MethodName": "http" } } })
        .to_string()
}

#[tokio::test]
async fn azure_answers_a_request_through_its_binding() {
    let (_folder, hosted) = application("out");
    let structured = json!({ "Content-Type": ["application/cloudevents+json"] });
    for (headers, body, status) in [
        (&structured, json!(event().to_string()), 200),
        // The host may have read the JSON.
        (&structured, event(), 200),
        (&structured, json!("{"), 400),
        (
            &json!({ "Content-Type": ["text/plain"], "\n": ["x"] }),
            json!("hello"),
            200,
        ),
        (&json!({}), Value::Null, 200),
    ] {
        let answer = ask(&hosted, "/http", &[JSON], http(headers, &body)).await;
        assert_eq!(answer.status(), 200);
        let answered = document(&answer);
        assert_eq!(
            answered["ReturnValue"]["statusCode"], status,
            "{headers} {body}"
        );
        assert_eq!(answered["ReturnValue"]["status"], status);
    }
    for body in [
        "[{\"req\":{}},{}]",
        "[]",
        "7",
        "{\"Data\":[],\"Metadata\":{}}",
    ] {
        assert_eq!(
            ask(&hosted, "/http", &[JSON], body).await.status(),
            400,
            "{body}"
        );
    }
    // Nobody calls what is bound to HTTP in the words of the host but the host.
    let answer = ask(&hosted, "/http", &[JSON], queue(&event(), &json!({}))).await;
    assert_eq!(answer.status(), 400);
    // Ready before anything else; a request that is passed on has to hold an event.
    let ready = Request::get("/").body(Bytes::new()).unwrap();
    assert_eq!(hosted.raw(ready).await.status(), 200);
    let forged = queue(&event(), &json!({}));
    assert_eq!(
        ask(&hosted, "/api/queue", &[JSON], forged).await.status(),
        400
    );
}

#[tokio::test]
async fn published_invocations_of_azure_are_answered() {
    let Some(folder) = crate::lambda::conformance("azure/azure-docs-custom-handlers") else {
        return;
    };
    let hosted = testing::on(Host::Azure, known).options(Options::default());
    for (file, status) in [
        ("request.http-order.json", 200),
        ("request.queue.json", 503),
    ] {
        let body = std::fs::read(folder.join(file)).unwrap();
        let answer = ask(&hosted, "/orders", &[JSON], body).await;
        // A reply to a queue has nowhere to go here.
        assert_eq!(answer.status(), status, "{file}: {:?}", answer.body());
    }
}

/// What the host's own unit tests have it send (`DefaultHttpWorkerServiceTests`, with the texts of
/// `HttpWorkerTestUtilities`, and what a running host adds as `sys`), and the form in which they have it read an answer (`HttpScriptInvocationResultExtensions`).
#[tokio::test]
async fn the_cases_of_azures_own_tests_are_taken_and_answered_as_they_expect() {
    let (_folder, hosted) = application("out");
    let own = [
        (
            "x-azure-functions-invocationid",
            "5d9f7e9c-6a3b-4c0e-8f6e-2d0a6f0b1c2d",
        ),
        ("x-azure-functions-hostversion", "4.1044.100.0"),
        ("user-agent", "Azure-Functions-Host/4.1044.100.0"),
        ("content-type", "application/json; charset=utf-8"),
    ];
    let sent = json!({
        "Data": { "message": "\"HelloWorld\"" },
        "Metadata": {
            "dequeueCount": "4", "VisibleTime": "2019-10-01T00:00:00",
            "VisibleTimeOffset": "2019-10-01T00:00:00+00:00", "helloString": "\"helloMetadata\"",
            "sys": { "MethodName": "queue", "UtcNow": "2019-10-01T00:00:00Z", "RandGuid": "1" },
        },
    });
    let answer = ask(&hosted, "/queue", &own, sent.to_string()).await;
    // Another media type, or a document that is none, fails the invocation there.
    let media = answer.headers()["content-type"].to_str().unwrap();
    assert_eq!((answer.status().as_u16(), media), (200, "application/json"));
    let read = document(&answer);
    let expected = ["Logs", "Outputs", "ReturnValue"];
    let mut members = read.as_object().unwrap().keys();
    assert!(
        members.all(|name| expected.contains(&name.as_str())),
        "{read}"
    );
    assert!(
        read["Logs"]
            .as_array()
            .unwrap()
            .iter()
            .all(Value::is_string)
    );
    let reply = &read["Outputs"]["out"]["data"];
    assert_eq!(
        (&reply["attempt"], &reply["data"]["Data"]),
        (&json!(4), &sent["Data"])
    );

    // An HTTP trigger with other bindings is told in words; `Query` is a document within a text.
    let request = json!({
        "Url": "http://localhost/?id=149656222&name=Ink%20And%20Toner", "Method": "GET",
        "Query": "{\"id\":\"149656222\",\"name\":\"Ink And Toner\"}",
        "Headers": { "Accept-Charset": ["UTF-8"], "Accept": ["text/plain"], "Content-Length": ["13"], "Host": ["localhost"] },
        "Params": {}, "Identities": [], "Body": "\"hello world\"",
    });
    let sent = json!({ "Data": { "req": request }, "Metadata": { "dequeueCount": "4", "sys": { "MethodName": "http" } } });
    let answer = ask(&hosted, "/http", &own, sent.to_string()).await;
    let read = document(&answer);
    // `$return` is not read as an HTTP output there, but by its members all the same.
    let output = &read["ReturnValue"];
    assert_eq!(
        (&output["statusCode"], &output["status"]),
        (&json!(200), &json!(200))
    );
    assert!(
        output["headers"]
            .as_object()
            .unwrap()
            .values()
            .all(Value::is_string)
    );
    assert!(output["body"].is_string());

    // Passed on as it came: the path is the caller's, and so is the answer. The ping is for `/`.
    let ping = Request::get("/")
        .header("user-agent", "Azure-Functions-Host/4")
        .body(Bytes::new());
    assert!(hosted.raw(ping.unwrap()).await.status().is_success());
}

#[tokio::test]
async fn google_calls_by_signature() {
    let on = |signature: &str| {
        testing::on(Host::Google, known).variable("FUNCTION_SIGNATURE_TYPE", signature)
    };
    let legacy = json!({ "context": { "eventId": "e-1", "timestamp": "2026-01-02T03:04:05Z",
        "eventType": "google.pubsub.topic.publish",
        "resource": { "service": "pubsub.googleapis.com", "name": "projects/p/topics/t" } }, "data": { "data": "eA==" } });
    let structured = ("content-type", "application/cloudevents+json");
    let own = ("content-type", "text/plain");
    let from_gateway = ("tradewind-delivery-id", "d-1");
    for (signature, headers, body, status) in [
        ("http", &[structured][..], event().to_string(), 200),
        ("http", &[own], "hello".into(), 200),
        ("typed", &[JSON], r#"{"own":1}"#.into(), 200),
        ("http", &[structured], "{".into(), 400),
        // Behind a trigger nobody reads a reply, and there is nowhere for it to go.
        ("cloudevent", &[structured], event().to_string(), 503),
        (
            "cloudevent",
            &[structured, from_gateway],
            event().to_string(),
            200,
        ),
        ("cloudevent", &[own], "hello".into(), 400),
        ("event", &[JSON], legacy.to_string(), 503),
        ("event", &[JSON, from_gateway], legacy.to_string(), 503),
        ("cobol", &[structured], event().to_string(), 500),
    ] {
        let answer = ask(&on(signature), "/any/path?a=1&a=2", headers, body).await;
        assert_eq!(
            answer.status().as_u16(),
            status,
            "{signature} {headers:?}: {:?}",
            answer.body()
        );
        assert!(!answer.headers().contains_key("etag"));
    }
    let answer = ask(
        &on("http"),
        "/any/path?a=1&a=2",
        &[own, ("function-execution-id", "x-1")],
        "hello",
    )
    .await;
    let reply = document(&answer);
    assert_eq!(
        (&reply["type"], &reply["id"]),
        (&json!("http.request"), &json!("x-1"))
    );
    let request = &reply["data"];
    assert_eq!(
        (&request["path"], &request["query"]["a"]),
        (&json!("/any/path"), &json!(["1", "2"]))
    );
    assert_eq!(
        (&request["body"], &request["method"]),
        (&json!("hello"), &json!("POST"))
    );
    for path in ["/robots.txt", "/favicon.ico"] {
        assert_eq!(ask(&on("http"), path, &[own], "x").await.status(), 404);
    }
    let mut full = Options::default();
    full.concurrency = 0;
    assert_eq!(
        ask(&on("http").options(full), "/", &[own], "x")
            .await
            .status(),
        429
    );
}

#[tokio::test]
async fn an_activation_of_ones_own_is_answered_with_data() {
    let hosted = testing::on(Host::OpenWhisk, known);
    let run = |value: Value| {
        json!({ "value": value, "namespace": "shop", "action_name": "/shop/orders", "activation_id": "a-1" }).to_string()
    };
    let answer = ask(&hosted, "/run", &[JSON], run(json!({ "own": 1 }))).await;
    let reply = document(&answer);
    assert_eq!(
        (&reply["id"], &reply["source"]),
        (&json!("a-1"), &json!("/shop/orders"))
    );
    assert_eq!(reply["data"], json!({ "own": 1 }));
    for (path, body) in [
        ("/run", "{"),
        ("/run", ""),
        ("/run", "[]"),
        ("/other", "{}"),
    ] {
        let answer = ask(&hosted, path, &[JSON], body).await;
        assert_ne!(answer.status(), 200);
        assert!(document(&answer)["error"].is_string(), "{path} {body}");
    }
    // A web action tells its caller, and is no failure of the platform's.
    let web = json!({ "__ow_method": "post", "__ow_headers": { "content-type": "application/cloudevents+json" },
        "__ow_body": "{" });
    let answer = ask(&hosted, "/run", &[JSON], run(web)).await;
    assert_eq!(
        (answer.status().as_u16(), &document(&answer)["statusCode"]),
        (200, &json!(400))
    );
}

#[tokio::test(start_paused = true)]
async fn deadlines_are_the_platforms_where_there_is_one() {
    let clock = || SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_323_047);
    let options = || Options::default().clock(clock);
    let fn_ = testing::on(Host::Fn, known).options(options());
    let call = [
        ("fn-call-id", "c-1"),
        ("fn-deadline", "2026-01-02T03:04:37.5Z"),
        ("content-type", "text/plain"),
    ];
    let answer = ask(&fn_, "/call", &call, "hello").await;
    assert_eq!(answer.headers()["fn-http-status"], "200");
    assert_eq!(answer.headers()["fn-http-h-ce-type"], "known");
    let reply = document(&answer);
    assert_eq!(
        (&reply["type"], &reply["id"], &reply["left"]),
        (&json!("io.fnproject.call"), &json!("c-1"), &json!(30_300))
    );

    let whisk = testing::on(Host::OpenWhisk, known).options(options());
    for deadline in [json!("1767323077500"), json!(1_767_323_077_500_u64)] {
        let run = json!({ "value": {}, "activation_id": "a", "deadline": deadline }).to_string();
        let answer = ask(&whisk, "/run", &[JSON], run).await;
        assert_eq!(document(&answer)["left"], 30_300);
    }
    let late =
        json!({ "value": {}, "activation_id": "a", "deadline": "1767323040000" }).to_string();
    let answer = ask(&whisk, "/run", &[JSON], late).await;
    assert_eq!(answer.status(), 502);
}

#[tokio::test]
async fn azure_asks_for_a_signature_where_a_caller_may_have_chosen_the_path() {
    let secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let options = tradewind::Options::default()
        .signing_secrets(secret)
        .unwrap();
    let quoted = Value::from(event().to_string()).to_string();
    let message = queue(&quoted.into(), &json!({}));
    let forwarding = json!({ "enableForwardingHttpRequest": true });
    let bare = json!({ "http": { "routePrefix": "" } });
    for (file, status) in [
        (None, 401),
        (Some(json!({ "version": "2.0" })), 200),
        (Some(json!({ "customHandler": forwarding })), 200),
        (
            Some(json!({ "customHandler": forwarding, "extensions": bare })),
            401,
        ),
    ] {
        let (folder, hosted) = application("out");
        if let Some(file) = &file {
            std::fs::write(folder.path().join("host.json"), file.to_string()).unwrap();
        }
        let hosted = hosted.options(options.clone());
        // Whether the function is known by its file does not matter.
        for path in ["/queue", "/unknown"] {
            let answer = ask(&hosted, path, &[JSON], message.clone()).await;
            // What replies has nowhere to send it where the function is unknown.
            assert_eq!(answer.status() == 401, status == 401, "{path} {file:?}");
        }
    }
}
