//! What operators do stands in the audit log before it is done.

use crate::support::handler::Handler;
use crate::support::{Gateway, http, start, start_in};
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
    let calls: [(&str, String, String, u16, &str); 11] = [
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
            "GET",
            "/v1/streams/default/events?limit=1".into(),
            String::new(),
            200,
            "read-events",
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
    // A token in the wrong place goes no further; what it was about does.
    gateway
        .admin("GET", "/v1/explain?event=none&token=secret", "")
        .await;
    let explained = records(&gateway).pop().unwrap();
    let asked = records(&gateway)
        .into_iter()
        .rev()
        .nth(1)
        .unwrap()
        .entry
        .detail;
    assert_eq!(explained.entry.what, "explain");
    assert_eq!(asked.unwrap()["query"], "event=none");
    let body = r#"{"token":"secret","all":1}"#;
    for path in [
        "/v1/subscriptions/orders/resume",
        &format!("{letters}/redrive"),
    ] {
        gateway.admin("POST", path, body).await;
    }
    let told = serde_json::to_string(&records(&gateway)).unwrap();
    assert!(!told.contains("secret"), "{told}");
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
    let redrive = lines[6].entry.detail.clone().unwrap();
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
    let at = secret.display();
    let schema = |format: &str| {
        format!("schemas:\n  a: {{ format: {format}, versions: [{{ file: {at} }}] }}\n")
    };
    for (text, told) in [
        (format!("policies:\n  a: {{ file: {at} }}\n"), "secret:1:"),
        (schema("protobuf"), "x.yaml:2:"),
        (schema("avro"), "x.yaml:2:"),
        (schema("json-schema"), "x.yaml:2:"),
    ] {
        let candidate = serde_json::json!({ "name": "x.yaml", "text": text }).to_string();
        let answer = gateway.admin("POST", "/v1/config/diff", &candidate).await;
        assert_eq!(answer.status, 422, "{}", answer.text());
        assert!(answer.text().contains(told), "{}", answer.text());
        assert!(!answer.text().contains("hidden"), "{}", answer.text());
    }
    gateway.finish().await;
}

#[tokio::test]
async fn who_is_turned_away_is_told_once_and_counted() {
    let handler = Handler::start(&[]).await;
    let key = "tw_shop_000000000000000000000000000000000000000000000000";
    let config = format!(
        "admin: 127.0.0.1:0\nadmin-auth: {{ api-keys: [shop] }}\napi-keys: {{ shop: {{ sha256: {}, scopes: [redrive] }} }}\n{}",
        tradewind_adapter::api_key::hash_hex(key),
        config(&handler, "shop")
    );
    let gateway = start(&config).await;
    let tradewind_config::Admin::Tcp(address) = gateway.running.admin else {
        panic!("the admin API is on a socket")
    };
    let known = records(&gateway).len();
    let call = async |key: &str, method: &str, path: &str| {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\nconnection: close\r\n\r\n"
        );
        http::raw(address, request.as_bytes()).await.status
    };
    for n in 0..40 {
        assert_eq!(
            call(&format!("wrong-{n}"), "GET", &format!("/v1/{n}")).await,
            401
        );
        assert_eq!(
            call(key, "POST", "/v1/subscriptions/orders/pause").await,
            403
        );
        assert_eq!(call(key, "POST", "/v1/config/reload").await, 403);
    }
    let dir = gateway.dir.path().join("data/audit");
    gateway.running.stop().await.unwrap();
    let mut records = Vec::new();
    tradewind_audit::read(&dir, |record| records.push(record)).unwrap();
    let lines = records.into_iter().skip(known).map(|record| record.entry);
    let lines: Vec<Entry> = lines.filter(|entry| entry.what == "refused").collect();
    let of = |by: &str, asked: Value| -> Vec<u64> {
        let own = lines.iter().filter(|entry| {
            let detail = entry.detail.as_ref().unwrap();
            entry.by == by && detail["asked"] == asked
        });
        own.map(|entry| entry.detail.as_ref().unwrap()["times"].as_u64().unwrap())
            .collect()
    };
    // The first at once, the rest when counting ends.
    assert_eq!(of("unknown", Value::Null)[0], 1, "{lines:?}");
    let shop = "api-key:shop";
    assert_eq!(
        of(shop, "POST /v1/subscriptions/{name}/pause".into())[0],
        1,
        "{lines:?}"
    );
    assert_eq!(of(shop, "POST /v1/config/reload".into())[0], 1, "{lines:?}");
    assert!(lines.len() <= 6, "{lines:?}");
    let outcome = |by: &str| {
        lines
            .iter()
            .find(|entry| entry.by == by)
            .unwrap()
            .outcome
            .clone()
    };
    assert_eq!(
        (outcome("unknown"), outcome(shop)),
        (Some("401".into()), Some("403".into()))
    );
    assert!(!format!("{lines:?}").contains("wrong-"));
}
