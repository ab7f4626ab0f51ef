//! Schemas that are read from a registry: asked at the start and from time to time, and out.

use crate::support::{Gateway, eventually, start, start_in};
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tradewind_adapter::BuiltSource;
use tradewind_server::run::{self, Options};

/// Answers as the published interface of Confluent's registry has it: `GET /subjects/{subject}/versions/{version}`.
#[derive(Default)]
struct Shelf {
    subjects: Mutex<BTreeMap<String, Vec<Value>>>,
    out: Mutex<Option<StatusCode>>,
    /// It takes questions and gives no answers.
    mute: AtomicBool,
    asked: AtomicUsize,
}

impl Shelf {
    fn register(&self, subject: &str, language: &str, text: &str, references: Value) {
        let mut subjects = self.subjects.lock().unwrap();
        let versions = subjects.entry(subject.to_owned()).or_default();
        let mut version = json!({
            "subject": subject, "version": versions.len() + 1, "id": 7, "schema": text, "references": references,
        });
        // Avro's is left out.
        if language != "AVRO" {
            version["schemaType"] = language.into();
        }
        versions.push(version);
    }

    async fn start(self: &Arc<Self>, address: &str) -> (SocketAddr, tokio::task::JoinHandle<()>) {
        let routes = Router::new()
            .route("/api/subjects/{subject}/versions/{version}", get(answer))
            .with_state(Arc::clone(self));
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        (address, serving)
    }

    /// Waits for a question that gets no answer until `mute` ends.
    async fn leave_a_question_open(&self) {
        self.mute.store(true, Ordering::SeqCst);
        let asked = self.asked.load(Ordering::SeqCst);
        eventually("it is asked", || async {
            self.asked.load(Ordering::SeqCst) > asked
        })
        .await;
    }
}

async fn answer(
    State(shelf): State<Arc<Shelf>>,
    Path((subject, version)): Path<(String, String)>,
    headers: HeaderMap,
) -> (StatusCode, String) {
    shelf.asked.fetch_add(1, Ordering::SeqCst);
    while shelf.mute.load(Ordering::SeqCst) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // gateway:word
    if headers
        .get(AUTHORIZATION)
        .is_none_or(|proof| proof != "Basic Z2F0ZXdheTp3b3Jk")
    {
        return (StatusCode::UNAUTHORIZED, "who?".into());
    }
    if let Some(status) = *shelf.out.lock().unwrap() {
        return (status, "x".repeat(10));
    }
    let subjects = shelf.subjects.lock().unwrap();
    let versions = subjects
        .get(&subject)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let found = match version.as_str() {
        "latest" => versions.last(),
        number => versions.get(number.parse::<usize>().unwrap() - 1),
    };
    match found {
        Some(found) => (StatusCode::OK, found.to_string()),
        None => (
            StatusCode::NOT_FOUND,
            r#"{"error_code":40401,"message":"Subject not found."}"#.into(),
        ),
    }
}

fn config(address: SocketAddr, schemas: &str) -> String {
    format!(
        "schema-registries:\n  shared:\n    url: http://{address}/api/\n    allow-http: true\n    \
         allow-private: [127.0.0.1]\n    refresh: 5s\n    auth: {{ basic: {{ username: gateway, password: word }} }}\n\
         schemas:\n{schemas}\
         sources:\n  events: {{ kind: http, path: /events, auth: none-i-understand }}\n\
         subscriptions:\n  all: {{ sink: {{ kind: memory }} }}\n"
    )
}

const ORDER: &str = "  order: { registry: { name: shared, subject: a/order }, compatibility: backward, events: [{ type: order }] }\n";
const LETTER: &str = "  letter: { registry: { name: shared, subject: letter, version: 1 }, events: [{ type: letter }] }\n";

fn order(most: u32) -> String {
    format!(r#"{{"properties":{{"total":{{"$ref":"money.json"}},"n":{{"maximum":{most}}}}}}}"#)
}

fn filled() -> Arc<Shelf> {
    let shelf = Arc::new(Shelf::default());
    shelf.register("money", "JSON", r#"{"type":"number"}"#, json!([]));
    let money = json!([{ "name": "money.json", "subject": "money", "version": 1 }]);
    shelf.register("a/order", "JSON", &order(10), money);
    let letter =
        r#"{"type":"record","name":"Letter","fields":[{"name":"to","type":"shop.Address"}]}"#;
    let address =
        r#"{"type":"record","name":"shop.Address","fields":[{"name":"city","type":"string"}]}"#;
    shelf.register("address", "AVRO", address, json!([]));
    shelf.register(
        "letter",
        "AVRO",
        letter,
        json!([{ "name": "shop.Address", "subject": "address", "version": 1 }]),
    );
    shelf
}

async fn sent(gateway: &Gateway, data: &str) -> u16 {
    let id = format!("{:x}", fastrand::u128(..));
    gateway.publish("/events", &id, "order", data).await.status
}

async fn shown(gateway: &Gateway, name: &str) -> Value {
    gateway
        .admin("GET", &format!("/v1/schemas/{name}"), "")
        .await
        .json()
}

#[tokio::test]
async fn a_registry_is_read_changes_and_goes_out() {
    let shelf = filled();
    let (address, serving) = shelf.start("127.0.0.1:0").await;
    let yaml = config(address, &format!("{ORDER}{LETTER}"));
    let gateway = start(&yaml).await;
    assert_eq!(sent(&gateway, r#"{"total":1,"n":10}"#).await, 202);
    assert_eq!(
        sent(&gateway, r#"{"total":"1"}"#).await,
        422,
        "by what it refers to"
    );
    assert_eq!(sent(&gateway, r#"{"n":11}"#).await, 422);
    let letter = shown(&gateway, "letter").await;
    assert_eq!(
        (&letter["format"], &letter["registry"]["references"]),
        (&json!("avro"), &json!(1))
    );
    // It cannot be changed here.
    let register = gateway
        .admin("POST", "/v1/schemas/order/versions", r#"{"schema":true}"#)
        .await;
    assert_eq!(register.status, 409, "{}", register.text());

    // One that breaks the rule is not taken, and the one before stands.
    let money = json!([{ "name": "money.json", "subject": "money", "version": 1 }]);
    shelf.register("a/order", "JSON", &order(9), money.clone());
    eventually("the version is refused", || async {
        let failure = shown(&gateway, "order").await["registry"]["failure"].to_string();
        failure.contains("version 2: it is not backward compatible with version 1")
    })
    .await;
    assert_eq!(sent(&gateway, r#"{"n":10}"#).await, 202);
    shelf.register("a/order", "JSON", &order(12), money);
    eventually("the next one is in force", || async {
        sent(&gateway, r#"{"n":12}"#).await == 202
    })
    .await;
    assert_eq!(shown(&gateway, "order").await["versions"][0]["version"], 3);
    let log = std::fs::read_dir(gateway.dir.path().join("data/audit")).unwrap();
    let log: String = log
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    assert!(
        log.contains("schema registry shared") && log.contains("schema order"),
        "{log}"
    );

    // What is no schema at all is not taken either.
    shelf.register("a/order", "JSON", r#"{"type":"objekt"}"#, json!([]));
    *shelf.out.lock().unwrap() = None;
    eventually("what does not compile is refused", || async {
        shown(&gateway, "order").await["registry"]["failure"]
            .to_string()
            .contains("objekt")
    })
    .await;
    assert_eq!(sent(&gateway, r#"{"n":13}"#).await, 422);

    // Out, and out over a restart; another address is another registry.
    *shelf.out.lock().unwrap() = Some(StatusCode::SERVICE_UNAVAILABLE);
    eventually("the registry is out", || async {
        shown(&gateway, "order").await["registry"]["failure"]
            .to_string()
            .contains("503")
    })
    .await;
    assert_eq!(sent(&gateway, r#"{"n":13}"#).await, 422);
    serving.abort();
    let dir = gateway.finish().await;
    let gateway = start_in(dir, &yaml).await;
    assert_eq!(sent(&gateway, r#"{"n":12}"#).await, 202);
    assert_eq!(sent(&gateway, r#"{"n":13}"#).await, 422);
    assert!(shown(&gateway, "order").await["registry"]["failure"].is_string());
    // A reload that names what nobody can give changes nothing, and says why.
    let path = gateway.dir.path().join("tradewind.yaml");
    let more = yaml.replace(
        ORDER,
        &format!(
            "{ORDER}{}",
            ORDER
                .replacen("order:", "other:", 1)
                .replace("a/order", "other")
                .replace("type: order", "type: other")
        ),
    );
    std::fs::write(&path, more).unwrap();
    let refused = gateway.admin("POST", "/v1/config/reload", "{}").await;
    assert!(refused.status >= 400, "{}", refused.text());
    assert!(
        refused.text().contains("subject `other`"),
        "{}",
        refused.text()
    );
    assert_eq!(sent(&gateway, r#"{"n":13}"#).await, 422);
    assert!(!refused.text().contains("word"), "no secrets");
    gateway.finish().await;
}

#[tokio::test]
async fn a_question_without_an_answer_keeps_no_source_of_an_earlier_configuration_connected() {
    let shelf = filled();
    let (address, _serving) = shelf.start("127.0.0.1:0").await;
    let yaml = |queue: &str| {
        let source = format!("sources:\n  queue: {{ kind: memory, queue: {queue} }}\n");
        config(address, ORDER).replace("sources:\n", &source)
    };
    let gateway = start(&yaml("confluent-one")).await;
    let before = {
        let config = gateway.running.gateway.config.load();
        match &config.checked.sources["queue"].built {
            BuiltSource::Pull(driver) => Arc::downgrade(driver),
            other => panic!("{other:?}"),
        }
    };
    shelf.leave_a_question_open().await;
    let file = gateway.dir.path().join("tradewind.yaml");
    std::fs::write(file, yaml("confluent-two")).unwrap();
    gateway.running.gateway.reload("test").await.unwrap();
    // Dropped before the question is given up.
    eventually("the source is closed", || async {
        before.upgrade().is_none()
    })
    .await;
    let failure = shown(&gateway, "order").await["registry"]["failure"].clone();
    assert_eq!(failure, Value::Null, "the question was given up first");
    gateway.running.stop().await.unwrap();
}

#[tokio::test]
async fn an_answer_does_not_take_back_what_the_configuration_says_since() {
    let shelf = filled();
    let (address, _serving) = shelf.start("127.0.0.1:0").await;
    let gateway = start(&config(address, ORDER)).await;
    assert_eq!(sent(&gateway, r#"{"n":13}"#).await, 422);
    let money = json!([{ "name": "money.json", "subject": "money", "version": 1 }]);
    shelf.register("a/order", "JSON", &order(12), money);
    shelf.leave_a_question_open().await;
    let file = gateway.dir.path().join("tradewind.yaml");
    let elsewhere = ORDER.replace("type: order", "type: other");
    std::fs::write(file, config(address, &elsewhere)).unwrap();
    gateway.running.gateway.reload("test").await.unwrap();
    assert_eq!(sent(&gateway, r#"{"n":13}"#).await, 202);
    shelf.mute.store(false, Ordering::SeqCst);
    eventually("the version is in force", || async {
        shown(&gateway, "order").await["versions"][0]["version"] == 2
    })
    .await;
    assert_eq!(sent(&gateway, r#"{"n":13}"#).await, 202);
    gateway.running.stop().await.unwrap();
}

#[tokio::test]
async fn what_a_registry_cannot_give_keeps_a_gateway_from_starting() {
    let shelf = filled();
    for n in 0..10 {
        let subject = format!("deep-{}", n + 1);
        let next = json!([{ "name": format!("{n}"), "subject": subject, "version": 1 }]);
        shelf.register(&format!("deep-{n}"), "JSON", "{}", next);
    }
    shelf.register("twice", "JSON", "{}", json!([
        { "name": "m", "subject": "money", "version": 1 }, { "name": "m", "subject": "a/order", "version": 1 },
    ]));
    shelf.register(
        "large",
        "JSON",
        &format!(r#"{{"title":"{}"}}"#, "x".repeat(300 << 10)),
        json!([]),
    );
    shelf.register(
        "huge",
        "JSON",
        &format!(r#"{{"title":"{}"}}"#, "x".repeat(2 << 20)),
        json!([]),
    );
    shelf.register("xml", "XML", "<a/>", json!([]));
    let (address, _serving) = shelf.start("127.0.0.1:0").await;
    for (subject, more, part) in [
        ("none", "", "the answer is 404"),
        ("xml", "", "`XML` is none of the languages"),
        (
            "deep-0",
            "",
            "it refers to more than 32 documents, or deeper than 8",
        ),
        ("twice", "", "two documents are called `m`"),
        ("large", "", "larger than 256 KiB"),
        ("huge", "", "at most 1048576 bytes"),
        ("money", ", format: avro", "it is json-schema, and not avro"),
    ] {
        let schema = format!(
            "  s: {{ registry: {{ name: shared, subject: {subject} }}{more}, events: [{{ type: t }}] }}\n"
        );
        let told = failed(&config(address, &schema)).await;
        assert!(
            told.contains(part) && told.contains("schema `s`"),
            "{part}: {told}"
        );
    }
    // By the guard, without a request.
    let asked = shelf.asked.load(Ordering::SeqCst);
    let closed = config(address, ORDER).replace("    allow-private: [127.0.0.1]\n", "");
    let told = failed(&closed).await;
    assert!(told.contains("allow-private"), "{told}");
    assert_eq!(shelf.asked.load(Ordering::SeqCst), asked);
    let told = failed(&config(address, ORDER).replace("password: word", "password: other")).await;
    assert!(told.contains("401") && !told.contains("other"), "{told}");
}

async fn failed(yaml: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tradewind.yaml");
    std::fs::write(&path, yaml).unwrap();
    let data = dir.path().join("data");
    let started = run::start(Options {
        path: Some(path),
        text: String::new(),
        amend: Arc::new(move |checked| {
            checked.config.listen = tradewind_config::Address("127.0.0.1:0".parse().unwrap());
            checked.config.admin = tradewind_config::Admin::Socket(data.join("admin.sock"));
            checked.config.data_dir = data.clone();
            for stream in checked.streams.values_mut() {
                stream.settings.durability = tradewind_store::Durability::Ephemeral;
            }
        }),
        drain_delay: std::time::Duration::ZERO,
    })
    .await;
    match started {
        Ok(_) => panic!("it started"),
        Err(error) => error.to_string(),
    }
}
