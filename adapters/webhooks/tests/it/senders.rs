//! Every sender: its requests, and what becomes of them.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tradewind_adapter::testkit::{self, Request, WebhookHarness};
use tradewind_adapter::{Build, BuiltSource, Parts, Secret, Webhook};
use tradewind_signatures::{Algorithm, Piece, Place, Places, Scheme, Signer, Stamp, schemes};

pub(crate) const NOW: u64 = 1_739_923_528;

pub(crate) fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

pub(crate) fn build(kind: &str, settings: &Value) -> Arc<dyn Webhook> {
    let registry = crate::web::registry(Default::default());
    match registry.build_source(kind, settings, &Build::default()) {
        Ok(BuiltSource::Push(webhook)) => webhook,
        other => unreachable!("{kind}: {other:?}"),
    }
}

/// One sender, with a message of the shape that its documentation shows.
#[derive(Clone)]
pub(crate) struct Sample {
    pub(crate) kind: &'static str,
    pub(crate) scheme: Scheme<'static>,
    /// Besides `secrets`.
    settings: Value,
    headers: &'static [(&'static str, &'static str)],
    /// `%` is a number.
    body: &'static str,
    /// Type, source, subject and time of its first event.
    expected: [&'static str; 4],
}

const HUSH: &str = "hush-4711";
const STRANGER: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx";
const GENERIC: Scheme<'static> = Scheme {
    places: &[Places {
        signature: Place::Header("x-signature"),
        id: None,
        timestamp: Some(Stamp::Part("t=")),
    }],
    prefix: "s=",
    separator: Some(';'),
    algorithm: Algorithm::HmacSha512,
    signed: &[
        Piece::Header("x-topic"),
        Piece::Text("|"),
        Piece::Timestamp,
        Piece::Text("|"),
        Piece::Body,
    ],
    tolerance: Duration::from_secs(300),
    ..Scheme::BODY
};

#[rustfmt::skip]
pub(crate) fn samples() -> Vec<Sample> {
    let sample = |kind, scheme: &Scheme<'static>, headers, body, expected| Sample {
        kind, scheme: *scheme, settings: json!({}), headers, body, expected,
    };
    let mut twilio = sample("twilio", &schemes::TWILIO,
        &[("content-type", "application/x-www-form-urlencoded; charset=UTF-8")],
        "AccountSid=AC1234567890&From=%2B14158675309&MessageSid=SM%&MessageStatus=delivered&To=%2B18005551212",
        ["com.twilio.message.delivered", "https://api.twilio.com/2010-04-01/Accounts/AC1234567890", "SM0", "-"]);
    twilio.settings = json!({ "public-url": "https://example.com/in/twilio?a=b" });
    let mut square = sample("square", &schemes::SQUARE, &[],
        r#"{"merchant_id":"6SSW7HV8K2ST5","type":"payment.created","event_id":"13b867cf-%","created_at":"2020-02-06T21:27:34.308Z","data":{"type":"payment","id":"hYy9pRFVxpDsO1FB05SunFWUe9JZY"}}"#,
        ["com.squareup.payment.created", "https://squareup.com/6SSW7HV8K2ST5", "hYy9pRFVxpDsO1FB05SunFWUe9JZY", "2020-02-06T21:27:34.308Z"]);
    square.settings = json!({ "public-url": "https://example.com/in/square" });
    let gitlab = r#"{"object_kind":"push","checkout_sha":"da1560886d4f%","repository":{"homepage":"http://example.com/mike/diaspora"}}"#;
    let gitlab_headers = &[("x-gitlab-event", "Push Hook")];
    let gitlab_event = ["com.gitlab.push", "http://example.com/mike/diaspora", "da1560886d4f0", "-"];
    let mut signing = sample("gitlab", &schemes::STANDARD_WEBHOOKS,
        &[("x-gitlab-event", "Push Hook"), ("webhook-id", "msg_%")], gitlab, gitlab_event);
    signing.settings = json!({ "scheme": "signing-token" });
    let mut asymmetric = sample("standard-webhooks", &schemes::STANDARD_WEBHOOKS_ASYMMETRIC,
        &[("webhook-id", "msg_%"), ("content-type", "application/json")], r#"{"type":"invoice.paid","n":%}"#,
        ["invoice.paid", "https://pay.example", "-", "-"]);
    asymmetric.settings = json!({ "source": "https://pay.example" });
    let mut generic = sample("webhook", &GENERIC, &[("x-topic", "orders")],
        r#"{"order":{"id":"o-%","kind":"paid"}}"#,
        ["com.example.paid", "/shop", "o-0", "-"]);
    generic.settings = json!({
        "signature": {
            "header": "X-Signature", "prefix": "s=", "separator": ";", "algorithm": "hmac-sha512",
            "signed": "{@x-topic}|{timestamp}|{body}", "timestamp-part": "t=",
        },
        "mapping": { "source": "/shop", "type": "com.example.{order.kind}", "subject": "{order.id}" },
    });
    vec![
        sample("stripe", &schemes::STRIPE, &[],
            r#"{"id":"evt_%","object":"event","created":1739923520,"type":"invoice.paid","data":{"object":{"id":"in_1"}}}"#,
            ["com.stripe.invoice.paid", "https://api.stripe.com", "in_1", "2025-02-19T00:05:20Z"]),
        sample("slack", &schemes::SLACK, &[],
            r#"{"token":"z","team_id":"T061EG9R6","type":"event_callback","event":{"type":"message","channel":"C0"},"event_id":"Ev0%","event_time":1739923520}"#,
            ["com.slack.message", "https://slack.com/T061EG9R6", "C0", "2025-02-19T00:05:20Z"]),
        sample("slack", &schemes::SLACK, &[],
            r#"{"token":"z","type":"app_rate_limited","team_id":"T1%","minute_rate_limited":1739923520,"api_app_id":"A1"}"#,
            ["com.slack.app_rate_limited", "https://slack.com/T10", "-", "2025-02-19T00:05:20Z"]),
        sample("shopify", &schemes::SHOPIFY,
            &[("x-shopify-topic", "orders/create"), ("x-shopify-shop-domain", "acme.myshopify.com"), ("x-shopify-webhook-id", "b54557e4-%")],
            r#"{"id":82098279%,"created_at":"2025-02-19T00:05:20Z"}"#,
            ["com.shopify.orders/create", "https://acme.myshopify.com", "820982790", "2025-02-19T00:05:20Z"]),
        sample("bitbucket", &schemes::BITBUCKET,
            &[("x-event-key", "repo:push"), ("x-request-uuid", "7e4a-%")],
            r#"{"repository":{"full_name":"acme/app","links":{"html":{"href":"https://bitbucket.org/acme/app"}}},"push":{"changes":[{"new":{"name":"main"}}]},"n":%}"#,
            ["org.bitbucket.repo:push", "https://bitbucket.org/acme/app", "main", "-"]),
        sample("gitlab", &schemes::GITLAB_TOKEN, gitlab_headers, gitlab, gitlab_event),
        signing, twilio, square, asymmetric, generic,
        sample("zoom", &schemes::ZOOM, &[],
            r#"{"event":"meeting.started","event_ts":1739923520000,"payload":{"account_id":"a1","object":{"id":"123%"}}}"#,
            ["us.zoom.meeting.started", "https://zoom.us/a1", "1230", "2025-02-19T00:05:20Z"]),
        sample("sendgrid", &schemes::SENDGRID, &[],
            "[{\"email\":\"a@example.com\",\"event\":\"open\",\"sg_event_id\":\"e%\",\"timestamp\":1739923520}]\r\n",
            ["com.sendgrid.open", "https://sendgrid.com", "a@example.com", "2025-02-19T00:05:20Z"]),
        sample("discord", &schemes::DISCORD, &[],
            r#"{"version":1,"application_id":"12345","type":1,"event":{"type":"ENTITLEMENT_CREATE","timestamp":"2025-02-19T00:05:20Z","data":{"user_id":"77%"}}}"#,
            ["com.discord.entitlement_create", "https://discord.com/applications/12345", "770", "2025-02-19T00:05:20Z"]),
        sample("discord", &schemes::DISCORD, &[],
            r#"{"version":1,"application_id":"12345","type":2,"token":"t","id":"9%","channel_id":"55"}"#,
            ["com.discord.interaction.2", "https://discord.com/applications/12345", "55", "-"]),
        sample("twitter", &schemes::TWITTER, &[],
            r#"{"for_user_id":"2244994945","tweet_create_events":[{"id":%}]}"#,
            ["com.twitter.account-activity", "https://api.x.com/users/2244994945", "-", "-"]),
        sample("azure-event-grid", &schemes::EVENT_GRID, &[("aeg-event-type", "Notification")],
            r#"[{"id":"831e-%","topic":"/subscriptions/s","subject":"/blob","eventType":"Microsoft.Storage.BlobCreated","eventTime":"2025-02-19T00:05:20Z","dataVersion":"1","data":{}}]"#,
            ["Microsoft.Storage.BlobCreated", "/subscriptions/s", "/blob", "2025-02-19T00:05:20Z"]),
    ]
}

impl Sample {
    /// Configured with what the sender has told, or with what another one has.
    pub(crate) fn webhook(&self, own: bool) -> Arc<dyn Webhook> {
        let secret = match (self.scheme.algorithm, self.scheme.name) {
            (Algorithm::EcdsaP256, _) if own => {
                "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYjQxcKppGuiD/55sniY3WZueugqgzqdb7PHIDQfCUYHBRw3iKFHaF3gXVDQRLdPfTPEiDQuLl094e7rgB5UoxA=="
            }
            (Algorithm::EcdsaP256, _) => OTHER_P256,
            (Algorithm::Ed25519, "discord") if own => {
                "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
            }
            (Algorithm::Ed25519, "discord") => {
                "d52880e28f61caa4c2a48a82e55f4751a92289a78009ea9f6532270c16ce8abe"
            }
            (Algorithm::Ed25519, _) if own => "whpk_A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=",
            (Algorithm::Ed25519, _) => "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=",
            (_, "standard-webhooks") if own => "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            _ if own => HUSH,
            _ => STRANGER,
        };
        let mut settings = self.settings.clone();
        settings["secrets"] = json!([secret]);
        build(self.kind, &settings)
    }

    fn private(&self) -> &'static str {
        match (self.scheme.algorithm, self.scheme.name) {
            (Algorithm::EcdsaP256, _) => {
                "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgcjGVRXkeiTJrnMqELFpCBM9yjlv9hwbYZTJnmPXjC76hRANCAARiNDFwqmka6IP/nmyeJjdZm566CqDOp1vs8cgNB8JRgcFHDeIoUdoXeBdUNBEt099M8SINC4uXT3h7uuAHlSjE"
            }
            (Algorithm::Ed25519, "discord") => {
                "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
            }
            (Algorithm::Ed25519, _) => "whsk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            (_, "standard-webhooks") => "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            _ => HUSH,
        }
    }

    /// A request with this body, as the sender signs it.
    pub(crate) fn signed(&self, n: usize, body: &[u8]) -> Parts {
        let mut parts = Parts {
            method: Method::POST,
            uri: format!("/in/{}", self.kind).parse().unwrap(),
            headers: Default::default(),
            peer: None,
        };
        for (name, value) in self.headers {
            let value = HeaderValue::from_str(&value.replace('%', &n.to_string())).unwrap();
            parts.headers.insert(*name, value);
        }
        let url = self.settings["public-url"].as_str().unwrap_or_default();
        let signer = Signer::new(&self.scheme, &Secret::new(self.private()), url).unwrap();
        signer.sign(&mut parts, NOW, body).unwrap();
        parts
    }
}

const OTHER_P256: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAESR9PH2YVgo/gilk7DYKGtbP+tkCFhbia4SDMFwG9jHCR6A34rYINqpA+HAdmUDCHnOP8+mKWK7vLU8unzuS/bw==";

impl WebhookHarness for Sample {
    fn webhook(&self) -> Arc<dyn Webhook> {
        self.webhook(true)
    }

    fn with_other_secret(&self) -> Arc<dyn Webhook> {
        self.webhook(false)
    }

    fn request(&self, n: usize) -> Request {
        // Escapes of forms stay.
        let number = n.to_string();
        let body = match self.kind {
            "twilio" => self.body.replace("SM%", &format!("SM{n}")),
            _ => self.body.replace('%', &number),
        };
        let data = match body.strip_prefix('[') {
            Some(list) => list.trim_end().trim_end_matches(']').to_owned(),
            None => body.clone(),
        };
        Request {
            parts: self.signed(n, body.as_bytes()),
            body: body.into(),
            now: now(),
            data: vec![data.into()],
        }
    }

    fn proof(&self) -> Vec<HeaderName> {
        let places = self.scheme.places[0];
        let signature = match places.signature {
            Place::Header(name) => Some(name),
            Place::Query(_) => None,
        };
        let timestamp = match places.timestamp {
            Some(Stamp::Header(name)) => Some(name),
            _ => None,
        };
        let names = [signature, places.id, timestamp].into_iter().flatten();
        names.map(|name| name.parse().unwrap()).collect()
    }

    fn covers_body(&self) -> bool {
        self.scheme.algorithm != Algorithm::Token
    }

    fn window(&self) -> Option<Duration> {
        let places = self.scheme.places[0];
        places.timestamp.map(|_| self.scheme.tolerance)
    }
}

#[tokio::test]
async fn all_conform() {
    for sample in samples() {
        println!("{}", sample.kind);
        testkit::webhook(&sample).await.assert();
    }
}

#[test]
fn there_is_a_sample_of_each() {
    let registry = crate::web::registry(Default::default());
    let elsewhere = ["github", "aws-sns", "paypal", "google-pubsub-push"];
    for kind in registry
        .source_kinds()
        .filter(|kind| !elsewhere.contains(kind))
    {
        assert!(samples().iter().any(|s| s.kind == kind), "{kind}");
    }
}

#[test]
fn messages_become_the_events_of_their_formats() {
    for sample in samples() {
        let webhook = sample.webhook(true);
        let request = sample.request(0);
        let verified = webhook
            .verify(&request.parts, &request.body, now())
            .unwrap();
        assert_eq!(verified.principal, sample.kind);
        let method = match sample.scheme.algorithm {
            Algorithm::Token => "token",
            _ => "signature",
        };
        assert_eq!(verified.method, method);
        // Twice the tolerance, or as long as a sender without a clock may repeat itself.
        let window = match sample.window() {
            Some(tolerance) => tolerance * 2,
            None => Duration::from_secs(72 * 3600),
        };
        assert_eq!(verified.dedupe_window, Some(window), "{}", sample.kind);
        let events = webhook
            .decode(&request.parts, request.body, &verified)
            .unwrap();
        let [event] = &events[..] else {
            panic!("{events:?}")
        };
        let seen = [
            event.ty(),
            event.source(),
            event.subject().unwrap_or("-"),
            event.time_text().unwrap_or("-"),
        ];
        assert_eq!(seen, sample.expected, "{}", sample.kind);
        let content_type = match sample.kind {
            "twilio" => "application/x-www-form-urlencoded; charset=UTF-8",
            _ => "application/json",
        };
        assert_eq!(event.data_content_type(), Some(content_type));
    }
}

/// The secret vouches for the sender, so it is told what its body lacks.
#[test]
fn bodies_that_cannot_be_read_are_told_why() {
    for (kind, body, detail) in [
        (
            "stripe",
            "{\"id\":\"evt_1\"",
            "the body cannot be read: EOF",
        ),
        (
            "stripe",
            "{\"id\":\"evt_1\"}",
            "nothing gives the event its `type`: looked for `type`",
        ),
        (
            "slack",
            "{}",
            "nothing gives the event its `id`: looked for `event_id`",
        ),
        (
            "sendgrid",
            "[{\"sg_event_id\":\"1\"}]",
            "[0]: nothing gives the event its `type`: looked for `event`",
        ),
        (
            "zoom",
            "[]",
            "the body cannot be read: invalid type: sequence",
        ),
        (
            "gitlab",
            "{}",
            "nothing gives the event its `type`: looked for `object_kind`, `event_name`",
        ),
        (
            "twilio",
            "a=b",
            "nothing gives the event its `source`: looked for `AccountSid`",
        ),
        (
            "webhook",
            "{\"order\":{}}",
            "nothing gives the event its `type`: looked for `order.kind`",
        ),
    ] {
        let sample = samples().into_iter().find(|s| s.kind == kind).unwrap();
        let webhook = sample.webhook(true);
        let parts = sample.signed(0, body.as_bytes());
        let verified = webhook.verify(&parts, body.as_bytes(), now()).unwrap();
        let refusal = webhook
            .decode(&parts, Bytes::from(body), &verified)
            .unwrap_err();
        assert_eq!(
            (refusal.status.as_u16(), refusal.code),
            (400, "invalid-event")
        );
        let told = refusal.detail.unwrap();
        assert!(told.starts_with(detail), "{kind}: {told}");
    }
}

/// Whatever the kind, half a body is told apart from no proof.
#[test]
fn half_a_body_with_a_good_signature_is_no_event_of_any_kind() {
    for sample in samples() {
        // Half a form is a form, and Standard Webhooks carries bodies of any kind.
        if ["twilio", "standard-webhooks"].contains(&sample.kind) {
            continue;
        }
        let webhook = sample.webhook(true);
        let whole = sample.request(0).body;
        let half = whole.slice(..whole.len() / 2);
        let parts = sample.signed(0, &half);
        let verified = webhook.verify(&parts, &half, now()).unwrap();
        let refusal = webhook.decode(&parts, half, &verified).unwrap_err();
        let told = (refusal.status.as_u16(), refusal.code, refusal.cause);
        assert_eq!(told, (400, "invalid-event", None), "{}", sample.kind);
        let detail = refusal.detail.unwrap();
        assert!(
            detail.contains("line 1 column"),
            "{}: {detail}",
            sample.kind
        );
    }
}

/// Whoever has recorded a request can send it again with other headers where these are not signed. The
/// guide names the kinds whose events then look new.
#[test]
fn whose_ids_stand_in_headers_that_nothing_vouches_for() {
    let mut forgeable: Vec<&str> = Vec::new();
    for sample in samples() {
        let webhook = sample.webhook(true);
        let request = sample.request(0);
        let mut again = request.clone();
        let proof = sample.proof();
        let signed = |name: &HeaderName| {
            proof.contains(name)
                || sample.scheme.signed.contains(&Piece::Header(name.as_str()))
                || name == "content-type"
        };
        for (name, value) in &mut again.parts.headers {
            if !signed(name) {
                *value = HeaderValue::from_static("0000");
            }
        }
        let ids = |request: &Request| {
            let verified = webhook.verify(&request.parts, &request.body, now());
            let body = request.body.clone();
            let events = webhook.decode(&request.parts, body, &verified.unwrap());
            let identity = |e: &tradewind_event::Event| format!("{} {}", e.source(), e.id());
            events.map(|events| events.iter().map(identity).collect::<Vec<_>>())
        };
        if ids(&request) != ids(&again) && !forgeable.contains(&sample.kind) {
            forgeable.push(sample.kind);
        }
    }
    assert_eq!(forgeable, ["shopify", "bitbucket"]);
}

#[test]
fn event_grid_in_the_schema_of_cloudevents() {
    let grid = samples()
        .into_iter()
        .find(|s| s.kind == "azure-event-grid")
        .unwrap();
    let webhook = grid.webhook(true);
    let body = r#"{"specversion":"1.0","id":"1","source":"/s","type":"Microsoft.Storage.BlobCreated","data":{"a":1}}"#;
    let mut parts = grid.signed(0, body.as_bytes());
    let kind = HeaderValue::from_static("application/cloudevents+json; charset=utf-8");
    parts.headers.insert("content-type", kind);
    let verified = webhook.verify(&parts, body.as_bytes(), now()).unwrap();
    let events = webhook
        .decode(&parts, Bytes::from(body), &verified)
        .unwrap();
    assert_eq!(events[0].ty(), "Microsoft.Storage.BlobCreated");
    assert_eq!(events[0].data().unwrap().bytes, &b"{\"a\":1}"[..]);
    let broken = Bytes::from_static(b"{\"specversion\":\"1.0\"}");
    let refusal = webhook.decode(&parts, broken, &verified).unwrap_err();
    assert_eq!(refusal.status.as_u16(), 400);
}
