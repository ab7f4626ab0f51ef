//! What is changed at run time on one of several nodes, by the real binary. `TRADEWIND_TEST_KAFKA` says where a broker
//! is.

use crate::kafka::{brokers, config, id, prefix};
use crate::process::{Process, serve};
use crate::support::handler::Handler;
use crate::support::{event, eventually, http};
use serde_json::{Value, json};

async fn node(yaml: &str) -> Process {
    serve(tempfile::tempdir().unwrap(), yaml).await
}

impl Process {
    async fn register(&self, name: &str, body: Value) -> http::Answer {
        let path = format!("/v1/schemas/{name}/versions");
        self.admin("POST", &path, &body.to_string()).await
    }

    /// How an event of this type without data is taken that nobody keeps.
    async fn taken(&self, ty: &str) -> u16 {
        let id = format!("{:x}", fastrand::u128(..));
        http::raw(self.listen, &event("/here", &id, ty, "{}"))
            .await
            .status
    }

    async fn state(&self) -> String {
        self.all().await["state"].as_str().unwrap().to_owned()
    }
}

fn schema(ty: &str, required: &str) -> Value {
    json!({
        "schema": { "type": "object", "required": [required] }, "compatibility": "none",
        "events": [{ "type": ty }],
    })
}

#[tokio::test]
async fn what_one_node_changes_holds_on_all_and_outlives_them() {
    let Some(brokers) = brokers() else { return };
    let mut handler = Handler::start(&[]).await;
    let yaml = config(&brokers, &prefix("changes"), &handler);
    let mut first = node(&yaml).await;
    let mut second = node(&yaml).await;
    first.serves(1).await;
    second.serves(1).await;

    // Where it is asked for, a schema is in force with the answer; elsewhere soon.
    let done = first.register("order", schema("order", "total")).await;
    assert_eq!(done.json()["version"], 1, "{}", done.text());
    assert_eq!(first.taken("order").await, 422);
    eventually("the other node has the schema", async || {
        second.taken("order").await == 422
    })
    .await;
    // Registered on both at once, each has a number of its own.
    let (one, other) = tokio::join!(
        first.register("order", schema("order", "one")),
        second.register("order", schema("order", "other"))
    );
    let mut numbers = [one, other].map(|answer| answer.json()["version"].as_u64().unwrap());
    numbers.sort_unstable();
    assert_eq!(numbers, [2, 3]);
    for node in [&first, &second] {
        eventually("all versions are there", async || {
            let shown = node.admin("GET", "/v1/schemas/order", "").await.json();
            shown["versions"]
                .as_array()
                .is_some_and(|all| all.len() == 3)
        })
        .await;
    }

    // A pause holds for every shard, whoever serves it.
    let path = "/v1/subscriptions/all/pause";
    let here = first.admin("POST", &format!("{path}?here=true"), "").await;
    assert_eq!(here.status, 400, "{}", here.text());
    let paused = first.admin("POST", path, "").await;
    assert_eq!(paused.json()["state"], "paused", "{}", paused.text());
    eventually("the other node pauses", async || {
        second.state().await == "paused"
    })
    .await;
    for n in 0..8 {
        let key = format!("ce-subject: k{n}\r\n");
        let taken = first.publish(&format!("p-{n}"), &key).await;
        assert_eq!(taken.status, 202, "{}", taken.text());
    }
    // All who knew of it are gone, with their disks.
    first.kill().await;
    second.kill().await;
    drop((first, second));
    let third = node(&yaml).await;
    assert_eq!(third.taken("order").await, 422, "in force when it is ready");
    third.serves(2).await;
    assert_eq!(third.state().await, "paused");
    third.counts("accepted", 0).await;

    let fourth = node(&yaml).await;
    third.serves(1).await;
    fourth.serves(1).await;
    let resumed = fourth
        .admin("POST", "/v1/subscriptions/all/resume", "")
        .await;
    assert_eq!(resumed.json()["state"], "active", "{}", resumed.text());
    let mut seen = std::collections::BTreeSet::new();
    while seen.len() < 8 {
        seen.insert(id(&handler.next().await));
    }
    // What is removed is gone for all.
    let removed = third.admin("DELETE", "/v1/schemas/order", "").await;
    assert_eq!(removed.status, 200, "{}", removed.text());
    eventually("the other node forgets the schema", async || {
        fourth.taken("order").await != 422
    })
    .await;
}

#[tokio::test]
async fn weights_that_one_node_puts_in_force_hold_on_all() {
    let Some(brokers) = brokers() else { return };
    let (old, new) = (Handler::start(&[]).await, Handler::start(&[]).await);
    let group = format!(
        "{{ kind: group, mode: weighted, members: [{{ name: old, weight: 1, sink: {} }}, {{ name: new, weight: 0, sink: {} }}] }}",
        old.sink(),
        new.sink()
    );
    let yaml = config(&brokers, &prefix("weights"), &old);
    let yaml = yaml.replacen(&old.sink(), &group, 1);
    let first = node(&yaml).await;
    let second = node(&yaml).await;
    first.serves(1).await;
    second.serves(1).await;
    let share = async |node: &Process| node.all().await["members"][1]["share"].as_f64();
    let wanted = json!({ "to": "new", "percent": 100 }).to_string();
    let path = "/v1/subscriptions/all/cutover";
    let cut = first.admin("POST", path, &wanted).await;
    assert_eq!(cut.status, 200, "{}", cut.text());
    assert_eq!(share(&first).await, Some(1.0));
    eventually("the other node follows", async || {
        share(&second).await == Some(1.0)
    })
    .await;
    let back = second.admin("POST", path, "{\"back\":true}").await;
    assert_eq!(back.status, 200, "{}", back.text());
    assert_eq!(share(&second).await, Some(0.0));
    eventually("the first follows, too", async || {
        share(&first).await == Some(0.0)
    })
    .await;
}

/// What was registered on a node before it shared a stream is not lost when it does.
#[tokio::test]
async fn what_a_node_knew_alone_is_taken_along() {
    let Some(brokers) = brokers() else { return };
    let handler = Handler::start(&[]).await;
    let yaml = config(&brokers, &prefix("alone"), &handler);
    let alone = "sources:\n  here: { kind: http, path: /here, auth: none-i-understand }\n";
    let mut before = node(alone).await;
    let done = before.register("order", schema("order", "total")).await;
    assert_eq!(done.status, 200, "{}", done.text());
    before.kill().await;
    let shares = serve(before.dir, &yaml).await;
    assert_eq!(shares.taken("order").await, 422);
    let other = node(&yaml).await;
    assert_eq!(other.taken("order").await, 422);
}
