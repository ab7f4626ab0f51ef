//! Data that breaks its schema: who is told, and what is kept.

use crate::support::handler::Handler;
use crate::support::{binary, event, start};
use serde_json::{Value, json};
use std::process::Command;

const ORDER: &str =
    r#"{"type": "object", "required": ["total"], "properties": {"total": {"minimum": 0}}}"#;

fn config(handler: &Handler, on_failure: &str) -> String {
    format!(
        "schemas:\n  order:\n    on-failure: {on_failure}\n    versions: [{{ schema: {ORDER} }}]\n    \
         events: [{{ type: order.* }}]\n\
         sources:\n  events: {{ kind: http, path: /events, auth: none-i-understand }}\n\
         subscriptions:\n  all:\n    sink: {}\n",
        handler.sink()
    )
}

#[tokio::test]
async fn a_sender_is_told_and_nothing_of_the_batch_is_stored() {
    let mut handler = Handler::start(&[]).await;
    let gateway = start(&config(&handler, "reject")).await;
    let batch = r#"[{"specversion":"1.0","id":"1","source":"/s","type":"order.placed","data":{"total":1}},
        {"specversion":"1.0","id":"2","source":"/s","type":"order.placed","data":{"total":"secret"}},
        {"specversion":"1.0","id":"3","source":"/s","type":"order.placed","data":{"total":-1}}]"#;
    let request = format!(
        "POST /events HTTP/1.1\r\nhost: g\r\ncontent-type: application/cloudevents-batch+json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{batch}",
        batch.len()
    );
    let answer = gateway.send(request.as_bytes()).await;
    assert_eq!(answer.status, 422, "{}", answer.text());
    let told = answer.json();
    assert_eq!(told["type"], "urn:tradewind:problem:schema-violation");
    assert_eq!(
        told["events"],
        serde_json::json!([{
            "index": 2,
            "detail": "schema order/1: /total breaks `minimum`: expected at least 0, found an integer",
        }]),
        "a text has no minimum"
    );
    // Another type has no schema; a good one passes.
    for (id, ty, data) in [
        ("4", "other", "{}"),
        ("5", "order.placed", r#"{"total": 1.50}"#),
    ] {
        assert_eq!(gateway.publish("/events", id, ty, data).await.status, 202);
        assert_eq!(handler.next().await.body, data);
    }
    let account = gateway.running.gateway.engine.streams().await["default"];
    assert_eq!((account.admitted, account.appended), (2, 2));
    let metrics = gateway.admin("GET", "/metrics", "").await.text();
    let line = "tradewind_schema_violations_total{schema=\"order\",done=\"rejected\"} 1";
    assert!(metrics.contains(line), "{metrics}");
    gateway.finish().await;
}

#[tokio::test]
async fn what_is_set_aside_is_kept_as_it_was_written() {
    let mut handler = Handler::start(&[]).await;
    let gateway = start(&config(&handler, "dead-letter")).await;
    let data = r#"{ "total": -12345678901234567890.10, "b": 1, "a": 2 }"#;
    // Sent again, it is the same record.
    for status in [202, 200] {
        let answer = gateway
            .publish("/events", "order-1", "order.placed", data)
            .await;
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    let delivered = handler.next().await;
    assert_eq!(delivered.header("ce-type"), "tradewind.source.refused");
    assert_eq!(delivered.header("ce-source"), "/sources/events");
    let body = String::from_utf8(delivered.body.to_vec()).unwrap();
    assert!(body.contains(data), "{body}");
    let record: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(record["events"][0]["id"], "order-1");
    assert!(
        record["reason"]
            .as_str()
            .unwrap()
            .starts_with("schema order/1: /total breaks `minimum`")
    );
    let account = gateway.running.gateway.engine.streams().await["default"];
    assert_eq!((account.appended, account.duplicates), (1, 1));
    gateway.finish().await;
}

#[tokio::test]
async fn what_is_annotated_says_so_and_nobody_else_can() {
    let mut handler = Handler::start(&[]).await;
    let gateway = start(&config(&handler, "annotate")).await;
    let forged = String::from_utf8(event(
        "/events",
        "order-1",
        "order.placed",
        r#"{"total":1}"#,
    ))
    .unwrap();
    let forged = forged.replacen("\r\n", "\r\nce-tradewindviolation: forged\r\n", 1);
    assert_eq!(gateway.send(forged.as_bytes()).await.status, 202);
    assert_eq!(handler.next().await.header("ce-tradewindviolation"), "");
    gateway
        .publish("/events", "order-2", "order.placed", "{}")
        .await;
    let told = handler.next().await;
    assert_eq!(
        told.header("ce-tradewindviolation"),
        "schema%20order/1:%20data%20breaks%20`required`:%20expected%20a%20member%20%22total%22,\
         %20found%20an%20object%20of%200%20members"
    );
    assert_eq!(told.body, "{}");
    gateway.finish().await;
}

#[tokio::test]
async fn a_schema_is_proposed_from_what_a_stream_has() {
    let gateway = start(
        "streams: { default: { shards: 3 }, other: {} }\n\
         sources:\n  events: { kind: http, path: /events, auth: none-i-understand }\n",
    )
    .await;
    for (n, ty) in ["order.placed", "order.paid", "note", "order.placed"]
        .into_iter()
        .enumerate()
    {
        let data = format!(r#"{{"n":{n},"of":"{ty}"}}"#);
        let answer = gateway.publish("/events", &n.to_string(), ty, &data).await;
        assert_eq!(answer.status, 202);
    }
    let seen = async |query: &str| {
        let path = format!("/v1/streams/default/events{query}");
        let answer = gateway.admin("GET", &path, "").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let events = answer.json();
        let ids = events.as_array().unwrap().iter().map(|event| &event["id"]);
        let mut ids: Vec<String> = ids.map(|id| id.as_str().unwrap().to_owned()).collect();
        // Those of one millisecond lie as their shards do.
        ids.sort();
        ids.join(" ")
    };
    assert_eq!(seen("").await, "0 1 2 3");
    assert_eq!(seen("?type=order.placed").await, "0 3");
    assert_eq!(seen("?type=order.*&source=/sh*").await, "0 1 3");
    assert_eq!(seen("?source=/else").await, "");
    assert_eq!(seen("?since=32503680000000").await, "");
    assert_eq!(seen("?limit=1").await.len(), 1);

    let data = gateway.dir.path().join("data");
    let infer = async |args: &'static [&'static str]| {
        let mut command = Command::new(binary());
        command.args(["schema", "infer", "--data-dir"]).arg(&data);
        command.args(args);
        let run = tokio::task::spawn_blocking(move || command.output().unwrap());
        let output = run.await.unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        (output.status.code(), output.stdout, said)
    };
    let (code, proposed, said) = infer(&["--type", "order.*"]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("by the data of 3 events"), "{said}");
    let proposed: Value = serde_json::from_slice(&proposed).unwrap();
    assert_eq!(proposed["required"], json!(["n", "of"]));
    let (code, _, said) = infer(&["--type", "order.placed", "--stream", "other"]).await;
    assert_eq!(code, Some(1));
    assert!(
        said.contains("the stream other has no such events"),
        "{said}"
    );
    let (code, _, said) = infer(&["--type", "a", "--event", "-"]).await;
    assert!(
        code == Some(2) && said.contains("cannot be used with"),
        "{said}"
    );
    gateway.finish().await;
}
