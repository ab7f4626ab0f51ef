//! From a text to policies that are sound.

use crate::reads::Looks;
use crate::{InvalidPolicy, POLICIES_MAX, bounds, schema};
use cedar_policy::{Policy, PolicyId, PolicySet, ValidationMode};
use std::collections::HashSet;
use std::str::FromStr;

/// Policies of one text: parsed, held against the schema, named.
#[derive(Debug, Clone, Default)]
pub struct Text {
    pub(crate) policies: Vec<Policy>,
    pub(crate) looks: Looks,
}

impl Text {
    /// Reads Cedar. Policies are named `name/ID` by their annotation `@id("ID")`, else `name/1`, `name/2`, as they
    /// come.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(name: &str, text: &str) -> Result<Self, Vec<InvalidPolicy>> {
        bounds::deeply(|| read(text, |id| format!("{name}/{id}")))
    }

    /// Reads the policy that a role stands for.
    pub(crate) fn of_role(name: &str, text: &str) -> Result<Self, Vec<InvalidPolicy>> {
        bounds::deeply(|| read(text, |_| format!("role {name}")))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.policies.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.policies.is_empty()
    }
}

fn read(text: &str, name: impl Fn(&str) -> String) -> Result<Text, Vec<InvalidPolicy>> {
    let starts = bounds::check(text).map_err(|refused| vec![refused])?;
    let set = PolicySet::from_str(text).map_err(|errors| {
        let told = errors.iter().map(|error| InvalidPolicy::told(error, None));
        told.collect::<Vec<_>>()
    })?;
    let mut wrong = Vec::new();
    // The parser numbers them as they come.
    let start = |id: &PolicyId| {
        let number: &str = id.as_ref();
        let number: usize = number.strip_prefix("policy")?.parse().ok()?;
        Some((number, starts.get(number).copied()))
    };
    if let Some(template) = set.templates().next() {
        wrong.push(InvalidPolicy {
            offset: start(template.id()).and_then(|(_, at)| at),
            ..InvalidPolicy::whole(
                "`?principal` and `?resource` are for templates, which are not taken here",
                "name a principal, or a role and its members",
            )
        });
    }
    let checked = schema::validator().map(|schema| schema.validate(&set, ValidationMode::Strict));
    for error in checked
        .iter()
        .flat_map(|checked| checked.validation_errors())
    {
        let at = start(error.policy_id()).and_then(|(_, at)| at);
        wrong.push(InvalidPolicy::told(error, at));
    }
    let mut policies: Vec<(usize, Option<usize>, &Policy)> = set
        .policies()
        .filter_map(|policy| {
            let (number, at) = start(policy.id())?;
            Some((number, at, policy))
        })
        .collect();
    policies.sort_by_key(|(number, ..)| *number);
    if policies.len() > POLICIES_MAX {
        wrong.push(InvalidPolicy::whole(
            format!("the text has more than {POLICIES_MAX} policies"),
            "let several principals share one by a role",
        ));
    }
    let mut read = Text::default();
    let mut names = HashSet::new();
    for (number, at, policy) in policies {
        let id = match policy.annotation("id") {
            Some(id) if !id.is_empty() => id.to_owned(),
            _ => (number + 1).to_string(),
        };
        match policy.to_json() {
            Ok(tree) => read.looks.add(Looks::of(&tree)),
            Err(error) => wrong.push(InvalidPolicy::told(&error, at)),
        }
        if !names.insert(id.clone()) {
            wrong.push(InvalidPolicy {
                offset: at,
                ..InvalidPolicy::whole(
                    format!("a policy before this one is called `{id}`"),
                    "give each its own `@id(\"...\")`",
                )
            });
        }
        read.policies.push(policy.new_id(PolicyId::new(name(&id))));
    }
    match wrong.is_empty() {
        true => Ok(read),
        false => Err(wrong),
    }
}
