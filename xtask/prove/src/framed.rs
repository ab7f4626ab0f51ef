//! Records that Confluent's own serializers wrote, by a registry that others wrote, to a function: whole, in order, also
//! over an outage of the registry and a kill of the gateway; what can never be read is set aside.

use crate::apicurio::{Apicurio, VERSION};
use crate::gateway::Gateway;
use crate::{Options, Proved, tools};
use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use bytes::Bytes;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{FutureProducer, FutureRecord};
use serde_json::{Value, json};
use std::fmt::Display;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::process::Command;

const PACKAGES: &[&str] = &["confluent-kafka[avro,json,protobuf,schemaregistry]==2.16.*"];
const PRODUCER: &str = include_str!("framed/producer.py");
/// Orders of each round, in each of the three languages.
const ORDERS: usize = 20;
/// Steps of 100 ms until what does not come counts as lost. A source that failed waits for up to 30 s.
const PATIENCE: u32 = 900;
const SECRET: &[u8] = b"sesame-9417";

/// What a function was given: type, `dataschema`, content type and body.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Given {
    ty: String,
    schema: String,
    content_type: String,
    body: Bytes,
}

type Heard = Arc<Mutex<Vec<Given>>>;

fn said(error: impl Display) -> String {
    error.to_string()
}

pub(crate) async fn run(options: &Options) -> Proved {
    match prove(options).await {
        Ok(figures) => Ok(figures),
        Err(what) => Err(("records in frames".into(), what)),
    }
}

async fn prove(options: &Options) -> Result<String, String> {
    let brokers = options.kafka.clone().ok_or("which brokers? --kafka")?;
    let apicurio = Apicurio::start(options).await?;
    let apicurio = apicurio.ok_or("no Java or Maven here, and so no registry")?;
    let python = tools::python(&options.gateway, "confluent", PACKAGES).await?;
    let script = python.with_file_name("producer.py");
    std::fs::write(&script, PRODUCER).map_err(said)?;
    let topic = format!("framed-{:016x}", fastrand::u64(..));
    create(&brokers, &topic).await?;
    let world = World {
        brokers,
        topic,
        apicurio,
        python,
        script,
    };

    let (heard, address) = function().await?;
    let (kept, kept_at) = function().await?;
    let (told, told_at) = function().await?;
    let near = "allow-http: true, allow-private: [127.0.0.0/8]";
    let subscriptions = format!(
        "  as-json: {{ owner: shop, why: proof, sink: {{ kind: http, url: \"http://{address}/\", {near} }}, \
         concurrency: 1, stream: as-json, start: oldest }}\n  \
         as-bytes: {{ owner: shop, why: proof, sink: {{ kind: http, url: \"http://{kept_at}/\", {near} }}, \
         concurrency: 1, stream: as-bytes, start: oldest }}\n  \
         told: {{ owner: shop, why: proof, sink: {{ kind: http, url: \"http://{told_at}/\", {near} }}, \
         filter: [{{ exact: {{ type: tradewind.source.failing }} }}], stream: system, start: oldest }}\n"
    );
    let mut gateway = Gateway::new(&options.gateway, &subscriptions)?;
    gateway.settings = format!(
        "schema-registries:\n  shared: {{ url: \"{}\", allow-http: true, allow-private: [127.0.0.1/32], timeout: 1s }}\n\
         streams: {{ as-json: {{ shards: 1 }}, as-bytes: {{ shards: 1 }} }}\n",
        world.apicurio.url()
    );
    for (name, more) in [("as-json", ""), ("as-bytes", ", data: bytes")] {
        gateway.sources.push_str(&format!(
            "  {name}: {{ kind: kafka, stream: {name}, cluster: {{ brokers: [\"{}\"], \
             properties: {{ session.timeout.ms: \"6000\" }} }}, topics: [\"{}\"], group: {name}, \
             framed: {{ registry: shared{more} }} }}\n",
            world.brokers, world.topic
        ));
    }
    gateway.configure(&subscriptions)?;
    gateway.start().await?;

    // A round with everything there.
    world.produce(0, AVRO).await?;
    let first = wait(&heard, 3 * ORDERS, "at first").await?;
    as_json(&first, 0, false)?;
    as_bytes(&wait(&kept, 3 * ORDERS, "as bytes").await?)?;

    // A new version of a schema, while the gateway is killed and then the registry gives no answer: nothing is
    // skipped, although two of three schemas are those of the round before.
    gateway.kill().await?;
    world.produce(ORDERS, AVRO_LATER).await?;
    world.apicurio.halt(true)?;
    gateway.start().await?;
    // Both sources say what they wait for.
    for failing in wait(&told, 2, "no word of the outage").await? {
        let text = String::from_utf8_lossy(&failing.body).into_owned();
        if !text.contains("the registry `shared` gives no schemas") {
            return Err(format!("what failed is not the registry: {text}"));
        }
    }
    let during = taken(&heard).len();
    if during != 3 * ORDERS {
        return Err(format!("{during} records came without a registry"));
    }
    world.apicurio.halt(false)?;
    let all = wait(&heard, 6 * ORDERS, "after the outage").await?;
    as_json(&all[3 * ORDERS..], ORDERS, true)?;

    // What nobody can read stands in nobody's way.
    let unframed = [b"{\"card\":\"", SECRET, b"\"}"].concat();
    let unknown = [&b"\0\x7f\0\0\x01"[..], SECRET].concat();
    // Of the first schema, which is in Avro: a number, and the beginning of a text that is longer than what is there.
    let id = all[0].schema.rsplit('/').next().unwrap_or_default();
    let id: u32 = id.parse().map_err(said)?;
    let broken = [&[0][..], &id.to_be_bytes(), b"\x02\x02\x7e", SECRET].concat();
    for value in [unframed, unknown, broken] {
        world.write(&value).await?;
    }
    world.produce(2 * ORDERS, AVRO_LATER).await?;
    let all = wait(&heard, 9 * ORDERS + 3, "after garbage").await?;
    as_json(&all[6 * ORDERS + 3..], 2 * ORDERS, true)?;
    let reasons = refusals(&all[6 * ORDERS..6 * ORDERS + 3])?;
    gateway.said_no_panic()?;
    gateway.kill().await?;
    Ok(format!(
        "{} records of Confluent's client for Python in three languages, by Apicurio {VERSION}, as JSON and as they \
         were: each once and in order, {} of them behind an outage of the registry and a kill; set aside: {}",
        all.len(),
        3 * ORDERS,
        reasons.join(" | ")
    ))
}

/// Two versions of a schema. Of the later one the data is other bytes.
const AVRO: &str = r#"{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"number","type":"int"},{"name":"note","type":["null","string"],"default":null}]}"#;
const AVRO_LATER: &str = r#"{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"note","type":["null","string"],"default":null},{"name":"number","type":"long"}]}"#;

struct World {
    brokers: String,
    topic: String,
    apicurio: Apicurio,
    python: PathBuf,
    script: PathBuf,
}

impl World {
    /// Orders in three languages, by others' serializers.
    async fn produce(&self, from: usize, avro: &str) -> Result<(), String> {
        let numbers = [from.to_string(), (from + ORDERS).to_string()];
        tools::run(
            Command::new(&self.python)
                .arg(&self.script)
                .args([&self.brokers, &self.apicurio.url(), &self.topic])
                .args(numbers)
                .arg(avro),
        )
        .await
        .map(drop)
    }

    async fn write(&self, value: &[u8]) -> Result<(), String> {
        let producer: FutureProducer = client(&self.brokers).create().map_err(said)?;
        let record = FutureRecord {
            key: Some("garbage"),
            payload: Some(value),
            partition: Some(0),
            ..FutureRecord::to(&self.topic)
        };
        let sent = producer.send(record, Duration::from_secs(20)).await;
        sent.map(drop).map_err(|(error, _)| said(error))
    }
}

fn client(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers);
    config
}

async fn create(brokers: &str, topic: &str) -> Result<(), String> {
    let admin: AdminClient<DefaultClientContext> = client(brokers).create().map_err(said)?;
    let wanted = NewTopic::new(topic, 1, TopicReplication::Fixed(1));
    let made = admin.create_topics([&wanted], &AdminOptions::new()).await;
    let made = made.map_err(said)?.into_iter().next();
    let made = made.ok_or("the broker says nothing of the topic")?;
    made.map(drop).map_err(|(_, error)| said(error))
}

/// A function that remembers what it was given.
async fn function() -> Result<(Heard, std::net::SocketAddr), String> {
    let heard = Heard::default();
    let ear = Router::new().fallback(hear).with_state(heard.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.map_err(said)?;
    let address = listener.local_addr().map_err(said)?;
    tokio::spawn(async move { axum::serve(listener, ear).await });
    Ok((heard, address))
}

async fn hear(State(heard): State<Heard>, headers: HeaderMap, body: Bytes) {
    let header = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let given = Given {
        ty: header("ce-type"),
        schema: header("ce-dataschema"),
        content_type: header("content-type"),
        body,
    };
    let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
    // A delivery whose answer went down with the gateway comes again.
    if heard.last() != Some(&given) {
        heard.push(given);
    }
}

fn taken(heard: &Heard) -> Vec<Given> {
    heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

async fn wait(heard: &Heard, count: usize, when: &str) -> Result<Vec<Given>, String> {
    for _ in 0..PATIENCE {
        let taken = taken(heard);
        if taken.len() >= count {
            return Ok(taken);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let found = taken(heard).len();
    Err(format!("{when}: {found} of {count} records came"))
}

/// That these are the orders from this one on, each in three languages.
fn as_json(given: &[Given], from: usize, later: bool) -> Result<(), String> {
    let mut numbers = given.chunks(3).zip(from..);
    numbers.try_for_each(|(three, n)| {
        let note = match n % 2 {
            0 => Value::Null,
            _ => json!({ "string": "first" }),
        };
        let avro = match later {
            false => format!(r#"{{"number":{n},"note":{note}}}"#),
            true => format!(r#"{{"note":{note},"number":{n}}}"#),
        };
        // Byte by byte as the client writes it.
        let document = format!(r#"{{"number":{n}}}"#);
        let protobuf = format!(r#"{{"orderNumber":"{n}","tags":["x"]}}"#);
        let protobuf = match n {
            0 => r#"{"tags":["x"]}"#.to_owned(),
            _ => protobuf,
        };
        let expected = [(avro, ""), (document, ""), (protobuf, "#shop.Outer.Order")];
        for (given, (body, message)) in three.iter().zip(expected) {
            let right = given.ty == "org.apache.kafka.Record"
                && given.content_type == "application/json"
                && given.body == body
                && given.schema.contains("/schemas/ids/")
                && given.schema.ends_with(message);
            if !right {
                return Err(format!("{given:?} in place of {body}"));
            }
        }
        Ok(())
    })
}

/// That these are the orders from the first on, as they were written.
fn as_bytes(given: &[Given]) -> Result<(), String> {
    let expected: [(&str, &[u8]); 3] = [
        ("application/avro", b"\x02\x02\x0afirst"),
        ("application/json", br#"{"number":1}"#),
        ("application/protobuf", b"\x08\x01\x12\x01x"),
    ];
    for (given, (content_type, body)) in given[3..].iter().zip(expected) {
        if given.content_type != content_type || given.body != body {
            return Err(format!("{given:?} in place of {content_type} {body:?}"));
        }
    }
    Ok(())
}

/// Why records were set aside; none shows what they hold.
fn refusals(given: &[Given]) -> Result<Vec<String>, String> {
    let reason = |given: &Given| {
        let data: Value = serde_json::from_slice(&given.body).map_err(said)?;
        let reason = data["reason"].as_str().unwrap_or_default().to_owned();
        let whole = given.ty == "tradewind.source.refused" && data["events"][0].is_object();
        let secret = String::from_utf8_lossy(SECRET).into_owned();
        match whole && !reason.contains(&secret) {
            true => Ok(reason),
            false => Err(format!("{given:?} is no record that was set aside")),
        }
    };
    given.iter().map(reason).collect()
}
