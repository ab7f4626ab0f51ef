//! What no scheme may let through.

use crate::vectors::{Vector, vectors};
use http::{HeaderMap, HeaderValue, StatusCode};
use std::time::Duration;
use tradewind_adapter::Secret;
use tradewind_signatures::{SIGNATURE_BYTES_MAX, SIGNATURES_MAX, Verifier};

fn assert_refused(vector: &Vector, headers: &HeaderMap, why: &str) {
    assert_refused_at(vector, headers, vector.now(), why);
}

fn assert_refused_at(vector: &Vector, headers: &HeaderMap, now: std::time::SystemTime, why: &str) {
    let refusal = vector.verify(headers, now).expect_err(why);
    // Nothing that the sender sees tells one reason from another.
    assert_eq!(refusal.status, StatusCode::UNAUTHORIZED, "{why}");
    assert_eq!(refusal.code, "unauthenticated", "{why}");
    assert_eq!(refusal.detail, None, "{why}");
    assert!(!refusal.reason.contains(vector.secret), "{why}");
}

fn with_signature(vector: &Vector, signature: &str) -> HeaderMap {
    let mut headers = vector.request();
    headers.insert(
        vector.signature_name(),
        HeaderValue::from_str(signature).unwrap(),
    );
    headers
}

#[test]
fn malformed_signatures() {
    for vector in vectors() {
        let digest = vector.digest();
        let good = &vector.signature;
        let body_of = &good[vector.scheme.prefix.len()..];
        let mut longer = digest.clone();
        longer.push(0);
        let table = [
            ("empty", String::new()),
            ("prefix only", vector.scheme.prefix.to_owned()),
            ("first 8 bytes", vector.written(&digest[..8])),
            ("first 31 bytes", vector.written(&digest[..31])),
            ("33 bytes", vector.written(&longer)),
            ("one character less", good[..good.len() - 1].to_owned()),
            ("one character more", format!("{good}0")),
            (
                "unpadded or cut",
                good.trim_end_matches('=')[..good.trim_end_matches('=').len().min(good.len() - 1)]
                    .to_owned(),
            ),
            ("tab inside", good.replace(body_of, &format!("\t{body_of}"))),
            ("zeroes", vector.written(&[0; 32])),
            ("a strange tag", format!("v9,{body_of}")),
            ("older tag v0", format!("v0,{body_of}")),
            ("older tag sha1", format!("sha1={body_of}")),
            ("asymmetric tag", format!("v1a,{body_of}")),
            (
                "tag in another case",
                format!("SHA256={body_of} V1,{body_of} V0={body_of}"),
            ),
        ];
        for (why, signature) in table {
            assert_refused(&vector, &with_signature(&vector, &signature), why);
        }
        if !vector.scheme.prefix.is_empty() {
            assert_refused(&vector, &with_signature(&vector, body_of), "no tag");
        }
        // A header cannot even carry a line end.
        assert!(HeaderValue::from_bytes(format!("{good}\n").as_bytes()).is_err());
        let opaque = HeaderValue::from_bytes(format!("{good}\u{e9}").as_bytes()).unwrap();
        let mut headers = vector.request();
        headers.insert(vector.signature_name(), opaque);
        assert_refused(&vector, &headers, "not ASCII");
    }
}

#[test]
fn the_url_safe_alphabet_where_the_standard_one_is_due() {
    let mut seen = 0;
    for vector in vectors() {
        let other = vector.signature.replace('+', "-").replace('/', "_");
        if other != vector.signature {
            assert_refused(
                &vector,
                &with_signature(&vector, &other),
                "url-safe alphabet",
            );
            seen += 1;
        }
    }
    assert_eq!(seen, 3);
}

#[test]
fn missing_and_repeated_headers() {
    for vector in vectors() {
        let names = vector.request().keys().cloned().collect::<Vec<_>>();
        for name in names {
            let mut headers = vector.request();
            headers.remove(&name);
            assert_refused(&vector, &headers, "missing header");
            let mut headers = vector.request();
            headers.append(&name, headers[&name].clone());
            assert_refused(&vector, &headers, "repeated header");
            let mut headers = vector.request();
            headers.insert(&name, HeaderValue::from_static(""));
            assert_refused(&vector, &headers, "empty header");
        }
    }
}

#[test]
fn altered_content() {
    for vector in vectors() {
        let mut flipped = vector.clone();
        *flipped.body.last_mut().unwrap() ^= 1;
        assert_refused(&flipped, &flipped.request(), "one bit of the body");
        let mut longer = vector.clone();
        longer.body.push(b'\n');
        assert_refused(&longer, &longer.request(), "a line end after the body");
        if let Ok(tree) = serde_json::from_slice::<serde_json::Value>(&vector.body) {
            let mut printed = vector.clone();
            printed.body = serde_json::to_vec_pretty(&tree).unwrap();
            assert_refused(&printed, &printed.request(), "the body printed again");
        }
        if vector.id.is_some() {
            let mut other = vector.clone();
            other.id = Some("msg_other".into());
            assert_refused(&other, &other.request(), "another id");
        }
        if let Some(timestamp) = &vector.timestamp {
            let mut later = vector.clone();
            later.timestamp = Some((timestamp.parse::<u64>().unwrap() + 1).to_string());
            assert_refused(&later, &later.request(), "another timestamp");
            let mut padded = vector.clone();
            padded.timestamp = Some(format!("0{timestamp}"));
            assert_refused(
                &padded,
                &padded.request(),
                "the same number in other digits",
            );
        }
        let mut tenant = vector.clone();
        tenant.secret = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx";
        assert_refused(&tenant, &vector.request(), "another tenant's secret");
    }
}

/// Signed by the right secret, and refused all the same.
#[test]
fn timestamps_outside_the_window_or_no_numbers() {
    for vector in vectors().iter().filter(|v| v.timestamp.is_some()) {
        let beyond = vector.scheme.tolerance + Duration::from_secs(1);
        assert_refused_at(vector, &vector.request(), vector.now() + beyond, "too old");
        assert_refused_at(vector, &vector.request(), vector.now() - beyond, "too new");
        let timestamp = vector.timestamp.as_ref().unwrap();
        for text in [
            format!("+{timestamp}"),
            format!("-{timestamp}"),
            format!("{timestamp}.0"),
            format!("{timestamp} "),
            format!("0x{timestamp}"),
            format!("{timestamp}e0"),
            "99999999999999999999999".into(),
            u64::MAX.to_string(),
            "now".into(),
        ] {
            let signed = vector.changed(|v| v.timestamp = Some(text.clone()));
            assert_refused_at(&signed, &signed.request(), vector.now(), &text);
        }
    }
}

#[test]
fn ids_that_could_lend_bytes_to_their_neighbours() {
    for vector in vectors().iter().filter(|v| v.id.is_some()) {
        for id in ["a.b", ".", "msg."] {
            let signed = vector.changed(|v| v.id = Some(id.into()));
            assert_refused(&signed, &signed.request(), id);
        }
    }
}

#[test]
fn more_than_is_worth_looking_at() {
    let vector = &vectors()[1];
    let list = |n: usize| format!("{}{}", "v1,x ".repeat(n - 1), vector.signature);
    assert!(
        vector
            .verify(&with_signature(vector, &list(SIGNATURES_MAX)), vector.now())
            .is_ok()
    );
    let many = with_signature(vector, &list(SIGNATURES_MAX + 1));
    assert_refused(vector, &many, "too many signatures");
    let padding = "x".repeat(SIGNATURE_BYTES_MAX);
    let long = with_signature(vector, &format!("{} {padding}", vector.signature));
    assert_refused(vector, &long, "too long a header");
}

#[test]
fn a_good_set_of_headers_beside_a_bad_one() {
    let mut vector = vectors().remove(2);
    assert_eq!(vector.headers, 1);
    let mut headers = vector.request();
    vector.headers = 0;
    vector.signature = vector.written(&[0; 32]);
    headers.extend(vector.request());
    assert_refused(&vector, &headers, "only the first set counts");
}

#[test]
fn tells_the_log_why() {
    let vector = &vectors()[1];
    let verifier = Verifier::new(vector.scheme, &[Secret::new(vector.secret)]).unwrap();
    let reason = |headers: &HeaderMap, later: u64| {
        let now = vector.now() + Duration::from_secs(later);
        verifier
            .verify(headers, &vector.body, now)
            .unwrap_err()
            .reason
    };
    let table = [
        (
            reason(&vector.request(), 412),
            "standard-webhooks signature: the timestamp is 412 s old, allowed are 300 s",
        ),
        (
            reason(&HeaderMap::new(), 0),
            "standard-webhooks signature: the header `webhook-signature` or `svix-signature` is missing",
        ),
        (
            reason(&with_signature(vector, "v1,"), 0),
            "standard-webhooks signature: no signature of the form `v1,` and 32 bytes in base64",
        ),
        (
            reason(&with_signature(vector, &vector.written(&[1; 32])), 0),
            "standard-webhooks signature: none of the 1 configured secrets made the signature",
        ),
    ];
    for (said, expected) in table {
        assert_eq!(said, expected);
    }
}
