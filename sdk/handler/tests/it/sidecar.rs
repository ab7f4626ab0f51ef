//! Dapr: what the sidecar asks for, and what it is told.

use http::{Method, Request, Response};
use serde_json::{Value, json};
use tradewind::testing::{self, Hosted};
use tradewind::{Batch, Bytes, Declare, Error, Event, HandlerExt, Host, Options, Outcomes};

#[tradewind::handler]
async fn by_id(event: Event) -> Result<(), Error> {
    match event.id().split('-').next().unwrap_or_default() {
        "busy" => Err(Error::retry(None).because("busy")),
        "never" => Err(Error::reject("never")),
        "bug" => panic!("a bug"),
        _ => Ok(()),
    }
}

#[tradewind::handler]
async fn many(batch: Batch<Event>) -> Outcomes {
    batch
        .each(|event, _| async move {
            if event.id() == "never-0" {
                Err(Error::reject("never"))
            } else {
                Ok(())
            }
        })
        .await
}

fn hosted() -> Hosted {
    testing::on(Host::Dapr, by_id)
}

async fn ask(hosted: &Hosted, method: Method, path: &str) -> Response<Bytes> {
    let request = Request::builder().method(method).uri(path);
    hosted.raw(request.body(Bytes::new()).unwrap()).await
}

fn read(answer: &Response<Bytes>) -> Value {
    serde_json::from_slice(answer.body()).unwrap()
}

#[tokio::test]
async fn subscriptions_are_told() {
    let set = hosted().variable("TRADEWIND_DAPR_SUBSCRIPTIONS", "pubsub/orders bus/a/b>dead");
    let answer = ask(&set, Method::GET, "/dapr/subscribe").await;
    let expected = json!([
        { "pubsubname": "pubsub", "topic": "orders", "route": "/events" },
        { "pubsubname": "bus", "topic": "a/b", "route": "/events", "deadLetterTopic": "dead" },
    ]);
    assert_eq!(read(&answer), expected);
    assert_eq!(
        read(&ask(&hosted(), Method::GET, "/dapr/subscribe").await),
        json!([])
    );
    let declared = many.declare(
        Declare::new()
            .topic("pubsub/orders")
            .topic("plain")
            .batch_max(7),
    );
    let answer = ask(
        &testing::on(Host::Dapr, declared),
        Method::GET,
        "/dapr/subscribe",
    )
    .await;
    let bulk = json!({ "enabled": true, "maxMessagesCount": 7 });
    let expected = json!([{ "pubsubname": "pubsub", "topic": "orders", "route": "/events", "bulkSubscribe": bulk }]);
    assert_eq!(read(&answer), expected);
    for wrong in ["orders", "/orders", "pubsub/", "pubsub/orders>"] {
        let hosted = hosted().variable("TRADEWIND_DAPR_SUBSCRIPTIONS", wrong);
        let answer = ask(&hosted, Method::GET, "/dapr/subscribe").await;
        let detail = read(&answer)["detail"].as_str().unwrap().to_owned();
        assert!(
            detail.starts_with("TRADEWIND_DAPR_SUBSCRIPTIONS: `"),
            "{detail}"
        );
    }
    for (method, path, status) in [
        (Method::GET, "/dapr/config", 200),
        (Method::GET, "/healthz", 200),
        (Method::OPTIONS, "/binding", 200),
        (Method::GET, "/events", 405),
    ] {
        assert_eq!(
            ask(&hosted(), method, path).await.status(),
            status,
            "{path}"
        );
    }
}

fn published(id: &str) -> Request<Bytes> {
    let event = json!({ "specversion": "1.0", "id": id, "source": "shop", "type": "com.dapr.event.sent",
        "pubsubname": "pubsub", "topic": "orders", "datacontenttype": "application/json", "data": { "n": 7 } });
    Request::post("/events")
        .header("content-type", "application/cloudevents+json")
        .body(event.to_string().into())
        .unwrap()
}

#[tokio::test]
async fn each_outcome_has_its_word() {
    for (id, status) in [
        ("1", "SUCCESS"),
        ("busy", "RETRY"),
        ("never", "DROP"),
        ("bug", "RETRY"),
    ] {
        let answer = hosted().raw(published(id)).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(read(&answer)["status"], status, "{id}");
    }
}

fn bulk() -> Request<Bytes> {
    let entry = |id: &str, content_type: &str, event: Value| json!({ "entryId": id, "contentType": content_type, "event": event, "metadata": {} });
    let event = |id: &str| json!({ "specversion": "1.0", "id": id, "source": "s", "type": "t" });
    let structured = "application/cloudevents+json";
    let entries = json!([
        entry("a", structured, event("never-0")),
        entry("b", structured, event("1")),
        entry("c", structured, json!({ "specversion": "1.0" })),
        entry("d", "application/json", json!({ "n": 1 })),
        entry("e", "text/plain", json!("hello")),
        entry("f", "application/octet-stream", json!("AAE=")),
    ]);
    let document =
        json!({ "id": "1", "pubsubname": "pubsub", "topic": "orders", "entries": entries });
    Request::post("/any")
        .header("content-type", "application/json")
        .body(document.to_string().into())
        .unwrap()
}

#[tokio::test]
async fn of_several_events_each_is_told() {
    for hosted in [hosted(), testing::on(Host::Dapr, many)] {
        let told = read(&hosted.raw(bulk()).await);
        let statuses: Vec<_> = told["statuses"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| {
                format!(
                    "{}={}",
                    one["entryId"].as_str().unwrap(),
                    one["status"].as_str().unwrap()
                )
            })
            .collect();
        assert_eq!(
            statuses,
            [
                "a=DROP",
                "b=SUCCESS",
                "c=DROP",
                "d=SUCCESS",
                "e=SUCCESS",
                "f=SUCCESS"
            ]
        );
    }
}

#[tokio::test]
async fn who_shows_no_token_is_not_the_sidecar() {
    let secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let options = Options::default().signing_secrets(secret).unwrap();
    let hosted = || testing::on(Host::Dapr, by_id);
    let guarded = || hosted().variable("APP_API_TOKEN", "t0ken");
    let shown = |mut request: Request<Bytes>, token: &'static str| {
        request
            .headers_mut()
            .insert("dapr-api-token", token.parse().unwrap());
        request
    };
    for make in [|| published("1"), bulk] {
        for (hosted, request, status) in [
            (hosted(), make(), 200),
            (guarded(), make(), 401),
            (guarded(), shown(make(), "t0keN"), 401),
            (guarded(), shown(make(), "t0ken1"), 401),
            (guarded(), shown(make(), "t0ken"), 200),
            (hosted().options(options.clone()), make(), 401),
            // The sidecar is known by its token and signs nothing.
            (
                guarded().options(options.clone()),
                shown(make(), "t0ken"),
                200,
            ),
        ] {
            assert_eq!(hosted.raw(request).await.status(), status);
        }
    }
}
