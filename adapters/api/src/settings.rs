//! Settings that sinks of several kinds have.

use crate::{Error, ErrorKind};
use bytes::Bytes;
use schemars::JsonSchema;
use serde::Deserialize;
use tradewind_event::{DataKind, Event, json};
use tradewind_formats::outward::{TARGETS, Target};

/// The envelope of a provider that events are put into.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Render {
    /// Its name.
    As(String),
    /// Its name, and more.
    With(RenderWith),
}

/// The envelope of a provider, and what events are said to come from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RenderWith {
    /// Its name.
    pub to: String,
    /// An ARN, or the name of a subscription of Pub/Sub. Default: a made-up one of the account
    /// 000000000000.
    #[serde(default)]
    pub resource: Option<String>,
}

impl Render {
    /// The envelope, and what events are said to come from.
    ///
    /// # Errors
    /// A name that none has, or a resource where the event itself says what it comes from.
    pub fn target(&self) -> Result<(&'static Target, Option<String>), Error> {
        let (name, resource) = match self {
            Self::As(name) => (name, None),
            Self::With(RenderWith { to, resource }) => (to, resource.clone()),
        };
        let refuse = |why| Err(Error::new(ErrorKind::ConfigInvalid, "render", why));
        let Some(target) = Target::named(name) else {
            let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            return refuse(format!(
                "unknown envelope `{name}` (there are: {})",
                names.join(", ")
            ));
        };
        if resource.is_some() && target.resource.is_empty() {
            return refuse(format!("`{name}` takes no `resource`: the event names it"));
        }
        Ok((target, resource))
    }
}

/// What becomes of an answer that is a CloudEvent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Replies {
    /// It is handed to the gateway with the outcome. One that cannot be read rejects the delivery:
    /// a reply is never lost silently.
    #[default]
    Accept,
    /// It is dropped unread.
    Ignore,
}

/// What a target is given of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Payload {
    /// The event in its JSON format.
    #[default]
    Event,
    /// The data alone, as targets of EventBridge get their input. Attributes and the hop count are lost.
    Data,
}

impl Payload {
    /// What is sent, and whether it is a text that is no JSON; `None` where it is no text.
    pub fn of(self, event: &Event) -> Option<(Bytes, bool)> {
        if self == Self::Event {
            return Some((json::encode(event), false));
        }
        let Some(data) = event.data() else {
            return Some((Bytes::from_static(b"null"), false));
        };
        match data.kind {
            DataKind::Binary => None,
            kind => Some((data.bytes.clone(), kind == DataKind::Text)),
        }
    }
}
