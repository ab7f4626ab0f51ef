//! Proofs by keys that a receiver fetches from where their sender publishes them: certificates and key sets.
//! A simulation has keys of its own, and the receiver is told to take those (`keys-file`).

use super::request::{Order, Tamper};
use crate::cli::failure::Failure;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, PublicKeyData, SigningKey};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use tradewind_adapter::Parts;
use tradewind_signatures::{paypal, sns};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

/// How a sender with a key of its own shows who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Issued {
    /// Amazon SNS: a certificate, over fields of the body.
    Sns,
    /// PayPal: a certificate, over headers and a checksum of the body.
    PayPal,
    /// Google: a token.
    Google,
    /// Microsoft Entra: a token.
    Entra,
}

impl Issued {
    /// Whom its certificate names; `None` where it publishes a key set.
    fn host(self) -> Option<&'static str> {
        match self {
            Self::Sns => Some("sns.amazonaws.com"),
            Self::PayPal => Some("messageverificationcerts.paypal.com"),
            Self::Google | Self::Entra => None,
        }
    }

    /// What there is to `--set`, and what stands there otherwise; the address where nothing does.
    pub(super) fn settings(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Sns => &[("topic", "arn:aws:sns:eu-west-1:000000000000:simulated")],
            Self::PayPal => &[("webhook-id", "SIMULATED")],
            Self::Google => &[
                ("audience", ""),
                (
                    "service-account",
                    "simulated@tradewind.iam.gserviceaccount.com",
                ),
            ],
            Self::Entra => &[
                ("audience", "api://simulated"),
                ("tenant", "00000000-0000-0000-0000-000000000000"),
                ("application", "4962773b-9cdb-44cf-a8bf-237846a00ab7"),
            ],
        }
    }

    /// Whether the body is a part of what is signed.
    pub(super) fn covers_body(self) -> bool {
        self.host().is_some()
    }
}

/// What a simulated sender has.
#[derive(Debug)]
pub(super) struct Keys {
    pair: KeyPair,
    settings: BTreeMap<String, String>,
}

const KEY_ID: &str = "simulated";

impl Keys {
    /// The key in a folder, made where it is not there, with what a source takes for its `keys-file` beside it.
    pub(super) fn at(
        folder: &Path,
        provider: &str,
        issued: Issued,
        settings: BTreeMap<String, String>,
    ) -> Result<Self, Failure> {
        let failed = |path: &Path, error: &dyn std::fmt::Display| {
            Failure::new(format!("{}: {error}", path.display()))
        };
        let path = folder.join(format!("{provider}.key"));
        let pair = match std::fs::read_to_string(&path) {
            Ok(pem) => KeyPair::from_pem(&pem).map_err(|e| failed(&path, &e))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let pair =
                    KeyPair::generate_for(&PKCS_RSA_SHA256).map_err(|e| failed(&path, &e))?;
                std::fs::create_dir_all(folder).map_err(|e| failed(folder, &e))?;
                let mut options = std::fs::OpenOptions::new();
                let file = options.write(true).create_new(true).mode(0o600).open(&path);
                file.and_then(|mut file| file.write_all(pair.serialize_pem().as_bytes()))
                    .map_err(|e| failed(&path, &e))?;
                pair
            }
            Err(error) => return Err(failed(&path, &error)),
        };
        let (name, public) = match issued.host() {
            Some(host) => {
                let params = CertificateParams::new(vec![host.to_owned()]);
                let made = params.and_then(|params| params.self_signed(&pair));
                (
                    format!("{provider}.pem"),
                    made.map_err(|e| failed(&path, &e))?.pem(),
                )
            }
            None => (format!("{provider}.json"), key_set(&pair)?.to_string()),
        };
        // What is there stays: the gateway may have read it.
        let public_path = folder.join(name);
        if !public_path.exists() {
            std::fs::write(&public_path, public).map_err(|e| failed(&public_path, &e))?;
        }
        Ok(Self { pair, settings })
    }

    fn setting<'a>(&'a self, order: &'a Order<'_>, issued: Issued, name: &str) -> &'a str {
        let known = issued.settings().iter().find(|(known, _)| *known == name);
        let otherwise = match known.map(|(_, value)| *value).unwrap_or_default() {
            "" => order.public_url,
            value => value,
        };
        self.settings.get(name).map_or(otherwise, String::as_str)
    }

    fn sign(&self, text: &str, order: &Order<'_>) -> Result<Vec<u8>, Failure> {
        // A proof of something else is what another key would make.
        let text = match order.tamper {
            Some(Tamper::Secret) => format!("{text} "),
            _ => text.to_owned(),
        };
        let signature = self.pair.sign(text.as_bytes());
        signature.map_err(|error| Failure::new(error.to_string()))
    }
}

/// Puts the proof into a request, and what the sender writes around its messages.
pub(super) fn prove(
    issued: Issued,
    order: &Order<'_>,
    parts: &mut Parts,
    body: Vec<u8>,
    seconds: u64,
) -> Result<Vec<u8>, Failure> {
    match issued {
        Issued::Sns => notification(order, parts, &body, seconds),
        _ if !order.event.signed || order.tamper == Some(Tamper::Unsigned) => Ok(body),
        Issued::PayPal => transmission(order, parts, &body, seconds).map(|()| body),
        Issued::Google | Issued::Entra => token(issued, order, parts, seconds).map(|()| body),
    }
}

fn keys<'a>(order: &'a Order<'_>) -> Result<&'a Keys, Failure> {
    order.keys.ok_or_else(|| {
        let kind = order.provider.kind;
        Failure::usage(format!("{kind} signs with a key of its own"))
            .hint("--keys FOLDER says where it is; it is made there, and what the source takes for `keys-file`")
    })
}

/// Seconds with three digits behind them, as SNS writes them.
fn time(seconds: u64) -> String {
    let seconds = i64::try_from(seconds).unwrap_or_default();
    let at = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    at.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

/// Of SNS the body is what was published: the message is made around it.
fn notification(
    order: &Order<'_>,
    parts: &mut Parts,
    published: &[u8],
    seconds: u64,
) -> Result<Vec<u8>, Failure> {
    let keys = keys(order)?;
    let topic = keys.setting(order, Issued::Sns, "topic");
    let fields: Vec<&str> = topic.split(':').collect();
    let [_, partition, _, region, ..] = fields[..] else {
        return Err(Failure::usage(format!("`{topic}` is no ARN of a topic")));
    };
    let domain = match partition {
        "aws-cn" => "amazonaws.com.cn",
        _ => "amazonaws.com",
    };
    let host = format!("https://sns.{region}.{domain}");
    let kind = parts.headers.get("x-amz-sns-message-type");
    let kind = kind
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or("Notification");
    let id = format!("tw-{}", order.unique);
    let published = String::from_utf8(published.to_vec());
    let published = published.map_err(|_| Failure::usage("SNS carries text only"))?;
    let mut message = json!({
        "Type": kind, "MessageId": id, "TopicArn": topic, "Timestamp": time(seconds), "SignatureVersion": "2",
        "Signature": "-",
        "SigningCertURL": format!("{host}/SimpleNotificationService-51a0.pem"),
    });
    if kind == "Notification" {
        message["UnsubscribeURL"] = format!("{host}/?Action=Unsubscribe").into();
    } else {
        message["Token"] = "51a0".into();
        let query = format!("Action=ConfirmSubscription&TopicArn={topic}&Token=51a0");
        message["SubscribeURL"] = format!("{host}/?{query}").into();
    }
    // At the end, so that a byte that is spoiled there is one that is signed.
    message["Message"] = published.into();
    let text = message.to_string();
    let parsed = sns::Message::parse(text.as_bytes());
    let signed = parsed.and_then(|parsed| parsed.signed());
    let signed = signed.map_err(|fault| Failure::new(fault.reason))?;
    match order.tamper {
        Some(Tamper::Unsigned) => drop(message.as_object_mut().and_then(|m| m.remove("Signature"))),
        _ => message["Signature"] = STANDARD.encode(keys.sign(&signed, order)?).into(),
    }
    for (name, value) in [
        ("x-amz-sns-message-id", &*id),
        ("x-amz-sns-topic-arn", topic),
    ] {
        put(parts, name, value)?;
    }
    Ok(message.to_string().into_bytes())
}

fn transmission(
    order: &Order<'_>,
    parts: &mut Parts,
    body: &[u8],
    seconds: u64,
) -> Result<(), Failure> {
    let keys = keys(order)?;
    let webhook = keys.setting(order, Issued::PayPal, "webhook-id");
    let (id, time) = (format!("tw-{}", order.unique), time(seconds));
    let signature = keys.sign(&paypal::signed(&id, &time, webhook, body), order)?;
    for (name, value) in [
        ("paypal-transmission-id", &*id),
        ("paypal-transmission-time", &time),
        ("paypal-transmission-sig", &STANDARD.encode(signature)),
        (
            "paypal-cert-url",
            "https://api.paypal.com/v1/notifications/certs/CERT-51a0",
        ),
        ("paypal-auth-algo", "SHA256withRSA"),
    ] {
        put(parts, name, value)?;
    }
    Ok(())
}

fn token(
    issued: Issued,
    order: &Order<'_>,
    parts: &mut Parts,
    seconds: u64,
) -> Result<(), Failure> {
    const HOUR: u64 = 3600;
    let keys = keys(order)?;
    let setting = |name| keys.setting(order, issued, name);
    let mut claims = match issued {
        Issued::Google => json!({
            "iss": "https://accounts.google.com", "azp": "51a0", "sub": "51a0",
            "email": setting("service-account"), "email_verified": true,
        }),
        _ => {
            let tenant = setting("tenant");
            json!({
                "iss": format!("https://login.microsoftonline.com/{tenant}/v2.0"), "tid": tenant,
                "azp": setting("application"), "ver": "2.0", "nbf": seconds,
            })
        }
    };
    claims["aud"] = setting("audience").into();
    claims["iat"] = seconds.into();
    claims["exp"] = (seconds + HOUR).into();
    let head = json!({ "alg": "RS256", "typ": "JWT", "kid": KEY_ID });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(&head), part(&claims));
    let signature = URL_SAFE_NO_PAD.encode(keys.sign(&text, order)?);
    put(
        parts,
        AUTHORIZATION.as_str(),
        &format!("Bearer {text}.{signature}"),
    )
}

/// The public key as a key set (RFC 7517).
fn key_set(pair: &KeyPair) -> Result<Value, Failure> {
    let wrong = || Failure::new("the key is none of RSA");
    let der = pair.subject_public_key_info();
    let (_, info) = SubjectPublicKeyInfo::from_der(&der).map_err(|_| wrong())?;
    let Ok(PublicKey::RSA(key)) = info.parsed() else {
        return Err(wrong());
    };
    let number = |bytes: &[u8]| {
        let start = bytes.iter().position(|b| *b != 0).unwrap_or_default();
        URL_SAFE_NO_PAD.encode(&bytes[start..])
    };
    Ok(json!({ "keys": [{
        "kty": "RSA", "use": "sig", "alg": "RS256", "kid": KEY_ID,
        "n": number(key.modulus), "e": number(key.exponent),
    }] }))
}

fn put(parts: &mut Parts, name: &str, value: &str) -> Result<(), Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::usage(format!("`{name}`: {error}"));
    let value = HeaderValue::from_str(value).map_err(|e| wrong(&e))?;
    let name: HeaderName = name.parse().map_err(|e| wrong(&e))?;
    parts.headers.insert(name, value);
    Ok(())
}
