//! Who can be simulated: how each signs, and what it sends.

use super::issued::Issued;
use super::samples;
use crate::cli::failure::Failure;
use tradewind_signatures::{Scheme, schemes};

/// One provider.
#[derive(Debug)]
pub(super) struct Provider {
    /// The `kind` of source.
    pub(super) kind: &'static str,
    pub(super) proof: Proof,
    pub(super) events: &'static [Event],
}

/// How it shows who it is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Proof {
    /// By what both sides know, or have been told.
    Scheme(&'static Scheme<'static>),
    /// By a key that it publishes.
    Issued(Issued),
}

/// What it sends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Event {
    pub(super) name: &'static str,
    pub(super) method: &'static str,
    /// Headers, without those of the proof. `%` stands for a number that no other delivery has.
    pub(super) headers: &'static [(&'static str, &'static str)],
    /// Query, beside what is there.
    pub(super) query: &'static str,
    /// Body; `%` is that number, `@s` the time in seconds since the Unix epoch, `@t` in RFC 3339.
    pub(super) body: &'static str,
    /// Whether it is signed.
    pub(super) signed: bool,
    /// What a handshake wants to hear.
    pub(super) asks: Option<Asks>,
}

/// What a handshake wants to hear.
#[derive(Debug, Clone, Copy)]
pub(super) enum Asks {
    /// This body.
    Body(&'static str),
    /// Nothing, with 204.
    Nothing,
    /// A member of a JSON object with this value.
    Member(&'static str, &'static str),
    /// A member with a prefix and the signature of a text.
    Signature(&'static str, &'static str, &'static str),
    /// A header with this value.
    Header(&'static str, &'static str),
}

impl Event {
    pub(super) const fn json(
        name: &'static str,
        headers: &'static [(&'static str, &'static str)],
        body: &'static str,
    ) -> Self {
        Self {
            name,
            method: "POST",
            headers,
            query: "",
            body,
            signed: true,
            asks: None,
        }
    }

    pub(super) const fn asking(self, asks: Asks) -> Self {
        Self {
            asks: Some(asks),
            ..self
        }
    }
}

const fn issued(kind: &'static str, proof: Issued, events: &'static [Event]) -> Provider {
    Provider {
        kind,
        proof: Proof::Issued(proof),
        events,
    }
}

/// All of them.
#[rustfmt::skip]
pub(super) static ALL: &[Provider] = &[
    issued("aws-sns", Issued::Sns, samples::SNS),
    Provider { kind: "azure-event-grid", proof: Proof::Scheme(&schemes::EVENT_GRID), events: samples::EVENT_GRID },
    issued("azure-event-grid-token", Issued::Entra, samples::EVENT_GRID_TOKEN),
    Provider { kind: "bitbucket", proof: Proof::Scheme(&schemes::BITBUCKET), events: samples::BITBUCKET },
    Provider { kind: "discord", proof: Proof::Scheme(&schemes::DISCORD), events: samples::DISCORD },
    Provider { kind: "github", proof: Proof::Scheme(&schemes::GITHUB), events: samples::GITHUB },
    Provider { kind: "gitlab", proof: Proof::Scheme(&schemes::GITLAB_TOKEN), events: samples::GITLAB },
    Provider { kind: "gitlab-signing-token", proof: Proof::Scheme(&schemes::STANDARD_WEBHOOKS), events: samples::GITLAB_SIGNED },
    issued("google-pubsub-push", Issued::Google, samples::PUBSUB),
    issued("paypal", Issued::PayPal, samples::PAYPAL),
    Provider { kind: "sendgrid", proof: Proof::Scheme(&schemes::SENDGRID), events: samples::SENDGRID },
    Provider { kind: "shopify", proof: Proof::Scheme(&schemes::SHOPIFY), events: samples::SHOPIFY },
    Provider { kind: "slack", proof: Proof::Scheme(&schemes::SLACK), events: samples::SLACK },
    Provider { kind: "square", proof: Proof::Scheme(&schemes::SQUARE), events: samples::SQUARE },
    Provider { kind: "standard-webhooks", proof: Proof::Scheme(&schemes::STANDARD_WEBHOOKS), events: samples::STANDARD },
    Provider { kind: "stripe", proof: Proof::Scheme(&schemes::STRIPE), events: samples::STRIPE },
    Provider { kind: "twilio", proof: Proof::Scheme(&schemes::TWILIO), events: samples::TWILIO },
    Provider { kind: "twitter", proof: Proof::Scheme(&schemes::TWITTER), events: samples::TWITTER },
    Provider { kind: "zoom", proof: Proof::Scheme(&schemes::ZOOM), events: samples::ZOOM },
];

pub(super) fn find(name: &str) -> Result<&'static Provider, Failure> {
    ALL.iter()
        .find(|provider| provider.kind == name)
        .ok_or_else(|| {
            let names: Vec<&str> = ALL.iter().map(|provider| provider.kind).collect();
            Failure::usage(format!("unknown provider `{name}`"))
                .hint(format!("there are: {}", names.join(", ")))
        })
}

impl Provider {
    /// The key that it publishes is its own.
    pub(super) fn issued(&self) -> Option<Issued> {
        match self.proof {
            Proof::Issued(issued) => Some(issued),
            Proof::Scheme(_) => None,
        }
    }

    /// The one of this name, else the first.
    pub(super) fn event(&self, name: Option<&str>) -> Result<&Event, Failure> {
        let found = match name {
            None => self.events.first(),
            Some(name) => self.events.iter().find(|event| event.name == name),
        };
        found.ok_or_else(|| {
            let names: Vec<&str> = self.events.iter().map(|event| event.name).collect();
            let name = name.unwrap_or_default();
            Failure::usage(format!("{} sends no `{name}` here", self.kind)).hint(format!(
                "there are: {}; --file sends your own",
                names.join(", ")
            ))
        })
    }
}
