//! Amazon SNS: the signature is a part of the JSON body, by a certificate whose address is too.
//!
//! Of all fields only the signed ones count. Where they end must be plain, or bytes could move from one
//! to the next under one signature: only the text of a message may hold a line break.

use crate::certificate::{Certificate, Digest};
use crate::fault::{Because, Fault};
use crate::{Encoding, verifier::fresh};
use serde::Deserialize;
use std::borrow::Cow;
use std::time::{Duration, SystemTime};
use tradewind_adapter::Cause;
use tradewind_event::Timestamp;

/// Longest of all fields but the message, in bytes.
const FIELD_MAX: usize = 4096;

/// A message as SNS posts it, not yet verified.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Message<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(borrow)]
    message_id: Cow<'a, str>,
    #[serde(borrow)]
    topic_arn: Cow<'a, str>,
    #[serde(borrow, default)]
    subject: Option<Cow<'a, str>>,
    #[serde(borrow)]
    message: Cow<'a, str>,
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
    #[serde(borrow)]
    signature_version: Cow<'a, str>,
    #[serde(borrow, default)]
    signature: Cow<'a, str>,
    #[serde(borrow, rename = "SigningCertURL")]
    signing_cert_url: Cow<'a, str>,
    #[serde(borrow, default, rename = "SubscribeURL")]
    subscribe_url: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    token: Option<Cow<'a, str>>,
}

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Something was published.
    Notification,
    /// Somebody subscribed this endpoint to a topic.
    SubscriptionConfirmation,
    /// The subscription was cancelled.
    UnsubscribeConfirmation,
}

/// What a receiver takes.
#[derive(Debug, Clone)]
pub struct Terms {
    /// ARNs of the topics.
    pub topics: Vec<String>,
    /// How far the signed time may lie in the past or the future.
    pub tolerance: Duration,
    /// Whether signatures over SHA-1 (`SignatureVersion` 1) are refused.
    pub sha256_only: bool,
}

impl<'a> Message<'a> {
    /// Takes a body apart.
    ///
    /// # Errors
    /// Where it has not the form of a message of SNS.
    pub fn parse(body: &'a [u8]) -> Result<Self, Fault> {
        let message: Self = serde_json::from_slice(body)
            .map_err(|e| Fault::from(format!("the body is no message of SNS: {e}")))?;
        let fields = [
            ("Type", Some(&message.r#type)),
            ("MessageId", Some(&message.message_id)),
            ("TopicArn", Some(&message.topic_arn)),
            ("Subject", message.subject.as_ref()),
            ("Timestamp", Some(&message.timestamp)),
            ("SubscribeURL", message.subscribe_url.as_ref()),
            ("Token", message.token.as_ref()),
        ];
        for (name, value) in fields {
            if value.is_some_and(|v| v.len() > FIELD_MAX || v.contains(char::is_control)) {
                let reason = format!("`{name}` holds a line break, or more than {FIELD_MAX} bytes");
                return Err(reason.into());
            }
        }
        if message.signature.is_empty() {
            return Err(Cause::Missing.because("`Signature` is missing"));
        }
        message.kind()?;
        Ok(message)
    }

    /// The same, with all that can be checked without a key: topic, time, and where the certificate lies.
    ///
    /// # Errors
    /// Where the message cannot be one of SNS for this receiver.
    pub fn read(body: &'a [u8], terms: &Terms, now: SystemTime) -> Result<Self, Fault> {
        let message = Self::parse(body)?;
        message.digest(terms)?;
        if !terms.topics.iter().any(|topic| *topic == message.topic_arn) {
            let reason = format!("the topic `{}` is not configured", message.topic_arn);
            return Err(Cause::WrongTenant.because(reason));
        }
        let time = Timestamp::parse(&message.timestamp)
            .map_err(|e| Fault::from(format!("`Timestamp` {e}")))?;
        let seconds = u64::try_from(time.seconds).unwrap_or_default();
        fresh(seconds, now, terms.tolerance)?;
        let host = Host::of(&message.signing_cert_url)
            .filter(|host| is_certificate(host.path))
            .ok_or_else(|| {
                Cause::UnknownKey.because("`SigningCertURL` is no address of a certificate of SNS")
            })?;
        message.same_region(&host, "SigningCertURL")?;
        Ok(message)
    }

    /// Whether this certificate, from [`Message::certificate_url`], made the signature.
    ///
    /// # Errors
    /// Where it did not.
    pub fn verify(&self, certificate: &Certificate, terms: &Terms) -> Result<(), Fault> {
        if !certificate.is_any_of(&self.signers()) {
            return Err(
                Cause::UnknownKey.because("the certificate does not name SNS in this region")
            );
        }
        let signature = Encoding::Base64
            .decode(&self.signature)
            .ok_or_else(|| Fault::from("`Signature` is not base64".to_owned()))?;
        let digest = self.digest(terms)?;
        let signed = self.signed()?;
        match certificate.verifies(digest, signed.as_bytes(), &signature) {
            true => Ok(()),
            false => {
                Err(Cause::Mismatch.because("the certificate of SNS did not make the signature"))
            }
        }
    }

    /// What it is.
    ///
    /// # Errors
    /// Where it is nothing that SNS sends.
    pub fn kind(&self) -> Result<Kind, Fault> {
        match &*self.r#type {
            "Notification" => Ok(Kind::Notification),
            "SubscriptionConfirmation" => Ok(Kind::SubscriptionConfirmation),
            "UnsubscribeConfirmation" => Ok(Kind::UnsubscribeConfirmation),
            other => Err(format!("`Type` is `{other}`").into()),
        }
    }

    /// The topic; configured.
    pub fn topic(&self) -> &str {
        &self.topic_arn
    }

    /// The id, which a repetition keeps.
    pub fn id(&self) -> &str {
        &self.message_id
    }

    /// Where the certificate lies: an address of SNS in the region of the topic.
    pub fn certificate_url(&self) -> &str {
        &self.signing_cert_url
    }

    /// What confirms the subscription, where it is SNS's own address for this topic and token.
    ///
    /// # Errors
    /// Where it is any other.
    pub fn subscribe_url(&self) -> Result<&str, Fault> {
        let refuse = || {
            Cause::WrongTenant
                .because("`SubscribeURL` is not the address of SNS for this topic and token")
        };
        let (Some(url), Some(token)) = (&self.subscribe_url, &self.token) else {
            return Err(refuse());
        };
        let host = Host::of(url).ok_or_else(refuse)?;
        self.same_region(&host, "SubscribeURL")?;
        let query = host.path.strip_prefix("/?").ok_or_else(refuse)?;
        let mut pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> =
            form_urlencoded::parse(query.as_bytes()).collect();
        pairs.sort();
        let expected = [
            ("Action", "ConfirmSubscription"),
            ("Token", token),
            ("TopicArn", &self.topic_arn),
        ];
        let same = |((name, value), (known, wanted)): (&(Cow<'_, str>, Cow<'_, str>), _)| {
            name == known && value == wanted
        };
        match pairs.len() == expected.len() && pairs.iter().zip(expected).all(same) {
            true => Ok(url),
            false => Err(refuse()),
        }
    }

    /// What SNS calls itself in the certificates of a region, older and newer ones.
    fn signers(&self) -> Vec<String> {
        let Some(Host { region, china, .. }) = Host::of(&self.signing_cert_url) else {
            return Vec::new();
        };
        // The two regions for governments share one certificate.
        let shared = match region.starts_with("us-gov-") {
            true => "us-gov-west-1",
            false => region,
        };
        let domain = if china {
            "amazonaws.com.cn"
        } else {
            "amazonaws.com"
        };
        [
            format!("sns.{domain}"),
            format!("sns.{region}.{domain}"),
            format!("sns-signing.{region}.{domain}"),
            format!("sns-{shared}.{domain}"),
        ]
        .into()
    }

    fn digest(&self, terms: &Terms) -> Result<Digest, Fault> {
        match &*self.signature_version {
            "1" if !terms.sha256_only => Ok(Digest::Sha1),
            "2" => Ok(Digest::Sha256),
            other => Err(format!("`SignatureVersion` {other} is not taken").into()),
        }
    }

    /// The text that is signed.
    ///
    /// # Errors
    /// Where a field is missing that is a part of it.
    pub fn signed(&self) -> Result<String, Fault> {
        let missing = |name| move || Cause::Missing.because(format!("`{name}` is missing"));
        let mut text = String::with_capacity(self.message.len() + 512);
        let mut line = |name: &str, value: &str| {
            for part in [name, "\n", value, "\n"] {
                text.push_str(part);
            }
        };
        line("Message", &self.message);
        line("MessageId", &self.message_id);
        if self.kind()? == Kind::Notification {
            if let Some(subject) = &self.subject {
                line("Subject", subject);
            }
            line("Timestamp", &self.timestamp);
        } else {
            let url = self.subscribe_url.as_ref();
            line("SubscribeURL", url.ok_or_else(missing("SubscribeURL"))?);
            line("Timestamp", &self.timestamp);
            let token = self.token.as_ref();
            line("Token", token.ok_or_else(missing("Token"))?);
        }
        line("TopicArn", &self.topic_arn);
        line("Type", &self.r#type);
        Ok(text)
    }

    /// Keys of one region vouch for its topics only.
    fn same_region(&self, host: &Host<'_>, field: &str) -> Result<(), Fault> {
        let mut parts = self.topic_arn.split(':');
        let (partition, region) = (parts.nth(1), parts.nth(1));
        let china = partition == Some("aws-cn");
        match region == Some(host.region) && china == host.china {
            true => Ok(()),
            false => {
                let reason = format!("`{field}` lies in another region than the topic");
                Err(Cause::WrongTenant.because(reason))
            }
        }
    }
}

/// An address `https://sns.<region>.amazonaws.com/…`, by its letters: nothing is decoded, normalised or
/// resolved, so there is nothing that two readers could read differently.
struct Host<'u> {
    region: &'u str,
    china: bool,
    path: &'u str,
}

impl<'u> Host<'u> {
    fn of(url: &'u str) -> Option<Self> {
        let rest = url.strip_prefix("https://sns.")?;
        let (host, _) = rest.split_once('/')?;
        let path = rest.get(host.len()..)?;
        let (region, domain) = host.split_once('.')?;
        let china = match domain {
            "amazonaws.com" => false,
            "amazonaws.com.cn" => true,
            _ => return None,
        };
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let sound = region.len() >= 3 && region.bytes().all(plain);
        let visible = path.bytes().all(|b| b.is_ascii_graphic() && b != b'#');
        (sound && visible).then_some(Self {
            region,
            china,
            path,
        })
    }
}

fn is_certificate(path: &str) -> bool {
    path.strip_prefix("/SimpleNotificationService-")
        .and_then(|rest| rest.strip_suffix(".pem"))
        .is_some_and(|hex| {
            let digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
            (1..=64).contains(&hex.len()) && hex.bytes().all(digit)
        })
}

/// Whether a certificate of an authority may be fetched from this address: one of Amazon's own authority, by
/// its letters. It is plain `http` mostly, and signed in itself.
pub fn is_issuer(url: &str) -> bool {
    let rest = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"));
    let Some((host, file)) = rest.and_then(|rest| rest.split_once('/')) else {
        return false;
    };
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let names = host.strip_suffix(".amazontrust.com").unwrap_or_default();
    let host = !names.is_empty()
        && names
            .split('.')
            .all(|name| !name.is_empty() && name.bytes().all(plain));
    let file = file
        .strip_suffix(".cer")
        .or_else(|| file.strip_suffix(".crt"));
    host && file.is_some_and(|name| !name.is_empty() && name.bytes().all(plain))
}
