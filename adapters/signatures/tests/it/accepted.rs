//! What passes.

use crate::vectors::vectors;
use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;
use std::time::{Duration, UNIX_EPOCH};
use tradewind_adapter::Secret;
use tradewind_signatures::{Encoding, Verifier, standard_webhooks};

#[test]
fn published_vectors() {
    for vector in vectors() {
        assert_eq!(
            vector.verify(&vector.request(), vector.now()),
            Ok(0),
            "{vector:?}"
        );
        assert_eq!(vector.written(&vector.digest()), vector.signature);
    }
}

#[test]
fn any_body_bytes() {
    for vector in vectors() {
        for body in [&b""[..], b"\xff\xfe\0\x80", b"line\r\n"] {
            let vector = vector.changed(|v| v.body = body.to_vec());
            assert_eq!(
                vector.verify(&vector.request(), vector.now()),
                Ok(0),
                "{vector:?}"
            );
        }
    }
}

#[test]
fn hexadecimal_of_either_case() {
    for vector in vectors()
        .iter_mut()
        .filter(|v| v.scheme.encoding == Encoding::Hex)
    {
        let digits = vector.signature[vector.scheme.prefix.len()..].to_uppercase();
        vector.signature = format!("{}{digits}", vector.scheme.prefix);
        assert_eq!(
            vector.verify(&vector.request(), vector.now()),
            Ok(0),
            "{vector:?}"
        );
    }
}

#[test]
fn timestamps_up_to_the_tolerance_in_both_directions() {
    for vector in vectors().iter().filter(|v| v.timestamp.is_some()) {
        for now in [
            vector.now() + vector.scheme.tolerance,
            vector.now() - vector.scheme.tolerance,
        ] {
            assert_eq!(vector.verify(&vector.request(), now), Ok(0), "{vector:?}");
        }
        let strict = Verifier::new(vector.scheme, &[Secret::new(vector.secret)])
            .unwrap()
            .with_tolerance(Duration::from_secs(10));
        let verify = |now| strict.verify(&vector.request(), &vector.body, now).is_ok();
        assert!(verify(vector.now() + Duration::from_secs(10)));
        assert!(!verify(vector.now() + Duration::from_secs(11)));
    }
}

#[test]
fn any_configured_secret_and_says_which() {
    for vector in vectors() {
        let other = Secret::new("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx");
        let own = Secret::new(vector.secret);
        for (secrets, expected) in [
            ([own.clone(), other.clone()], (0, "signature")),
            ([other, own], (1, "signature by an older secret")),
        ] {
            let verifier = Verifier::new(vector.scheme, &secrets).unwrap();
            let request = vector.request();
            let proof = verifier
                .verify(&request, &vector.body, vector.now())
                .unwrap();
            assert_eq!((proof.secret, proof.method()), expected);
            assert_eq!(proof.id, vector.id.as_deref());
            assert_eq!(proof.timestamp.map(|t| t.to_string()), vector.timestamp);
        }
    }
}

#[test]
fn one_good_signature_among_others() {
    let vector = &vectors()[1];
    for list in [
        format!(
            "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5= {}",
            vector.signature
        ),
        format!("{} v2,whatever", vector.signature),
        format!("v1,AAAA v1, {}", vector.signature),
    ] {
        let mut request = vector.request();
        request.insert(
            vector.signature_name(),
            HeaderValue::from_str(&list).unwrap(),
        );
        assert_eq!(vector.verify(&request, vector.now()), Ok(0), "{list}");
    }
}

#[test]
fn makes_the_published_signatures() {
    for vector in &vectors()[1..3] {
        let key = standard_webhooks::key(&Secret::new(vector.secret)).unwrap();
        let timestamp = vector.timestamp.as_ref().unwrap().parse().unwrap();
        let id = vector.id.as_ref().unwrap();
        let signature = standard_webhooks::sign(&key, id, timestamp, &vector.body);
        assert_eq!(signature, vector.signature);
    }
}

proptest! {
    #[test]
    fn what_was_made_and_nothing_else(
        key in prop::collection::vec(any::<u8>(), 24..=64),
        id in "[!-~&&[^.]]{1,40}",
        timestamp in 0..4_000_000_000u64,
        body in prop::collection::vec(any::<u8>(), 1..200),
        flip in any::<prop::sample::Index>(),
        bit in 0..8u8,
    ) {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let secret = Secret::new(format!("whsec_{}", STANDARD.encode(key)));
        let signing = standard_webhooks::key(&secret).unwrap();
        let mut headers = HeaderMap::new();
        let mut insert = |name: &'static str, value: String| {
            headers.insert(name, HeaderValue::from_str(&value).unwrap());
        };
        insert("webhook-signature", standard_webhooks::sign(&signing, &id, timestamp, &body));
        insert("webhook-id", id);
        insert("webhook-timestamp", timestamp.to_string());

        let verifier = Verifier::new(&standard_webhooks::SCHEME, &[secret]).unwrap();
        let now = UNIX_EPOCH + Duration::from_secs(timestamp);
        prop_assert!(verifier.verify(&headers, &body, now).is_ok());
        let mut altered = body;
        let index = flip.index(altered.len());
        altered[index] ^= 1 << bit;
        prop_assert!(verifier.verify(&headers, &altered, now).is_err());
    }
}
