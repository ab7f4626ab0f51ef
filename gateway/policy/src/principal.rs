//! Who asks.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// What a principal is, by how it was told who it is. Names of two kinds never meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The holder of an API key; its id.
    Key,
    /// The subject of a token: `<iss>#<sub>`.
    Token,
    /// The holder of a certificate: `uri:spiffe://acme/shop`.
    Certificate,
    /// Who signs webhooks, by the kind of the source: `github`.
    Sender,
    /// A source that asks by itself: a queue, a schedule.
    Source,
    /// A subscription, for what its sink replies.
    Subscription,
    /// Whom a subscription asks as.
    Identity,
    /// Whoever comes through a door without proof.
    Anonymous,
    /// The operator at the socket or with the token, and the gateway itself: above all policies.
    Operator,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Key,
        Self::Token,
        Self::Certificate,
        Self::Sender,
        Self::Source,
        Self::Subscription,
        Self::Identity,
        Self::Anonymous,
        Self::Operator,
    ];

    /// How principals of this kind are written: what stands before the colon.
    pub fn word(self) -> &'static str {
        match self {
            Self::Key => "api-key",
            Self::Token => "jwt",
            Self::Certificate => "certificate",
            Self::Sender => "sender",
            Self::Source => "source",
            Self::Subscription => "subscription",
            Self::Identity => "identity",
            Self::Anonymous => "anonymous",
            Self::Operator => "operator",
        }
    }

    /// Its entity type in policies.
    pub(crate) fn entity(self) -> &'static str {
        match self {
            Self::Key => "Key",
            Self::Token => "Token",
            Self::Certificate => "Certificate",
            Self::Sender => "Sender",
            Self::Source => "Source",
            Self::Subscription => "Subscription",
            Self::Identity => "Identity",
            Self::Anonymous => "Anonymous",
            Self::Operator => "Operator",
        }
    }

    /// Kinds of which there is one.
    pub(crate) fn is_single(self) -> bool {
        matches!(self, Self::Anonymous | Self::Operator)
    }
}

/// Who asks: `api-key:shop`, `jwt:https://id.example.com#alice`, `anonymous`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Principal {
    /// What it is.
    pub kind: Kind,
    /// Its name among its kind.
    pub id: Arc<str>,
}

impl Principal {
    /// The one of this kind and name.
    pub fn new(kind: Kind, id: impl Into<Arc<str>>) -> Self {
        Self {
            kind,
            id: id.into(),
        }
    }

    /// Above all policies.
    pub fn operator() -> Self {
        Self::new(Kind::Operator, Kind::Operator.word())
    }

    /// Whoever comes without proof.
    pub fn anonymous() -> Self {
        Self::new(Kind::Anonymous, Kind::Anonymous.word())
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind.is_single() {
            true => f.write_str(self.kind.word()),
            false => write!(f, "{}:{}", self.kind.word(), self.id),
        }
    }
}

/// A text that names no principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownKind(pub String);

impl fmt::Display for UnknownKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no principal (hint: {})",
            self.0,
            HINT.to_owned()
        )
    }
}

impl std::error::Error for UnknownKind {}

/// How principals are written.
pub(crate) const HINT: &str = "write `api-key:ID`, `jwt:ISSUER#SUBJECT`, `certificate:uri:...`, `sender:KIND`, \
     `source:NAME`, `subscription:NAME`, `identity:NAME` or `anonymous`";

impl FromStr for Principal {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        let (word, id) = text.split_once(':').unwrap_or((text, ""));
        let kind = Kind::ALL.into_iter().find(|kind| kind.word() == word);
        match kind {
            Some(kind) if kind.is_single() && text == word => Ok(Self::new(kind, word)),
            Some(kind) if !kind.is_single() && !id.is_empty() => Ok(Self::new(kind, id)),
            _ => Err(UnknownKind(text.to_owned())),
        }
    }
}
