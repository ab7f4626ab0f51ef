//! Credentials that are none.

use super::oidc::Oidc;
use super::{bearer, key};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

type Attacks = Vec<(String, String)>;

fn encode(text: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// The parts of a token.
fn parts(token: &str) -> (Value, Value, String) {
    let mut all = token.split('.');
    let mut json = || {
        let bytes = URL_SAFE_NO_PAD.decode(all.next().unwrap_or_default());
        serde_json::from_slice(&bytes.unwrap_or_default()).unwrap_or_default()
    };
    let (head, claims) = (json(), json());
    (head, claims, all.next().unwrap_or_default().to_owned())
}

fn put(head: &Value, claims: &Value, signature: &str) -> String {
    let (head, claims) = (head.to_string(), claims.to_string());
    bearer(&format!("{}.{}.{signature}", encode(head), encode(claims)))
}

/// A good token with another key id.
pub(super) fn unknown_key(good: &str, n: u64) -> String {
    let (mut head, claims, signature) = parts(good);
    head["kid"] = format!("stranger-{n}").into();
    put(&head, &claims, &signature)
}

/// A good token with a claim or a part of its head changed, or without its signature.
pub(super) fn altered(good: &str) -> Attacks {
    let (head, claims, signature) = parts(good);
    let mut attacks: Attacks = Vec::new();
    for (name, value) in [
        ("exp", json!(4_102_444_800_u64)),
        ("aud", json!(["urn:tradewind", "urn:other"])),
        ("email", json!("push@q.iam.gserviceaccount.com")),
        ("azp", json!("shop")),
        ("iss", json!("https://evil.example")),
    ] {
        let mut claims = claims.clone();
        claims[name] = value;
        attacks.push((format!("another `{name}`"), put(&head, &claims, &signature)));
    }
    for alg in ["none", "HS256", "PS256"] {
        let mut head = head.clone();
        head["alg"] = alg.into();
        attacks.push((format!("alg `{alg}`"), put(&head, &claims, "")));
    }
    attacks.push(("no signature".to_owned(), put(&head, &claims, "")));
    attacks.push(("an unknown key".to_owned(), unknown_key(good, 0)));
    attacks
}

/// What a good token can be made into, and tokens of the issuer that are for somebody else.
pub(super) async fn tokens(issuer: &Oidc, good: &str) -> Result<Attacks, String> {
    let (head, claims, signature) = parts(good);
    let changed = |of: &Value, name: &str, value: Value| {
        let mut of = of.clone();
        of[name] = value;
        of
    };
    let mut attacks: Attacks = Vec::new();
    let mut add = |what: &str, proof: String| attacks.push((what.to_owned(), proof));
    for alg in [
        "none", "None", "nOnE", "HS256", "HS384", "HS512", "RS512", "PS256", "ES256", "",
    ] {
        let head = changed(&head, "alg", alg.into());
        add(&format!("alg `{alg}`"), put(&head, &claims, &signature));
        add(&format!("alg `{alg}`, unsigned"), put(&head, &claims, ""));
    }
    for kid in [
        "../../../../dev/null",
        "k1' OR '1'='1",
        "https://evil.example/keys",
        "k1\0",
        "K1",
        "",
    ] {
        let head = changed(&head, "kid", kid.into());
        add(&format!("kid `{kid}`"), put(&head, &claims, &signature));
    }
    for name in ["jku", "x5u", "jwk", "x5c", "crit", "b64"] {
        let head = changed(&head, name, json!(["https://127.0.0.1:1/keys"]));
        add(
            &format!("a header `{name}`"),
            put(&head, &claims, &signature),
        );
    }
    for (name, value) in [
        ("sub", json!("admin")),
        ("scope", json!("publish read")),
        ("exp", json!(9_999_999_999_u64)),
        ("aud", json!("urn:other")),
        ("iss", json!("https://evil.example")),
    ] {
        let claims = changed(&claims, name, value);
        add(
            &format!("another `{name}`"),
            put(&head, &claims, &signature),
        );
    }
    let other = issuer
        .token("client=shop&scope=publish&resource=urn:other")
        .await?;
    add("for another audience", bearer(&other));
    add(
        "without the scope",
        bearer(&issuer.token("client=shop&scope=read").await?),
    );
    add(
        "without any scope",
        bearer(&issuer.token("client=shop").await?),
    );
    for (what, proof) in [
        ("nothing", String::new()),
        ("no scheme", good.to_owned()),
        ("Basic", format!("Basic {good}")),
        ("two spaces", format!("Bearer  {good}")),
        ("doubled", format!("Bearer {good}, Bearer {good}")),
        (
            "cut",
            bearer(good.get(..good.len() - 8).unwrap_or_default()),
        ),
        (
            "no signature",
            bearer(good.rsplit_once('.').map_or("", |(rest, _)| rest)),
        ),
        ("padded", bearer(&format!("{good}=="))),
        ("an API key", bearer(&key("shop", 1))),
        ("long", bearer(&"a.".repeat(8_000))),
    ] {
        add(what, proof);
    }
    Ok(attacks)
}

/// What a good API key can be made into.
pub(super) fn keys(good: &str) -> Attacks {
    let cut = good.get(..good.len() - 1).unwrap_or_default();
    [
        ("a key never made", bearer(&key("shop", 9))),
        ("an unknown id", bearer(&key("nobody", 1))),
        ("another id", bearer(&good.replace("shop", "gone"))),
        ("capitals", bearer(&good.to_uppercase())),
        ("cut", bearer(cut)),
        ("longer", bearer(&format!("{good}0"))),
        ("its hash", bearer(&super::hash(good))),
        ("no scheme", good.to_owned()),
        (
            "Basic",
            format!("Basic {}", STANDARD.encode(format!("shop:{good}"))),
        ),
    ]
    .map(|(what, proof)| (what.to_owned(), proof))
    .into()
}
