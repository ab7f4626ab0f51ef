//! The policies in force, and what they say.

use crate::bounds;
use crate::cache::Cache;
use crate::question::{FACTS, Question, Reads};
use crate::role::Member;
use crate::{
    Action, Belongings, Decision, Facts, InvalidPolicy, InvalidRole, POLICIES_MAX, Principal,
    Resource, Role, Text, VALUE_MAX, Verdict,
};
use cedar_policy::{
    Authorizer, Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Policy, PolicySet,
    Request, RestrictedExpression,
};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

/// Most characters of all patterns together.
const PATTERNS_MAX: usize = 64 << 10;

/// Policies and roles of one generation. Cheap to clone; what was decided is remembered with it and goes with it.
#[derive(Debug, Clone, Default)]
pub struct Policies(Option<Arc<InForce>>);

struct InForce {
    set: PolicySet,
    authorizer: Authorizer,
    members: Vec<(String, Vec<Member>)>,
    spaces: Belongings,
    reads: Reads,
    cache: Cache,
}

impl fmt::Debug for InForce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InForce")
            .field("policies", &self.set.num_of_policies())
            .finish_non_exhaustive()
    }
}

/// Something that a policy names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// Type of the entity: `Stream`, `Role`.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// The policy that names it.
    pub policy: String,
}

/// Why policies cannot be in force together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TooMany {
    /// A role is wrong in itself.
    Role(String, InvalidRole),
    /// They are too many, or too large.
    All(InvalidPolicy),
}

impl fmt::Display for TooMany {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Role(name, wrong) => write!(f, "role {name}: {wrong}"),
            Self::All(wrong) => wrong.fmt(f),
        }
    }
}

impl std::error::Error for TooMany {}

impl Policies {
    /// None: whoever is known may do what doors and scopes allow.
    pub fn off() -> Self {
        Self::default()
    }

    /// These texts and roles. With none of either, nothing is permitted.
    ///
    /// # Errors
    /// A role is wrong, or all together are too many.
    pub fn new(texts: Vec<Text>, roles: &[(String, Role)]) -> Result<Self, TooMany> {
        Self::new_in(texts, roles, Belongings::default())
    }

    /// As [`Policies::new`], where things belong to spaces.
    ///
    /// # Errors
    /// As [`Policies::new`].
    pub fn new_in(
        texts: Vec<Text>,
        roles: &[(String, Role)],
        spaces: Belongings,
    ) -> Result<Self, TooMany> {
        let mut texts = texts;
        let mut members = Vec::with_capacity(roles.len());
        for (name, role) in roles {
            let wrong = |wrong| TooMany::Role(name.clone(), wrong);
            texts.push(role.text(name).map_err(wrong)?);
            members.push((name.clone(), role.members().map_err(wrong)?));
        }
        let count: usize = texts.iter().map(Text::len).sum();
        if count > POLICIES_MAX {
            return Err(TooMany::All(InvalidPolicy::whole(
                format!("there are {count} policies and roles, more than {POLICIES_MAX}"),
                "let several principals share one by a role",
            )));
        }
        let mut set = PolicySet::new();
        let mut looks = crate::reads::Looks::default();
        for text in texts {
            looks.add(text.looks);
            for policy in text.policies {
                let added = set.add(policy);
                added.map_err(|error| TooMany::All(InvalidPolicy::told(&error, None)))?;
            }
        }
        if looks.patterns > PATTERNS_MAX {
            return Err(TooMany::All(InvalidPolicy::whole(
                format!(
                    "the patterns behind `like` have more than {PATTERNS_MAX} characters together"
                ),
                "compare with `==` or `in` where the whole text is known",
            )));
        }
        Ok(Self(Some(Arc::new(InForce {
            set,
            authorizer: Authorizer::new(),
            members,
            spaces,
            reads: looks.reads,
            cache: Cache::default(),
        }))))
    }

    /// Whether there are any, so that what none of them permits is denied.
    pub fn in_force(&self) -> bool {
        self.0.is_some()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |all| all.set.num_of_policies())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether somebody may do something. Remembered.
    pub fn decide(
        &self,
        who: &Principal,
        action: Action,
        resource: Resource<'_>,
        facts: Facts<'_>,
    ) -> Decision {
        self.answer(who, action, resource, facts, |all, question| {
            all.cache
                .get(question.key(), || bounds::deeply(|| all.ask(question)))
        })
    }

    /// As [`Policies::decide`], without what is remembered.
    pub fn decide_afresh(
        &self,
        who: &Principal,
        action: Action,
        resource: Resource<'_>,
        facts: Facts<'_>,
    ) -> Decision {
        self.answer(who, action, resource, facts, |all, question| {
            bounds::deeply(|| all.ask(question))
        })
    }

    fn answer(
        &self,
        who: &Principal,
        action: Action,
        resource: Resource<'_>,
        facts: Facts<'_>,
        ask: impl FnOnce(&InForce, &Question<'_>) -> Decision,
    ) -> Decision {
        let Some(all) = &self.0 else {
            return Decision::without_policy(Verdict::Unasked);
        };
        if who.kind == crate::Kind::Operator {
            return Decision::without_policy(Verdict::Operator);
        }
        let question = Question::new(who, action, resource, facts, all.reads);
        match question.longest() > VALUE_MAX {
            true => Decision::without_policy(Verdict::TooLong),
            false => ask(all, &question),
        }
    }

    /// All of them, roles among them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Policy> {
        self.0.iter().flat_map(|all| all.set.policies())
    }

    /// What the policies name, for telling where nothing has such a name.
    pub fn named(&self) -> Vec<Named> {
        let named = self.all().flat_map(|policy| {
            let of: &str = policy.id().as_ref();
            let names = policy.entity_literals().into_iter().map(|uid| Named {
                kind: uid.type_name().to_string(),
                id: uid.id().unescaped().to_owned(),
                policy: of.to_owned(),
            });
            names.collect::<Vec<_>>()
        });
        let mut named: Vec<Named> = named.collect();
        named.sort();
        named.dedup();
        named
    }
}

impl InForce {
    /// The answer to a question, by Cedar.
    fn ask(&self, question: &Question<'_>) -> Decision {
        let Some((request, entities)) = self.request(question) else {
            return Decision::without_policy(Verdict::Failed);
        };
        let response = self
            .authorizer
            .is_authorized(&request, &self.set, &entities);
        // Cedar leaves out policies that fail; one that forbids must not be left out.
        let failed = response.diagnostics().errors().map(|error| match error {
            cedar_policy::AuthorizationError::PolicyEvaluationError(error) => error.policy_id(),
        });
        if let Some(policy) = failed.min() {
            let policy: &str = policy.as_ref();
            return Decision {
                verdict: Verdict::Failed,
                policy: Some(policy.into()),
            };
        }
        let policy = response.diagnostics().reason().min().map(|policy| {
            let policy: &str = policy.as_ref();
            Arc::from(policy)
        });
        let verdict = match (response.decision(), &policy) {
            (cedar_policy::Decision::Allow, _) => Verdict::Permitted,
            (cedar_policy::Decision::Deny, Some(_)) => Verdict::Forbidden,
            (cedar_policy::Decision::Deny, None) => Verdict::NotPermitted,
        };
        Decision { verdict, policy }
    }

    fn space(&self, kind: &'static str, name: &str) -> Option<EntityUid> {
        uid("Space", self.spaces.of(kind, name)?)
    }

    fn request(&self, question: &Question<'_>) -> Option<(Request, Entities)> {
        let who = question.who;
        let principal = uid(who.kind.entity(), &who.id)?;
        let mut groups = HashSet::new();
        for (name, members) in &self.members {
            if members.iter().any(|member| member.is(who)) {
                groups.insert(uid("Role", name)?);
            }
        }
        groups.extend(self.space(who.kind.entity(), &who.id));
        let (kind, id) = match question.resource {
            Resource::Stream(name) => ("Stream", name),
            Resource::Subscription { name, .. } => ("Subscription", name),
            Resource::Route(name) => ("Route", name),
            Resource::Schema { name, .. } => ("Schema", name),
            Resource::Gateway => ("Gateway", GATEWAY),
        };
        let resource = uid(kind, id)?;
        let mut above: HashSet<_> = self.space(kind, id).into_iter().collect();
        match question.resource {
            Resource::Subscription { stream, .. } => drop(above.insert(uid("Stream", stream)?)),
            Resource::Schema {
                space: Some(space), ..
            } => drop(above.insert(uid("Space", space)?)),
            _ => {}
        }
        let entities = [
            entity(&principal, &who.id, groups)?,
            entity(&resource, id, above)?,
        ];
        let facts = FACTS
            .iter()
            .zip(question.facts.0)
            .filter_map(|(name, fact)| {
                let fact = RestrictedExpression::new_string(fact?.to_owned());
                Some(((*name).to_owned(), fact))
            });
        let context = Context::from_pairs(facts).ok()?;
        let action = uid("Action", question.action.name())?;
        let request = Request::new(principal, action, resource, context, None).ok()?;
        Some((request, Entities::from_entities(entities, None).ok()?))
    }
}

/// Id of the gateway as a whole.
const GATEWAY: &str = "this";

fn uid(kind: &str, id: &str) -> Option<EntityUid> {
    let kind: EntityTypeName = kind.parse().ok()?;
    Some(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
}

fn entity(uid: &EntityUid, id: &str, parents: HashSet<EntityUid>) -> Option<Entity> {
    let id = RestrictedExpression::new_string(id.to_owned());
    let attributes = HashMap::from([("id".to_owned(), id)]);
    Entity::new(uid.clone(), attributes, parents).ok()
}
