//! Senders whose keys have to be fetched: Amazon SNS, PayPal, Google Pub/Sub, Event Grid with Entra.

use crate::senders::{NOW, now};
use crate::web::{
    GOOGLE_URL, ISSUER_URL, PAYPAL_URL, SNS_URL, TENANT, Web, build_on, key, registry, web,
};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};
use tradewind_adapter::testkit::{self, Request, WebhookHarness};
use tradewind_adapter::{Cause, Parts, Refusal, Verified, Webhook};

const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:orders";
const TIME: &str = "2025-02-19T00:05:28.000Z";
const BODY: &str = r#"{"id":"WH-%","event_type":"PAYMENT.SALE.COMPLETED","create_time":"2025-02-19T00:05:20Z","resource":{"id":"s1"}}"#;
const PUSH: &str = r#"{"message":{"data":"aGk=","messageId":"77%","publishTime":"2025-02-19T00:05:20Z"},"subscription":"projects/p/subscriptions/s"}"#;
const GRID: &str = r#"[{"id":"831e-%","topic":"/subscriptions/s","subject":"/blob","eventType":"Microsoft.Storage.BlobCreated","eventTime":"2025-02-19T00:05:20Z","dataVersion":"1","data":{}}]"#;
const GRID_APP: &str = "4962773b-9cdb-44cf-a8bf-237846a00ab7";

/// One kind of source; a stranger signs as well, with a key of its own.
#[derive(Clone)]
pub(crate) struct Sender {
    kind: &'static str,
    settings: Value,
    own: bool,
}

fn senders() -> Vec<Sender> {
    let sender = |kind, settings| Sender {
        kind,
        settings,
        own: true,
    };
    vec![
        sender("aws-sns", json!({ "topics": [TOPIC] })),
        sender("paypal", json!({ "webhook-id": "8PT" })),
        sender(
            "google-pubsub-push",
            json!({ "audiences": ["https://gw.example/in/push"], "service-accounts": ["push@p.iam.gserviceaccount.com"] }),
        ),
        sender(
            "azure-event-grid",
            json!({ "entra": { "tenant": TENANT, "audiences": ["api://gateway"] } }),
        ),
    ]
}

pub(crate) fn sender(kind: &str) -> Sender {
    senders().into_iter().find(|s| s.kind == kind).unwrap()
}

pub(crate) fn sns(own: bool, change: impl FnOnce(&mut Value)) -> Bytes {
    let mut message = json!({
        "Type": "Notification", "MessageId": "m-0", "TopicArn": TOPIC, "Subject": "s",
        "Message": "hello", "Timestamp": TIME, "SignatureVersion": "2", "SigningCertURL": SNS_URL,
        "UnsubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe",
    });
    change(&mut message);
    let names = match message["Type"] == "Notification" {
        true => "Message MessageId Subject Timestamp TopicArn Type",
        false => "Message MessageId SubscribeURL Timestamp Token TopicArn Type",
    };
    let line = |name: &str| format!("{name}\n{}\n", message[name].as_str().unwrap());
    let signed: String = names.split(' ').map(line).collect();
    message["Signature"] = key(own).base64(signed.as_bytes()).into();
    message.to_string().into()
}

fn subscription(message: &mut Value) {
    message["Type"] = "SubscriptionConfirmation".into();
    message["Token"] = "t0".into();
    message["SubscribeURL"] = format!(
        "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=t0"
    )
    .into();
}

fn google() -> Value {
    json!({
        "iss": "https://accounts.google.com", "aud": "https://gw.example/in/push", "sub": "1",
        "email": "push@p.iam.gserviceaccount.com", "email_verified": true, "iat": NOW, "exp": NOW + 3600,
    })
}

fn entra() -> Value {
    json!({
        "iss": format!("https://login.microsoftonline.com/{TENANT}/v2.0"), "aud": "api://gateway",
        "azp": GRID_APP, "iat": NOW, "nbf": NOW, "exp": NOW + 3600,
    })
}

fn head() -> Value {
    json!({ "alg": "RS256", "typ": "JWT", "kid": "k1" })
}

impl Sender {
    fn with_token(&self, token: &str) -> Parts {
        let mut parts = self.parts();
        let value = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
        parts.headers.insert("authorization", value);
        parts
    }

    pub(crate) fn parts(&self) -> Parts {
        Parts {
            method: Method::POST,
            uri: format!("/in/{}", self.kind).parse().unwrap(),
            headers: Default::default(),
            peer: None,
        }
    }

    pub(crate) fn on(&self, web: &Arc<Web>) -> Arc<dyn Webhook> {
        build_on(Arc::clone(web), self.kind, &self.settings)
    }

    fn claims(&self) -> Value {
        match self.kind {
            "google-pubsub-push" => google(),
            _ => entra(),
        }
    }
}

impl WebhookHarness for Sender {
    fn webhook(&self) -> Arc<dyn Webhook> {
        self.on(&web())
    }

    fn with_other_secret(&self) -> Arc<dyn Webhook> {
        let web = web();
        let mut documents = web.documents.lock().unwrap();
        for (url, document) in documents.iter_mut() {
            *document = match url.contains("cert") && url.contains("paypal") || url == SNS_URL {
                true if url == SNS_URL => key(false).certificate("sns.amazonaws.com").into(),
                true => key(false).chain("x.paypal.com").into(),
                false if url == ISSUER_URL => continue,
                false => json!({ "keys": [key(false).jwk("k1")] }).to_string().into(),
            };
        }
        drop(documents);
        self.on(&web)
    }

    fn request(&self, n: usize) -> Request {
        let number = n.to_string();
        let (parts, body) = match self.kind {
            "aws-sns" => (
                self.parts(),
                sns(self.own, |m| m["MessageId"] = format!("m-{n}").into()),
            ),
            "paypal" => {
                let body = BODY.replace('%', &number);
                let mut parts = self.parts();
                let crc = crc32(body.as_bytes());
                let signed = format!("id-{n}|{TIME}|8PT|{crc}");
                for (name, value) in [
                    ("paypal-transmission-id", format!("id-{n}")),
                    ("paypal-transmission-time", TIME.into()),
                    (
                        "paypal-transmission-sig",
                        key(self.own).base64(signed.as_bytes()),
                    ),
                    ("paypal-cert-url", crate::web::PAYPAL_URL.into()),
                    ("paypal-auth-algo", "SHA256withRSA".into()),
                ] {
                    parts.headers.insert(
                        HeaderName::from_static(name),
                        HeaderValue::from_str(&value).unwrap(),
                    );
                }
                (parts, body.into())
            }
            kind => {
                let token = key(self.own).token(&head(), &self.claims());
                let body = if kind == "google-pubsub-push" {
                    PUSH
                } else {
                    GRID
                };
                (self.with_token(&token), body.replace('%', &number).into())
            }
        };
        let data = match body.strip_prefix(b"[") {
            Some(list) => Bytes::copy_from_slice(&list[..list.len() - 1]),
            None => body.clone(),
        };
        Request {
            parts,
            body,
            now: now(),
            data: vec![data],
        }
    }

    fn proof(&self) -> Vec<HeaderName> {
        let names: &[&str] = match self.kind {
            "aws-sns" => &[],
            "paypal" => &[
                "paypal-transmission-id",
                "paypal-transmission-time",
                "paypal-transmission-sig",
                "paypal-cert-url",
                "paypal-auth-algo",
            ],
            _ => &["authorization"],
        };
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    /// SNS signs fields of the body, whatever stands between them.
    fn covers_body(&self) -> bool {
        self.kind == "paypal"
    }

    fn window(&self) -> Option<Duration> {
        match self.kind {
            "aws-sns" => Some(Duration::from_secs(3600)),
            "paypal" => Some(Duration::from_secs(300)),
            _ => None,
        }
    }
}

/// CRC-32 of IEEE 802.3, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
    let next = |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), step);
    !bytes.iter().fold(u32::MAX, next)
}

async fn judge(webhook: &dyn Webhook, parts: &Parts, body: &[u8]) -> Result<Verified, Refusal> {
    judge_at(webhook, parts, body, now()).await
}

async fn judge_at(
    webhook: &dyn Webhook,
    parts: &Parts,
    body: &[u8],
    now: SystemTime,
) -> Result<Verified, Refusal> {
    if let Some(fetching) = webhook.missing(parts, body, now) {
        fetching.await?;
    }
    webhook.verify(parts, body, now)
}

#[tokio::test]
async fn all_conform() {
    for sender in senders() {
        println!("{}", sender.kind);
        testkit::webhook(&sender).await.assert();
    }
}

#[tokio::test]
async fn what_they_become() {
    let expected = [
        (
            "aws-sns:arn:aws:sns:eu-west-1:123456789012:orders",
            ["com.amazonaws.sns.Notification", TOPIC, "m-0"],
        ),
        (
            "paypal",
            [
                "com.paypal.PAYMENT.SALE.COMPLETED",
                "https://api.paypal.com",
                "WH-0",
            ],
        ),
        (
            "google-pubsub-push:push@p.iam.gserviceaccount.com",
            [
                "google.cloud.pubsub.topic.v1.messagePublished",
                "//pubsub.googleapis.com/projects/p/subscriptions/s",
                "770",
            ],
        ),
        (
            "azure-event-grid:4962773b-9cdb-44cf-a8bf-237846a00ab7",
            [
                "Microsoft.Storage.BlobCreated",
                "/subscriptions/s",
                "831e-0",
            ],
        ),
    ];
    for (sender, (principal, attributes)) in senders().iter().zip(expected) {
        let webhook = sender.webhook();
        let mut request = sender.request(0);
        // Unsigned headers, by which a repetition would be another event.
        for name in [
            "x-amz-sns-message-id",
            "x-amz-sns-topic-arn",
            "x-amz-sns-subscription-arn",
            "x-amz-sns-message-type",
        ] {
            let value = HeaderValue::from_static("forged");
            request.parts.headers.insert(name, value);
        }
        let verified = judge(&*webhook, &request.parts, &request.body)
            .await
            .unwrap();
        assert_eq!(verified.principal, principal);
        let events = webhook
            .decode(&request.parts, request.body, &verified)
            .unwrap();
        let [event] = &events[..] else {
            panic!("{events:?}")
        };
        assert_eq!([event.ty(), event.source(), event.id()], attributes);
    }
}

/// The sender is vouched for, so it is told what its body lacks.
#[tokio::test]
async fn bodies_that_cannot_be_read_are_told_why() {
    for (kind, told) in [
        (
            "paypal",
            "nothing gives the event its `id`: looked for `id`",
        ),
        ("google-pubsub-push", "nothing gives the event its `id`"),
        ("azure-event-grid", "[0]: nothing gives the event its `id`"),
    ] {
        let sender = sender(kind);
        let webhook = sender.webhook();
        let request = sender.request(0);
        let verified = judge(&*webhook, &request.parts, &request.body)
            .await
            .unwrap();
        let decoded = webhook.decode(&request.parts, Bytes::from_static(b"{}"), &verified);
        let refusal = decoded.unwrap_err();
        assert_eq!(refusal.status, StatusCode::BAD_REQUEST);
        let detail = refusal.detail.unwrap();
        assert!(detail.starts_with(told), "{kind}: {detail}");
    }
}

#[tokio::test]
async fn subscriptions_of_sns() {
    let sender = sender("aws-sns");
    let (webhook, parts) = (sender.webhook(), sender.parts());
    let body = sns(true, subscription);
    judge(&*webhook, &parts, &body).await.unwrap();
    let answer = webhook.challenge(&parts, &body).unwrap();
    assert_eq!(answer.status, StatusCode::OK);
    let visit = answer.visit.unwrap();
    assert!(visit.starts_with("https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription"));
    assert!(!answer.note.unwrap().contains("t0"));
    // Signed by SNS, and still not an address of SNS.
    let body = sns(true, |m| {
        subscription(m);
        m["SubscribeURL"] = "https://evil.example/".into();
    });
    let refusal = judge(&*webhook, &parts, &body).await.unwrap_err();
    assert_eq!(refusal.cause, Some(Cause::WrongTenant));
    assert_eq!(webhook.challenge(&parts, &body), None);
    let body = sns(true, |m| {
        subscription(m);
        m["Type"] = "UnsubscribeConfirmation".into();
    });
    judge(&*webhook, &parts, &body).await.unwrap();
    let answer = webhook.challenge(&parts, &body).unwrap();
    assert_eq!((answer.status, answer.visit), (StatusCode::OK, None));
    let body = sns(true, |_| {});
    assert_eq!(webhook.challenge(&parts, &body), None);
    // Raw messages carry no signature.
    let mut raw = parts;
    let yes = HeaderValue::from_static("true");
    raw.headers.insert("x-amz-sns-rawdelivery", yes);
    let refusal = judge(&*webhook, &raw, b"hello").await.unwrap_err();
    assert_eq!(refusal.cause, Some(Cause::Missing));
    assert!(refusal.reason.contains("raw message delivery"));
}

/// Nothing is asked for that would not be taken anyway, and nothing twice.
#[tokio::test]
async fn a_certificate_is_fetched_once_and_only_when_it_may_count() {
    let sender = sender("aws-sns");
    let web = web();
    let (webhook, parts) = (sender.on(&web), sender.parts());
    let refused = [
        sns(true, |m| m["TopicArn"] = "arn:aws:sns:eu-west-1:1:x".into()),
        sns(true, |m| m["Timestamp"] = "2025-01-01T00:00:00.000Z".into()),
        sns(true, |m| {
            m["SigningCertURL"] = "https://evil.example/a.pem".into()
        }),
        Bytes::from_static(b"{}"),
    ];
    for body in &refused {
        judge(&*webhook, &parts, body).await.unwrap_err();
    }
    assert_eq!(web.asked.load(Ordering::Relaxed), 0);
    for _ in 0..10 {
        judge(&*webhook, &parts, &sns(true, |_| {})).await.unwrap();
    }
    // And that of its issuer.
    assert_eq!(web.asked.load(Ordering::Relaxed), 2);
    // A flood of addresses that lead to nothing ends after a while, and leaves the known ones alone.
    for n in 0..100 {
        let body = sns(true, |m| {
            m["SigningCertURL"] = SNS_URL.replace("0a1b", &format!("{n:x}")).into();
        });
        let refusal = judge(&*webhook, &parts, &body).await.unwrap_err();
        assert_eq!(refusal.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refusal.cause, Some(Cause::Unavailable));
    }
    assert!(web.asked.load(Ordering::Relaxed) <= 31);
    judge(&*webhook, &parts, &sns(true, |_| {})).await.unwrap();
}

/// With metadata, the message stands in the headers, and the body is its data.
#[tokio::test]
async fn an_unwrapped_message() {
    let sender = sender("google-pubsub-push");
    let webhook = sender.webhook();
    let mut parts = sender.request(0).parts;
    for (name, value) in [
        ("x-goog-pubsub-message-id", "77"),
        (
            "x-goog-pubsub-subscription-name",
            "projects/p/subscriptions/s",
        ),
        ("x-goog-pubsub-publish-time", "2025-02-19T00:05:20Z"),
    ] {
        parts.headers.insert(name, HeaderValue::from_static(value));
    }
    let verified = judge(&*webhook, &parts, b"").await.unwrap();
    let events = webhook.decode(&parts, Bytes::from_static(b"\xff"), &verified);
    let events = events.unwrap();
    assert_eq!(events[0].id(), "77");
    assert_eq!(&events[0].data().unwrap().bytes[..], b"\xff");
}

/// Claims that are good for somebody else.
#[tokio::test]
async fn tokens_for_others() {
    let table: [(&str, &str, Value, Cause); 14] = [
        (
            "google-pubsub-push",
            "iss",
            json!("accounts.google.com"),
            Cause::WrongTenant,
        ),
        (
            "google-pubsub-push",
            "iss",
            json!("https://accounts.google.com/"),
            Cause::WrongTenant,
        ),
        (
            "google-pubsub-push",
            "aud",
            json!("https://gw.example/in/push/"),
            Cause::WrongTenant,
        ),
        ("google-pubsub-push", "aud", json!(null), Cause::WrongTenant),
        (
            "google-pubsub-push",
            "email",
            json!("push@q.iam.gserviceaccount.com"),
            Cause::WrongTenant,
        ),
        (
            "google-pubsub-push",
            "email",
            json!(null),
            Cause::WrongTenant,
        ),
        (
            "google-pubsub-push",
            "email_verified",
            json!(false),
            Cause::WrongTenant,
        ),
        (
            "google-pubsub-push",
            "email_verified",
            json!("true"),
            Cause::WrongTenant,
        ),
        ("google-pubsub-push", "exp", json!(NOW - 60), Cause::Stale),
        (
            "azure-event-grid",
            "iss",
            json!("https://login.microsoftonline.com/common/v2.0"),
            Cause::WrongTenant,
        ),
        (
            "azure-event-grid",
            "aud",
            json!(["api://other"]),
            Cause::WrongTenant,
        ),
        (
            "azure-event-grid",
            "azp",
            json!("other"),
            Cause::WrongTenant,
        ),
        ("azure-event-grid", "nbf", json!(NOW + 61), Cause::Stale),
        ("azure-event-grid", "exp", json!("never"), Cause::Malformed),
    ];
    for (kind, name, value, cause) in table {
        let sender = sender(kind);
        let webhook = sender.webhook();
        let mut claims = sender.claims();
        claims[name] = value;
        let parts = sender.with_token(&key(true).token(&head(), &claims));
        let refusal = judge(&*webhook, &parts, b"").await.unwrap_err();
        assert_eq!(refusal.cause, Some(cause), "{kind} {name}: {refusal}");
        assert_eq!(refusal.status, StatusCode::UNAUTHORIZED);
    }
    let sender = sender("azure-event-grid");
    let first = json!({
        "iss": format!("https://sts.windows.net/{TENANT}/"), "aud": ["api://gateway"], "appid": GRID_APP,
        "exp": NOW + 1,
    });
    let parts = sender.with_token(&key(true).token(&head(), &first));
    judge(&*sender.webhook(), &parts, b"").await.unwrap();
}

/// Where both are asked for, both must be there.
#[tokio::test]
async fn event_grid_with_a_secret_and_a_token() {
    let mut sender = sender("azure-event-grid");
    sender.settings["secrets"] = json!(["hush"]);
    let webhook = sender.webhook();
    let mut parts = sender.request(0).parts;
    let refusal = judge(&*webhook, &parts, b"").await.unwrap_err();
    assert_eq!(refusal.cause, Some(Cause::Missing));
    parts.uri = "/in/grid?code=hush".parse().unwrap();
    judge(&*webhook, &parts, b"").await.unwrap();
    parts.headers.clear();
    judge(&*webhook, &parts, b"").await.unwrap_err();
    assert!(!webhook.verifies_head());
    assert!(self::sender("google-pubsub-push").webhook().verifies_head());
}

/// What lies at the sender's own address counts for nothing where no authority vouches for it.
#[tokio::test]
async fn certificates_that_nobody_vouches_for() {
    let published: [(&str, &str, String, Result<(), Cause>); 8] = [
        (
            "aws-sns",
            SNS_URL,
            key(true).chain("sns.amazonaws.com"),
            Ok(()),
        ),
        (
            "aws-sns",
            SNS_URL,
            key(true).chain("sns-signing.eu-west-1.amazonaws.com"),
            Ok(()),
        ),
        (
            "aws-sns",
            SNS_URL,
            key(true).alone("sns.amazonaws.com"),
            Err(Cause::UnknownKey),
        ),
        (
            "aws-sns",
            SNS_URL,
            key(true).chain("sns.us-east-1.amazonaws.com"),
            Err(Cause::UnknownKey),
        ),
        (
            "aws-sns",
            SNS_URL,
            key(true).chain("s3.amazonaws.com"),
            Err(Cause::UnknownKey),
        ),
        (
            "paypal",
            PAYPAL_URL,
            key(true).alone("x.paypal.com"),
            Err(Cause::UnknownKey),
        ),
        // Its chain is in its file, and nothing else is asked for.
        (
            "paypal",
            PAYPAL_URL,
            key(true).certificate("x.paypal.com"),
            Err(Cause::UnknownKey),
        ),
        (
            "paypal",
            PAYPAL_URL,
            key(true).chain("x.paypal.com.evil.example"),
            Err(Cause::UnknownKey),
        ),
    ];
    for (kind, url, pem, expected) in published {
        let (sender, web) = (sender(kind), web());
        let text = pem.clone().into_bytes();
        web.documents.lock().unwrap().insert(url.to_owned(), text);
        let request = sender.request(0);
        let told = judge(&*sender.on(&web), &request.parts, &request.body).await;
        let told = told.map(drop).map_err(|refusal| {
            assert_eq!(refusal.status, StatusCode::UNAUTHORIZED);
            refusal.cause.unwrap()
        });
        assert_eq!(told, expected, "{kind} {pem}");
    }
    // Without the issuer's certificate, which lies elsewhere, nobody can tell.
    let (sender, web) = (sender("aws-sns"), web());
    web.documents.lock().unwrap().remove(ISSUER_URL);
    let request = sender.request(0);
    let webhook = sender.on(&web);
    for _ in 0..2 {
        let told = judge(&*webhook, &request.parts, &request.body).await;
        assert_eq!(told.unwrap_err().status, StatusCode::SERVICE_UNAVAILABLE);
    }
    // What is served in its place: a page, a certificate of no authority, that of another one.
    let mut followed = crate::web::authority().between.der().to_vec();
    followed.push(0);
    for other in [
        b"<html>log in</html>".to_vec(),
        followed,
        crate::web::authority().root.der().to_vec(),
    ] {
        let web = self::web();
        let place = ISSUER_URL.to_owned();
        web.documents.lock().unwrap().insert(place, other);
        let webhook = sender.on(&web);
        for _ in 0..2 {
            let told = judge(&*webhook, &request.parts, &request.body).await;
            assert_eq!(told.unwrap_err().status, StatusCode::SERVICE_UNAVAILABLE);
        }
    }
}

/// What stands in the configuration needs nobody who vouches for it, and nothing that is fetched.
#[tokio::test]
async fn keys_of_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let keys = json!({ "keys": [key(true).jwk("k1")] }).to_string();
    let keys = file("keys.json", &keys);
    let sns = file("sns.pem", &key(true).alone("sns.amazonaws.com"));
    let paypal = file("paypal.pem", &key(true).alone("x.paypal.com"));
    for (kind, path) in [
        ("aws-sns", &sns),
        ("paypal", &paypal),
        ("google-pubsub-push", &keys),
        ("azure-event-grid", &keys),
    ] {
        let mut sender = sender(kind);
        let web = Arc::new(Web::default());
        let settings = |settings: &mut Value, path: &str| {
            match kind {
                "azure-event-grid" => settings["entra"]["keys-file"] = path.into(),
                _ => settings["keys-file"] = path.into(),
            };
        };
        settings(&mut sender.settings, path);
        let webhook = sender.on(&web);
        let request = sender.request(0);
        judge(&*webhook, &request.parts, &request.body)
            .await
            .unwrap();
        assert_eq!(web.asked.load(Ordering::Relaxed), 0, "{kind}");
        if kind == "aws-sns" {
            let body = self::sns(true, subscription);
            judge(&*webhook, &request.parts, &body).await.unwrap();
            let answer = webhook.challenge(&request.parts, &body).unwrap();
            assert_eq!((answer.status, answer.visit), (StatusCode::OK, None));
        }
        sender.own = false;
        let request = sender.request(0);
        judge(&*webhook, &request.parts, &request.body)
            .await
            .unwrap_err();
        for (path, told) in [("/nowhere/x", "cannot be read"), (&*file("x", "x"), "`")] {
            settings(&mut sender.settings, path);
            let built = registry(Arc::clone(&web)).build_source(
                kind,
                &sender.settings,
                &Default::default(),
            );
            let error = format!("{:?}", built.err().unwrap());
            assert!(
                error.contains("keys-file") && error.contains(told),
                "{error}"
            );
        }
    }
    let mut sender = sender("aws-sns");
    sender.settings["ca"] = file("ca.pem", &crate::web::authority().between.pem()).into();
    let web = web();
    web.documents.lock().unwrap().remove(ISSUER_URL);
    let request = sender.request(0);
    judge(&*sender.on(&web), &request.parts, &request.body)
        .await
        .unwrap();
}

/// Where the settings of tokens lie.
fn tokens<'a>(kind: &str, settings: &'a mut Value) -> &'a mut Value {
    match kind {
        "azure-event-grid" => &mut settings["entra"],
        _ => settings,
    }
}

fn published(kind: &str) -> String {
    match kind {
        "google-pubsub-push" => GOOGLE_URL.to_owned(),
        _ => format!("https://login.microsoftonline.com/{TENANT}/discovery/v2.0/keys"),
    }
}

/// A key that the issuer has changed counts after the cool-down, and the old one no more; what is here outlives an
/// outage, and nobody is a stranger who might be none.
#[tokio::test(start_paused = true)]
async fn keys_of_issuers_are_rotated() {
    for kind in ["google-pubsub-push", "azure-event-grid"] {
        let sender = sender(kind);
        let web = web();
        let webhook = sender.on(&web);
        let body = sender.request(0).body;
        let with = |own: bool, id: &str| {
            let mut head = head();
            head["kid"] = id.into();
            sender.with_token(&key(own).token(&head, &sender.claims()))
        };
        let (old, new) = (with(true, "k1"), with(false, "k2"));
        judge(&*webhook, &old, &body).await.unwrap();
        let publish = |keys: Option<Value>| {
            let mut documents = web.documents.lock().unwrap();
            match keys {
                Some(keys) => documents.insert(published(kind), keys.to_string().into()),
                None => documents.remove(&published(kind)),
            }
        };
        publish(Some(json!({ "keys": [key(false).jwk("k2")] })));
        let told = judge(&*webhook, &new, &body).await.unwrap_err();
        assert_eq!(told.cause, Some(Cause::UnknownKey), "{kind}");
        tokio::time::advance(tradewind_keys::COOL_DOWN).await;
        judge(&*webhook, &new, &body).await.unwrap();
        let told = judge(&*webhook, &old, &body).await.unwrap_err();
        assert_eq!(told.cause, Some(Cause::UnknownKey), "{kind}");
        assert_eq!(web.asked.load(Ordering::Relaxed), 2, "{kind}");
        publish(None);
        tokio::time::advance(Duration::from_secs(2 * 3600)).await;
        judge(&*webhook, &new, &body).await.unwrap();
        // One that starts during the outage has nothing to judge by.
        let told = judge(&*sender.on(&web), &new, &body).await.unwrap_err();
        assert_eq!(told.cause, Some(Cause::Unavailable), "{kind}");
    }
}

/// A mirror takes the place of what the issuer publishes.
#[tokio::test]
async fn keys_from_another_place() {
    const MIRROR: &str = "https://keys.internal/set.json";
    for kind in ["google-pubsub-push", "azure-event-grid"] {
        let mut sender = sender(kind);
        let web = Arc::new(Web::default());
        let keys = json!({ "keys": [key(true).jwk("k1")] }).to_string();
        web.documents
            .lock()
            .unwrap()
            .insert(MIRROR.to_owned(), keys.into());
        let settings = tokens(kind, &mut sender.settings);
        settings["keys-from"] =
            json!({ "url": MIRROR, "ca": "ca.pem", "allow-private": ["127.0.0.0/8"] });
        let request = sender.request(0);
        judge(&*sender.on(&web), &request.parts, &request.body)
            .await
            .unwrap();
        // Nobody asked where the issuer publishes.
        assert_eq!(web.asked.load(Ordering::Relaxed), 0, "{kind}");
        for (name, value, told) in [
            ("keys-file", json!("keys.json"), "keep one"),
            (
                "keys-from",
                json!({ "url": "http://keys.internal/" }),
                "keys-from.url` is no https:// URL",
            ),
            ("keys-from", json!({ "url": MIRROR, "proxy": "x" }), "proxy"),
        ] {
            let mut wrong = sender.settings.clone();
            tokens(kind, &mut wrong)[name] = value;
            let built = registry(Arc::clone(&web)).build_source(kind, &wrong, &Default::default());
            let error = format!("{:?}", built.err().unwrap());
            assert!(error.contains(told), "{error}");
        }
    }
}
