//! What `tradewind diff` tells.

use crate::adapters::{Fake, fake, registry};
use std::collections::BTreeMap;
use tradewind_config::{Change, Checked, diff, load_str};

const BEFORE: &str = r#"
streams:
  orders: { order-by: subject, retention: 7d }
  old: {}
sources:
  github: { kind: hook, path: /in/github, secrets: ["${env:HOOK_SECRET}"] }
  gone: { kind: queue, queue: q }
subscriptions:
  charge:
    owner: shop
    stream: orders
    sink: { kind: post, url: "https://a.example", signing-key: plain-secret-1 }
    retry: { max-attempts: 50 }
  payment: { owner: shop, sink: { kind: pile } }
  retired: { owner: shop, sink: { kind: pile } }
"#;

fn load(text: &str, env: &Fake) -> Checked {
    load_str("tradewind.yaml", text, &registry(), env)
        .unwrap_or_else(|e| panic!("{}", e.render(false)))
}

fn changes(before: &str, after: &str) -> Vec<Change> {
    diff(&load(before, &fake()), &load(after, &fake()))
}

fn shown(changes: &[Change]) -> String {
    changes.iter().map(|c| format!("{c}\n")).collect()
}

#[test]
fn nothing_changes() {
    assert_eq!(changes(BEFORE, BEFORE), []);
    let spelt_otherwise = BEFORE.replace("streams:", "# a comment\nstreams:");
    assert_eq!(changes(BEFORE, &spelt_otherwise), []);
}

#[test]
fn everything_changes() {
    let after = r#"
listen: 0.0.0.0:8080
limits: { body: 2MiB }
api-keys:
  shop: { sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" }
streams:
  orders: { order-by: partitionkey, retention: 1d }
  default: { shards: 2 }
sources:
  github: { kind: hook, path: /in/hub, secrets: ["${env:HOOK_SECRET}"] }
  api: { kind: door, path: /events, auth: { api-keys: [shop] } }
subscriptions:
  audit: { owner: shop, sink: { kind: pile } }
  history: { owner: shop, start: oldest, sink: { kind: pile } }
  charge:
    owner: shop
    stream: orders
    filter: { exact: { type: a } }
    transform: { set: { type: b } }
    sink: { kind: post, url: "https://b.example", signing-key: plain-secret-2 }
    retry: { max-attempts: 60 }
  billing: { owner: money, renamed-from: payment, sink: { kind: pile } }
"#;
    let expected = r#"~ gateway
    limits.body: (default) -> 2MiB
    listen: (default) -> 0.0.0.0:8080
    effect: takes effect at the next start
    effect: applies to new requests
+ api-key shop
    effect: senders may show it where a source names it
+ source api
    effect: takes events at /events
~ source github
    path: /in/github -> /in/hub
    effect: requests to /in/github are answered 404
- source gone
    effect: takes no more events; those it brought are delivered as before
~ stream default
    shards: (default) -> 2
    refused: shards cannot change while the stream holds events
- stream old
    effect: the stream is suspended with its events; it goes on once it is back in the file
~ stream orders
    order-by: subject -> partitionkey
    retention: 7d -> 1d
    refused: order-by cannot change while the stream holds events
+ subscription audit (owner shop)
    effect: new subscription starts at the tip: earlier events are not delivered to it; one that was suspended goes on where it was
~ subscription billing (was payment) (owner money)
    owner: shop -> money
    renamed-from: (default) -> payment
    effect: keeps the cursor, backlog and counters of payment
~ subscription charge (owner shop)
    filter.exact.type: (default) -> a
    retry.max-attempts: 50 -> 60
    sink.signing-key: changed (not shown)
    sink.url: https://a.example -> https://b.example
    transform.set.type: (default) -> b
    effect: the new filter holds for events appended from now on
    effect: the next attempts send what it makes now, waiting events included
    effect: the next attempts go to the new sink, waiting events included
    effect: waiting events are retried by the new policy
+ subscription history (owner shop)
    effect: new subscription starts with the oldest event that is kept
- subscription retired (owner shop)
    effect: removed subscription is suspended with its backlog until it is discarded
"#;
    let changes = changes(BEFORE, after);
    let shown = shown(&changes);
    assert!(shown == expected, "{shown}");
    let json = serde_json::to_string(&changes).unwrap();
    assert!(
        !json.contains("plain-secret") && !json.contains("swordfish"),
        "{json}"
    );
}

#[test]
fn a_subscription_renamed_into_another_space_begins_anew() {
    let text = |subscription: &str| {
        format!(
            "spaces: {{ a: {{}}, b: {{}} }}\nstreams: {{ s: {{ space: a, shared-with: [b] }} }}\nsubscriptions: {{ {subscription}, sink: {{ kind: pile }} }} }}\n"
        )
    };
    let before = text("old: { owner: shop, space: a, stream: s");
    for (space, effect) in [
        ("a", "keeps the cursor, backlog and counters of old"),
        (
            "b",
            "begins anew: old belongs to another space, and its backlog is suspended",
        ),
    ] {
        let after = text(&format!(
            "new: {{ owner: shop, space: {space}, stream: s, renamed-from: old"
        ));
        let shown = shown(&changes(&before, &after));
        assert!(shown.contains(&format!("effect: {effect}\n")), "{shown}");
    }
}

#[test]
fn a_new_value_behind_a_reference_is_seen_and_not_shown() {
    let mut env = fake();
    let before = load(BEFORE, &env);
    env.vars = BTreeMap::from([("HOOK_SECRET", "herring-4242")]);
    let changes = diff(&before, &load(BEFORE, &env));
    let expected =
        "~ source github\n    secrets[0]: ${env:HOOK_SECRET} stands for something else\n";
    assert_eq!(shown(&changes), expected);
    assert!(changes[0].keys[0].hidden);
}

#[test]
fn a_path_is_told_as_it_is_written() {
    let text = |path: &str| {
        format!(
            "api-keys: {{ k: {{ sha256: \"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\" }} }}\n\
             sources: {{ s: {{ kind: door, path: \"{path}\", auth: {{ api-keys: [k] }} }} }}\n\
             routes: {{ r: {{ path: \"{path}/r\", methods: [POST], auth: {{ api-keys: [k] }}, sink: {{ kind: post, url: \"https://a.example\" }} }} }}\n"
        )
    };
    let hidden = text("/in/${file:secrets/hook}");
    let other = text("/in/other");
    for (before, after) in [("", &*hidden), (&hidden, &other), (&hidden, "")] {
        let changes = changes(before, after);
        let told = shown(&changes) + &serde_json::to_string(&changes).unwrap();
        assert!(!told.contains("open-sesame"), "{told}");
        assert!(told.contains("/in/${file:secrets/hook}"), "{told}");
    }
}

#[test]
fn what_a_named_file_holds_is_seen() {
    let text = "policies: { p: { file: p.cedar } }\nschemas:\n  s: { versions: [{ file: s.json }], events: [{ type: t }] }\n";
    let with = |cedar, schema| {
        let mut env = fake();
        env.files.insert("p.cedar", cedar);
        env.files.insert("s.json", schema);
        load(text, &env)
    };
    let permit = "permit (principal, action, resource);";
    let before = with(permit, "{}");
    assert_eq!(diff(&before, &with(permit, "{}")), []);
    let told = |after: &Checked| {
        diff(&before, after)
            .iter()
            .map(|c| format!("{} {}", c.object, c.name))
            .collect::<Vec<_>>()
    };
    assert_eq!(told(&with("", "{}")), ["policy p"]);
    assert_eq!(told(&with(permit, "true")), ["schema s"]);
}

#[test]
fn an_empty_section_of_policies_is_no_missing_one() {
    for (before, after, effect) in [
        ("", "policies:\n", "what no policy permits is denied"),
        ("", "roles: {}\n", "what no policy permits is denied"),
        ("roles:\n", "", "nothing is denied by policies any more"),
    ] {
        let found = changes(
            &format!("{before}streams: {{}}\n"),
            &format!("{after}streams: {{}}\n"),
        );
        let effects: Vec<_> = found.iter().flat_map(|c| &c.effects).collect();
        assert_eq!(effects, [effect], "{before:?} {after:?} {found:?}");
    }
}

#[test]
fn a_stream_stays_where_it_lies() {
    let at = |keys: &str| {
        format!(
            "streams:\n  orders: {{ {keys} }}\nsubscriptions:\n  all: {{ owner: shop, stream: orders, sink: {{ kind: pile }} }}\n"
        )
    };
    let depot = |address: &str| {
        at(&format!(
            "engine: depot, address: \"{address}\", token: \"${{env:HOOK_SECRET}}\""
        ))
    };
    for (before, after, blocked, effect) in [
        (
            at("why: x"),
            depot("a"),
            true,
            "engine cannot change while the stream holds events",
        ),
        (
            depot("a"),
            at(""),
            true,
            "engine cannot change while the stream holds events",
        ),
        (at(""), at("engine: embedded"), false, ""),
        (
            depot("a"),
            depot("b"),
            false,
            "where the stream lies takes effect at the next start",
        ),
    ] {
        let changes = changes(&before, &after);
        assert_eq!(changes[0].blocked, blocked, "{}", shown(&changes));
        assert_eq!(changes[0].effects.concat(), effect, "{}", shown(&changes));
    }
}
