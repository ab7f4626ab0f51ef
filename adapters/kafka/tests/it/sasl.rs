//! PLAIN and SCRAM against a broker that has the passwords.

use crate::broker::{Broker, More, free_port};
use crate::certificate::Certificate;
use crate::oauth::{failure, is_accepted};
use crate::restarts::deliver;
use serde_json::{Value, json};
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;
use tracing_subscriber::fmt::MakeWriter;
use tradewind_adapter::{ErrorKind, Outcome, Sink, Source};
use tradewind_kafka::{KafkaSink, KafkaSource};

const USER: &str = "gateway";
const PASSWORD: &str = "right-hush-7715";
const WRONG: &str = "wrong-hush-4402";

/// Everything that is logged, by whoever it is.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Log {
    fn listen() -> Self {
        let log = Self::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(log.clone())
            .finish();
        // librdkafka speaks from threads of its own.
        tracing::subscriber::set_global_default(subscriber).unwrap();
        log
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

struct Guarded {
    broker: Broker,
    port: u16,
    /// What vouches for the broker, where it speaks TLS.
    ca: Option<String>,
}

/// A broker that lets in who knows the password, by each of these mechanisms.
async fn guarded(tls: bool, mechanisms: &[&str]) -> Option<Guarded> {
    let certificate = tls.then(Certificate::new);
    let of = "listener.name.guarded";
    let package = "org.apache.kafka.common.security";
    let mut properties = vec![format!(
        "{of}.sasl.enabled.mechanisms={}",
        mechanisms.join(",")
    )];
    properties.extend(
        certificate
            .iter()
            .map(|certificate| certificate.properties(of)),
    );
    let mut scram = Vec::new();
    for mechanism in mechanisms {
        let login = match *mechanism {
            "PLAIN" => {
                format!("{package}.plain.PlainLoginModule required user_{USER}=\"{PASSWORD}\";")
            }
            of => {
                scram.push(format!("{of}=[name={USER},password={PASSWORD}]"));
                format!("{package}.scram.ScramLoginModule required;")
            }
        };
        let mechanism = mechanism.to_lowercase();
        properties.push(format!("{of}.{mechanism}.sasl.jaas.config={login}"));
    }
    let port = free_port();
    let more = More {
        listener: Some((if tls { "SASL_SSL" } else { "SASL_PLAINTEXT" }, port)),
        properties: properties.join("\n") + "\n",
        scram,
        ..More::default()
    };
    Some(Guarded {
        broker: Broker::with(more).await?,
        port,
        ca: certificate.map(|certificate| certificate.pem),
    })
}

impl Guarded {
    fn cluster(&self, mechanism: &str, username: &str, password: &str) -> Value {
        let mut cluster = json!({
            "brokers": [format!("localhost:{}", self.port)],
            "sasl": { "mechanism": mechanism, "username": username, "password": password },
            "properties": { "broker.address.family": "v4" },
        });
        if let Some(ca) = &self.ca {
            cluster["tls"] = json!({ "ca": ca });
        }
        cluster
    }

    fn both(&self, topic: &str, cluster: &Value) -> (KafkaSink, KafkaSource) {
        let to = json!({ "cluster": cluster, "topic": topic });
        let from =
            json!({ "cluster": cluster, "topics": [topic], "group": format!("group-{topic}") });
        (
            KafkaSink::new(serde_json::from_value(to).unwrap(), None).unwrap(),
            KafkaSource::new("sasl", serde_json::from_value(from).unwrap(), None).unwrap(),
        )
    }

    async fn lets_in(&self, mechanism: &str) {
        let topic = self.broker.topic(1).await;
        let (to, from) = self.both(&topic, &self.cluster(mechanism, USER, PASSWORD));
        to.health().await.unwrap();
        from.health().await.unwrap();
        let outcome = deliver(&to, mechanism).await;
        assert!(is_accepted(&outcome), "{mechanism}: {outcome:?}");
        let began = Instant::now();
        let received = loop {
            assert!(began.elapsed() < Duration::from_secs(60), "{mechanism}");
            let received = from.receive(10, Duration::from_secs(1)).await.unwrap();
            if !received.is_empty() {
                break received;
            }
        };
        assert_eq!(received[0].events.as_ref().unwrap()[0].id(), mechanism);
    }

    async fn refuses(&self, mechanism: &str, username: &str, password: &str) {
        let topic = self.broker.topic(1).await;
        let (to, from) = self.both(&topic, &self.cluster(mechanism, username, password));
        let error = failure(&from).await;
        let told = format!("{error} {error:?}");
        let Outcome::Retry { reason, .. } = deliver(&to, "refused").await else {
            panic!("{mechanism}: it was let in");
        };
        assert_eq!(reason.code, "access-denied", "{mechanism}: {reason}");
        for told in [told, reason.to_string()] {
            assert!(
                told.contains("the brokers refuse us"),
                "{mechanism}: {told}"
            );
            assert!(told.contains("hint: check `sasl`"), "{mechanism}: {told}");
            assert!(!told.contains("hush"), "{mechanism}: {told}");
        }
        for health in [to.health().await, from.health().await] {
            let error = health.unwrap_err();
            assert_eq!(
                error.kind(),
                ErrorKind::PermissionDenied,
                "{mechanism}: {error}"
            );
        }
        // Settings are shown by who debugs them.
        assert!(!format!("{to:?} {from:?}").contains("hush"), "{mechanism}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_password_lets_in_another_one_does_not_and_neither_is_told() {
    let log = Log::listen();
    let all = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"];
    // A password that is sent itself is sent over TLS only; the others never leave.
    for (tls, mechanisms) in [(true, &all[..]), (false, &all[1..])] {
        let Some(guarded) = guarded(tls, mechanisms).await else {
            return;
        };
        for mechanism in mechanisms {
            let mechanism = mechanism.to_lowercase();
            guarded.lets_in(&mechanism).await;
            guarded.refuses(&mechanism, USER, WRONG).await;
            guarded.refuses(&mechanism, "nobody", PASSWORD).await;
        }
    }
    let text = log.text();
    assert!(
        text.contains("the consumer has trouble"),
        "something was logged"
    );
    for secret in [PASSWORD, WRONG] {
        assert!(!text.contains(secret), "a secret is in the log");
    }
}
