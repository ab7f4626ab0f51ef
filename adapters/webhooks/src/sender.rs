//! Who sends webhooks: the table.

use crate::config::Settings;
use crate::handshake::{self, Handshake};
use crate::reader::{Formats, GitHub, Reader};
use crate::source::Source;
use std::sync::Arc;
use tradewind_adapter::{Error, Webhook};
use tradewind_signatures::{Scheme, Verifier, schemes};

/// One kind of source.
#[derive(Debug, Clone, Copy)]
pub struct Sender {
    /// The `kind` in configuration.
    pub kind: &'static str,
    /// How it signs.
    pub scheme: &'static Scheme<'static>,
    /// How its bodies are read.
    pub(crate) reads: Reads,
    /// What it asks before it sends.
    pub(crate) handshake: Option<Handshake>,
}

/// How bodies are read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reads {
    /// As one of these formats, the first that a body gives itself away as, else the last.
    Formats(&'static [&'static str]),
    /// By code of their own.
    By(fn() -> Box<dyn Reader>),
}

const fn sender(
    kind: &'static str,
    scheme: &'static Scheme<'static>,
    formats: &'static [&'static str],
    handshake: Option<Handshake>,
) -> Sender {
    Sender {
        kind,
        scheme,
        reads: Reads::Formats(formats),
        handshake,
    }
}

/// All that need no settings of their own.
#[rustfmt::skip]
pub const SENDERS: &[Sender] = &[
    Sender {
        kind: "github",
        scheme: &schemes::GITHUB,
        reads: Reads::By(|| Box::new(GitHub)),
        handshake: None,
    },
    sender("bitbucket", &schemes::BITBUCKET, &["bitbucket"], None),
    sender("discord", &schemes::DISCORD, &["discord", "discord-event"], Some(handshake::discord)),
    sender("sendgrid", &schemes::SENDGRID, &["sendgrid"], None),
    sender("shopify", &schemes::SHOPIFY, &["shopify"], None),
    sender("slack", &schemes::SLACK, &["slack-rate-limited", "slack-command", "slack-interaction", "slack"], Some(handshake::slack)),
    sender("square", &schemes::SQUARE, &["square"], None),
    sender("stripe", &schemes::STRIPE, &["stripe"], None),
    sender("twilio", &schemes::TWILIO, &["cloud-events", "twilio"], None),
    sender("twitter", &schemes::TWITTER, &["twitter"], Some(handshake::twitter)),
    sender("zoom", &schemes::ZOOM, &["zoom"], Some(handshake::zoom)),
];

impl Sender {
    pub(crate) fn build(&self, settings: Settings) -> Result<Arc<dyn Webhook>, Error> {
        let url = settings.public_url.as_deref();
        let mut verifier = Verifier::at(self.scheme, &settings.secrets, url)?;
        if let Some(tolerance) = settings.tolerance {
            verifier = verifier.with_tolerance(tolerance);
        }
        let reader: Box<dyn Reader> = match self.reads {
            Reads::Formats(names) => Box::new(Formats::of(names)),
            Reads::By(make) => make(),
        };
        Ok(Arc::new(Source::new(
            self.kind,
            verifier,
            reader,
            self.handshake,
        )))
    }
}
