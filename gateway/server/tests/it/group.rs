//! A group: cut over, back, restarts, reloads, and a member that fails.

use crate::support::handler::Handler;
use crate::support::{Gateway, binary, event, eventually, start, start_in};
use serde_json::{Value, json};
use tokio::process::Command;

fn config(mode: &str, old: &Handler, new: &Handler, weights: [u32; 2]) -> String {
    let weight = |n: usize| match mode {
        "fail-over" => String::new(),
        _ => format!("weight: {}, ", weights[n]),
    };
    format!(
        "streams: {{ orders: {{ order-by: subject }} }}\n\
         sources:\n  events: {{ kind: http, path: /events, stream: orders, auth: none-i-understand }}\n\
         subscriptions:\n  orders:\n    stream: orders\n    breaker: {{ failures: 2, cooldown: 60s }}\n    \
         retry: {{ initial: 50ms, max: 50ms, jitter: none }}\n    sink:\n      kind: group\n      mode: {mode}\n      members:\n        \
         - {{ name: old, {}sink: {} }}\n        - {{ name: new, {}sink: {} }}\n",
        weight(0),
        old.sink(),
        weight(1),
        new.sink()
    )
}

async fn publish(gateway: &Gateway, round: &str, keys: usize) {
    for n in 0..keys {
        let request = event("/events", &format!("{round}-{n}-id"), "order", "{}");
        let request = String::from_utf8(request).unwrap();
        let request = request.replace("ce-type", &format!("ce-subject: k{n}\r\nce-type"));
        let answer = gateway.send(request.as_bytes()).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
    }
    gateway.running.gateway.engine.quiesced().await;
}

async fn cutover(gateway: &Gateway, arguments: &[&str]) -> (Option<i32>, Value) {
    let mut call = Command::new(binary());
    let output = call
        .args(["cutover", "orders", "--output", "json", "--admin"])
        .arg(gateway.dir.path().join("data/admin.sock"))
        .args(arguments)
        .output()
        .await
        .unwrap();
    let told = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output.status.code(), told)
}

async fn accepted(gateway: &Gateway) -> [u64; 2] {
    let members = gateway.subscription("orders").await.members;
    [members[0].accepted, members[1].accepted]
}

async fn shares(gateway: &Gateway) -> Vec<f64> {
    let members = gateway.subscription("orders").await.members;
    members.iter().map(|member| member.share).collect()
}

#[tokio::test]
async fn cut_over_by_one_command_and_back_by_another() {
    let (old, new) = (Handler::start(&[]).await, Handler::start(&[]).await);
    let yaml = config("weighted", &old, &new, [1, 0]);
    let gateway = start(&yaml).await;
    publish(&gateway, "a", 20).await;
    assert_eq!(accepted(&gateway).await, [20, 0]);
    let schema = json!({ "schema": { "type": "array" }, "events": [{ "type": "bad" }] });
    let registered = gateway
        .admin("POST", "/v1/schemas/bad/versions", &schema.to_string())
        .await;
    assert_eq!(registered.status, 200, "{}", registered.text());

    let (code, told) = cutover(&gateway, &["--to", "new", "--percent", "100"]).await;
    assert_eq!(
        (code, &told["members"][1]["share"]),
        (Some(0), &json!(1.0)),
        "{told}"
    );
    // What was registered at run time is in force as before.
    let bad = gateway.publish("/events", "bad-1", "bad", "{}").await;
    assert_eq!(bad.status, 422, "{}", bad.text());
    publish(&gateway, "b", 20).await;
    assert_eq!(accepted(&gateway).await, [20, 20]);
    let journeys = gateway
        .admin("GET", "/v1/explain?event=a-0-id", "")
        .await
        .json();
    let stop = &journeys[0]["subscriptions"][0];
    assert_eq!(stop["member"]["name"], "old", "{journeys}");
    assert_eq!(stop["attempts"][0]["member"], "old");

    // A reload with other weights changes nothing, and says so; a restart finds it again.
    let other = config("weighted", &old, &new, [7, 3]);
    let candidate = json!({ "name": "tradewind.yaml", "text": other }).to_string();
    let diff = gateway
        .admin("POST", "/v1/config/diff", &candidate)
        .await
        .json();
    assert!(diff["text"].as_str().unwrap().contains("--back"), "{diff}");
    std::fs::write(gateway.dir.path().join("tradewind.yaml"), &other).unwrap();
    let reloaded = gateway.admin("POST", "/v1/config/reload", "").await;
    assert_eq!(reloaded.status, 200, "{}", reloaded.text());
    assert_eq!(shares(&gateway).await, [0.0, 1.0]);
    let dir = gateway.finish().await;
    let gateway = start_in(dir, &other).await;
    assert_eq!(shares(&gateway).await, [0.0, 1.0]);
    let status = gateway.admin("GET", "/v1/status", "").await.json();
    assert_eq!(
        status["groups"][0]["at-run-time"]["why"], "100 % to new",
        "{status}"
    );

    let (code, told) = cutover(&gateway, &["--back"]).await;
    assert_eq!((code, &told["at-run-time"]), (Some(0), &Value::Null));
    assert_eq!(shares(&gateway).await, [0.7, 0.3]);
    for wrong in [
        ["--to", "nobody", "--percent", "1"],
        ["--to", "new", "--percent", "101"],
    ] {
        let (code, _) = cutover(&gateway, &wrong).await;
        assert_ne!(code, Some(0));
    }
    let audit = std::fs::read_dir(gateway.dir.path().join("data/audit")).unwrap();
    let lines: String = audit
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap_or_default())
        .collect();
    assert_eq!(lines.matches("\"cut-over\"").count(), 2 * 3, "{lines}");
    let metrics = gateway.admin("GET", "/metrics", "").await.text();
    assert!(
        metrics.contains("tradewind_member_share{subscription=\"orders\",member=\"new\"} 0.3"),
        "{metrics}"
    );
    gateway.finish().await;
}

/// A file that names other members ends what was decided for the old ones, also when it names those again.
#[tokio::test]
async fn other_members_end_what_was_put_in_force() {
    let (old, new) = (Handler::start(&[]).await, Handler::start(&[]).await);
    let yaml = config("weighted", &old, &new, [1, 0]);
    let gateway = start(&yaml).await;
    let (code, _) = cutover(&gateway, &["--to", "new", "--percent", "100"]).await;
    assert_eq!(code, Some(0));
    for (members, wanted) in [
        (yaml.replace("name: new", "name: newer"), [1.0, 0.0]),
        (yaml.clone(), [1.0, 0.0]),
    ] {
        std::fs::write(gateway.dir.path().join("tradewind.yaml"), &members).unwrap();
        let reloaded = gateway.admin("POST", "/v1/config/reload", "").await;
        assert_eq!(reloaded.status, 200, "{}", reloaded.text());
        assert_eq!(shares(&gateway).await, wanted);
    }
    // What was decided goes along with a new name, and needs no `renamed-from` from then on.
    let (code, _) = cutover(&gateway, &["--to", "new", "--percent", "100"]).await;
    assert_eq!(code, Some(0));
    let renamed = yaml.replace(
        "subscriptions:\n  orders:",
        "subscriptions:\n  moved:\n    renamed-from: orders",
    );
    for file in [
        renamed.clone(),
        renamed.replace("    renamed-from: orders\n", ""),
    ] {
        std::fs::write(gateway.dir.path().join("tradewind.yaml"), &file).unwrap();
        let reloaded = gateway.admin("POST", "/v1/config/reload", "").await;
        assert_eq!(reloaded.status, 200, "{}", reloaded.text());
        let members = gateway.subscription("moved").await.members;
        assert_eq!(members[1].share, 1.0);
    }
    gateway.finish().await;
}

#[tokio::test]
async fn a_member_that_fails_is_replaced_and_what_is_pending_goes_along() {
    let mut down = vec![503; 1000];
    down.splice(0..0, [204, 204]);
    let (old, new) = (Handler::start(&down).await, Handler::start(&[]).await);
    let gateway = start(&config("fail-over", &old, &new, [0, 0])).await;
    publish(&gateway, "a", 8).await;
    eventually("all of it is taken", async || {
        let account = gateway.subscription("orders").await.account;
        account.pending == 0 && account.accepted == 8
    })
    .await;
    assert_eq!(shares(&gateway).await, [0.0, 1.0]);
    assert_eq!(accepted(&gateway).await, [2, 6]);
    let status = gateway.admin("GET", "/v1/status", "").await.json();
    let decided = &status["groups"][0]["at-run-time"];
    assert_eq!(
        (
            &decided["by"],
            decided["why"].as_str().unwrap().contains("takes over")
        ),
        (&json!("gateway"), true)
    );
    // An operator's word is tried, though the circuit is still open.
    old.script(&[]);
    let (code, _) = cutover(&gateway, &["--back"]).await;
    assert_eq!(code, Some(0));
    publish(&gateway, "b", 8).await;
    assert_eq!(accepted(&gateway).await, [10, 6]);
    assert_eq!(shares(&gateway).await, [1.0, 0.0]);
    gateway.finish().await;
}
