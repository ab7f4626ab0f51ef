//! What becomes of cookies, of headers that are there several times, and of bodies that are no text, where a platform
//! carries requests and answers in documents; and of JSON within these.

use http::{Method, Request};
use serde_json::{Value, json};
use tradewind::testing;
use tradewind::{Bytes, Event, Host, Reply, Response};

/// Answers with what the path says, and with the cookies that came.
#[tradewind::handler]
async fn answers(request: Request<Bytes>) -> Response {
    let cookies = request.headers().get_all("cookie").iter();
    let cookies: Vec<_> = cookies.map(|value| value.to_str().unwrap()).collect();
    let path = request.uri().path();
    let answer = match path.rsplit('/').next() {
        Some("ascii") => binary(b"abcd"),
        Some("bytes") => binary(b"\xff\x00"),
        Some("one") => Response::text("").header("set-cookie", "a=1"),
        _ => Response::text("")
            .header("set-cookie", "a=1; Expires=Thu, 01 Jan 2026 00:00:00 GMT")
            .header("set-cookie", "b=2"),
    };
    let answer = answer.header("link", "<x>").header("link", "<y>");
    answer.header("x-cookies", &cookies.join(" AND "))
}

fn binary(body: &'static [u8]) -> Response {
    let answer = http::Response::builder().header("content-type", "application/octet-stream");
    answer.body(Bytes::from_static(body)).unwrap().into()
}

async fn told(host: Host, path: &str, document: &Value) -> Value {
    let request = Request::post(path).body(Bytes::from(document.to_string()));
    let answer = testing::on(host, answers).raw(request.unwrap()).await;
    assert_eq!(answer.status(), 200, "{host}: {answer:?}");
    serde_json::from_slice(answer.body()).unwrap()
}

fn url(path: &str) -> Value {
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
        "cookies": ["c=1", "d=2"], "headers": {}, "isBase64Encoded": false,
        "requestContext": { "apiId": "a", "stage": "$default", "requestId": "1", "timeEpoch": 1,
            "domainName": "abc.lambda-url.eu-west-1.on.aws",
            "http": { "method": "GET", "path": path, "sourceIp": "203.0.113.9" } }
    })
}

fn gateway(path: &str) -> Value {
    json!({
        "resource": "/{any}", "path": path, "httpMethod": "GET", "headers": { "Cookie": "c=1; d=2" },
        "isBase64Encoded": false,
        "requestContext": { "apiId": "a", "stage": "s", "requestId": "1", "httpMethod": "GET", "requestTimeEpoch": 1 }
    })
}

fn balancer(path: &str) -> Value {
    json!({
        "httpMethod": "GET", "path": path, "queryStringParameters": {}, "headers": { "cookie": "c=1; d=2" },
        "body": "", "isBase64Encoded": false,
        "requestContext": { "elb": { "targetGroupArn": "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/a/b" } }
    })
}

fn lists(mut document: Value) -> Value {
    document["headers"] = Value::Null;
    document["multiValueHeaders"] = json!({ "cookie": ["c=1; d=2"] });
    document
}

fn azure(path: &str) -> Value {
    json!({
        "Data": { "req": { "Url": format!("https://shop.example{path}"), "Method": "GET", "Query": "{}",
            "Headers": { "Cookie": ["c=1; d=2"] }, "Params": {} } },
        "Metadata": { "sys": { "MethodName": "orders", "UtcNow": "2026-01-02T03:04:05Z", "RandGuid": "1" } }
    })
}

fn whisk(path: &str) -> Value {
    json!({ "value": { "__ow_method": "get", "__ow_path": path, "__ow_query": "",
        "__ow_headers": { "cookie": "c=1; d=2" }, "__ow_body": "" },
        "activation_id": "1", "namespace": "n", "action_name": "/n/a" })
}

#[tokio::test]
async fn cookies_and_headers_that_repeat_all_arrive() {
    let cookies = json!(["a=1; Expires=Thu, 01 Jan 2026 00:00:00 GMT", "b=2"]);
    let links = json!(["<x>", "<y>"]);
    let came = "c=1; d=2";
    let two = told(Host::Lambda, "/", &url("/")).await;
    assert_eq!(two["cookies"], cookies);
    assert_eq!(two["headers"]["link"], "<x>, <y>");
    assert_eq!(two["headers"]["set-cookie"], Value::Null);
    assert_eq!(two["headers"]["x-cookies"], came);
    let one = told(Host::Lambda, "/", &gateway("/")).await;
    assert_eq!(
        one["multiValueHeaders"],
        json!({ "set-cookie": cookies, "link": links })
    );
    assert_eq!(one["headers"]["x-cookies"], came);
    for document in [lists(gateway("/")), lists(balancer("/"))] {
        let many = &told(Host::Lambda, "/", &document).await["multiValueHeaders"];
        assert_eq!((&many["set-cookie"], &many["link"]), (&cookies, &links));
        assert_eq!(many["x-cookies"], json!([came]));
    }
    let whisk = &told(Host::OpenWhisk, "/run", &whisk("/")).await["headers"];
    assert_eq!((&whisk["set-cookie"], &whisk["link"]), (&cookies, &links));
    assert_eq!(whisk["x-cookies"], came);
    let azure = &told(Host::Azure, "/orders", &azure("/one")).await["Outputs"]["res"]["headers"];
    assert_eq!(azure["set-cookie"], "a=1");
    assert_eq!(
        (&azure["link"], &azure["x-cookies"]),
        (&"<x>, <y>".into(), &came.into())
    );
    let passed = Request::builder().method(Method::GET).uri("/api/orders");
    let passed = passed.header("cookie", came).body(Bytes::new()).unwrap();
    let answer = testing::on(Host::Azure, answers).raw(passed).await;
    assert_eq!(answer.headers().get_all("set-cookie").iter().count(), 2);
    assert_eq!(answer.headers()["x-cookies"], came);
}

#[tokio::test]
async fn what_a_platform_cannot_carry_is_a_failure_that_says_so() {
    for (host, path, document, at) in [
        (Host::Azure, "/orders", azure("/"), "/Outputs/res"),
        (Host::Azure, "/orders", azure("/bytes"), "/Outputs/res"),
        (Host::Lambda, "/", balancer("/"), ""),
    ] {
        let told = told(host, path, &document).await;
        let told = told.pointer(at).unwrap();
        assert_eq!(told["statusCode"], 500, "{told}");
        let body = told["body"].as_str().unwrap();
        assert!(body.contains("takes"), "{body}");
    }
}

#[tokio::test]
async fn bodies_that_are_no_text_arrive_as_they_are() {
    let whisk =
        async |path: &str| told(Host::OpenWhisk, "/run", &whisk(path)).await["body"].clone();
    assert_eq!(whisk("/ascii").await, "YWJjZA==");
    assert_eq!(whisk("/bytes").await, "/wA=");
    for document in [url("/bytes"), gateway("/bytes"), balancer("/bytes")] {
        let told = told(Host::Lambda, "/", &document).await;
        assert_eq!(
            (&told["body"], &told["isBase64Encoded"]),
            (&"/wA=".into(), &true.into())
        );
    }
    let azure = told(Host::Azure, "/orders", &azure("/ascii")).await;
    assert_eq!(azure["Outputs"]["res"]["body"], "abcd");
}

/// What a reader of numbers and members would write otherwise.
const DATA: &str = r#"{"n":123456789012345678901,"n":1.10}"#;

/// Replies with the data as it came.
#[tradewind::handler]
async fn same(event: Event) -> Reply {
    Reply::bytes(
        "same",
        "application/json",
        event.data().unwrap().bytes.clone(),
    )
}

async fn given(host: Host, path: &str, content_type: &str, body: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("queue")).unwrap();
    let bindings = json!({ "bindings": [{ "name": "message", "type": "queueTrigger", "direction": "in" },
        { "name": "out", "type": "queue", "direction": "out" }] });
    std::fs::write(
        folder.path().join("queue/function.json"),
        bindings.to_string(),
    )
    .unwrap();
    let request = Request::post(path).header("content-type", content_type);
    let root = folder.path().to_str().unwrap();
    let hosted = testing::on(host, same).variable("FUNCTIONS_APP_ROOT_PATH", root);
    let request = request.body(Bytes::from(body.to_owned())).unwrap();
    let answer = hosted.raw(request).await;
    String::from_utf8(answer.into_body().to_vec()).unwrap()
}

#[tokio::test]
async fn json_within_a_document_stays_as_it_was_written() {
    let event =
        format!(r#"{{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{DATA}}}"#);
    let sys =
        r#""Metadata":{"sys":{"MethodName":"m","UtcNow":"2026-01-02T03:04:05Z","RandGuid":"1"}}"#;
    let request = format!(
        r#"{{"Data":{{"req":{{"Url":"https://x/api/m","Method":"POST","Query":"{{}}","Headers":
        {{"content-type":["application/cloudevents+json"]}},"Params":{{}},"Body":{event}}}}},{sys}}}"#
    );
    let told = given(Host::Azure, "/m", "application/json", &request).await;
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["Outputs"]["res"]["body"], DATA);
    let whole = format!(r#""data":{DATA}"#);
    for events in [event.clone(), format!("[{event},{event}]")] {
        let message = format!(r#"{{"Data":{{"message":{events}}},{sys}}}"#);
        let told = given(Host::Azure, "/queue", "application/json", &message).await;
        assert!(told.contains(&whole), "{told}");
    }
    let told = given(Host::Google, "/", "application/json", DATA).await;
    assert!(told.contains(&format!(r#""body":{DATA}"#)), "{told}");
    let told = given(Host::Stdin, "/", "", &event).await;
    assert!(told.contains(&whole), "{told}");
    let told = given(Host::Stdin, "/", "", "[1,\r2]").await;
    assert!(
        told.contains(r#""data":[1, 2]"#) && told.lines().count() == 1,
        "{told}"
    );
}
