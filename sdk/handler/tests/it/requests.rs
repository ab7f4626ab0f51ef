//! Requests in, responses out: whole, and as streams.

use crate::server::Server;
use futures_util::stream;
use http::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use std::io;
use std::time::Duration;
use tradewind::testing::{self, Hosted};
use tradewind::{Bytes, Error, Event, Host, InvokeMode, Options, Reply};

#[tradewind::handler]
async fn echo(request: Request<Bytes>) -> Result<tradewind::Response, Error> {
    let header = |name: &str| {
        let value = request.headers().get(name)?;
        Some(value.to_str().ok()?.to_owned())
    };
    let seen = json!({
        "method": request.method().as_str(), "uri": request.uri().to_string(),
        "body": String::from_utf8_lossy(request.body()), "x": header("x-shop"),
    });
    match request.uri().path() {
        "/busy" => Err(Error::retry(None).because("busy")),
        "/odd" => Ok(tradewind::Response::json(&seen).status(99)),
        _ => Ok(tradewind::Response::json(&seen)
            .status(201)
            .header("x-answer", "yes")),
    }
}

fn seen(answer: &Bytes) -> Value {
    serde_json::from_slice(answer).unwrap()
}

#[tokio::test]
async fn a_request_is_seen_as_it_came_on_every_host_that_has_them() {
    let plain = || {
        Request::put("/orders/7?x=1&y=%20")
            .header("x-shop", "s")
            .body(Bytes::from_static(b"hello"))
            .unwrap()
    };
    for host in [Host::Http, Host::Google, Host::Knative, Host::Dapr] {
        let answer = testing::on(host, echo).raw(plain()).await;
        assert_eq!(answer.status(), 201, "{host}");
        assert_eq!(answer.headers()["x-answer"], "yes");
        let expected =
            json!({ "method": "PUT", "uri": "/orders/7?x=1&y=%20", "body": "hello", "x": "s" });
        assert_eq!(seen(answer.body()), expected, "{host}");
    }
    let url = json!({
        "version": "2.0", "routeKey": "$default", "rawPath": "/orders/7", "rawQueryString": "x=1",
        "headers": { "x-shop": "s" }, "body": "hello", "isBase64Encoded": false,
        "requestContext": { "apiId": "a", "stage": "$default", "requestId": "1", "timeEpoch": 1,
            "domainName": "abc.lambda-url.eu-west-1.on.aws",
            "http": { "method": "PUT", "path": "/orders/7", "sourceIp": "203.0.113.9" } }
    });
    let gateway = json!({
        "resource": "/{any}", "path": "/orders/7", "httpMethod": "PUT", "headers": { "x-shop": "s" },
        "queryStringParameters": { "x": "1 2" }, "body": "hello", "isBase64Encoded": false,
        "requestContext": { "apiId": "a", "stage": "s", "requestId": "1", "httpMethod": "PUT", "requestTimeEpoch": 1 }
    });
    let azure = json!({
        "Data": { "req": { "Url": "https://shop.example/api/orders?x=1", "Method": "PUT", "Query": "{}",
            "Headers": { "x-shop": ["s"] }, "Params": {}, "Body": "hello" } },
        "Metadata": { "sys": { "MethodName": "orders", "UtcNow": "2026-01-02T03:04:05Z", "RandGuid": "1" } }
    });
    let whisk = json!({ "value": { "__ow_method": "put", "__ow_path": "/orders/7", "__ow_query": "x=1",
        "__ow_headers": { "x-shop": "s", "content-type": "text/plain" }, "__ow_body": "hello" },
        "activation_id": "1", "namespace": "n", "action_name": "/n/a" });
    for (host, path, document, at, uri) in [
        (Host::Lambda, "/", url, "", "/orders/7?x=1"),
        (Host::Lambda, "/", gateway, "", "/orders/7?x=1%202"),
        (
            Host::Azure,
            "/orders",
            azure,
            "/Outputs/res",
            "https://shop.example/api/orders?x=1",
        ),
        (Host::OpenWhisk, "/run", whisk, "", "/orders/7?x=1"),
    ] {
        let request = Request::post(path)
            .body(Bytes::from(document.to_string()))
            .unwrap();
        let answer = testing::on(host, echo).raw(request).await;
        let told = seen(answer.body());
        let told = told.pointer(at).unwrap();
        assert_eq!(told["statusCode"], 201, "{host}: {told}");
        let body: Value = serde_json::from_str(told["body"].as_str().unwrap()).unwrap();
        assert_eq!(body["method"], "PUT", "{host}");
        assert_eq!(
            (&body["uri"], &body["x"]),
            (&uri.into(), &"s".into()),
            "{host}"
        );
    }
}

/// As the host of Azure passes them on where an application has nothing but requests.
#[tokio::test]
async fn azure_passes_on_requests_of_any_method() {
    let options = Options::default()
        .signing_secrets("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")
        .unwrap();
    for (method, path, body) in [
        (Method::GET, "/api/orders?x=1", ""),
        (Method::PUT, "/api/orders", "hello"),
        (Method::POST, "/api/orders", "{\"own\":1}"),
        (Method::DELETE, "/orders", ""),
    ] {
        let request = || {
            let body = Bytes::from_static(body.as_bytes());
            let request = Request::builder().method(&method).uri(path);
            request.header("x-shop", "s").body(body).unwrap()
        };
        let on = || testing::on(Host::Azure, echo);
        let answer = on().raw(request()).await;
        assert_eq!(answer.status(), 201, "{method} {path}");
        let expected = json!({ "method": method.as_str(), "uri": path, "body": body, "x": "s" });
        assert_eq!(seen(answer.body()), expected);
        let unsigned = on().options(options.clone()).raw(request()).await;
        assert_eq!(unsigned.status(), 401, "{method} {path}");
        let refused = testing::on(Host::Azure, both).raw(request()).await;
        let status = if method == Method::POST { 400 } else { 405 };
        assert_eq!(refused.status(), status, "{method} {path}");
    }
}

#[tokio::test]
async fn failures_of_a_handler_of_requests_are_told_as_of_any_other() {
    let ask = async |path: &str| {
        let request = Request::get(path).body(Bytes::new()).unwrap();
        testing::on(Host::Http, echo).raw(request).await
    };
    assert_eq!(ask("/busy").await.status(), 503);
    let odd = ask("/odd").await;
    assert_eq!(odd.status(), 422);
    assert_eq!(seen(odd.body())["detail"], "99 is no status of a response");
    // A queue has no request, and nobody is told that all is well.
    let order = testing::event("t", 1);
    for (way, told) in testing::on(Host::Lambda, echo).send(&order).await {
        assert_eq!(
            told.is_taken(),
            !way.one_way && way.kind == tradewind::Kind::Http,
            "{way}: {told:?}"
        );
    }
}

#[tokio::test]
async fn what_nobody_signed_is_no_request_either() {
    let secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let options = Options::default().signing_secrets(secret).unwrap();
    for host in [Host::Http, Host::Google, Host::Knative, Host::Dapr] {
        let request = Request::get("/").body(Bytes::new()).unwrap();
        let hosted = testing::on(host, echo).options(options.clone());
        assert_eq!(hosted.raw(request).await.status(), 401, "{host}");
    }
}

fn pieces(end: Option<&'static str>) -> tradewind::Response {
    let fine = ["a", "b", "c"].map(|piece| Ok(Bytes::from(piece.repeat(1000))));
    let end = end.map(|why| Err(io::Error::other(why)));
    tradewind::Response::stream("text/plain", stream::iter(fine.into_iter().chain(end)))
}

#[tradewind::handler]
async fn streams(event: Event) -> tradewind::Response {
    match event.subject() {
        Some("broken") => pieces(Some("the secret disk is full")),
        Some("slow") => {
            let first = stream::iter([Ok::<_, io::Error>(Bytes::from_static(b"first"))]);
            let never = stream::pending();
            tradewind::Response::stream("text/plain", futures_util::StreamExt::chain(first, never))
        }
        _ => pieces(None),
    }
}

fn event(subject: &str) -> Event {
    Event::builder("1", "/s", "t")
        .subject(subject)
        .build()
        .unwrap()
}

async fn over_http(server: &Server, subject: &str) -> Result<(StatusCode, usize), String> {
    use http_body_util::BodyExt;
    let client = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new())
        .build_http::<http_body_util::Full<Bytes>>();
    let (headers, body) = tradewind::event::http::encode_binary(&event(subject));
    let mut request = Request::new(http_body_util::Full::new(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = format!("http://{}/", server.address).parse().unwrap();
    *request.headers_mut() = headers;
    let answer = client.request(request).await.map_err(|e| e.to_string())?;
    let status = answer.status();
    let body = answer
        .into_body()
        .collect()
        .await
        .map_err(|e| e.to_string())?;
    Ok((status, body.to_bytes().len()))
}

#[tokio::test]
async fn a_stream_goes_out_piece_by_piece_and_ends_visibly() {
    let mut options = Options::default();
    options.timeout = Duration::from_millis(300);
    options.concurrency = 1;
    let mut server = Server::start(streams, options).await;
    let free = async |subject: &str| loop {
        // A place is free again when the last piece is out, which the client may know a moment before.
        match over_http(&server, subject).await {
            Ok((StatusCode::SERVICE_UNAVAILABLE, _)) => tokio::task::yield_now().await,
            other => return other,
        }
    };
    for _ in 0..3 {
        assert_eq!(free("fine").await, Ok((StatusCode::OK, 3000)));
        assert!(free("broken").await.is_err());
        assert!(free("slow").await.is_err());
    }
    server.stop.notify_one();
    server.stopped().await;
}

#[tokio::test]
async fn elsewhere_a_stream_is_collected_up_to_a_cap() {
    let mut options = Options::default();
    options.reply_max = 2999;
    let on = |host| testing::on(host, streams);
    let invocation = || {
        let way = testing::WAYS
            .iter()
            .find(|way| way.trigger == "function URL")
            .unwrap();
        way.bring(&event("fine"))
    };
    let told = |answer: Response<Bytes>| seen(answer.body());
    let whole = told(on(Host::Lambda).raw(invocation()).await);
    assert_eq!(whole["statusCode"], 200);
    assert_eq!(whole["body"].as_str().unwrap().len(), 3000);
    let cut = told(on(Host::Lambda).options(options).raw(invocation()).await);
    assert_eq!(cut["statusCode"], 503);
    assert!(
        cut["body"]
            .as_str()
            .unwrap()
            .contains("TRADEWIND_REPLY_MAX"),
        "{cut}"
    );
}

fn streaming() -> Hosted {
    let mut options = Options::default();
    options.invoke_mode = InvokeMode::ResponseStream;
    testing::on(Host::Lambda, streams).options(options)
}

#[tokio::test]
async fn a_function_url_passes_on_streams_where_it_is_told_to() {
    let url = testing::WAYS
        .iter()
        .find(|way| way.trigger == "function URL")
        .unwrap();
    let answer = streaming().raw(url.bring(&event("fine"))).await;
    assert_eq!(
        answer.headers()["lambda-runtime-function-response-mode"],
        "streaming"
    );
    let body = answer.body();
    let mark = body.windows(8).position(|bytes| bytes == [0; 8]).unwrap();
    let prelude: Value = serde_json::from_slice(&body[..mark]).unwrap();
    assert_eq!(prelude["statusCode"], 200);
    assert_eq!(prelude["headers"]["content-type"], "text/plain");
    assert_eq!(body.len() - mark - 8, 3000);
    // Whatever it answers there: it takes nothing else.
    let refused = url.bring(&event("fine")).map(|body| {
        let mut document: Value = serde_json::from_slice(&body).unwrap();
        document["headers"]["ce-source"] = "".into();
        document.to_string().into()
    });
    let answer = streaming().raw(refused).await;
    assert!(
        answer.body().starts_with(b"{\"statusCode\":400"),
        "{:?}",
        answer.body()
    );
    let gateway = testing::WAYS
        .iter()
        .find(|way| way.trigger.starts_with("API Gateway"))
        .unwrap();
    let answer = streaming().raw(gateway.bring(&event("fine"))).await;
    assert_eq!(seen(answer.body())["statusCode"], 200);
}

#[tradewind::handler]
async fn both(event: Event) -> Result<Reply, Error> {
    Ok(Reply::event("t", event.id()))
}

#[tokio::test]
async fn a_handler_of_events_takes_no_other_requests() {
    let request = Request::get("/").body(Bytes::new()).unwrap();
    assert_eq!(
        testing::on(Host::Http, both).raw(request).await.status(),
        405
    );
    let request = Request::post("/")
        .body(Bytes::from_static(b"hello"))
        .unwrap();
    assert_eq!(
        testing::on(Host::Http, both).raw(request).await.status(),
        400
    );
}
