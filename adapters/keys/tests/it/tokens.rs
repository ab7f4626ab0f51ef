//! What a token must be.

use crate::ground::{ISSUER, NOW, Server, Signing, claims, head, judge, rsa, text};
use serde_json::{Value, json};
use tradewind_adapter::Cause;
use tradewind_keys::{Algorithm, TOKEN_MAX};

#[tokio::test(start_paused = true)]
async fn tokens_of_every_algorithm_and_their_negatives() {
    let (own, p256, ed) = (rsa(true), Signing::p256(), Signing::ed25519());
    let mut any = own.jwk("any");
    any.as_object_mut().unwrap().remove("alg");
    let server = Server::with(&[own.jwk("k1"), any, p256.jwk("k2"), ed.jwk("k3")]);
    let issuer = server.issuer();
    let with = |mut value: Value, name: &str, changed: Value| {
        value[name] = changed;
        value
    };
    let algorithm = |name: &str, key: &str| json!({ "alg": name, "kid": key });
    let passing = [
        own.token(&head("k1"), &claims()),
        own.token(&algorithm("PS256", "any"), &claims()),
        p256.token(&algorithm("ES256", "k2"), &claims()),
        ed.token(&algorithm("EdDSA", "k3"), &claims()),
        own.token(&head("k1"), &with(claims(), "aud", json!(["x", "also us"]))),
        own.token(&head("k1"), &with(claims(), "exp", json!(NOW - 59))),
        own.token(&head("k1"), &with(claims(), "nbf", json!(NOW + 60))),
        own.token(&head("k1"), &with(claims(), "exp", json!(NOW as f64 + 0.5))),
        // Where a token says that its keys lie is never looked at.
        own.token(
            &with(head("k1"), "jku", json!("https://evil.example/keys")),
            &claims(),
        ),
    ];
    for token in &passing {
        assert_eq!(judge(&issuer, token).await, Ok(()), "{token}");
    }
    assert_eq!(server.asked(), 1);

    let good = own.token(&head("k1"), &claims());
    let parts: Vec<&str> = good.split('.').collect();
    let [header, payload, signature] = parts[..] else {
        panic!("{good}")
    };
    let other = text(with(claims(), "sub", json!("b")).to_string());
    let bare = |header: Value| format!("{}.{payload}.{signature}", text(header.to_string()));
    let secret = own.jwk("k1")["n"].as_str().unwrap().to_owned();
    use Cause::{Malformed, Mismatch, Stale, UnknownKey, WrongTenant};
    let forged = with(head("k1"), "jwk", rsa(false).jwk("k1"));
    let negatives: Vec<(&str, String, Cause)> = vec![
        ("nothing", String::new(), Malformed),
        ("no dots", "abc".into(), Malformed),
        ("two parts", format!("{header}.{payload}"), Malformed),
        ("four parts", format!("{good}.{signature}"), Malformed),
        ("a space behind", format!("{good} "), Mismatch),
        ("no signature", format!("{header}.{payload}."), Mismatch),
        (
            "half a signature",
            format!("{header}.{payload}.{}", &signature[..8]),
            Mismatch,
        ),
        ("padding", format!("{good}=="), Mismatch),
        (
            "another payload",
            format!("{header}.{other}.{signature}"),
            Mismatch,
        ),
        (
            "a header that is no JSON",
            format!("{}.{payload}.{signature}", text("x")),
            Malformed,
        ),
        (
            "alg none",
            bare(json!({ "alg": "none", "kid": "k1" })),
            Malformed,
        ),
        (
            "alg None, without signature",
            format!("{}.{payload}.", text(r#"{"alg":"None"}"#)),
            Malformed,
        ),
        (
            "a secret",
            bare(json!({ "alg": "HS256", "kid": "k1" })),
            Malformed,
        ),
        (
            "a public key as secret",
            rsa(false).token(&json!({ "alg": "HS256", "kid": secret }), &claims()),
            Malformed,
        ),
        ("no algorithm", bare(json!({ "kid": "k1" })), Malformed),
        (
            "critical",
            own.token(&with(head("k1"), "crit", json!(["x"])), &claims()),
            Malformed,
        ),
        (
            "PSS by a key for PKCS 1",
            own.token(&algorithm("PS256", "k1"), &claims()),
            UnknownKey,
        ),
        (
            "ES256 by a key for RSA",
            p256.token(&algorithm("ES256", "any"), &claims()),
            UnknownKey,
        ),
        (
            "RS256 by the key for ES256",
            own.token(&head("k2"), &claims()),
            UnknownKey,
        ),
        ("unknown key", own.token(&head("k9"), &claims()), UnknownKey),
        (
            "no key, of several",
            own.token(&json!({ "alg": "RS256" }), &claims()),
            UnknownKey,
        ),
        (
            "another's key",
            rsa(false).token(&head("k1"), &claims()),
            Mismatch,
        ),
        (
            "a key that the token brings",
            rsa(false).token(&forged, &claims()),
            Mismatch,
        ),
        (
            "issuer",
            own.token(
                &head("k1"),
                &with(claims(), "iss", json!("https://id.example/")),
            ),
            WrongTenant,
        ),
        (
            "issuers",
            own.token(&head("k1"), &with(claims(), "iss", json!([ISSUER]))),
            WrongTenant,
        ),
        (
            "no issuer",
            own.token(&head("k1"), &with(claims(), "iss", json!(null))),
            WrongTenant,
        ),
        (
            "audience",
            own.token(&head("k1"), &with(claims(), "aud", json!("US"))),
            WrongTenant,
        ),
        (
            "no audience",
            own.token(&head("k1"), &with(claims(), "aud", json!([]))),
            WrongTenant,
        ),
        (
            "expired",
            own.token(&head("k1"), &with(claims(), "exp", json!(NOW - 60))),
            Stale,
        ),
        (
            "long expired",
            own.token(&head("k1"), &with(claims(), "exp", json!(-1))),
            Stale,
        ),
        (
            "no end",
            own.token(&head("k1"), &with(claims(), "exp", json!(null))),
            Malformed,
        ),
        (
            "an end in words",
            own.token(&head("k1"), &with(claims(), "exp", json!("9999999999"))),
            Malformed,
        ),
        (
            "not yet",
            own.token(&head("k1"), &with(claims(), "nbf", json!(NOW + 61))),
            Stale,
        ),
        (
            "from the future",
            own.token(&head("k1"), &with(claims(), "iat", json!(NOW + 61))),
            Stale,
        ),
        ("no object", own.token(&head("k1"), &json!([1])), Mismatch),
        (
            "long",
            format!("{good}{}", "A".repeat(TOKEN_MAX)),
            Malformed,
        ),
    ];
    let count = negatives.len();
    for (why, token, cause) in negatives {
        assert_eq!(judge(&issuer, &token).await, Err(Some(cause)), "{why}");
    }
    let strict = server.issuer().only(&[Algorithm::ES256]);
    assert_eq!(judge(&strict, &good).await, Err(Some(Malformed)));
    assert!(count >= 15, "{count}");
    println!(
        "signatures: tokens (JWT), {} by 4 algorithms passed, {} negatives refused",
        passing.len(),
        count + 1
    );
}

/// Keys that no token is believed by.
#[tokio::test(start_paused = true)]
async fn keys_that_do_not_count() {
    let own = rsa(true);
    let change = |name: &str, value: Value| {
        let mut jwk = own.jwk("k1");
        jwk[name] = value;
        jwk
    };
    let token = own.token(&head("k1"), &claims());
    for (why, keys) in [
        ("for encryption", vec![change("use", json!("enc"))]),
        (
            "bound to another algorithm",
            vec![change("alg", json!("RS512"))],
        ),
        ("for key wrapping", vec![change("alg", json!("RSA-OAEP"))]),
        ("short", vec![change("n", json!("AQAB".repeat(30)))]),
        (
            "secret",
            vec![json!({ "kty": "oct", "k": "c2VjcmV0", "kid": "k1" })],
        ),
        ("no keys", vec![]),
        ("too many", vec![own.jwk("k1"); 101]),
        (
            "nonsense",
            vec![json!(1), json!({}), json!({ "kty": "RSA" })],
        ),
    ] {
        let server = Server::with(&keys);
        let told = judge(&server.issuer(), &token).await;
        assert!(
            matches!(told, Err(Some(Cause::Unavailable | Cause::UnknownKey))),
            "{why}: {told:?}"
        );
    }
    // Among others that are not understood, a good one counts; of one name there may be two.
    let keys = [json!({ "kty": "new" }), rsa(false).jwk("k1"), own.jwk("k1")];
    assert_eq!(judge(&Server::with(&keys).issuer(), &token).await, Ok(()));
    // Without a name, where there is only one.
    let token = own.token(&json!({ "alg": "RS256" }), &claims());
    let server = Server::with(&[own.jwk("k1")]);
    assert_eq!(judge(&server.issuer(), &token).await, Ok(()));
}
