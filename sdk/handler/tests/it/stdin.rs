//! Standard input, a line at a time.

use http::Request;
use serde_json::{Value, json};
use std::time::Duration;
use tradewind::testing::{self, Hosted};
use tradewind::{Batch, Bytes, Error, Event, Handler, Host, Options, Outcomes, Reply};

#[tradewind::handler]
async fn by_id(event: Event) -> Result<Reply, Error> {
    match event.id().split('-').next().unwrap_or_default() {
        "busy" => Err(Error::retry(Duration::from_millis(1500)).because("busy")),
        "never" => Err(Error::reject("never")),
        "bug" => panic!("a bug"),
        "ack" => Ok(Reply::ack()),
        _ => Ok(Reply::event(
            "seen",
            json!({ "type": event.ty(), "data": event.data_json() }),
        )),
    }
}

#[tradewind::handler]
async fn count(batch: Batch<Event>) -> Outcomes {
    let size = batch.len();
    batch
        .each(|_, _| async move { Reply::event("count", size) })
        .await
}

fn on(handler: impl Handler) -> Hosted {
    let mut options = Options::default();
    options.body_max = 200;
    testing::on(Host::Stdin, handler).options(options)
}

async fn feed(hosted: &Hosted, input: impl Into<Bytes>) -> Vec<Value> {
    let answer = hosted.raw(Request::new(input.into())).await;
    let text = String::from_utf8(answer.into_body().to_vec()).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn event(id: &str) -> String {
    json!({ "specversion": "1.0", "id": id, "source": "/s", "type": "t", "data": 1 }).to_string()
}

#[tokio::test]
async fn every_line_is_told_in_its_place() {
    let lines = [
        event("1"),
        event("ack"),
        String::new(),
        event("busy"),
        event("never"),
        event("bug"),
        r#"{"specversion":"1.0","id":"x"}"#.into(),
        r#"{"order":7}"#.into(),
        "plain text".into(),
        "x".repeat(500),
        "y".repeat(200),
        event("ack"),
    ];
    let told = feed(&on(by_id), lines.join("\n")).await;
    let short: Vec<_> = told
        .iter()
        .map(|one| format!("{} {}", one["line"], one["outcome"].as_str().unwrap()))
        .collect();
    let expected = [
        "1 reply",
        "2 ack",
        "4 retry",
        "5 reject",
        "6 panic",
        "7 unreadable",
        "8 reply",
        "9 reply",
        "10 unreadable",
        "11 reply",
        "12 ack",
    ];
    assert_eq!(short, expected);
    assert_eq!(told[0]["reply"]["data"], json!({ "type": "t", "data": 1 }));
    assert_eq!(
        (&told[2]["after_seconds"], &told[2]["reason"]),
        (&1.5.into(), &"busy".into())
    );
    assert!(told[5]["id"].is_null() && told[5]["reason"].is_string());
    assert_eq!(
        told[6]["reply"]["data"],
        json!({ "type": "stdin.line", "data": { "order": 7 } })
    );
    assert!(
        told[8]["reason"]
            .as_str()
            .unwrap()
            .contains("TRADEWIND_BODY_MAX")
    );
}

#[tokio::test]
async fn all_of_it_may_be_one_event() {
    let raw = || on(by_id).variable("TRADEWIND_STDIN", "raw");
    let told = feed(&raw(), "a\nb\n").await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["reply"]["data"]["type"], "stdin.data");
    assert_eq!(
        feed(&raw(), vec![b'x'; 201]).await[0]["outcome"],
        "unreadable"
    );
    assert_eq!(feed(&raw(), "").await, [] as [Value; 0]);
    let wrong = on(by_id).variable("TRADEWIND_STDIN", "words");
    let answer = wrong.raw(Request::new(Bytes::new())).await;
    assert_eq!(answer.status(), 500);
}

#[tokio::test]
async fn lines_that_are_there_are_a_batch() {
    let lines = [event("1"), event("2"), event("3")].join("\n");
    let told = feed(&on(count), lines).await;
    let sizes: Vec<_> = told
        .iter()
        .map(|one| one["reply"]["data"].clone())
        .collect();
    assert_eq!(sizes, [json!(3), json!(3), json!(3)]);
}
