//! Data that breaks its schema: who is told, and what is kept.

use crate::support::handler::Handler;
use crate::support::{event, start};

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
