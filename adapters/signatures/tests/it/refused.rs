//! What no scheme may let through.

use crate::negatives::negatives;
use crate::vectors::{Vector, vectors};
use http::{HeaderValue, StatusCode};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};
use tradewind_signatures::{SIGNATURE_BYTES_MAX, SIGNATURES_MAX, schemes};

fn assert_refused(vector: &Vector, now: SystemTime, why: &str) {
    let name = vector.scheme.name;
    let refusal = vector.verify(now).expect_err(&format!("{name}: {why}"));
    // Nothing that the sender sees tells one reason from another.
    assert_eq!(refusal.status, StatusCode::UNAUTHORIZED, "{name}, {why}");
    assert_eq!(refusal.code, "unauthenticated", "{name}, {why}");
    assert_eq!(refusal.detail, None, "{name}, {why}");
    assert!(!refusal.reason.contains(vector.secret), "{name}, {why}");
}

/// The table that docs/guarantees.md links to.
#[test]
fn vectors_pass_and_their_negatives_do_not() {
    let (mut passed, mut published) = (0, 0);
    let mut refused: BTreeMap<&str, usize> = BTreeMap::new();
    for vector in vectors() {
        assert_eq!(vector.verify(vector.now()), Ok(0), "{vector:?}");
        passed += 1;
        published += usize::from(vector.published);
        let negatives = negatives(&vector);
        for (why, negative, now) in &negatives {
            assert_refused(negative, *now, why);
        }
        *refused.entry(vector.scheme.name).or_default() += negatives.len();
    }
    let mut named = schemes::ALL.iter().map(|scheme| scheme.name);
    assert!(named.all(|name| refused.contains_key(name)), "{refused:?}");
    assert!(refused.values().all(|count| *count >= 15), "{refused:?}");
    println!(
        "signatures: {} schemes and 2 of a configuration, {passed} vectors passed ({published} published, \
         the others made by other libraries), {} negatives refused",
        schemes::ALL.len(),
        refused.values().sum::<usize>()
    );
}

/// Signed by the right secret, and refused all the same.
#[test]
fn ids_and_headers_that_could_lend_bytes_to_their_neighbours() {
    let mut seen = 0;
    for vector in vectors().iter().filter(|v| v.signs()) {
        if let Some(name) = vector.places().id {
            let mut other = vector.clone();
            other
                .parts
                .headers
                .insert(name, HeaderValue::from_static("a.b"));
            assert_refused(&other, vector.now(), "a dot");
            seen += 1;
        }
        if vector.parts.headers.contains_key("x-topic") {
            let mut other = vector.clone();
            let moved = format!("orders|{}", vector.timestamp.as_ref().unwrap());
            let value = HeaderValue::from_str(&moved).unwrap();
            other.parts.headers.insert("x-topic", value);
            assert_refused(&other, vector.now(), "a separator");
            seen += 1;
        }
    }
    assert_eq!(seen, 4);
}

/// Digits that move from the timestamp to the body leave the signature as it is.
#[test]
fn timestamps_that_nothing_ends_have_ten_digits() {
    let mut seen = 0;
    for vector in vectors() {
        let name = match vector.scheme.name {
            "discord" => "x-signature-timestamp",
            "sendgrid" => "x-twilio-email-event-webhook-timestamp",
            _ => continue,
        };
        let text = vector.timestamp.clone().unwrap();
        let mut moved = vector.clone();
        moved
            .parts
            .headers
            .insert(name, HeaderValue::from_str(&text[..9]).unwrap());
        moved.body.insert(0, text.as_bytes()[9]);
        let nine = text[..9].parse().unwrap();
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(nine);
        assert_refused(&moved, then, "nine digits");
        seen += 1;
    }
    assert_eq!(seen, 3);
}

#[test]
fn more_than_is_worth_looking_at() {
    let vector = &vectors()[1];
    let list = |n: usize| format!("{}{}", "v1,x ".repeat(n - 1), vector.signature());
    let most = vector.with_signature(&list(SIGNATURES_MAX));
    assert_eq!(most.verify(vector.now()), Ok(0));
    let many = vector.with_signature(&list(SIGNATURES_MAX + 1));
    assert_refused(&many, vector.now(), "too many signatures");
    let padding = "x".repeat(SIGNATURE_BYTES_MAX);
    let long = vector.with_signature(&format!("{} {padding}", vector.signature()));
    assert_refused(&long, vector.now(), "too long a header");
}

#[test]
fn a_good_set_of_headers_beside_a_bad_one() {
    let mut vector = vectors().remove(2);
    for (name, value) in [
        ("webhook-id", "msg_1"),
        ("webhook-timestamp", "1614265330"),
        (
            "webhook-signature",
            "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        ),
    ] {
        vector
            .parts
            .headers
            .insert(name, HeaderValue::from_static(value));
    }
    assert_refused(&vector, vector.now(), "only the first set counts");
}

/// Many bytes are read as one character: whoever has a signature over it has none over them.
#[test]
fn a_form_that_is_not_utf8() {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use hmac::{Hmac, KeyInit, Mac};
    let twilio = vectors().into_iter().find(|v| v.url.is_some()).unwrap();
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(twilio.secret.as_bytes()).unwrap();
    mac.update(format!("{}a\u{fffd}", twilio.url.unwrap()).as_bytes());
    let mut signed = twilio.with_signature(&STANDARD.encode(mac.finalize().into_bytes()));
    for body in [&b"a=%ff"[..], b"a=%fe", b"a=\xff", "a=\u{fffd}".as_bytes()] {
        signed.body = body.to_vec();
        assert_refused(&signed, signed.now(), "a form that is not UTF-8");
    }
}

#[test]
fn tells_the_log_why() {
    let vector = &vectors()[1];
    let reason = |vector: &Vector, later: u64| {
        let now = vector.now() + Duration::from_secs(later);
        vector.verify(now).unwrap_err().reason
    };
    let mut bare = vector.clone();
    bare.parts.headers.clear();
    let zeroes = "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let table = [
        (
            reason(vector, 412),
            "the timestamp is 412 s old, allowed are 300 s",
        ),
        (
            reason(&bare, 0),
            "the header `webhook-signature` or the header `svix-signature` is missing",
        ),
        (
            reason(&vector.with_signature("v1,"), 0),
            "no signature of the form `v1,` and 32 bytes in base64",
        ),
        (
            reason(&vector.with_signature(zeroes), 0),
            "none of the 1 configured secrets made the signature",
        ),
    ];
    for (said, expected) in table {
        assert_eq!(said, format!("standard-webhooks signature: {expected}"));
    }
}
