//! What passes.

use crate::vectors::vectors;
use http::{HeaderMap, HeaderValue, Method};
use proptest::prelude::*;
use std::time::{Duration, UNIX_EPOCH};
use tradewind_adapter::{Parts, Secret};
use tradewind_signatures::standard_webhooks;
use tradewind_signatures::{Algorithm, Encoding, Piece, Signer, Verifier, schemes};

/// The published signatures are what the signer makes, but for ECDSA, which is random.
#[test]
fn the_signer_makes_the_published_signatures() {
    let mut made = 0;
    for vector in vectors().iter().filter(|v| v.signs()) {
        let again = vector.changed(|_| {});
        assert_eq!(again.verify(vector.now()), Ok(0), "{vector:?}");
        if vector.scheme.algorithm != Algorithm::EcdsaP256 {
            assert_eq!(again.signature(), vector.signature(), "{vector:?}");
            made += 1;
        }
    }
    assert!(made >= 17, "{made}");
}

#[test]
fn any_body_bytes() {
    let form = |v: &&crate::vectors::Vector| !v.scheme.signed.contains(&Piece::Form);
    for vector in vectors().iter().filter(|v| v.signs()).filter(form) {
        for body in [&b""[..], b"\xff\xfe\0\x80", b"line\r\n"] {
            let vector = vector.changed(|v| v.body = body.to_vec());
            assert_eq!(vector.verify(vector.now()), Ok(0), "{vector:?}");
        }
    }
}

#[test]
fn hexadecimal_of_either_case() {
    let hex = |v: &&crate::vectors::Vector| {
        v.scheme.encoding == Encoding::Hex && v.scheme.algorithm != Algorithm::Token
    };
    for vector in vectors().iter().filter(hex) {
        let text = vector.signature();
        let (head, digits) = text.split_at(vector.start());
        let shouted = vector.with_signature(&format!("{head}{}", digits.to_uppercase()));
        assert_eq!(shouted.verify(vector.now()), Ok(0), "{vector:?}");
    }
}

#[test]
fn timestamps_up_to_the_tolerance_in_both_directions() {
    for vector in vectors().iter().filter(|v| v.timestamp.is_some()) {
        let tolerance = vector.scheme.tolerance;
        for now in [vector.now() + tolerance, vector.now() - tolerance] {
            assert_eq!(vector.verify(now), Ok(0), "{vector:?}");
        }
        let strict = vector
            .verifier(&[vector.secret])
            .with_tolerance(Duration::from_secs(10));
        let verify = |now| strict.verify(&vector.parts, &vector.body, now).is_ok();
        assert!(verify(vector.now() + Duration::from_secs(10)));
        assert!(!verify(vector.now() + Duration::from_secs(11)));
    }
}

#[test]
fn any_configured_secret_and_says_which() {
    let keyed = |v: &&crate::vectors::Vector| v.private.is_none();
    let token = ["token", "an older token"];
    let signature = ["signature", "signature by an older secret"];
    for vector in vectors().iter().filter(keyed) {
        let [new, old] = match vector.scheme.algorithm {
            Algorithm::Token => token,
            _ => signature,
        };
        let other = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx";
        for (secrets, expected) in [
            ([vector.secret, other], (0, new)),
            ([other, vector.secret], (1, old)),
        ] {
            let verifier = vector.verifier(&secrets);
            let proof = verifier
                .verify(&vector.parts, &vector.body, vector.now())
                .unwrap();
            assert_eq!((proof.secret, proof.method()), expected);
            assert_eq!(proof.id, verifier.message_id(&vector.parts));
            assert_eq!(proof.id.is_some(), vector.places().id.is_some());
            assert_eq!(proof.timestamp.map(|t| t.to_string()), vector.timestamp);
        }
    }
}

#[test]
fn one_good_signature_among_others() {
    let vector = &vectors()[1];
    let signature = vector.signature();
    let v1a = vectors()[3].signature();
    for list in [
        format!("{v1a} {signature}"),
        format!("{signature} v2,whatever"),
        format!("v1,AAAA v1, {signature}"),
    ] {
        let changed = vector.with_signature(&list);
        assert_eq!(changed.verify(vector.now()), Ok(0), "{list}");
    }
    let stripe = vectors().remove(4);
    let more = format!("{},v1={},v0=00", stripe.signature(), "0".repeat(64));
    assert_eq!(stripe.with_signature(&more).verify(stripe.now()), Ok(0));
}

/// A proxy or the sender may name the port or leave it out.
#[test]
fn addresses_with_and_without_a_port() {
    let square = vectors()
        .into_iter()
        .find(|v| v.scheme.name == "square")
        .unwrap();
    for (signed, configured, fits) in [
        (
            "https://example.com:443/hook",
            "https://example.com/hook",
            true,
        ),
        (
            "https://example.com/hook",
            "https://example.com:443/hook",
            true,
        ),
        (
            "https://example.com/hook",
            "https://example.com:8443/hook",
            true,
        ),
        (
            "http://example.com:80/hook",
            "http://example.com/hook",
            true,
        ),
        (
            "https://example.com:80/hook",
            "https://example.com/hook",
            false,
        ),
        (
            "https://example.com/hook/",
            "https://example.com/hook",
            false,
        ),
    ] {
        let mut vector = square.changed(|v| v.url = Some(signed));
        vector.url = Some(configured);
        assert_eq!(
            vector.verify(vector.now()).is_ok(),
            fits,
            "{signed} {configured}"
        );
    }
}

#[test]
fn forms_in_any_order_and_notation() {
    let twilio = vectors()
        .into_iter()
        .find(|v| v.scheme.name == "twilio")
        .unwrap();
    for body in [
        "To=%2B18005551212&From=%2B14158675309&Digits=1234&Caller=%2b14158675309&CallSid=CA1234567890ABCDE",
        "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212&Digits=1234",
    ] {
        let mut vector = twilio.clone();
        vector.body = body.into();
        assert_eq!(vector.verify(vector.now()), Ok(0), "{body}");
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
        let mut headers = HeaderMap::new();
        headers.insert("webhook-id", HeaderValue::from_str(&id).unwrap());
        let mut parts = Parts { method: Method::POST, uri: "/".parse().unwrap(), headers, peer: None, };
        let scheme = &schemes::STANDARD_WEBHOOKS;
        let signer = Signer::new(scheme, &secret, "").unwrap();
        signer.sign(&mut parts, timestamp, &body).unwrap();
        let signing = standard_webhooks::key(&secret).unwrap();
        let text = standard_webhooks::sign(&signing, &id, timestamp, &body);
        prop_assert_eq!(&parts.headers["webhook-signature"], text.as_str());

        let verifier = Verifier::new(scheme, &[secret]).unwrap();
        let now = UNIX_EPOCH + Duration::from_secs(timestamp);
        prop_assert!(verifier.verify(&parts, &body, now).is_ok());
        let mut altered = body;
        let index = flip.index(altered.len());
        altered[index] ^= 1 << bit;
        prop_assert!(verifier.verify(&parts, &altered, now).is_err());
    }
}
