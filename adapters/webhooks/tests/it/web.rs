//! What senders publish, without a network: documents by address, and how often they were asked for.

use async_trait::async_trait;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use tradewind_adapter::{Build, BuiltSource, Error, ErrorKind, Fetch, Fetched, Registry, Webhook};

pub(crate) const SNS_URL: &str =
    "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0a1b.pem";
pub(crate) const PAYPAL_URL: &str = "https://api.paypal.com/v1/notifications/certs/CERT-1";
pub(crate) const GOOGLE_URL: &str = "https://www.googleapis.com/oauth2/v3/certs";
pub(crate) const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";

/// Whoever asks for anything else gets nothing.
#[derive(Debug, Default)]
pub(crate) struct Web {
    pub(crate) documents: Mutex<HashMap<String, Vec<u8>>>,
    pub(crate) asked: AtomicUsize,
}

#[async_trait]
impl Fetch for Web {
    async fn get(&self, url: &str, max: usize) -> Result<Fetched, Error> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let documents = self.documents.lock().unwrap();
        let body = documents.get(url).filter(|d| d.len() <= max).cloned();
        body.map(|body| Fetched {
            body: body.into(),
            fresh: None,
        })
        .ok_or_else(|| Error::new(ErrorKind::NotFound, "fetch", "nothing there"))
    }
}

/// A key of a sender, and one of somebody else. Made once: it takes a while.
pub(crate) struct Signing {
    pair: KeyPair,
    rsa: RsaKeyPair,
}

pub(crate) fn key(own: bool) -> &'static Signing {
    static KEYS: [OnceLock<Signing>; 2] = [OnceLock::new(), OnceLock::new()];
    KEYS[usize::from(own)].get_or_init(|| {
        let pair = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
        let rsa = RsaKeyPair::from_pkcs8(&pair.serialize_der()).unwrap();
        Signing { pair, rsa }
    })
}

impl Signing {
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.rsa.public_modulus_len()];
        let random = SystemRandom::new();
        let signed = self
            .rsa
            .sign(&RSA_PKCS1_SHA256, &random, message, &mut signature);
        signed.unwrap();
        signature
    }

    pub(crate) fn base64(&self, message: &[u8]) -> String {
        STANDARD.encode(self.sign(message))
    }

    pub(crate) fn certificate(&self, name: &str) -> String {
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.self_signed(&self.pair).unwrap().pem()
    }

    pub(crate) fn jwk(&self, id: &str) -> Value {
        let key = self.rsa.public_key();
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": id,
            "n": text(key.modulus().big_endian_without_leading_zero()),
            "e": text(key.exponent().big_endian_without_leading_zero()),
        })
    }

    pub(crate) fn token(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.sign(message.as_bytes()));
        format!("{message}.{signature}")
    }
}

/// Everything where it lies on a good day.
pub(crate) fn web() -> Arc<Web> {
    let web = Web::default();
    let keys = json!({ "keys": [key(true).jwk("k1")] }).to_string();
    web.documents.lock().unwrap().extend([
        (
            SNS_URL.to_owned(),
            key(true).certificate("sns.amazonaws.com").into(),
        ),
        (
            PAYPAL_URL.to_owned(),
            key(true).certificate("x.paypal.com").into(),
        ),
        (GOOGLE_URL.to_owned(), keys.clone().into()),
        (
            format!("https://login.microsoftonline.com/{TENANT}/discovery/v2.0/keys"),
            keys.into(),
        ),
    ]);
    Arc::new(web)
}

pub(crate) fn registry(web: Arc<Web>) -> Registry {
    let mut registry = Registry::default();
    tradewind_webhooks::register(&mut registry, web);
    registry
}

pub(crate) fn build_on(web: Arc<Web>, kind: &str, settings: &Value) -> Arc<dyn Webhook> {
    match registry(web).build_source(kind, settings, &Build::default()) {
        Ok(BuiltSource::Push(webhook)) => webhook,
        other => unreachable!("{kind}: {other:?}"),
    }
}
