//! Amazon SNS, whose certificate has to be fetched.

use crate::certificates::Certificates;
use crate::config::Tolerance;
use crate::reader::{Formats, Reader};
use bytes::Bytes;
use http::{HeaderName, StatusCode};
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tradewind_adapter::{
    Answer, Cause, Error, ErrorKind, Fetch, Parts, Pending, Refusal, Verified, Webhook,
};
use tradewind_event::Event;
use tradewind_signatures::Fault;
use tradewind_signatures::sns::{Kind, Message, Terms, is_issuer};

/// Settings of a source of kind `aws-sns`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Sns {
    /// ARNs of the topics whose messages are taken, and whose subscriptions are confirmed: a signature
    /// shows that SNS sends, and everybody may have a topic there. 1 to 100, no default. Since 0.1.
    #[schemars(length(min = 1, max = 100))]
    topics: Vec<String>,
    /// Whether signatures over SHA-1 are refused (`SignatureVersion` 1, which a topic has unless it is
    /// told otherwise). Default: false. Since 0.1.
    #[serde(default)]
    sha256_only: bool,
    /// How far the signed time of publication may lie in the past or the future: as long as SNS may try
    /// again. Default and at most `1h`. Since 0.1.
    #[serde(default)]
    tolerance: Option<Tolerance>,
    /// File with the authorities (PEM) that may have issued the certificate, instead of those of this machine.
    /// Default: none. Since 0.1.
    #[serde(default)]
    ca: Option<PathBuf>,
    /// File with a certificate (PEM) that counts whatever messages name; nothing is fetched or visited, and
    /// nobody else vouches for it. For simulations and emulators: who has its key can send anything. Default: none. Since
    /// 0.1.
    #[serde(default)]
    keys_file: Option<PathBuf>,
}

const KIND: &str = "aws-sns";
const HOUR: Duration = Duration::from_secs(3600);
const RAW: HeaderName = HeaderName::from_static("x-amz-sns-rawdelivery");

pub(crate) fn build(
    config: Sns,
    fetch: &Arc<dyn Fetch>,
    shared: &Arc<Certificates>,
) -> Result<Arc<dyn Webhook>, Error> {
    let refuse = |reason: String| Error::new(ErrorKind::ConfigInvalid, "config", reason);
    if config.topics.is_empty() || config.topics.len() > 100 {
        return Err(refuse("`topics` must name 1 to 100 topics".into()));
    }
    for (i, topic) in config.topics.iter().enumerate() {
        let parts: Vec<&str> = topic.split(':').collect();
        let sound = match parts[..] {
            ["arn", partition, "sns", region, account, name] => {
                partition.starts_with("aws")
                    && !region.is_empty()
                    && account.len() == 12
                    && account.bytes().all(|b| b.is_ascii_digit())
                    && !name.is_empty()
                    && !name.contains('*')
            }
            _ => false,
        };
        if !sound {
            return Err(refuse(format!(
                "`topics[{i}]`: `{topic}` is no ARN of a topic; hint: arn:aws:sns:eu-west-1:123456789012:orders"
            )));
        }
    }
    Ok(Arc::new(Source {
        visits: config.keys_file.is_none(),
        terms: Terms {
            topics: config.topics,
            tolerance: config.tolerance.map_or(HOUR, |t| t.0),
            sha256_only: config.sha256_only,
        },
        certificates: shared.or(
            fetch,
            [config.ca.as_deref(), config.keys_file.as_deref()],
            is_issuer,
        )?,
        formats: Formats::of(&[KIND]),
    }))
}

#[derive(Debug)]
struct Source {
    terms: Terms,
    certificates: Arc<Certificates>,
    /// Whether the address that confirms a subscription is visited: where the certificate was fetched.
    visits: bool,
    formats: Formats,
}

impl Source {
    fn check(&self, body: &[u8], now: SystemTime) -> Result<Verified, Fault> {
        let message = Message::read(body, &self.terms, now)?;
        let judge = |certificate: &_| message.verify(certificate, &self.terms);
        let url = message.certificate_url();
        self.certificates.vouched(url, now, judge)?;
        if message.kind()? == Kind::SubscriptionConfirmation {
            message.subscribe_url()?;
        }
        Ok(Verified {
            principal: format!("{KIND}:{}", message.topic()),
            method: "signature",
            dedupe_window: Some(self.terms.tolerance * 2),
            secret: None,
            key: None,
            scopes: None,
        })
    }
}

impl Webhook for Source {
    fn missing<'a>(&'a self, _: &'a Parts, body: &'a [u8], now: SystemTime) -> Option<Pending<'a>> {
        let message = Message::read(body, &self.terms, now).ok()?;
        self.certificates.missing(message.certificate_url(), now)
    }

    fn verify(&self, parts: &Parts, body: &[u8], now: SystemTime) -> Result<Verified, Refusal> {
        if parts.headers.contains_key(&RAW) {
            let reason = "aws-sns signature: raw messages are not signed; hint: switch raw message delivery off";
            return Err(Refusal::unverified(Cause::Missing, reason));
        }
        self.check(body, now).map_err(|fault| fault.of(KIND))
    }

    fn decode(&self, parts: &Parts, body: Bytes, _: &Verified) -> Result<Vec<Event>, Refusal> {
        let mut parts = parts.clone();
        // Headers are not signed: a repetition under another id would be another event.
        let ours: Vec<HeaderName> = parts
            .headers
            .keys()
            .filter(|name| name.as_str().starts_with("x-amz-sns-"))
            .cloned()
            .collect();
        for name in ours {
            parts.headers.remove(name);
        }
        self.formats.read(&parts, None, body)
    }

    fn challenge(&self, _: &Parts, body: &[u8]) -> Option<Answer> {
        let message = Message::parse(body).ok()?;
        let topic = message.topic();
        match message.kind().ok()? {
            Kind::Notification => None,
            Kind::SubscriptionConfirmation => {
                let url = message.subscribe_url().ok()?.to_owned();
                let visit = Some(url).filter(|_| self.visits);
                let note = match visit {
                    Some(_) => format!("the subscription to {topic} is confirmed now"),
                    None => format!(
                        "the subscription to {topic} is not confirmed: with `keys-file` nothing is visited"
                    ),
                };
                Some(Answer {
                    visit,
                    note: Some(note),
                    ..Answer::of(StatusCode::OK)
                })
            }
            Kind::UnsubscribeConfirmation => Some(Answer {
                note: Some(format!("the subscription to {topic} has ended")),
                ..Answer::of(StatusCode::OK)
            }),
        }
    }
}
