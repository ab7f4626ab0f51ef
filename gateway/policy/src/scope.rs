//! What a policy leaves open, and whom alone it is for: for telling of what was hardly meant.

use crate::role::Member;
use crate::{Action, Kind, Policies, Principal, Role};
use cedar_policy::{ActionConstraint, Effect, Policy, PrincipalConstraint, ResourceConstraint};

/// The head of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The policy.
    pub policy: String,
    /// Whether it permits what two of who, what and where say nothing of, with no condition.
    pub wildcard: bool,
    /// Whom it is for, where that is one.
    pub only: Option<Principal>,
    /// The stream that it is about, where that is one.
    pub stream: Option<String>,
}

impl Policies {
    /// The heads of the policies, without those of roles.
    pub fn scopes(&self) -> Vec<Scope> {
        let own = |policy: &&Policy| {
            let id: &str = policy.id().as_ref();
            !id.starts_with("role ")
        };
        let mut scopes: Vec<Scope> = self.all().filter(own).map(scope).collect();
        scopes.sort_by(|a, b| a.policy.cmp(&b.policy));
        scopes
    }
}

fn scope(policy: &Policy) -> Scope {
    let who = policy.principal_constraint();
    let open = [
        who == PrincipalConstraint::Any,
        policy.action_constraint() == ActionConstraint::Any,
        policy.resource_constraint() == ResourceConstraint::Any,
    ];
    let open = open.into_iter().filter(|open| *open).count();
    let id: &str = policy.id().as_ref();
    Scope {
        policy: id.to_owned(),
        wildcard: open >= 2 && policy.effect() == Effect::Permit && !has_conditions(policy),
        only: match who {
            PrincipalConstraint::Eq(uid) => {
                let kind = uid.type_name().to_string();
                let kind = Kind::ALL.into_iter().find(|known| known.entity() == kind);
                kind.map(|kind| Principal::new(kind, uid.id().unescaped()))
            }
            _ => None,
        },
        stream: match policy.resource_constraint() {
            ResourceConstraint::Eq(uid) | ResourceConstraint::In(uid) => {
                let is_stream = uid.type_name().to_string() == "Stream";
                is_stream.then(|| uid.id().unescaped().to_owned())
            }
            _ => None,
        },
    }
}

fn has_conditions(policy: &Policy) -> bool {
    let tree = policy.to_json().unwrap_or_default();
    let conditions = tree["conditions"].as_array();
    conditions.is_none_or(|conditions| !conditions.is_empty())
}

impl Role {
    /// As [`Scope::wildcard`], for the policy that the role stands for.
    pub fn wildcard(&self) -> bool {
        let anybody = |member: &Member| match member {
            Member::One(who) => who.kind == Kind::Anonymous,
            Member::Beginning(_, start) => start.is_empty(),
        };
        let members = self.members().unwrap_or_default();
        let narrowed = [&self.types, &self.sources, &self.subjects];
        let places = [
            &self.spaces,
            &self.streams,
            &self.subscriptions,
            &self.routes,
        ];
        let open = [
            members.iter().any(anybody),
            Action::ALL.iter().all(|action| self.may.contains(action)),
            places.into_iter().all(Option::is_none),
        ];
        open.into_iter().filter(|open| *open).count() >= 2
            && narrowed.into_iter().all(Option::is_none)
    }
}
