//! A shadow beside a subscription: what the admin API and the command line tell of it.

use crate::support::handler::Handler;
use crate::support::{binary, start};
use serde_json::Value;
use tokio::process::Command;

fn reply(total: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","id":"r","source":"/answers","type":"order.charged","datacontenttype":"application/json","data":{{"total":{total},"at":"now"}}}}"#
    )
}

#[tokio::test]
async fn differences_are_told_and_nothing_else_is_heard_of_them() {
    let (old, new) = (Handler::start(&[]).await, Handler::start(&[500]).await);
    old.replies(reply("42"));
    new.replies(reply("42.0"));
    let sink = |handler: &Handler| handler.sink().replace(" }", ", replies: accept }");
    let config = format!(
        "streams: {{ answers: {{}} }}\n\
         sources:\n  events: {{ kind: http, path: /events, auth: none-i-understand }}\n\
         subscriptions:\n  \
         orders: {{ filter: {{ exact: {{ type: order.placed }} }}, reply-to: answers, sink: {} }}\n  \
         portable: {{ shadow: {{ of: orders, side-effects: none, ignore: [/at] }}, sink: {} }}\n",
        sink(&old),
        sink(&new)
    );
    let gateway = start(&config).await;
    let publish = async |id: &str| {
        let answer = gateway.publish("/events", id, "order.placed", "{}").await;
        assert_eq!(answer.json()["events"][0]["matched"], 1, "who is in charge");
        gateway.running.gateway.engine.quiesced().await;
    };
    publish("order-0001").await;
    publish("order-0002").await;
    gateway.publish("/events", "other", "other", "{}").await;
    let counts = async || {
        let path = "/v1/subscriptions/orders/compare";
        gateway.admin("GET", path, "").await.json()
    };
    let told = counts().await;
    let figures = ["same", "differing-status", "differing-reply", "waiting"];
    assert_eq!(
        figures.map(|key| told[key].as_u64().unwrap()),
        [1, 1, 0, 0],
        "{told}"
    );

    new.replies(reply("41"));
    publish("order-0003").await;
    let socket = gateway.dir.path().join("data/admin.sock");
    let compare = async |arguments: &[&str]| {
        let mut call = Command::new(binary());
        let output = call
            .args(["compare", "portable", "--output", "json", "--admin"])
            .arg(&socket)
            .args(arguments)
            .output()
            .await
            .unwrap();
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), told)
    };
    let (code, told) = compare(&[]).await;
    assert_eq!(code, Some(1), "{told}");
    let latest = &told["examples"][0];
    assert_eq!(latest["id"], "order-0003");
    assert_eq!(
        latest["differences"],
        serde_json::json!([{ "at": "data/total", "old": 42, "new": 41 }])
    );
    assert_eq!(latest["new"]["reply"]["data"]["total"], 41);
    assert_eq!(told["examples"][1]["new"]["status"], 500);

    // Its replies went nowhere, and nobody is told of its failure.
    assert_eq!(gateway.appended("answers").await, 3);
    let shadow = gateway.subscription("portable").await;
    assert_eq!(
        (shadow.account.dead_lettered, shadow.account.purged),
        (0, 1)
    );
    let metrics = gateway.admin("GET", "/metrics", "").await.text();
    let line = "tradewind_shadow_compared_total{subscription=\"portable\",of=\"orders\",result=\"reply\"} 1";
    assert!(metrics.contains(line), "{metrics}");
    let told = format!(
        "{:?}",
        gateway
            .admin("GET", "/v1/explain?event=order-0001", "")
            .await
            .json()
    );
    assert!(told.contains("given-up"), "{told}");

    let (code, told) = compare(&["--anew"]).await;
    assert_eq!((code, told["compared"].as_u64()), (Some(0), Some(0)));
    let (code, _) = compare(&["--at-least", "1"]).await;
    assert_eq!(code, Some(1));
    new.replies(reply("42"));
    publish("order-0004").await;
    let (code, told) = compare(&["--at-least", "1"]).await;
    assert_eq!(code, Some(0), "{told}");
    gateway.finish().await;
}
