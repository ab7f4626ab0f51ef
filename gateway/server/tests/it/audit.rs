//! What operators do stands in the audit log before it is done.

use crate::support::handler::Handler;
use crate::support::{Gateway, start, start_in};
use serde_json::Value;
use tradewind_audit::{Entry, Record, verify};

fn config(handler: &Handler, owner: &str) -> String {
    format!(
        "sources:\n  api: {{ kind: http, path: /events, auth: none-i-understand }}\nsubscriptions:\n  orders:\n    \
         owner: {owner}\n    why: orders are charged once\n    sink: {}\n    retry: {{ max-attempts: 1 }}\n",
        handler.sink()
    )
}

fn records(gateway: &Gateway) -> Vec<Record> {
    let dir = gateway.dir.path().join("data/audit");
    let report = verify(&dir, None).unwrap();
    assert!(report.holds(), "{report:?}");
    let mut records = Vec::new();
    tradewind_audit::read(&dir, |record| records.push(record)).unwrap();
    records
}

#[tokio::test]
async fn each_action_is_told_with_whom_it_is_for_and_how_it_ended() {
    let handler = Handler::start(&[500; 2]).await;
    let gateway = start(&config(&handler, "shop")).await;
    for id in ["e-1", "e-2"] {
        assert_eq!(
            gateway
                .publish("/events", id, "t", "\"payload\"")
                .await
                .status,
            202
        );
    }
    gateway
        .until("orders", |view| view.account.dead_lettered == 2)
        .await;
    let letters = "/v1/subscriptions/orders/dead-letters";
    let listed = gateway.admin("GET", letters, "").await.json();
    let letter = &listed["dead-letters"][0];
    let position = letter["position"].as_str().unwrap();
    let calls: [(&str, String, String, u16, &str); 10] = [
        (
            "GET",
            format!("{letters}/{position}"),
            String::new(),
            200,
            "read-dead-letter",
        ),
        (
            "GET",
            format!("/v1/events/default/{position}"),
            String::new(),
            200,
            "read-event",
        ),
        (
            "POST",
            format!("{letters}/redrive"),
            format!(r#"{{"position":"{position}"}}"#),
            200,
            "redrive",
        ),
        (
            "POST",
            format!("{letters}/purge"),
            r#"{"all":true}"#.into(),
            200,
            "purge",
        ),
        (
            "POST",
            format!("{letters}/purge"),
            "{}".into(),
            400,
            "purge",
        ),
        (
            "POST",
            "/v1/subscriptions/orders/pause".into(),
            String::new(),
            200,
            "pause",
        ),
        (
            "POST",
            "/v1/subscriptions/orders/resume".into(),
            String::new(),
            200,
            "resume",
        ),
        (
            "POST",
            "/v1/subscriptions/nobody/pause".into(),
            String::new(),
            404,
            "pause",
        ),
        (
            "POST",
            "/v1/replays".into(),
            r#"{"subscription":"orders","from":"oldest"}"#.into(),
            200,
            "replay",
        ),
        (
            "POST",
            "/v1/streams/default/events".into(),
            r#"{"specversion":"1.0","id":"e-3","source":"/o","type":"t","data":"secret payload"}"#
                .into(),
            200,
            "publish",
        ),
    ];
    let known = records(&gateway).len();
    for (method, path, body, status, _) in &calls {
        let answer = gateway.admin(method, path, body).await;
        assert_eq!(answer.status, *status, "{method} {path}: {}", answer.text());
    }
    // Looking at how the gateway is leaves no line.
    gateway.admin("GET", "/v1/status", "").await;
    gateway.admin("GET", "/v1/subscriptions", "").await;
    let lines = records(&gateway).split_off(known);
    assert_eq!(lines.len(), 2 * calls.len());
    for (call, pair) in calls.iter().zip(lines.chunks(2)) {
        let [asked, ended] = pair else { panic!() };
        assert_eq!(
            (asked.entry.what.as_str(), asked.entry.by.as_str()),
            (call.4, "operator")
        );
        assert_eq!(asked.entry.outcome, None);
        let status = call.3.to_string();
        let expected = Entry {
            of: Some(asked.seq),
            outcome: Some(status),
            detail: None,
            ..asked.entry.clone()
        };
        assert_eq!(ended.entry, expected);
        if asked.entry.object.as_deref() == Some("subscription orders") {
            assert_eq!(asked.entry.owner.as_deref(), Some("shop"));
            assert_eq!(asked.entry.why.as_deref(), Some("orders are charged once"));
        } else {
            assert!(
                call.1.contains("nobody") || call.1.contains("default"),
                "{asked:?}"
            );
        }
    }
    let redrive = lines[4].entry.detail.clone().unwrap();
    assert_eq!(redrive["body"]["position"], position);
    let text = serde_json::to_string(&lines).unwrap();
    assert!(!text.contains("payload\""), "{text}");
    let head = gateway.admin("GET", "/v1/status", "").await.json()["audit"]["head"].clone();
    assert!(
        head.as_str()
            .unwrap()
            .starts_with(&format!("{}:", known + lines.len()))
    );
    gateway.finish().await;
}

#[tokio::test]
async fn a_new_configuration_is_told_object_by_object() {
    let handler = Handler::start(&[]).await;
    let gateway = start(&config(&handler, "shop")).await;
    let file = gateway.dir.path().join("tradewind.yaml");
    let known = records(&gateway).len();
    let mut new = config(&handler, "platform");
    new.push_str("streams:\n  more: { owner: ops, why: for later }\n");
    std::fs::write(&file, &new).unwrap();
    // Whoever is first, the watcher or this call.
    gateway.admin("POST", "/v1/config/reload", "").await;
    std::fs::write(&file, "nonsense: true\n").unwrap();
    assert_eq!(
        gateway.admin("POST", "/v1/config/reload", "").await.status,
        422
    );
    let told: Vec<Entry> = records(&gateway)
        .split_off(known)
        .into_iter()
        .map(|record| record.entry)
        .filter(|entry| entry.what != "reload")
        .collect();
    let about = |what: &str, object: &str| -> &Entry {
        let found = told
            .iter()
            .find(|e| e.what == what && e.object.as_deref() == Some(object));
        found.unwrap_or_else(|| panic!("no {what} {object} in {told:?}"))
    };
    let changed = about("change", "subscription orders");
    assert_eq!(changed.owner.as_deref(), Some("platform"));
    let keys = &changed.detail.as_ref().unwrap()["keys"];
    assert_eq!(
        (&keys[0]["key"], &keys[0]["old"], &keys[0]["new"]),
        (&"owner".into(), &"shop".into(), &"platform".into())
    );
    let added = about("add", "stream more");
    assert_eq!(added.why.as_deref(), Some("for later"));
    let ends: Vec<&Entry> = told.iter().filter(|entry| entry.of.is_some()).collect();
    assert_eq!(ends.len(), 1, "{told:?}");
    assert_eq!(ends[0].outcome.as_deref(), Some("generation 2 in force"));
    gateway.finish().await;
}

#[tokio::test]
async fn the_log_goes_on_over_restarts() {
    let handler = Handler::start(&[]).await;
    let yaml = config(&handler, "shop");
    let dir = start(&yaml).await.finish().await;
    let gateway = start_in(dir, &yaml).await;
    let whats: Vec<String> = records(&gateway)
        .into_iter()
        .map(|r| r.entry.what)
        .collect();
    assert_eq!(whats, ["start", "stop", "start"]);
    let config = |n: usize| -> Value { records(&gateway)[n].entry.detail.clone().unwrap() };
    assert_eq!(config(0)["config"], config(2)["config"]);
    gateway.finish().await;
}

#[tokio::test]
async fn a_candidate_that_names_a_file_learns_nothing_of_it() {
    let handler = Handler::start(&[]).await;
    let gateway = start(&config(&handler, "shop")).await;
    let secret = gateway.dir.path().join("secret");
    std::fs::write(&secret, "hidden-word of this machine\n").unwrap();
    let text = format!("policies:\n  a: {{ file: {} }}\n", secret.display());
    let candidate = serde_json::json!({ "name": "x.yaml", "text": text }).to_string();
    let answer = gateway.admin("POST", "/v1/config/diff", &candidate).await;
    assert_eq!(answer.status, 422, "{}", answer.text());
    assert!(answer.text().contains("secret:1:"), "{}", answer.text());
    assert!(!answer.text().contains("hidden"), "{}", answer.text());
    gateway.finish().await;
}
