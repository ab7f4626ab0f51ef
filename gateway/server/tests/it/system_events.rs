//! What the gateway tells of itself.

use crate::support::handler::Handler;
use crate::support::{event, start};
use serde_json::Value;

#[tokio::test]
async fn dead_letters_and_configurations_are_told_and_make_no_loop() {
    let mut pager = Handler::start(&[]).await;
    let refusing = Handler::start(&[400, 400, 400, 400]).await;
    let yaml = format!(
        "sources:\n  api: {{ kind: http, path: /events, auth: none-i-understand }}\n\
         subscriptions:\n  \
         sick: {{ owner: shop, why: to be seen, sink: {} }}\n  \
         pager: {{ stream: system, start: oldest, sink: {} }}\n  \
         deaf: {{ stream: system, sink: {} }}\n",
        refusing.sink(),
        pager.sink(),
        refusing.sink()
    );
    let gateway = start(&yaml).await;
    assert_eq!(
        pager.next().await.header("ce-type"),
        "tradewind.gateway.started"
    );
    gateway.publish("/events", "e-1", "t", "{}").await;
    let told = pager.next().await;
    assert_eq!(told.header("ce-type"), "tradewind.delivery.dead-lettered");
    assert_eq!(told.header("ce-source"), "/tradewind/gateway");
    assert_eq!(told.header("ce-subject"), "sick");
    let data: Value = serde_json::from_slice(&told.body).unwrap();
    assert_eq!(
        (&data["count"], &data["owner"], &data["why"]),
        (&1.into(), &"shop".into(), &"to be seen".into())
    );
    // That `deaf` cannot be told of anything is not told.
    gateway
        .until("deaf", |view| view.account.dead_lettered >= 1)
        .await;
    let path = gateway.dir.path().join("tradewind.yaml");
    std::fs::write(&path, yaml.replace("to be seen", "changed")).unwrap();
    let told = pager.next().await;
    assert_eq!(told.header("ce-type"), "tradewind.config.changed");
    let data: Value = serde_json::from_slice(&told.body).unwrap();
    assert_eq!(data["changes"][0]["name"], "sick");
    std::fs::write(&path, "nonsense: 1").unwrap();
    assert_eq!(
        pager.next().await.header("ce-type"),
        "tradewind.config.refused"
    );
    gateway.running.stop().await.unwrap();
}

#[tokio::test]
async fn nobody_else_speaks_for_the_gateway() {
    let gateway =
        start("sources:\n  api: { kind: http, path: /events, auth: none-i-understand }\n").await;
    let forged = gateway
        .publish("/events", "f-1", "Tradewind.delivery.dead-lettered", "{}")
        .await;
    assert_eq!(forged.status, 400);
    assert!(
        forged.text().contains("is the gateway's own"),
        "{}",
        forged.text()
    );
    let source = String::from_utf8(event("/events", "f-2", "t", "{}")).unwrap();
    let source = source.replace("ce-source: /shop", "ce-source: /tradewind/gateway/x");
    assert_eq!(gateway.send(source.as_bytes()).await.status, 400);
    let body = r#"{"specversion":"1.0","id":"f-3","source":"/x","type":"t"}"#;
    let into = gateway
        .admin("POST", "/v1/streams/system/events", body)
        .await;
    assert_eq!(into.status, 400, "{}", into.text());
    assert!(into.text().contains("own events only"), "{}", into.text());
    assert_eq!(gateway.appended("default").await, 0);
    gateway.finish().await;
}
