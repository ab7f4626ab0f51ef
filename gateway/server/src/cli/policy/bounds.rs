//! What keeps a caller from what policies permit: the scopes of its key, and the space that it is bound to.

use crate::admin::{of_caller, owns};
use std::fmt;
use tradewind_adapter::Action as Scope;
use tradewind_config::Checked;
use tradewind_policy::{Action, Kind, Principal, Resource};

/// Why not, whatever policies say.
pub(super) enum Bound {
    Scope(Scope),
    Space(String),
    Spaces,
}

impl Bound {
    /// As [`tradewind_policy::Verdict::label`].
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Scope(_) => "no-scope",
            Self::Space(_) => "other-space",
            Self::Spaces => "several-spaces",
        }
    }

    /// What the gateway would find before or after it asked policies.
    pub(super) fn of(
        checked: &Checked,
        who: &Principal,
        action: Action,
        resource: Resource<'_>,
        via: &str,
    ) -> Option<Self> {
        let scope = scope(action);
        let key = (who.kind == Kind::Key)
            .then(|| checked.config.api_keys.get(&*who.id))
            .flatten();
        let scopes = key.and_then(|key| key.scopes.as_ref());
        if scopes.is_some_and(|scopes| !scopes.contains(&scope)) {
            return Some(Self::Scope(scope));
        }
        // Sources and routes say themselves who may come; only the admin API is parted by spaces.
        let by_admin = match action {
            Action::Publish => via == "admin",
            Action::Invoke => false,
            _ => true,
        };
        if !by_admin {
            return None;
        }
        let Ok(space) = of_caller(checked, who) else {
            return Some(Self::Spaces);
        };
        let own = space.as_deref()?;
        // `tail` shows of a shared stream what becomes of its events in one's own space.
        let shared = match (action, resource) {
            (Action::Subscribe, Resource::Stream(name)) => {
                let stream = checked.streams.get(name);
                stream.is_some_and(|stream| stream.shared_with.iter().any(|with| with == own))
            }
            _ => false,
        };
        let within = shared || owns(checked, Some(own), resource);
        (!within).then(|| Self::Space(own.to_owned()))
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scope(scope) => write!(f, "the key has no scope {}", scope.name()),
            Self::Space(own) => write!(f, "the caller is bound to the space {own}"),
            Self::Spaces => f.write_str("the caller is bound to several spaces"),
        }
    }
}

/// What a key must be good for.
fn scope(action: Action) -> Scope {
    match action {
        Action::Publish | Action::Invoke => Scope::Publish,
        Action::Subscribe => Scope::Subscribe,
        Action::ReadPayload => Scope::ReadPayload,
        Action::Replay => Scope::Replay,
        Action::Redrive => Scope::Redrive,
        Action::Configure => Scope::Configure,
    }
}
