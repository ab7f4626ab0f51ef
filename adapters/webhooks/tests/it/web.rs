//! What senders publish, without a network: documents by address, and how often they were asked for.

use async_trait::async_trait;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DnType, IsCa, KeyPair,
    PKCS_RSA_SHA256, PublicKeyData,
};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use tradewind_adapter::{Build, BuiltSource, Error, ErrorKind, Fetch, Fetched, Registry, Webhook};
use tradewind_signatures::Authorities;

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

    fn reaching(&self, ca: Option<&Path>, allow: &[String]) -> Result<Arc<dyn Fetch>, Error> {
        assert_eq!(
            (ca, allow),
            (Some(Path::new("ca.pem")), &["127.0.0.0/8".to_owned()][..])
        );
        let documents = self.documents.lock().unwrap().clone();
        Ok(Arc::new(Self {
            documents: Mutex::new(documents),
            ..Self::default()
        }))
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

    /// The public key, SPKI.
    pub(crate) fn public(&self) -> Vec<u8> {
        self.pair.subject_public_key_info()
    }

    pub(crate) fn base64(&self, message: &[u8]) -> String {
        STANDARD.encode(self.sign(message))
    }

    /// A certificate that an authority between the trusted one and its holder has issued, without that one's.
    pub(crate) fn certificate(&self, name: &str) -> String {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.custom_extensions.push(issued_at(ISSUER_URL));
        params
            .signed_by(&self.pair, &authority().between)
            .unwrap()
            .pem()
    }

    /// With it.
    pub(crate) fn chain(&self, name: &str) -> String {
        self.certificate(name) + &authority().between.pem()
    }

    /// One that nobody else has issued.
    pub(crate) fn alone(&self, name: &str) -> String {
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

/// Where the certificate of [`Authority::between`] lies.
pub(crate) const ISSUER_URL: &str = "http://crt.r2m01.amazontrust.com/r2m01.cer";

/// Who issues certificates of senders: the trusted one, and one between.
pub(crate) struct Authority {
    pub(crate) root: CertifiedIssuer<'static, KeyPair>,
    pub(crate) between: CertifiedIssuer<'static, KeyPair>,
}

pub(crate) fn authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(|| {
        let params = |name: &str| {
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.distinguished_name.push(DnType::CommonName, name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params
        };
        let key = || KeyPair::generate().unwrap();
        let root = CertifiedIssuer::self_signed(params("root"), key()).unwrap();
        let between = CertifiedIssuer::signed_by(params("between"), key(), &root).unwrap();
        Authority { root, between }
    })
}

/// Authority information access (RFC 5280, section 4.2.2.1) with one `caIssuers`.
fn issued_at(url: &str) -> CustomExtension {
    let name = [&[0x86, url.len() as u8], url.as_bytes()].concat();
    let method = [6, 8, 0x2b, 6, 1, 5, 5, 7, 0x30, 2];
    let access = [&method[..], &name].concat();
    let access = [&[0x30, access.len() as u8], &access[..]].concat();
    let all = [&[0x30, access.len() as u8], &access[..]].concat();
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], all)
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
            key(true).chain("x.paypal.com").into(),
        ),
        (ISSUER_URL.to_owned(), authority().between.der().to_vec()),
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
    let pem = authority().root.pem();
    tradewind_webhooks::register_trusting(&mut registry, web, || {
        Authorities::read(pem.as_bytes()).unwrap()
    });
    registry
}

pub(crate) fn build_on(web: Arc<Web>, kind: &str, settings: &Value) -> Arc<dyn Webhook> {
    match registry(web).build_source(kind, settings, &Build::default()) {
        Ok(BuiltSource::Push(webhook)) => webhook,
        other => unreachable!("{kind}: {other:?}"),
    }
}
