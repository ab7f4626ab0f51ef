//! Who gets in, by what, and who does not.

use super::api_key::{assemble, hash_hex};
use super::*;
use crate::{Build, Cause, Error, Peer, Pending, Refusal, Verified};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Takes tokens that are a JSON object of claims.
#[derive(Debug)]
struct Trusting;

impl Tokens for Trusting {
    fn missing<'a>(&'a self, _: &str) -> Option<Pending<'a>> {
        Some(Box::pin(async { Ok(()) }))
    }
    fn verify(
        &self,
        token: &str,
        audiences: &[String],
        _: SystemTime,
    ) -> Result<Map<String, Value>, Refusal> {
        let claims: Option<Map<String, Value>> = serde_json::from_str(token).ok();
        let claims = claims.filter(|claims| claims["aud"] == audiences[0].as_str());
        claims.ok_or_else(|| Refusal::unverified(Cause::WrongTenant, "not for us"))
    }
}

impl Issuers for Trusting {
    fn issuer(&self, _: &Jwt) -> Result<Arc<dyn Tokens>, Error> {
        Ok(Arc::new(Trusting))
    }
}

fn key(n: u8) -> String {
    assemble("shop", &[n; api_key::SECRET_BYTES]).unwrap()
}

fn callers(auth: Value) -> Callers {
    let shop = ApiKey {
        sha256: vec![hash_hex(&key(1)), hash_hex(&key(2))],
        expires_ms: Some(1000),
        scopes: Some([Action::Replay].into()),
        ..ApiKey::default()
    };
    let build = Build {
        name: "door".into(),
        api_keys: Arc::new([("shop".to_owned(), shop)].into()),
        issuers: Some(Arc::new(Trusting)),
        ..Build::default()
    };
    let auth: Auth = serde_json::from_value(auth).unwrap();
    Callers::new(Some(&auth), &build).unwrap()
}

fn jwt() -> Value {
    json!({ "issuer": "https://id.example", "audience": ["us", "them"], "claims": { "role": "shop" } })
}

fn verify(
    callers: &Callers,
    headers: &[(HeaderName, String)],
    ms: u64,
) -> Result<Verified, Refusal> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(name, value.parse().unwrap());
    }
    callers.verify(&map, None, UNIX_EPOCH + Duration::from_millis(ms))
}

#[test]
fn every_proof_where_it_is_taken_and_nowhere_else() {
    let only = |name: &str, value: Value| json!({ (name): value });
    let doors = [
        ("key", callers(only("api-keys", json!(["shop"])))),
        ("basic", callers(only("basic", json!(["shop"])))),
        ("jwt", callers(only("jwt", jwt()))),
        (
            "all",
            callers(json!({ "api-keys": ["shop"], "basic": ["shop"], "jwt": jwt() })),
        ),
    ];
    let bearer = |text: &str| (AUTHORIZATION, format!("Bearer {text}"));
    let plain = |text: &str| (HeaderName::from_static("x-api-key"), text.to_owned());
    let basic = |user: &str, password: &str| {
        let pair = STANDARD.encode(format!("{user}:{password}"));
        (AUTHORIZATION, format!("Basic {pair}"))
    };
    let token = |claims: Value| (AUTHORIZATION, format!("Bearer {claims}"));
    let good = json!({ "aud": "us", "sub": "a", "role": "shop" });
    let without = |name: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(name);
        claims
    };
    let (shop, subject) = ("api-key:shop", "jwt:https://id.example#a");
    type Table<'a> = Vec<(&'a str, Vec<(HeaderName, String)>, &'a [&'a str], &'a str)>;
    let table: Table<'_> = vec![
        ("a key", vec![bearer(&key(1))], &["key", "all"], shop),
        (
            "the one before",
            vec![plain(&key(2))],
            &["key", "all"],
            shop,
        ),
        ("a key never made", vec![plain(&key(3))], &[], ""),
        (
            "Basic",
            vec![basic("shop", &key(1))],
            &["basic", "all"],
            shop,
        ),
        ("the other user", vec![basic("till", &key(1))], &[], ""),
        ("no user", vec![basic("", &key(1))], &[], ""),
        ("no password", vec![basic("shop", "")], &[], ""),
        ("a hash", vec![basic("shop", &hash_hex(&key(1)))], &[], ""),
        (
            "no base64",
            vec![(AUTHORIZATION, "Basic !".into())],
            &[],
            "",
        ),
        (
            "no colon",
            vec![(AUTHORIZATION, "Basic c2hvcA==".into())],
            &[],
            "",
        ),
        (
            "a token",
            vec![token(good.clone())],
            &["jwt", "all"],
            subject,
        ),
        ("no role", vec![token(without("role"))], &[], ""),
        ("no subject", vec![token(without("sub"))], &[], ""),
        ("no scheme", vec![(AUTHORIZATION, key(1))], &[], ""),
        (
            "Digest",
            vec![(AUTHORIZATION, format!("Digest {}", key(1)))],
            &[],
            "",
        ),
        ("two", vec![bearer(&key(1)), plain(&key(1))], &[], ""),
        ("twice", vec![bearer(&key(1)), bearer(&key(1))], &[], ""),
        ("nothing", vec![], &[], ""),
    ];
    for (what, headers, passes, principal) in table {
        for (name, door) in &doors {
            match verify(door, &headers, 999) {
                Ok(verified) => {
                    assert!(passes.contains(name), "{what} at {name}");
                    assert_eq!(verified.principal, principal);
                }
                Err(refusal) => {
                    assert!(!passes.contains(name), "{what} at {name}: {refusal}");
                    assert_eq!((refusal.status.as_u16(), &refusal.detail), (401, &None));
                    let told = format!("{refusal:?}");
                    assert!(!told.contains("tw_") && !told.contains("0101"), "{told}");
                }
            }
        }
    }
}

#[test]
fn keys_end_and_are_good_for_what_they_are_good_for() {
    let door = callers(json!({ "api-keys": ["shop"] }));
    let headers = [(AUTHORIZATION, format!("Bearer {}", key(2)))];
    let verified = verify(&door, &headers, 999).unwrap();
    assert!(verified.may(Action::Replay).is_ok());
    let refusal = verified.may(Action::Publish).unwrap_err();
    assert_eq!(refusal.status.as_u16(), 403);
    assert_eq!(refusal.cause, Some(Cause::NotAllowed));
    assert_eq!(verified.key.unwrap().fingerprint, hash_hex(&key(2))[..8]);
    let refusal = verify(&door, &headers, 1000).unwrap_err();
    assert_eq!(refusal.cause, Some(Cause::Stale));
    // Who does not know the key is not told that it has ended.
    let headers = [(AUTHORIZATION, format!("Bearer {}", key(3)))];
    let refusal = verify(&door, &headers, 1000).unwrap_err();
    assert_eq!(refusal.cause, Some(Cause::Mismatch));
}

#[test]
fn challenges_name_what_is_taken() {
    for (auth, challenge) in [
        (
            json!({ "api-keys": ["shop"] }),
            Some(r#"Bearer realm="tradewind""#),
        ),
        (
            json!({ "basic": ["shop"] }),
            Some(r#"Basic realm="tradewind", charset="UTF-8""#),
        ),
        (
            json!({ "basic": ["shop"], "jwt": jwt() }),
            Some(r#"Bearer realm="tradewind", Basic realm="tradewind", charset="UTF-8""#),
        ),
        (json!("none-i-understand"), None),
    ] {
        let told = callers(auth).challenge();
        assert_eq!(told.as_ref().map(|v| v.to_str().unwrap()), challenge);
    }
}

#[test]
fn settings_of_tokens_that_would_let_anybody_in_are_refused() {
    let build = Build {
        issuers: Some(Arc::new(Trusting)),
        ..Build::default()
    };
    for (name, value, hint) in [
        ("issuer", json!("http://id.example"), "no https:// URL"),
        ("audience", json!([]), "tokens for anybody"),
        ("audience", json!(""), "tokens for anybody"),
        ("claims", json!({ "role": [] }), "names no value"),
    ] {
        let mut settings = jwt();
        settings[name] = value;
        let auth: Auth = serde_json::from_value(json!({ "jwt": settings })).unwrap();
        let error = Callers::new(Some(&auth), &build).unwrap_err();
        assert!(error.message().contains(hint), "{error}");
    }
    for (auth, words) in [
        (json!({ "jwt": {} }), "missing field `issuer`"),
        (
            json!({ "jwt": { "issuer": "https://a.example" } }),
            "missing field `audience`",
        ),
        (json!({ "jtw": {} }), "unknown field `jtw`"),
        (json!("none"), "unknown variant `none`"),
        (json!(true), "invalid type: boolean"),
    ] {
        let error = serde_json::from_value::<Auth>(auth)
            .unwrap_err()
            .to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn names_of_certificates() {
    let door = callers(json!({
        "certificates": ["uri:spiffe://acme/shop", "uri:spiffe://acme/till/*", "dns:shop.example"],
    }));
    for (names, principal) in [
        (
            &["uri:spiffe://acme/shop"][..],
            Some("uri:spiffe://acme/shop"),
        ),
        (
            &["email:a@b.example", "dns:shop.example"],
            Some("dns:shop.example"),
        ),
        (
            &["uri:spiffe://acme/till/1"],
            Some("uri:spiffe://acme/till/1"),
        ),
        (&["uri:spiffe://acme/till/"], None),
        (&["uri:spiffe://acme/shop/1"], None),
        (&["uri:dns:shop.example"], None),
        (&["dns:a.shop.example"], None),
        (&[], None),
    ] {
        let peer = Peer {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
        };
        let told = door.verify(&HeaderMap::new(), Some(&peer), UNIX_EPOCH);
        let told = told.ok().map(|verified| verified.principal);
        assert_eq!(
            told,
            principal.map(|p| format!("certificate:{p}")),
            "{names:?}"
        );
        // Who shows a credential besides is judged by that.
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, format!("Bearer {}", key(1)).parse().unwrap());
        assert!(door.verify(&headers, Some(&peer), UNIX_EPOCH).is_err());
    }
    for name in [
        "shop.example",
        "cn:shop",
        "dns:",
        "dns:*.shop.example",
        "uri:spiffe://acme*",
        "uri:*/a",
    ] {
        let auth: Auth = serde_json::from_value(json!({ "certificates": [name] })).unwrap();
        let error = Callers::new(Some(&auth), &Build::default()).unwrap_err();
        assert!(
            error.message().contains("is no name of a certificate"),
            "{error}"
        );
    }
}
