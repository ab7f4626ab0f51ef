//! Roles: the form for those who want no language. Each stands for one policy.

use crate::principal::HINT;
use crate::{Action, Kind, Principal, Text};
use std::fmt;

/// Who may do what, written as lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Role {
    /// Principals; `*` at the end stands for whatever follows.
    pub members: Vec<String>,
    /// What they may do.
    pub may: Vec<Action>,
    /// On the streams, subscriptions and routes of these spaces; `None` for all of them.
    pub spaces: Option<Vec<String>>,
    /// On these streams and their subscriptions; `None` for all of them.
    pub streams: Option<Vec<String>>,
    /// On these subscriptions.
    pub subscriptions: Option<Vec<String>>,
    /// On these routes.
    pub routes: Option<Vec<String>>,
    /// With events of these types; `*` at the end stands for whatever follows.
    pub types: Option<Vec<String>>,
    /// With events of these sources.
    pub sources: Option<Vec<String>>,
    /// With events of these subjects.
    pub subjects: Option<Vec<String>>,
}

/// What is wrong with a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidRole {
    /// The key, for instance `members/0`.
    pub key: String,
    /// What is wrong.
    pub reason: String,
    /// What to do.
    pub hint: String,
}

impl fmt::Display for InvalidRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} (hint: {})", self.key, self.reason, self.hint)
    }
}

impl std::error::Error for InvalidRole {}

/// Principals of one kind by name, or by how their names begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Member {
    /// This one.
    One(Principal),
    /// All of a kind whose names begin so.
    Beginning(Kind, String),
}

impl Member {
    /// As it is written: `api-key:shop`, `jwt:https://id.example.com#*`. The operator is no member of anything.
    pub fn read(text: &str) -> Option<Self> {
        let beginning = text.strip_suffix('*').and_then(|text| {
            let (word, start) = text.split_once(':')?;
            let kind = Kind::ALL.into_iter().find(|kind| kind.word() == word)?;
            (!kind.is_single()).then(|| Self::Beginning(kind, start.to_owned()))
        });
        let member = beginning.or_else(|| text.parse().ok().map(Self::One))?;
        let operator = matches!(&member, Self::One(who) if who.kind == Kind::Operator);
        (!operator && text.matches('*').count() <= 1).then_some(member)
    }

    /// Whether somebody is meant.
    pub fn is(&self, who: &Principal) -> bool {
        match self {
            Self::One(one) => one == who,
            Self::Beginning(kind, start) => *kind == who.kind && who.id.starts_with(start),
        }
    }
}

impl Role {
    /// The policy that the role called `name` stands for, in Cedar.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn cedar(&self, name: &str) -> Result<String, InvalidRole> {
        self.members()?;
        if self.may.is_empty() {
            return Err(invalid("may", "it allows nothing", "may: [publish]"));
        }
        self.check_facts()?;
        self.check_places()?;
        let actions: Vec<String> = self
            .may
            .iter()
            .map(|may| entity("Action", may.name()))
            .collect();
        let mut text = format!(
            "permit (\n  principal in {},\n  action in [{}],\n  resource\n)",
            entity("Role", name),
            actions.join(", ")
        );
        let places: Vec<String> = [
            ("Space", &self.spaces),
            ("Stream", &self.streams),
            ("Subscription", &self.subscriptions),
            ("Route", &self.routes),
        ]
        .into_iter()
        .filter_map(|(kind, names)| {
            let names = names.as_ref()?.iter().map(|name| entity(kind, name));
            Some(format!(
                "resource in [{}]",
                names.collect::<Vec<_>>().join(", ")
            ))
        })
        .collect();
        if !places.is_empty() {
            text.push_str(&format!("\nwhen {{ {} }}", places.join(" || ")));
        }
        for (attribute, values) in [
            ("type", &self.types),
            ("source", &self.sources),
            ("subject", &self.subjects),
        ] {
            if let Some(values) = values {
                text.push_str(&format!("\nwhen {{ {} }}", one_of(attribute, values)));
            }
        }
        text.push_str(";\n");
        Ok(text)
    }

    /// As [`Role::cedar`], read.
    pub(crate) fn text(&self, name: &str) -> Result<Text, InvalidRole> {
        Text::of_role(name, &self.cedar(name)?).map_err(|wrong| {
            let reason = wrong.first().map(ToString::to_string).unwrap_or_default();
            invalid("may", reason, "make two roles of it")
        })
    }

    pub(crate) fn members(&self) -> Result<Vec<Member>, InvalidRole> {
        if self.members.is_empty() {
            return Err(invalid("members", "nobody has this role", HINT));
        }
        let members = self.members.iter().enumerate().map(|(index, text)| {
            Member::read(text).ok_or_else(|| {
                let key = format!("members/{index}");
                invalid(&key, format!("`{text}` is no principal"), HINT)
            })
        });
        members.collect()
    }

    fn check_facts(&self) -> Result<(), InvalidRole> {
        for (key, values) in [
            ("types", &self.types),
            ("sources", &self.sources),
            ("subjects", &self.subjects),
        ] {
            let Some(values) = values else { continue };
            if let Some(may) = self.may.iter().find(|may| !may.has_event()) {
                let reason = format!(
                    "`{}` is about no event, so that `{key}` says nothing of it",
                    may.name()
                );
                return Err(invalid(key, reason, "make two roles of it"));
            }
            if values.is_empty() {
                return Err(invalid(
                    key,
                    "the list is empty: no event fits",
                    "remove this key for all events",
                ));
            }
            let inner = |value: &String| value.strip_suffix('*').unwrap_or(value).contains('*');
            if let Some(index) = values.iter().position(inner) {
                let key = format!("{key}/{index}");
                return Err(invalid(
                    &key,
                    "`*` stands at the end only",
                    "write a policy in Cedar for more",
                ));
            }
        }
        Ok(())
    }

    fn check_places(&self) -> Result<(), InvalidRole> {
        let places = [
            &self.spaces,
            &self.streams,
            &self.subscriptions,
            &self.routes,
        ];
        for (key, names) in ["spaces", "streams", "subscriptions", "routes"]
            .into_iter()
            .zip(places)
        {
            if names.as_ref().is_some_and(Vec::is_empty) {
                return Err(invalid(
                    key,
                    "the list is empty: nothing fits",
                    "remove this key for all of them",
                ));
            }
        }
        let [spaces, streams, subscriptions, routes] = places.map(Option::is_some);
        if spaces {
            return Ok(());
        }
        if !streams && !subscriptions && !routes {
            return Ok(());
        }
        for (index, may) in self.may.iter().enumerate() {
            let reached = match may {
                Action::Publish | Action::Subscribe => streams,
                Action::Invoke => routes,
                _ => streams || subscriptions,
            };
            if !reached {
                let reason = format!(
                    "`{}` is done to none of the places that the role names",
                    may.name()
                );
                return Err(invalid(
                    &format!("may/{index}"),
                    reason,
                    "make two roles of it",
                ));
            }
        }
        Ok(())
    }
}

fn invalid(key: &str, reason: impl Into<String>, hint: &str) -> InvalidRole {
    InvalidRole {
        key: key.to_owned(),
        reason: reason.into(),
        hint: hint.to_owned(),
    }
}

fn one_of(attribute: &str, values: &[String]) -> String {
    let access = format!("context.{attribute}");
    let exact: Vec<String> = values
        .iter()
        .filter(|v| !v.ends_with('*'))
        .map(|v| quoted(v))
        .collect();
    let mut any: Vec<String> = Vec::new();
    if !exact.is_empty() {
        any.push(format!("[{}].contains({access})", exact.join(", ")));
    }
    any.extend(
        values
            .iter()
            .filter(|value| value.ends_with('*'))
            .map(|value| format!("{access} like {}", quoted(value))),
    );
    let any = any.join(" || ");
    match attribute {
        "subject" => format!("context has subject && ({any})"),
        _ => any,
    }
}

fn entity(kind: &str, id: &str) -> String {
    format!("{kind}::{}", quoted(id))
}

/// A text as Cedar writes it.
fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => out.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
