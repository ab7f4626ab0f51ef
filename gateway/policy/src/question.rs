//! What is asked: one value that holds all that an answer may depend on.

use crate::Principal;
use tradewind_event::Event;

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// To append an event to a stream.
    Publish,
    /// To see that events of a stream come and go.
    Subscribe,
    /// To read what is in events and dead letters.
    ReadPayload,
    /// To have events delivered again.
    Replay,
    /// To redrive or purge dead letters.
    Redrive,
    /// To pause, resume, discard, reload, back up.
    Configure,
    /// To call a route.
    Invoke,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Publish,
        Self::Subscribe,
        Self::ReadPayload,
        Self::Replay,
        Self::Redrive,
        Self::Configure,
        Self::Invoke,
    ];

    /// Its name, kebab case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Subscribe => "subscribe",
            Self::ReadPayload => "read-payload",
            Self::Replay => "replay",
            Self::Redrive => "redrive",
            Self::Configure => "configure",
            Self::Invoke => "invoke",
        }
    }

    /// The facts that it is asked with.
    pub(crate) fn facts(self) -> Reads {
        match self {
            Self::Publish => Reads([true; FACTS.len()]),
            Self::Subscribe | Self::ReadPayload => Reads([true, true, true, false]),
            _ => Reads::default(),
        }
    }

    /// Whether it is about an event.
    pub fn has_event(self) -> bool {
        self.facts() != Reads::default()
    }
}

/// What it is to be done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource<'a> {
    /// A stream.
    Stream(&'a str),
    /// A subscription of a stream.
    Subscription {
        /// Its name.
        name: &'a str,
        /// The stream that it reads.
        stream: &'a str,
    },
    /// A route.
    Route(&'a str),
    /// A schema.
    Schema {
        /// Its name.
        name: &'a str,
        /// The space whose events it is for; `None` where it is for those of all.
        space: Option<&'a str>,
    },
    /// The gateway as a whole.
    Gateway,
}

/// Names of facts, in the order of [`Facts`].
pub(crate) const FACTS: [&str; 4] = ["type", "source", "subject", "via"];

/// What is known of the event in question.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Facts<'a>(pub(crate) [Option<&'a str>; FACTS.len()]);

impl<'a> Facts<'a> {
    /// Those of an event, as it is stored.
    pub fn of(event: &'a Event) -> Self {
        Self([
            Some(event.ty()),
            Some(event.source()),
            event.subject(),
            None,
        ])
    }

    /// Those that are known of an event that is not at hand.
    pub fn new(ty: &'a str, source: &'a str, subject: Option<&'a str>) -> Self {
        Self([Some(ty), Some(source), subject, None])
    }

    /// With the source or route that it comes through.
    #[must_use]
    pub fn via(mut self, name: &'a str) -> Self {
        self.0[3] = Some(name);
        self
    }
}

/// Facts that an answer may depend on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Reads(pub(crate) [bool; FACTS.len()]);

impl Reads {
    pub(crate) fn and(self, other: Self) -> Self {
        let mut both = self;
        for (mine, theirs) in both.0.iter_mut().zip(other.0) {
            *mine &= theirs;
        }
        both
    }
}

/// All that an answer is made from, and nothing else: the request that policies see and the key under which the
/// answer is remembered are both written from it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) who: &'a Principal,
    pub(crate) action: Action,
    pub(crate) resource: Resource<'a>,
    pub(crate) facts: Facts<'a>,
}

impl<'a> Question<'a> {
    /// Leaves out what nobody reads.
    pub(crate) fn new(
        who: &'a Principal,
        action: Action,
        resource: Resource<'a>,
        facts: Facts<'a>,
        reads: Reads,
    ) -> Self {
        let mut facts = facts;
        let wanted = reads.and(action.facts());
        for (fact, wanted) in facts.0.iter_mut().zip(wanted.0) {
            *fact = fact.filter(|_| wanted);
        }
        Self {
            who,
            action,
            resource,
            facts,
        }
    }

    /// Length of the longest value.
    pub(crate) fn longest(&self) -> usize {
        let facts = self.facts.0.iter().flatten().map(|fact| fact.len());
        facts.max().unwrap_or(0).max(self.who.id.len())
    }

    /// Two questions have one key if and only if they are the same.
    pub(crate) fn key(&self) -> Vec<u8> {
        let mut key = Vec::with_capacity(160);
        key.extend([self.action as u8, self.who.kind as u8]);
        text(&mut key, &self.who.id);
        match self.resource {
            Resource::Stream(name) => {
                key.push(0);
                text(&mut key, name);
            }
            Resource::Subscription { name, stream } => {
                key.push(1);
                text(&mut key, name);
                text(&mut key, stream);
            }
            Resource::Route(name) => {
                key.push(2);
                text(&mut key, name);
            }
            Resource::Gateway => key.push(3),
            Resource::Schema { name, space } => {
                key.push(4);
                text(&mut key, name);
                text(&mut key, space.unwrap_or_default());
            }
        }
        for fact in self.facts.0 {
            key.push(u8::from(fact.is_some()));
            if let Some(fact) = fact {
                text(&mut key, fact);
            }
        }
        key
    }
}

fn text(key: &mut Vec<u8>, text: &str) {
    key.extend((text.len() as u64).to_le_bytes());
    key.extend(text.as_bytes());
}
