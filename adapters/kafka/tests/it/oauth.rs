//! OAUTHBEARER against a broker that checks tokens by the keys of their issuer.

use crate::broker::{Broker, More, free_port};
use crate::certificate::Certificate;
use crate::restarts::{deliver, delivery};
use async_trait::async_trait;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};
use tradewind_adapter::{Error, ErrorKind, Exchange, Outcome, Reach, Sink, Source};
use tradewind_kafka::{KafkaSink, KafkaSource};

const ISSUER: &str = "https://login.example.com";
/// As long as three tokens last.
const STAY: Duration = Duration::from_secs(60);
const SECRET: &str = "hush-hush";

/// A server of tokens: what it signs with, and how it answers.
#[derive(Debug)]
struct Issuer {
    /// The broker knows the first one only.
    keys: [EcdsaKeyPair; 2],
    answer: Mutex<Answer>,
    asked: Mutex<u32>,
}

#[derive(Debug, Clone, Copy)]
enum Answer {
    /// A token that lasts so many seconds from now, signed with this key.
    Token { lasts: i64, key: usize },
    /// A refusal.
    Nobody,
}

impl Issuer {
    fn new() -> Arc<Self> {
        let key = || EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Arc::new(Self {
            keys: [key(), key()],
            answer: Mutex::new(Answer::Token { lasts: 300, key: 0 }),
            asked: Mutex::default(),
        })
    }

    fn answers(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    fn asked(&self) -> u32 {
        *self.asked.lock().unwrap()
    }

    fn jwks(&self) -> Value {
        let point = self.keys[0].public_key().as_ref();
        let (x, y) = point[1..].split_at(32);
        let write = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
        json!({ "keys": [{ "kty": "EC", "crv": "P-256", "kid": "1", "use": "sig", "alg": "ES256", "x": write(x),
            "y": write(y) }] })
    }

    fn token(&self, lasts: i64, key: usize) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now = i64::try_from(now.as_secs()).unwrap();
        let head = json!({ "alg": "ES256", "kid": "1" });
        let claims = json!({ "iss": ISSUER, "aud": "kafka", "sub": "gateway", "scope": "events", "iat": now - 60,
            "exp": now + lasts, "jti": self.asked().to_string() });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&head), part(&claims));
        let signature = self.keys[key].sign(&SystemRandom::new(), signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.unwrap()))
    }
}

#[async_trait]
impl Exchange for Issuer {
    async fn ask(&self, question: Request<Bytes>) -> Result<Response<Bytes>, String> {
        *self.asked.lock().unwrap() += 1;
        let form = std::str::from_utf8(question.body()).unwrap().to_owned();
        assert!(form.contains("grant_type=client_credentials"), "{form}");
        assert!(form.contains("scope=events"), "{form}");
        let (status, body) = match *self.answer.lock().unwrap() {
            Answer::Nobody => (401, json!({ "error": "invalid_client" })),
            Answer::Token { lasts, key } => {
                let token = self.token(lasts, key);
                (
                    200,
                    json!({ "access_token": token, "token_type": "Bearer" }),
                )
            }
        };
        let answer = Response::builder().status(status);
        Ok(answer.body(body.to_string().into()).unwrap())
    }
}

#[derive(Debug)]
struct To(Arc<Issuer>);

impl Reach for To {
    fn exchange(&self, _: Option<&Path>) -> Result<Arc<dyn Exchange>, Error> {
        Ok(Arc::clone(&self.0) as Arc<dyn Exchange>)
    }
}

struct Guarded {
    broker: Broker,
    issuer: Arc<Issuer>,
    port: u16,
    ca: String,
    _folder: TempDir,
}

/// A broker that takes tokens of the issuer only, and wants a fresh one of who stays.
async fn guarded() -> Option<Guarded> {
    let issuer = Issuer::new();
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("jwks.json");
    std::fs::write(&keys, issuer.jwks().to_string()).unwrap();
    let url = format!("file://{}", keys.display());
    let certificate = Certificate::new();
    let port = free_port();
    let of = "listener.name.guarded";
    let package = "org.apache.kafka.common.security.oauthbearer";
    let properties = [
        format!("{of}.sasl.enabled.mechanisms=OAUTHBEARER"),
        format!("{of}.oauthbearer.sasl.jaas.config={package}.OAuthBearerLoginModule required;"),
        format!(
            "{of}.oauthbearer.sasl.server.callback.handler.class={package}.OAuthBearerValidatorCallbackHandler"
        ),
        // The validator of 4.1 that is the default leaves signatures unchecked.
        format!("sasl.oauthbearer.jwt.validator.class={package}.BrokerJwtValidator"),
        format!("sasl.oauthbearer.jwks.endpoint.url={url}"),
        "sasl.oauthbearer.expected.audience=kafka".to_owned(),
        format!("sasl.oauthbearer.expected.issuer={ISSUER}"),
        format!("{of}.oauthbearer.connections.max.reauth.ms=3600000"),
        certificate.properties(of),
    ];
    let allowed = |what: &str| format!("-Dorg.apache.kafka.sasl.oauthbearer.allowed.{what}");
    let more = More {
        listener: Some(("SASL_SSL", port)),
        properties: properties.map(|line| line + "\n").concat(),
        options: vec![
            format!("{}={url}", allowed("urls")),
            format!("{}={}", allowed("files"), keys.display()),
        ],
        ..More::default()
    };
    Some(Guarded {
        broker: Broker::with(more).await?,
        issuer,
        port,
        ca: certificate.pem,
        _folder: folder,
    })
}

impl Guarded {
    fn cluster(&self) -> Value {
        json!({
            "brokers": [format!("localhost:{}", self.port)],
            "tls": { "ca": self.ca },
            "sasl": { "mechanism": "oauthbearer", "oauth2": { "token-url": "https://login.example.com/token",
                "client-id": "gateway", "client-secret": SECRET, "scopes": ["events"] } },
            "properties": { "broker.address.family": "v4" },
        })
    }

    fn sink(&self, topic: &str) -> KafkaSink {
        let config = json!({ "cluster": self.cluster(), "topic": topic });
        let reach = To(self.issuer.clone());
        KafkaSink::new(serde_json::from_value(config).unwrap(), Some(&reach)).unwrap()
    }

    fn source(&self, topic: &str) -> KafkaSource {
        let config = json!({ "cluster": self.cluster(), "topics": [topic], "group": format!("group-{topic}") });
        let reach = To(self.issuer.clone());
        KafkaSource::new(
            "oauth",
            serde_json::from_value(config).unwrap(),
            Some(&reach),
        )
        .unwrap()
    }
}

/// The first refusal of a source, where it has one within half a minute.
pub(crate) async fn failure(source: &dyn Source) -> Error {
    let began = Instant::now();
    let mut last = None;
    while began.elapsed() < Duration::from_secs(30) {
        match source.receive(10, Duration::from_secs(1)).await {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => return error,
            Err(error) => last = Some(error),
            Ok(_) => {}
        }
    }
    panic!("it was not refused: {last:?}")
}

pub(crate) fn is_accepted(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Accepted { .. })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_let_in_and_are_renewed_before_they_end() {
    let Some(guarded) = guarded().await else {
        return;
    };
    let topic = guarded.broker.topic(1).await;
    let (to, from) = (guarded.sink(&topic), guarded.source(&topic));
    assert!(to.health().await.is_ok() && from.health().await.is_ok());
    assert_eq!(guarded.issuer.asked(), 2, "one each, which is kept");
    // The broker closes connections whose token has ended: these go on beyond three.
    guarded.issuer.answers(Answer::Token { lasts: 20, key: 0 });
    let (to, from) = (guarded.sink(&topic), guarded.source(&topic));
    let began = Instant::now();
    let (mut sent, mut seen) = (0, 0);
    while began.elapsed() < STAY || seen < sent {
        assert!(began.elapsed() < 2 * STAY, "{seen} of {sent}");
        if began.elapsed() < STAY {
            let outcome = deliver(&to, &format!("e-{sent}")).await;
            assert!(is_accepted(&outcome), "{outcome:?}");
            sent += 1;
        }
        let received = from.receive(100, Duration::from_millis(300)).await;
        seen += received.unwrap().len();
        sleep(Duration::from_millis(100)).await;
    }
    let asked = guarded.issuer.asked();
    assert!((6..14).contains(&asked), "asked {asked} times");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_brokers_do_not_take_is_told_and_replaced() {
    let Some(guarded) = guarded().await else {
        return;
    };
    let topic = guarded.broker.topic(1).await;
    // Signed by somebody else.
    guarded.issuer.answers(Answer::Token { lasts: 300, key: 1 });
    let from = guarded.source(&topic);
    let refused = failure(&from).await.to_string();
    assert!(refused.contains("the brokers refuse us"), "{refused}");
    assert!(refused.contains("`sasl`"), "{refused}");
    let to = guarded.sink(&topic);
    let outcome = deliver(&to, "refused").await;
    let Outcome::Retry { reason, .. } = &outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(reason.code, "access-denied", "{reason}");
    assert!(reason.detail.contains("the brokers refuse us"), "{reason}");
    assert!(to.health().await.is_err() && from.health().await.is_err());
    // Nobody has to start it again once the issuer is right.
    guarded.issuer.answers(Answer::Token { lasts: 300, key: 0 });
    let began = Instant::now();
    while !is_accepted(&deliver(&to, &delivery("late").id).await) {
        assert!(began.elapsed() < Duration::from_secs(120));
    }
    while from
        .receive(10, Duration::from_secs(1))
        .await
        .map_or(0, |received| received.len())
        == 0
    {
        assert!(began.elapsed() < Duration::from_secs(120));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_token_nothing_is_tried_and_the_secret_stays_here() {
    let issuer = Issuer::new();
    let guarded = json!({
        "brokers": ["localhost:9"], "tls": {},
        "sasl": { "mechanism": "oauthbearer", "oauth2": { "token-url": "https://login.example.com/token?k=1",
            "client-id": "gateway", "client-secret": SECRET, "scopes": ["events"] } },
    });
    for (answer, kind, part) in [
        (
            Answer::Nobody,
            ErrorKind::PermissionDenied,
            "`invalid_client`",
        ),
        (
            Answer::Token { lasts: -5, key: 0 },
            ErrorKind::PermissionDenied,
            "has ended already",
        ),
    ] {
        issuer.answers(answer);
        let config = json!({ "cluster": guarded, "topics": ["t"], "group": "g" });
        let reach = To(issuer.clone());
        let config = serde_json::from_value(config).unwrap();
        let from = KafkaSource::new("oauth", config, Some(&reach)).unwrap();
        let error = from.receive(1, Duration::from_secs(1)).await.unwrap_err();
        let text = error.to_string();
        assert_eq!(error.kind(), kind, "{text}");
        assert!(text.contains(part) && text.contains("hint"), "{text}");
        assert!(!text.contains(SECRET) && !text.contains("k=1"), "{text}");
        let config = json!({ "cluster": guarded, "topic": "t" });
        let to = KafkaSink::new(serde_json::from_value(config).unwrap(), Some(&reach)).unwrap();
        let outcome = deliver(&to, "e").await;
        assert!(format!("{outcome:?}").contains(part), "{outcome:?}");
    }
}
