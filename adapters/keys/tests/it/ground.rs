//! A key server, keys, and tokens by them.

use async_trait::async_trait;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tradewind_adapter::{Cause, Error, ErrorKind, Fetch, Fetched};
use tradewind_keys::{Issuer, KeysAt};

pub(crate) const NOW: u64 = 1_739_923_528;
pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const URL: &str = "https://id.example/keys";

pub(crate) fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

/// Answers one document at every address, or nothing; others where these have addresses of their own.
#[derive(Debug, Default)]
pub(crate) struct Server {
    pub(crate) document: Mutex<Option<String>>,
    pub(crate) others: Mutex<HashMap<String, String>>,
    pub(crate) fresh: Mutex<Option<Duration>>,
    pub(crate) asked: AtomicUsize,
    pub(crate) urls: Mutex<Vec<String>>,
}

#[async_trait]
impl Fetch for Server {
    async fn get(&self, url: &str, max: usize) -> Result<Fetched, Error> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.urls.lock().unwrap().push(url.to_owned());
        // Others come meanwhile.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let other = self.others.lock().unwrap().get(url).cloned();
        let document = other.or_else(|| self.document.lock().unwrap().clone());
        let document = document.filter(|d| d.len() <= max);
        let down = || Error::new(ErrorKind::Unavailable, "fetch", "down");
        Ok(Fetched {
            body: document.ok_or_else(down)?.into(),
            fresh: *self.fresh.lock().unwrap(),
        })
    }
}

impl Server {
    pub(crate) fn with(keys: &[Value]) -> Arc<Self> {
        let server = Arc::new(Self::default());
        server.publish(keys);
        server
    }

    pub(crate) fn publish(&self, keys: &[Value]) {
        *self.document.lock().unwrap() = Some(json!({ "keys": keys }).to_string());
    }

    pub(crate) fn fail(&self) {
        *self.document.lock().unwrap() = None;
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub(crate) fn issuer(self: &Arc<Self>) -> Issuer {
        Issuer::new(ISSUER, KeysAt::Url(URL.into()), self.clone())
    }
}

/// A key that signs.
pub(crate) enum Signing {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// Made once: RSA takes a while.
pub(crate) fn rsa(own: bool) -> &'static Signing {
    static KEYS: [OnceLock<Signing>; 2] = [OnceLock::new(), OnceLock::new()];
    KEYS[usize::from(own)]
        .get_or_init(|| Signing::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()))
}

pub(crate) fn text(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Signing {
    pub(crate) fn p256() -> Self {
        Self::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    pub(crate) fn ed25519() -> Self {
        Self::Ed25519(Ed25519KeyPair::generate().unwrap())
    }

    pub(crate) fn jwk(&self, id: &str) -> Value {
        let mut jwk = match self {
            Self::Rsa(pair) => {
                let key = pair.public_key();
                let (n, e) = (key.modulus(), key.exponent());
                json!({
                    "kty": "RSA", "alg": "RS256",
                    "n": text(n.big_endian_without_leading_zero()), "e": text(e.big_endian_without_leading_zero()),
                })
            }
            Self::P256(pair) => {
                let point = pair.public_key().as_ref();
                json!({ "kty": "EC", "crv": "P-256", "x": text(&point[1..33]), "y": text(&point[33..]) })
            }
            Self::Ed25519(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": text(pair.public_key()) })
            }
        };
        jwk["kid"] = id.into();
        jwk["use"] = "sig".into();
        jwk
    }

    pub(crate) fn token(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", text(header.to_string()), text(claims.to_string()));
        let random = SystemRandom::new();
        let signature = match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let padding = match header["alg"] == "PS256" {
                    true => &RSA_PSS_SHA256,
                    false => &RSA_PKCS1_SHA256,
                };
                let signed = pair.sign(padding, &random, message.as_bytes(), &mut signature);
                signed.unwrap();
                signature
            }
            Self::P256(pair) => {
                let signed = pair.sign(&random, message.as_bytes()).unwrap();
                signed.as_ref().to_vec()
            }
            Self::Ed25519(pair) => pair.sign(message.as_bytes()).as_ref().to_vec(),
        };
        format!("{message}.{}", text(signature))
    }
}

pub(crate) fn head(key: &str) -> Value {
    json!({ "alg": "RS256", "typ": "JWT", "kid": key })
}

pub(crate) fn claims() -> Value {
    json!({ "iss": ISSUER, "aud": "us", "sub": "a", "iat": NOW, "exp": NOW + 300 })
}

/// As a gateway does it.
pub(crate) async fn judge(issuer: &Issuer, token: &str) -> Result<(), Option<Cause>> {
    if let Some(fetching) = issuer.missing(token) {
        fetching.await.map_err(|refusal| refusal.cause)?;
    }
    let verified = issuer.verify(token, &["us".into(), "also us".into()], now());
    verified.map(drop).map_err(|refusal| refusal.cause)
}
