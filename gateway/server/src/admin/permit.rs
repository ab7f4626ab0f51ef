//! What policies say of requests to the admin API.

use super::endpoint::Endpoint;
use crate::ingress::Problem;
use crate::run::Gateway;
use axum::extract::{FromRequestParts, RawPathParams, Request};
use std::collections::HashSet;
use std::sync::Arc;
use tradewind_adapter::Action as Scope;
use tradewind_engine::{Error, judged};
use tradewind_event::Event;
use tradewind_policy::{Action, Decision, Facts, Principal, Resource};

/// Endpoints that ask for themselves: what they are about is known only when it has been read.
pub(super) type Later = HashSet<(&'static str, &'static str)>;

/// Those of a list.
pub(super) fn later(endpoints: &[Endpoint]) -> Later {
    let later = endpoints.iter().filter(|endpoint| endpoint.asks_later);
    later
        .map(|endpoint| (endpoint.path, endpoint.method))
        .collect()
}

/// Who calls.
#[derive(Debug, Clone)]
pub(super) struct Permit {
    pub(super) who: Principal,
    /// The space that the caller is bound to; `None` where it is to none.
    pub(super) space: Option<Arc<str>>,
    /// Whether the caller's proof is good for reading payloads.
    pub(super) reads: bool,
}

impl Permit {
    /// Whether policies or the bounds of a space have a say in what this caller does.
    pub(super) fn is_judged(&self, gateway: &Gateway) -> bool {
        let policies =
            gateway.engine.has_policies() && self.who.kind != tradewind_policy::Kind::Operator;
        policies || self.space.is_some()
    }

    /// Whether the caller may do this.
    ///
    /// # Errors
    /// 403.
    pub(super) fn check(
        &self,
        gateway: &Gateway,
        action: Action,
        resource: Resource<'_>,
        facts: Facts<'_>,
    ) -> Result<(), Problem> {
        self.within(gateway, resource)?;
        let decision = gateway.engine.decide(&self.who, action, resource, facts);
        self.answer(gateway, action, resource, &decision)
    }

    /// Whether it is the caller's space's. Of what is another's, nobody is told that it is there.
    fn within(&self, gateway: &Gateway, resource: Resource<'_>) -> Result<(), Problem> {
        if self.owns(&gateway.config.load().checked, resource) {
            return Ok(());
        }
        Err(match resource {
            Resource::Gateway => self.bound(),
            Resource::Stream(name) => Error::NotFound(format!("no stream `{name}`")).into(),
            Resource::Subscription { name, .. } => {
                Error::NotFound(format!("no subscription `{name}`")).into()
            }
            Resource::Route(name) => Error::NotFound(format!("no route `{name}`")).into(),
            Resource::Schema { name, .. } => Error::NotFound(format!("no schema `{name}`")).into(),
        })
    }

    /// It is about the gateway as a whole.
    fn bound(&self) -> Problem {
        let space = self.space.as_deref().unwrap_or_default();
        Problem::denied(format!("{} is bound to the space {space}", self.who))
    }

    fn answer(
        &self,
        gateway: &Gateway,
        action: Action,
        resource: Resource<'_>,
        decision: &Decision,
    ) -> Result<(), Problem> {
        if decision.allowed() {
            return Ok(());
        }
        gateway.engine.count_denied(action, decision);
        Err(Problem::denied(format!(
            "{}: {} {resource:?}: {decision}",
            self.who,
            action.name()
        )))
    }

    /// As [`Permit::check`], for one of many things that a caller sees or does not.
    pub(super) fn allows(
        &self,
        gateway: &Gateway,
        action: Action,
        resource: Resource<'_>,
        facts: Facts<'_>,
    ) -> bool {
        self.owns(&gateway.config.load().checked, resource)
            && gateway
                .engine
                .decide(&self.who, action, resource, facts)
                .allowed()
    }

    /// Whether the caller may do this to a subscription, as a whole.
    ///
    /// # Errors
    /// 403, or 404 where there is none.
    pub(super) async fn on_subscription(
        &self,
        gateway: &Gateway,
        action: Action,
        name: &str,
    ) -> Result<(), Problem> {
        if !self.is_judged(gateway) {
            return Ok(());
        }
        // Of the engine: what is suspended still belongs to its stream.
        let all = gateway.engine.subscriptions().await;
        let Some(view) = all.into_iter().find(|view| view.name == name) else {
            return Err(Error::NotFound(format!("no subscription `{name}`")).into());
        };
        let stream = &view.stream;
        self.check(
            gateway,
            action,
            Resource::Subscription { name, stream },
            Facts::default(),
        )
    }

    /// Whether the caller may read an event, in a stream or among the dead letters of a subscription.
    ///
    /// # Errors
    /// 403.
    pub(super) fn read(
        &self,
        gateway: &Gateway,
        resource: Resource<'_>,
        event: &Event,
    ) -> Result<(), Problem> {
        self.within(gateway, resource)?;
        let decision = self.reading(gateway, resource, event);
        self.answer(gateway, Action::ReadPayload, resource, &decision)
    }

    /// As [`Permit::read`], for one of many events that a caller sees or does not.
    pub(super) fn may_read(
        &self,
        gateway: &Gateway,
        resource: Resource<'_>,
        event: &Event,
    ) -> bool {
        self.owns(&gateway.config.load().checked, resource)
            && self.reading(gateway, resource, event).allowed()
    }

    fn reading(&self, gateway: &Gateway, resource: Resource<'_>, event: &Event) -> Decision {
        judged(event, |facts| {
            gateway
                .engine
                .decide(&self.who, Action::ReadPayload, resource, facts)
        })
    }
}

/// Asks for everything that the path alone names.
pub(super) async fn at_the_door(
    gateway: &Gateway,
    permit: &Permit,
    (scope, narrow): (Option<Scope>, bool),
    request: Request,
) -> Result<Request, Problem> {
    if !permit.is_judged(gateway) {
        return Ok(request);
    }
    let (mut parts, body) = request.into_parts();
    let path = RawPathParams::from_request_parts(&mut parts, &()).await;
    if permit.space.is_some() {
        let mut named = narrow;
        for (key, name) in path.iter().flat_map(RawPathParams::iter) {
            let resource = match key {
                "name" => Resource::Subscription { name, stream: "" },
                "stream" => Resource::Stream(name),
                _ => continue,
            };
            named = true;
            permit.within(gateway, resource)?;
        }
        if !named {
            return Err(permit.bound());
        }
    }
    let Some(scope) = scope else {
        return Ok(Request::from_parts(parts, body));
    };
    let name = path
        .iter()
        .flat_map(RawPathParams::iter)
        .find(|(key, _)| *key == "name");
    let action = match scope {
        Scope::Publish => Action::Publish,
        Scope::Subscribe => Action::Subscribe,
        Scope::ReadPayload => Action::ReadPayload,
        Scope::Replay => Action::Replay,
        Scope::Redrive => Action::Redrive,
        Scope::Configure => Action::Configure,
    };
    match name {
        Some((_, name)) => permit.on_subscription(gateway, action, name).await?,
        None => permit.check(gateway, action, Resource::Gateway, Facts::default())?,
    }
    Ok(Request::from_parts(parts, body))
}
