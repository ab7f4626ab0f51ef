//! Policies: what senders are told, what a reload changes, what pulled sources and callers of the admin API meet.

use crate::support::handler::Handler;
use crate::support::{Gateway, binary, event, eventually, http, start};
use serde_json::json;
use std::process::Command;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tradewind_event::Event;
use tradewind_memory::Queue;

const KEY: &str = "tw_shop_000000000000000000000000000000000000000000000000";
const OTHER: &str = "tw_till_000000000000000000000000000000000000000000000000";

fn config(authority: &str, handler: &Handler, more: &str) -> String {
    let hash = tradewind_adapter::api_key::hash_hex;
    format!(
        "admin: 127.0.0.1:0\nadmin-auth: {{ api-keys: [shop, till] }}\n\
         api-keys:\n  shop: {{ sha256: {} }}\n  till: {{ sha256: {} }}\n{authority}\
         sources:\n  events: {{ kind: http, path: /events, auth: {{ api-keys: [shop, till] }} }}\n{more}\
         subscriptions:\n  all:\n    sink: {}\n",
        hash(KEY),
        hash(OTHER),
        handler.sink()
    )
}

const ORDERS: &str =
    "roles:\n  shop: { members: [api-key:shop], may: [publish], types: [order.*] }\n";

async fn publish(gateway: &Gateway, key: &str, id: &str, ty: &str) -> http::Answer {
    let request = String::from_utf8(event("/events", id, ty, "{}")).unwrap();
    let request = request.replacen("\r\n", &format!("\r\nx-api-key: {key}\r\n"), 1);
    gateway.send(request.as_bytes()).await
}

async fn operate(
    gateway: &Gateway,
    key: &str,
    method: &str,
    path: &str,
    body: &str,
) -> http::Answer {
    let tradewind_config::Admin::Tcp(address) = gateway.running.admin else {
        panic!("the admin API is on a socket")
    };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    http::raw(address, request.as_bytes()).await
}

#[tokio::test]
async fn a_sender_is_told_no_more_than_that() {
    let mut handler = Handler::start(&[]).await;
    let gateway = start(&config(ORDERS, &handler, "")).await;
    let denied = publish(&gateway, KEY, "1", "payroll.run").await;
    assert_eq!(denied.status, 403, "{}", denied.text());
    assert_eq!(
        denied.json(),
        json!({
            "type": "urn:tradewind:problem:policy-denied",
            "title": "policies do not allow this to whom the request comes from; nothing was done",
            "status": 403,
            "events": [{ "index": 0, "detail": "may not be published here" }],
        })
    );
    assert_eq!(
        publish(&gateway, OTHER, "2", "order.placed").await.status,
        403
    );
    assert_eq!(
        publish(&gateway, KEY, "3", "order.placed").await.status,
        202
    );
    assert_eq!(handler.next().await.header("ce-id"), "3");
    assert_eq!(gateway.appended("default").await, 1);

    let token = std::fs::read_to_string(gateway.dir.path().join("data/admin.token")).unwrap();
    let explained = operate(&gateway, token.trim(), "GET", "/v1/explain?event=3", "").await;
    let principal = &explained.json()[0]["principal"];
    assert_eq!(principal, "api-key:shop (api key), by policy role shop");
    let metrics = operate(&gateway, token.trim(), "GET", "/metrics", "")
        .await
        .text();
    let line = "tradewind_policy_denied_total{action=\"publish\",cause=\"not-permitted\"} 2";
    assert!(metrics.contains(line), "{metrics}");
    gateway.running.stop().await.unwrap();
}

#[tokio::test]
async fn the_last_policy_taken_out_closes_every_door() {
    let handler = Handler::start(&[]).await;
    let gateway = start(&config(ORDERS, &handler, "")).await;
    assert_eq!(
        publish(&gateway, KEY, "1", "order.placed").await.status,
        202
    );
    let file = gateway.dir.path().join("tradewind.yaml");
    let cedar = gateway.dir.path().join("p.cedar");
    std::fs::write(&cedar, "").unwrap();
    let named = "policies: { p: { file: p.cedar } }\n";
    let permit = "permit (principal, action == Action::\"publish\", resource);";
    for (authority, policies, status) in [
        ("roles:\n", "", 403),
        ("", "", 202),
        (named, "", 403),
        (named, permit, 202),
        (named, "// none", 403),
        (ORDERS, "", 202),
    ] {
        let generation = gateway.running.gateway.config.load().generation;
        std::fs::write(&cedar, policies).unwrap();
        std::fs::write(&file, config(authority, &handler, "")).unwrap();
        eventually("the reload", async || {
            gateway.running.gateway.config.load().generation > generation
        })
        .await;
        let answer = publish(&gateway, KEY, &generation.to_string(), "order.placed").await;
        assert_eq!(answer.status, status, "{authority} {policies}");
    }
    gateway.running.stop().await.unwrap();
}

#[tokio::test]
async fn a_pulled_event_that_is_denied_is_set_aside() {
    let mut handler = Handler::start(&[]).await;
    let queue = Queue::named("it-policies");
    let more = "  queue: { kind: memory, queue: it-policies }\n";
    let gateway = start(&config(ORDERS, &handler, more)).await;
    let denied = Event::builder("q-1", "/q", "payroll").build().unwrap();
    queue.push(denied).unwrap();
    let told = handler.next().await;
    assert_eq!(told.header("ce-type"), "tradewind.source.refused");
    let record: serde_json::Value = serde_json::from_slice(&told.body).unwrap();
    assert_eq!(record["events"][0]["type"], "payroll");
    let reason = record["reason"].as_str().unwrap();
    assert!(reason.contains("event 0: no policy permits it"), "{reason}");
    gateway.running.stop().await.unwrap();
}

#[tokio::test]
async fn tail_and_lists_show_what_may_be_seen() {
    let mut handler = Handler::start(&[]).await;
    let authority = "policies:\n  p:\n    cedar: |\n      \
        permit (principal == Key::\"shop\", action == Action::\"publish\", resource);\n      \
        permit (principal == Key::\"till\", action in [Action::\"subscribe\", Action::\"read-payload\"], resource in Stream::\"default\")\n      \
        when { context.type == \"order\" };\n";
    let gateway = start(&config(authority, &handler, "")).await;
    for (id, ty) in [("1", "payroll"), ("2", "order")] {
        assert_eq!(publish(&gateway, KEY, id, ty).await.status, 202);
    }
    handler.next().await;
    for (id, status) in [("1", 403), ("2", 200)] {
        let told = operate(
            &gateway,
            OTHER,
            "GET",
            &format!("/v1/explain?event={id}"),
            "",
        )
        .await;
        assert_eq!(told.status, status, "{id} {}", told.text());
    }
    let recent = "/v1/streams/default/events";
    let seen = operate(&gateway, OTHER, "GET", recent, "").await.json();
    let ids: Vec<&str> = seen
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|event| event["id"].as_str())
        .collect();
    assert_eq!(ids, ["2"]);
    let nothing = operate(&gateway, KEY, "GET", recent, "").await;
    assert_eq!(nothing.json(), json!([]), "it may publish only");
    let mut tail = tail(&gateway, OTHER).await;
    for (id, ty) in [("3", "payroll"), ("4", "order")] {
        publish(&gateway, KEY, id, ty).await;
    }
    let mut seen = String::new();
    while !seen.contains(r#""what":"accepted""#) {
        let mut bytes = [0; 4096];
        let read = tail.read(&mut bytes).await.unwrap();
        seen.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
    }
    assert!(
        seen.contains(r#""id":"4""#) && !seen.contains(r#""id":"3""#),
        "{seen}"
    );
    drop(tail);
    gateway.running.stop().await.unwrap();
}

#[tokio::test]
async fn what_targets_say_is_for_those_who_may_read_payloads() {
    let handler = Handler::start(&[500]).await;
    let authority = "policies:\n  p:\n    cedar: |\n      \
        permit (principal == Key::\"shop\", action == Action::\"publish\", resource);\n      \
        permit (principal == Key::\"till\", action == Action::\"subscribe\", resource in Stream::\"default\");\n";
    let gateway = start(&config(authority, &handler, "")).await;
    let mut tail = tail(&gateway, OTHER).await;
    publish(&gateway, KEY, "1", "order").await;
    let mut seen = String::new();
    let failed = |seen: &str| seen.contains("\"retry\"") || seen.contains("\"dead-lettered\"");
    while !failed(&seen) {
        let mut bytes = [0; 4096];
        let read = tail.read(&mut bytes).await.unwrap();
        seen.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
    }
    assert!(
        seen.contains("withheld") && !seen.contains("attempt 1: "),
        "{seen}"
    );
    drop(tail);
    gateway.running.stop().await.unwrap();
}

#[tokio::test]
async fn what_is_set_aside_is_seen_by_who_may_see_what_is_within() {
    let mut handler = Handler::start(&[]).await;
    let authority = "policies:\n  p:\n    cedar: |\n      \
        permit (principal == Key::\"shop\", action == Action::\"publish\", resource);\n      \
        permit (principal == Key::\"till\", action in [Action::\"subscribe\", Action::\"read-payload\"], resource in Stream::\"default\")\n      \
        when { context.type == \"order\" || context.type == \"tradewind.source.refused\" };\n\
        schemas:\n  all: { format: json-schema, on-failure: dead-letter, events: [{ type: order }, { type: payroll }], \
        versions: [{ schema: { type: array } }] }\n";
    let gateway = start(&config(authority, &handler, "")).await;
    let mut tail = tail(&gateway, OTHER).await;
    let mut positions = Vec::new();
    for (id, ty) in [("1", "payroll"), ("2", "order")] {
        let answer = publish(&gateway, KEY, id, ty).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
        let position = answer.json()["events"][0]["position"]
            .as_str()
            .unwrap()
            .to_owned();
        positions.push(position);
        assert_eq!(
            handler.next().await.header("ce-type"),
            "tradewind.source.refused"
        );
    }
    for (position, status) in positions.iter().zip([403, 200]) {
        let path = format!("/v1/explain?event=default@{position}");
        let told = operate(&gateway, OTHER, "GET", &path, "").await;
        assert_eq!(told.status, status, "{position} {}", told.text());
    }
    let mut seen = String::new();
    while !seen.contains(r#""what":"accepted""#) {
        let mut bytes = [0; 4096];
        let read = tail.read(&mut bytes).await.unwrap();
        seen.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
    }
    let place = |position: &str| format!(r#""position":"{position}""#);
    assert!(
        seen.contains(&place(&positions[1])) && !seen.contains(&place(&positions[0])),
        "{seen}"
    );
    drop(tail);
    gateway.running.stop().await.unwrap();
}

/// A reader of what happens, past the head of the answer.
async fn tail(gateway: &Gateway, key: &str) -> tokio::net::TcpStream {
    let tradewind_config::Admin::Tcp(address) = gateway.running.admin else {
        panic!("the admin API is on a socket")
    };
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request =
        format!("GET /v1/tail HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(
        head.starts_with(b"HTTP/1.1 200"),
        "{}",
        String::from_utf8_lossy(&head)
    );
    stream
}

/// What the admin API or a source would refuse is not told to be allowed.
#[test]
fn scopes_and_spaces_count_where_policies_are_tried() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("tradewind.yaml");
    let hash = "a".repeat(64);
    let text = format!(
        "spaces: {{ acme: {{ members: [\"certificate:dns:both\"] }}, other: {{ members: [\"certificate:dns:both\"] }} }}\n\
         streams: {{ own: {{ space: acme }}, theirs: {{ space: other }}, shared: {{ space: other, shared-with: [acme] }} }}\n\
         api-keys:\n  bound: {{ sha256: {hash}, space: acme }}\n  narrow: {{ sha256: {hash}, scopes: [publish] }}\n\
         roles:\n  all: {{ members: [\"api-key:*\", \"certificate:dns:both\"], \
         may: [publish, subscribe, read-payload, configure], streams: [own, theirs, shared] }}\n"
    )
    .replacen(&hash, &"b".repeat(64), 1);
    std::fs::write(&config, text).unwrap();
    for (principal, action, resource, via, verdict) in [
        (
            "api-key:bound",
            "read-payload",
            "stream:own",
            "",
            "permitted",
        ),
        (
            "api-key:bound",
            "read-payload",
            "stream:theirs",
            "",
            "other-space",
        ),
        (
            "api-key:bound",
            "read-payload",
            "stream:shared",
            "",
            "other-space",
        ),
        (
            "api-key:bound",
            "subscribe",
            "stream:shared",
            "",
            "permitted",
        ),
        (
            "api-key:bound",
            "subscribe",
            "stream:theirs",
            "",
            "other-space",
        ),
        (
            "api-key:bound",
            "publish",
            "stream:theirs",
            "api",
            "permitted",
        ),
        (
            "api-key:bound",
            "publish",
            "stream:theirs",
            "admin",
            "other-space",
        ),
        (
            "api-key:narrow",
            "publish",
            "stream:own",
            "api",
            "permitted",
        ),
        ("api-key:narrow", "subscribe", "stream:own", "", "no-scope"),
        ("api-key:free", "subscribe", "stream:own", "", "permitted"),
        (
            "certificate:dns:both",
            "subscribe",
            "stream:own",
            "",
            "several-spaces",
        ),
        ("jwt:x", "subscribe", "stream:own", "", "not-permitted"),
    ] {
        let mut command = Command::new(binary());
        command
            .args(["policy", "test", "--output", "json", "--config"])
            .arg(&config)
            .args(["--principal", principal, "--action", action])
            .args(["--resource", resource, "--via", via])
            .args(["--type", "t", "--source", "/s"]);
        let output = command.output().unwrap();
        let told: serde_json::Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        let allowed = verdict == "permitted";
        let asked = format!("{principal} {action} {resource} {via}: {told}");
        assert_eq!(told["verdict"], verdict, "{asked}");
        assert_eq!(told["allowed"], allowed, "{asked}");
        assert_eq!(output.status.success(), allowed, "{asked}");
    }
}

#[test]
fn policies_are_tried_on_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("tradewind.yaml");
    let text = "streams: { orders: {} }\nroles:\n  shop:\n    members: [\"api-key:*\"]\n    may: [publish]\n    \
                streams: [orders]\n    types: [order.*]\n";
    std::fs::write(&config, text).unwrap();
    let cases = folder.path().join("cases.yaml");
    let case = |ty: &str, expect: &str| {
        format!(
            "  - principal: api-key:shop\n    action: publish\n    resource: stream:orders\n    \
             event: {{ type: {ty}, source: /s }}\n    expect: {expect}\n"
        )
    };
    let run = |more: &[&str]| {
        let mut command = Command::new(binary());
        command
            .args(["policy", "test", "--config"])
            .arg(&config)
            .args(more);
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        (output.status.code(), text, said)
    };
    let one = [
        "--principal",
        "api-key:a",
        "--action",
        "publish",
        "--resource",
        "stream:orders",
        "--source",
        "/s",
        "--type",
    ];
    let (code, text, _) = run(&[&one[..], &["order.placed"]].concat());
    assert_eq!(
        (code, text.as_str()),
        (Some(0), "allow  permitted by policy role shop\n")
    );
    let (code, text, _) = run(&[&one[..], &["other", "--output", "json"]].concat());
    let told: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(code, Some(1));
    assert_eq!(
        told,
        json!({ "allowed": false, "verdict": "not-permitted", "policy": null })
    );
    let (code, _, said) = run(&[
        "--principal",
        "shop",
        "--action",
        "publish",
        "--resource",
        "stream:orders",
    ]);
    assert!(
        code == Some(2) && said.contains("no principal"),
        "{code:?} {said}"
    );

    // A subscription is in its stream, and nobody publishes to it.
    let mut never = one;
    never[5] = "gateway";
    let (code, _, said) = run(&[&never[..], &["order.placed"]].concat());
    assert!(
        code == Some(2) && said.contains("never done"),
        "{code:?} {said}"
    );
    for resource in ["stream:order", "route:orders", "subscription:orders"] {
        let mut misspelt = one;
        misspelt[5] = resource;
        let (code, text, said) = run(&[&misspelt[..], &["order.placed"]].concat());
        assert!(
            code == Some(2) && said.contains("not in the configuration"),
            "{code:?} {text} {said}"
        );
    }

    std::fs::write(
        &cases,
        format!(
            "cases:\n{}{}",
            case("order.placed", "allow"),
            case("other", "deny")
        ),
    )
    .unwrap();
    let file = cases.to_str().unwrap();
    assert_eq!(run(&["--cases", file]).0, Some(0));
    std::fs::write(&cases, format!("cases:\n{}", case("other", "allow"))).unwrap();
    let (code, text, said) = run(&["--cases", file]);
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("✗") && text.contains("expected: allow") && said.contains("1 of 1 cases"),
        "{text} {said}"
    );
    std::fs::write(&cases, "cases: []\n").unwrap();
    let (code, _, said) = run(&["--cases", file]);
    assert!(
        code == Some(1) && said.contains("there are no cases"),
        "{said}"
    );
}
