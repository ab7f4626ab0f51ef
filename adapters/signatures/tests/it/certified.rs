//! Amazon SNS and PayPal: requests signed by openssl with a certificate of ours, and what must not pass.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use http::{HeaderName, HeaderValue, Method};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tradewind_adapter::{Cause, Parts};
use tradewind_signatures::sns::{Kind, Message};
use tradewind_signatures::{Authorities, Chain, paypal, sns};

const SNS: &str = include_str!("sns.pem");
const PAYPAL: &str = include_str!("paypal.pem");
const TOPIC: &str = "arn:aws:sns:us-west-2:123456789012:MyTopic";
const CERT: &str =
    "https://sns.us-west-2.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem";
const SUBSCRIBE: &str = "https://sns.us-west-2.amazonaws.com/?Action=ConfirmSubscription&TopicArn=arn:aws:sns:us-west-2:123456789012:MyTopic&Token=2336412f37";
const V1: &str = "R7ygN6rYSxCXvFvM/TwbRfY6bVqkP/khNlZc+l0MWzI8QUmHekAOyZ0pjmCSQo/KF19LR35vhb8NsVdwuj3CTstY/MJtU1SmAOdCQHMGzCMFTtL0/OtDkKuCguVUmmvgBvfuMI7Hcj/US3oiiZYthP6nZqWfCRljcYq+cIADm89KYTwzdGgrfNu5kO4EoZQxTsOPPz+JYH5FxQFNnE5SesDmchBJGIRY14Sc4v5sMHB8eD35NG768xHW7i5jULS+XHy1IyKQdJxxctQ+ovCr8Lq3s1fn1VkM81L81KCE4tNbiIkCSHJRy8gf8i20Shx/p2/A7jx8khW4ocmEL/EOfw==";
const V2: &str = "QoKGFN4ftwMYpyfcOgFm63CVOWZqvO4w27FjeWN2CFDLZxaq8OAOpoV3quNoSS5QRjn6FCREYsvNtnDEoCX9BTrx7LZteKgjaX9qNog+JcTGVVkuDrPUnSbJnP5faa332TJELNzSkEkw6cj60uGE4n3fglDbzXB+2dnB1iy0TttjV5HidrLQC8H6NTIz4za4mzi8MOJEBWUWlaIGn0eRjxLVdAeLkkgIFaA3Z7Q0n4ugvFPz5mKf3GKStUAsEeOMkJKX6KkHM0+GZX+9tLBEyhOMnkVlpCax0WOGkvUKSYOaNkXx4UZ32QhXS3U5z+Hq9C/A4btWuyAzmHnw7y+KHQ==";
const SUBSCRIPTION: &str = "VF2trcJZ3AKlU2fkLpEZpwsabSDzHVoeEf7/DVYhMqQ29aG7YGbJ5jE4vQ1zdCSt8AhCsXPvqsdQblqGAwIgYGIo5g7WfyegPva88BqWK4IBXoLa/c1j6gBEK807NGjjaLSz4hZU/5YTROQChRnszyryNoo39stRFPSpWvX1hupAvkmSk0hYbbuX8KiHwOcF5xleMMb8hxCuzz5wR74skOMhDEGhcRjKpGdpwivxxzbrQNL/h6Rr2N5FbdVQ0T4Y8ApkQRhP1fOBM8T+G10gEhTx9qICVDnaR+EY3Y8A6G9rnRqyAiODTSWWP5ocrnNJ0bAfFa5/w1k4xFs+V5ln3Q==";
const TRANSMISSION: &str = "LdFf4ggqH1z9bmtprri995UHBHV4pIsUCxyu/w5L4fg0sy0kC0N8Zw2FkrozRgqNB6MLucApg2CSlJeVUFz0skp/cOn6HHzWJnnEp8c9zZQNVzZWj4oZg/+bE68msDTuVqKxt5pvtyiFDa7DNb8I14fXbRiYM5aVWAK+0Z/ko3iBal2M5HYQgTk5mqjx4Bhhb4YBN1qeF0XOZf5GnKrwbB8MK+90Ya2jcb5altAhM1vIsZSkYC1ayzRk81tXXXZZaLEGcJZb6QTN8+QQxsdPv7s+EcbrCtGgvVt+1KdVJtyJrZ8saFsKgNoL9/w4RkFiAAn6Mn2Fx92KDP6wuXgb8Q==";
const BODY: &[u8] = br#"{"id":"WH-1","event_type":"PAYMENT.SALE.COMPLETED"}"#;

/// 2030-01-01T00:00:00Z and so many seconds.
fn at(offset: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_893_456_000_u64.saturating_add_signed(offset))
}

fn notification() -> Value {
    json!({
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": TOPIC,
        "Subject": "My First Message",
        "Message": "Hello\n\"world\" \u{e9}",
        "Timestamp": "2030-01-01T00:00:00.000Z",
        "SignatureVersion": "2",
        "Signature": V2,
        "SigningCertURL": CERT,
        "UnsubscribeURL": "https://sns.us-west-2.amazonaws.com/?Action=Unsubscribe",
    })
}

fn subscription() -> Value {
    json!({
        "Type": "SubscriptionConfirmation",
        "MessageId": "165545c9-2a5c-472c-8df2-7ff2be2b3b1b",
        "Token": "2336412f37",
        "TopicArn": TOPIC,
        "Message": "You have chosen to subscribe",
        "SubscribeURL": SUBSCRIBE,
        "Timestamp": "2030-01-01T00:00:00.000Z",
        "SignatureVersion": "2",
        "Signature": SUBSCRIPTION,
        "SigningCertURL": CERT,
    })
}

fn terms() -> sns::Terms {
    sns::Terms {
        topics: vec![
            "arn:aws:sns:us-west-2:123456789012:Other".into(),
            TOPIC.into(),
        ],
        tolerance: Duration::from_secs(3600),
        sha256_only: false,
    }
}

fn check(body: &[u8], terms: &sns::Terms, now: SystemTime) -> Result<Kind, Cause> {
    let chain = Chain::read(SNS.as_bytes()).unwrap();
    let message = Message::read(body, terms, now).map_err(|fault| fault.cause)?;
    let certificate = chain.trusted(&Authorities::configured(), None, now);
    let verified = certificate.and_then(|certificate| message.verify(certificate, terms));
    verified.map_err(|fault| fault.cause)?;
    if message.kind() == Ok(Kind::SubscriptionConfirmation) {
        message.subscribe_url().map_err(|fault| fault.cause)?;
    }
    message.kind().map_err(|fault| fault.cause)
}

fn with(mut message: Value, name: &str, value: impl Into<Value>) -> Value {
    message[name] = value.into();
    message
}

fn without(mut message: Value, name: &str) -> Value {
    message.as_object_mut().unwrap().remove(name);
    message
}

#[test]
fn messages_of_sns() {
    let v1 = with(
        with(notification(), "SignatureVersion", "1"),
        "Signature",
        V1,
    );
    let passing = [
        (notification(), Kind::Notification),
        (v1.clone(), Kind::Notification),
        (subscription(), Kind::SubscriptionConfirmation),
    ];
    for (message, kind) in &passing {
        assert_eq!(
            check(message.to_string().as_bytes(), &terms(), at(0)),
            Ok(*kind),
            "{message}"
        );
        assert_eq!(
            check(message.to_string().as_bytes(), &terms(), at(3600)),
            Ok(*kind)
        );
    }
    let mut seen = 0;
    let mut refused = |cause: Cause, body: Value, offset: i64| {
        let told = check(body.to_string().as_bytes(), &terms(), at(offset));
        assert_eq!(told, Err(cause), "{body} {offset}");
        seen += 1;
    };
    let with = |name: &str, value: &str| with(notification(), name, value);
    use Cause::{Malformed, Mismatch, Missing, Stale, UnknownKey, WrongTenant};
    for (name, value) in [
        ("Message", "Hello\nworld"),
        ("Message", ""),
        ("MessageId", "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf325"),
        ("Subject", "My first message"),
        ("Subject", ""),
        ("Timestamp", "2030-01-01T00:00:00Z"),
        ("Timestamp", "2030-01-01T00:00:01.000Z"),
        ("Signature", V1),
        ("Signature", SUBSCRIPTION),
        ("Signature", &V2[..V2.len() - 4]),
        ("Signature", &STANDARD.encode([0; 256])),
        ("SignatureVersion", "1"),
    ] {
        refused(Mismatch, with(name, value), 0);
    }
    for (name, value) in [
        ("Signature", &V2[1..]),
        ("Signature", &V2[..7]),
        ("Signature", &*URL_SAFE.encode([0xff; 256])),
        ("SignatureVersion", "3"),
        ("SignatureVersion", "0"),
        ("SignatureVersion", ""),
        ("Type", "notification"),
        ("Type", "Notification\n"),
        ("MessageId", "1\nSubject\nx"),
        ("Subject", "a\nb"),
        ("Timestamp", "yesterday"),
        ("Timestamp", "1893456000"),
        ("TopicArn", "a\nb"),
    ] {
        refused(Malformed, with(name, value), 0);
    }
    for name in [
        "Type",
        "MessageId",
        "TopicArn",
        "Message",
        "Timestamp",
        "SigningCertURL",
    ] {
        refused(Malformed, without(notification(), name), 0);
    }
    refused(Missing, without(notification(), "Signature"), 0);
    refused(Missing, with("Signature", ""), 0);
    refused(Missing, with("Type", "SubscriptionConfirmation"), 0);
    refused(Mismatch, without(notification(), "Subject"), 0);
    refused(Malformed, json!([notification()]), 0);
    refused(Malformed, json!({}), 0);
    for offset in [3602, -3602, -1_893_456_000] {
        refused(Stale, notification(), offset);
    }
    for topic in [
        "arn:aws:sns:us-west-2:123456789012:MyTopic2",
        "arn:aws:sns:us-west-2:999999999999:MyTopic",
        "arn:aws:sns:us-west-2:123456789012:mytopic",
        "",
    ] {
        refused(WrongTenant, with("TopicArn", topic), 0);
    }
    refused(
        Mismatch,
        with("TopicArn", "arn:aws:sns:us-west-2:123456789012:Other"),
        0,
    );
    // A key of another region vouches for nothing here.
    let other = CERT.replace("us-west-2", "eu-west-1");
    refused(WrongTenant, with("SigningCertURL", &other), 0);
    refused(
        WrongTenant,
        with("SigningCertURL", &CERT.replace(".com/", ".com.cn/")),
        0,
    );
    for url in look_alikes(CERT, "/SimpleNotificationService-0123456789abcdef.pem") {
        refused(UnknownKey, with("SigningCertURL", &url), 0);
    }
    for path in [
        "/SimpleNotificationService-.pem",
        "/SimpleNotificationService-xyz.pem",
        "/SimpleNotificationService-0.pem?a",
        "/x.pem",
        "/",
        "/../SimpleNotificationService-0.pem",
    ] {
        let url = format!("https://sns.us-west-2.amazonaws.com{path}");
        refused(UnknownKey, with("SigningCertURL", &url), 0);
    }
    let body = notification().to_string();
    let twice = body.replacen('{', "{\"TopicArn\":\"x\",", 1);
    assert_eq!(
        check(twice.as_bytes(), &terms(), at(0)),
        Err(Malformed),
        "two topics"
    );
    assert_eq!(
        check(&body.as_bytes()[..body.len() - 1], &terms(), at(0)),
        Err(Malformed)
    );
    assert_eq!(check(b"", &terms(), at(0)), Err(Malformed));
    let strict = sns::Terms {
        sha256_only: true,
        ..terms()
    };
    assert_eq!(
        check(v1.to_string().as_bytes(), &strict, at(0)),
        Err(Malformed),
        "SHA-1"
    );
    // Long after the end of the certificate, and before its begin.
    let patient = sns::Terms {
        tolerance: Duration::from_secs(1 << 33),
        ..terms()
    };
    assert_eq!(
        check(body.as_bytes(), &patient, at(3_000_000_000)),
        Err(UnknownKey)
    );
    assert_eq!(
        check(body.as_bytes(), &patient, at(-1_000_000_000)),
        Err(UnknownKey)
    );
    assert!(seen >= 15, "{seen}");
    println!(
        "signatures: aws-sns, {} messages made by openssl passed, {} negatives refused",
        passing.len(),
        seen + 6
    );
}

/// Addresses that look like one of SNS.
fn look_alikes(url: &str, path: &str) -> Vec<String> {
    let host = "sns.us-west-2.amazonaws.com";
    let rest = url.strip_prefix("https://").unwrap();
    [
        format!("http://{rest}"),
        format!("HTTPS://{rest}"),
        format!("//{rest}"),
        format!("ftp://{rest}"),
        rest.to_owned(),
        format!(" https://{rest}"),
        format!("https://{host}:443{path}"),
        format!("https://{host}:8443{path}"),
        format!("https://user@{host}{path}"),
        format!("https://user:pw@{host}{path}"),
        format!("https://{host}@evil.example{path}"),
        format!("https://{host}.evil.example{path}"),
        format!("https://{host}.{path}"),
        format!("https://evil.example/{host}{path}"),
        format!("https://evil.example#{host}{path}"),
        format!("https://evil.example?{host}{path}"),
        format!("https://evil.example\\@{host}{path}"),
        format!("https://{host}\\.evil.example{path}"),
        format!("https://{host}#@evil.example{path}"),
        format!("https://{host}%2f.evil.example{path}"),
        format!("https://{host}%00.evil.example{path}"),
        format!("https://SNS.us-west-2.amazonaws.com{path}"),
        format!("https://sns.US-WEST-2.amazonaws.com{path}"),
        format!("https://sns.us-west-2.amazonaws.com.evil{path}"),
        format!("https://sns.us-west-2.amazonaws.co{path}"),
        format!("https://sns.us-west-2.amazonaws.com.cn.evil{path}"),
        format!("https://sns.us-west-2.amazonaws.org{path}"),
        format!("https://sns.us-west-2.amazonawsxcom{path}"),
        format!("https://sns.a.us-west-2.amazonaws.com{path}"),
        format!("https://sns..amazonaws.com{path}"),
        format!("https://sns.us.amazonaws.com{path}"),
        format!("https://sns.amazonaws.com{path}"),
        format!("https://s3.us-west-2.amazonaws.com{path}"),
        format!("https://s3.amazonaws.com/sns.us-west-2.amazonaws.com{path}"),
        format!("https://bucket.s3.amazonaws.com{path}"),
        format!("https://xsns.us-west-2.amazonaws.com{path}"),
        format!("https://sns-us-west-2.amazonaws.com{path}"),
        format!("https://sns.us-west-2.amazonaws.com\u{ff0e}evil.example{path}"),
        format!("https://sns.us-w\u{435}st-2.amazonaws.com{path}"),
        format!("https://[::1]{path}"),
        format!("https://169.254.169.254{path}"),
        format!("https://localhost{path}"),
        format!("https://{host}"),
        String::new(),
    ]
    .into()
}

/// Even where SNS had signed it.
#[test]
fn subscriptions_are_confirmed_at_sns_only() {
    let query = "/?Action=ConfirmSubscription&TopicArn=arn:aws:sns:us-west-2:123456789012:MyTopic&Token=2336412f37";
    let mut bad = look_alikes(SUBSCRIBE, query);
    bad.extend([
        SUBSCRIBE.replace("us-west-2.amaz", "eu-west-1.amaz"),
        SUBSCRIBE.replace("ConfirmSubscription", "Unsubscribe"),
        SUBSCRIBE.replace("MyTopic", "Other"),
        SUBSCRIBE.replace("2336412f37", "other"),
        format!("{SUBSCRIBE}&Action=Unsubscribe"),
        format!("{SUBSCRIBE}&AuthenticateOnUnsubscribe=true"),
        SUBSCRIBE.replace("/?", "/x?"),
        SUBSCRIBE.replace("&Token=2336412f37", ""),
    ]);
    for url in &bad {
        let body = with(subscription(), "SubscribeURL", url.as_str()).to_string();
        let message = Message::parse(body.as_bytes());
        let refused = message
            .as_ref()
            .map_or(true, |m| m.subscribe_url().is_err());
        assert!(refused, "{url}");
    }
    let body = with(
        subscription(),
        "SubscribeURL",
        SUBSCRIBE.replace(':', "%3A").replacen("%3A", ":", 1),
    )
    .to_string();
    let message = Message::parse(body.as_bytes()).unwrap();
    assert!(message.subscribe_url().is_ok(), "the ARN may be escaped");
}

fn transmission() -> Parts {
    let mut parts = Parts {
        method: Method::POST,
        uri: "/in/paypal".parse().unwrap(),
        headers: Default::default(),
        peer: None,
    };
    for (name, value) in [
        (
            "paypal-transmission-id",
            "69cd13f0-d67a-11e5-baa3-778b53f4ae55",
        ),
        ("paypal-transmission-time", "2030-01-01T00:00:00Z"),
        ("paypal-transmission-sig", TRANSMISSION),
        (
            "paypal-cert-url",
            "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-1d93a270",
        ),
        ("paypal-auth-algo", "SHA256withRSA"),
    ] {
        parts.headers.insert(name, HeaderValue::from_static(value));
    }
    parts
}

fn paypal_terms() -> paypal::Terms {
    paypal::Terms {
        webhook_id: "8PT597110X687430L".into(),
        sandbox: false,
        tolerance: Duration::from_secs(300),
    }
}

#[test]
fn transmissions_of_paypal() {
    let terms = paypal_terms();
    let judge = |pem: &str, parts: &Parts, terms: &paypal::Terms, body: &[u8], now| {
        let chain = Chain::read(pem.as_bytes()).unwrap();
        let claim = paypal::Claim::read(parts, terms, now)?;
        let certificate = chain.trusted(&Authorities::configured(), None, now)?;
        claim.verify(certificate, terms, body)
    };
    for offset in [0, 300, -300] {
        assert_eq!(
            judge(PAYPAL, &transmission(), &terms, BODY, at(offset)),
            Ok(())
        );
    }
    let mut seen = 0;
    let mut refused = |cause: Cause, why: &str, told: Result<(), tradewind_signatures::Fault>| {
        assert_eq!(told.map_err(|fault| fault.cause), Err(cause), "{why}");
        seen += 1;
    };
    use Cause::{Malformed, Mismatch, Missing, Stale, UnknownKey};
    for name in ["id", "time", "sig", "cert", "algo"].map(header) {
        let mut parts = transmission();
        let value = parts.headers.remove(&name).unwrap();
        refused(
            Missing,
            name.as_str(),
            judge(PAYPAL, &parts, &terms, BODY, at(0)),
        );
        parts.headers.append(&name, value.clone());
        parts.headers.append(&name, value);
        refused(
            Malformed,
            name.as_str(),
            judge(PAYPAL, &parts, &terms, BODY, at(0)),
        );
    }
    for (cause, short, value) in [
        (
            Mismatch,
            "id",
            "69cd13f0-d67a-11e5-baa3-778b53f4ae56".to_owned(),
        ),
        (Malformed, "id", "a|b".into()),
        (Malformed, "id", String::new()),
        (Mismatch, "time", "2030-01-01T00:00:01Z".into()),
        (Malformed, "time", "2030-01-01T00:00:00Z|x".into()),
        (Malformed, "time", "1893456000".into()),
        (Malformed, "algo", "SHA1withRSA".into()),
        (Malformed, "algo", "none".into()),
        (Malformed, "algo", "sha256withrsa".into()),
        (Malformed, "sig", TRANSMISSION[1..].into()),
        (Malformed, "sig", format!("{TRANSMISSION}=")),
        (Malformed, "sig", format!("{TRANSMISSION} ")),
        (Mismatch, "sig", TRANSMISSION[..8].into()),
        (Mismatch, "sig", V2.into()),
        (Mismatch, "sig", String::new()),
    ] {
        let mut parts = transmission();
        parts
            .headers
            .insert(header(short), HeaderValue::from_str(&value).unwrap());
        refused(cause, &value, judge(PAYPAL, &parts, &terms, BODY, at(0)));
    }
    let path = "/v1/notifications/certs/CERT-360caa42-fca2a594-1d93a270";
    for url in [
        format!("http://api.paypal.com{path}"),
        format!("https://api.paypal.com:443{path}"),
        format!("https://a@api.paypal.com{path}"),
        format!("https://api.paypal.com.evil.example{path}"),
        format!("https://api.paypal.com@evil.example{path}"),
        format!("https://evil.example/api.paypal.com{path}"),
        format!("https://apixpaypal.com{path}"),
        format!("https://API.paypal.com{path}"),
        format!("https://www.paypal.com{path}"),
        format!("https://api.sandbox.paypal.com{path}"),
        format!("https://api.paypal.com{path}?x=1"),
        format!("https://api.paypal.com{path}/../../evil"),
        format!("https://api.paypal.com{path}#x"),
        "https://api.paypal.com/v1/notifications/certs/".into(),
        "https://api.paypal.com/evil".into(),
        String::new(),
    ] {
        let mut parts = transmission();
        parts
            .headers
            .insert(header("cert"), HeaderValue::from_str(&url).unwrap());
        refused(UnknownKey, &url, judge(PAYPAL, &parts, &terms, BODY, at(0)));
    }
    for offset in [302, -302] {
        refused(
            Stale,
            "off",
            judge(PAYPAL, &transmission(), &terms, BODY, at(offset)),
        );
    }
    let flipped = [&BODY[..20], b"X", &BODY[21..]].concat();
    let longer = [BODY, b"\n"].concat();
    for body in [&flipped[..], &longer, b""] {
        refused(
            Mismatch,
            "body",
            judge(PAYPAL, &transmission(), &terms, body, at(0)),
        );
    }
    let other = paypal::Terms {
        webhook_id: "8PT597110X687430M".into(),
        ..paypal_terms()
    };
    refused(
        Mismatch,
        "another webhook",
        judge(PAYPAL, &transmission(), &other, BODY, at(0)),
    );
    let sandbox = paypal::Terms {
        sandbox: true,
        ..paypal_terms()
    };
    refused(
        UnknownKey,
        "sandbox",
        judge(PAYPAL, &transmission(), &sandbox, BODY, at(0)),
    );
    refused(
        UnknownKey,
        "a certificate of others",
        judge(SNS, &transmission(), &terms, BODY, at(0)),
    );
    assert!(seen >= 15, "{seen}");
    println!("signatures: paypal, 1 transmission made by openssl passed, {seen} negatives refused");
}

fn header(short: &str) -> HeaderName {
    let name = match short {
        "cert" => "paypal-cert-url",
        "algo" => "paypal-auth-algo",
        other => return format!("paypal-transmission-{other}").parse().unwrap(),
    };
    HeaderName::from_static(name)
}

#[test]
fn what_is_no_certificate() {
    for text in [
        "",
        "x",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        &SNS[..600],
    ] {
        assert!(Chain::read(text.as_bytes()).is_err(), "{text}");
    }
}
