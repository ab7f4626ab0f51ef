//! What a stranger can name an address in.

use crate::authorisation::wire::{post, request};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use std::time::SystemTime;
use tradewind::event::Timestamp;

/// Topic of the source of SNS.
pub(super) const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:orders";

/// One request that names an address, and where it does.
pub(super) type Door = (&'static str, fn(&Named<'_>) -> Vec<u8>);

/// An address in its whole, and without the scheme.
pub(super) struct Named<'a> {
    pub(super) url: &'a str,
    pub(super) now: SystemTime,
}

impl Named<'_> {
    fn authority(&self) -> &str {
        let rest = self.url.split_once("//").map_or(self.url, |(_, rest)| rest);
        rest.split('/').next().unwrap_or_default()
    }

    fn time(&self) -> String {
        Timestamp::from(self.now).to_string()
    }
}

pub(super) const DOORS: &[Door] = &[
    ("certificate of SNS", |named| sns(named, "Notification")),
    ("subscription of SNS", |named| {
        sns(named, "SubscriptionConfirmation")
    }),
    ("certificate of PayPal", |named| {
        let time = named.time();
        let headers = [
            ("paypal-transmission-id", "1"),
            ("paypal-transmission-time", &time),
            ("paypal-transmission-sig", "c2ln"),
            ("paypal-auth-algo", "SHA256withRSA"),
            ("paypal-cert-url", named.url),
        ];
        post("/paypal", &headers, "{}")
    }),
    ("validation of Event Grid", |named| {
        let body = json!([{
            "id": "1", "topic": "t", "subject": "", "eventTime": named.time(), "dataVersion": "1",
            "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
            "data": { "validationCode": "code", "validationUrl": named.url },
        }]);
        let headers = [("aeg-event-type", "SubscriptionValidation")];
        post("/grid?code=0123456789abcdef", &headers, &body.to_string())
    }),
    ("callback of a handshake", |named| {
        let headers = [
            ("webhook-request-origin", "sender.example"),
            ("webhook-request-callback", named.url),
            ("webhook-request-rate", "10"),
        ];
        request("OPTIONS", "/consenting", &headers, "")
    }),
    ("keys of a token", |named| {
        let head = json!({ "alg": "RS256", "typ": "JWT", "kid": named.url, "jku": named.url, "x5u": named.url });
        let claims = json!({ "iss": named.url, "aud": "urn:tradewind", "exp": 4_102_444_800_u64 });
        let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let token = format!("Bearer {}.{}.c2ln", part(head), part(claims));
        let headers = [("authorization", token.as_str())];
        post("/jwt", &headers, "")
    }),
    ("schema of an event, in binary mode", |named| {
        let headers = [
            ("content-type", "application/json"),
            ("ce-specversion", "1.0"),
            ("ce-id", named.url),
            ("ce-source", named.url),
            ("ce-type", "t"),
            ("ce-dataschema", named.url),
        ];
        post("/events", &headers, "{}")
    }),
    ("schema of an event, and of its data", |named| {
        let body = json!({
            "specversion": "1.0", "id": fastrand::u64(..).to_string(), "source": "/s", "type": "bound",
            "dataschema": named.url, "dataref": named.url, "replyto": named.url,
            "data": { "$schema": named.url, "$ref": named.url, "$id": named.url },
        });
        let headers = [("content-type", "application/cloudevents+json")];
        post("/events", &headers, &body.to_string())
    }),
    ("path of a route", |named| {
        post(&format!("/ask/{}", named.url), &[], "")
    }),
    ("query of a route", |named| {
        post(&format!("/ask/?url={0}&to={0}", named.url), &[], "")
    }),
    ("absolute form of a request", |named| {
        post(&format!("{}/ask/", named.url), &[], "")
    }),
    ("host of a request", |named| {
        let authority = named.authority();
        format!(
            "POST /ask/ HTTP/1.1\r\nhost: {authority}\r\nx-forwarded-host: {authority}\r\n\
             forwarded: host=\"{authority}\"\r\nx-original-url: {0}\r\nreferer: {0}\r\norigin: {0}\r\n\
             connection: close\r\ncontent-length: 0\r\n\r\n",
            named.url
        )
        .into_bytes()
    }),
    ("tunnel", |named| {
        request("CONNECT", named.authority(), &[], "")
    }),
];

fn sns(named: &Named<'_>, kind: &str) -> Vec<u8> {
    let body = json!({
        "Type": kind, "MessageId": "1", "TopicArn": TOPIC, "Message": "m", "Timestamp": named.time(),
        "SignatureVersion": "2", "Signature": "c2ln", "SigningCertURL": named.url, "SubscribeURL": named.url,
        "UnsubscribeURL": named.url, "Token": "t",
    });
    let headers = [
        ("content-type", "text/plain; charset=UTF-8"),
        ("x-amz-sns-message-type", kind),
    ];
    post("/sns", &headers, &body.to_string())
}
