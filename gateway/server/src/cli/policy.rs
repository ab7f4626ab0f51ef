//! `tradewind policy`

mod bounds;

use super::check::named;
use super::failure::Failure;
use super::input::Input;
use super::term::{Term, plain};
use bounds::Bound;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::fmt;
use std::path::PathBuf;
use tradewind_config::{Checked, System};
use tradewind_policy::{Action, Decision, Facts, Principal, Resource, SCHEMA};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    Test(Box<TestArgs>),
    Show(ShowArgs),
    /// Print the Cedar schema that policies are held against, for editors
    #[command(after_help = "Example:\n  tradewind policy schema > tradewind.cedarschema")]
    Schema,
}

/// Tell who may do what by the policies and roles of a configuration, and which of them decides; and where the scopes of an
/// API key or the space of a caller forbid what they permit
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tradewind policy test --principal api-key:shop --action publish --resource stream:orders --type order.placed --source /shop\n  \
    tradewind policy test --principal api-key:oncall --action redrive --resource subscription:charge\n  \
    tradewind policy test --cases policies.test.yaml\n\n\
    A file of cases:\n  cases:\n    - principal: api-key:shop\n      action: publish\n      resource: stream:orders\n      \
    event: { type: order.placed, source: /shop }\n      expect: allow          # or deny\n      policy: role shop      # optional: which decides\n\n\
    Exit code 1: a case is decided otherwise than expected; without a file, it is denied."
)]
pub(super) struct TestArgs {
    /// Configuration file [default: tradewind.yaml, else /etc/tradewind/config.yaml]
    #[arg(long, env = "TRADEWIND_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Cases, in YAML or JSON: a file, or - for stdin
    #[arg(long, value_name = "FILE", conflicts_with_all = ["principal", "action", "resource"])]
    cases: Option<String>,
    /// Who: api-key:ID, jwt:ISSUER#SUBJECT, certificate:uri:..., sender:KIND, source:NAME, anonymous ...
    #[arg(long, required_unless_present = "cases")]
    principal: Option<String>,
    /// What: publish, subscribe, read-payload, replay, redrive, configure, invoke
    #[arg(long, required_unless_present = "cases")]
    action: Option<String>,
    /// To what: stream:NAME, subscription:NAME, route:NAME, schema:NAME, schema:SPACE/NAME, gateway
    #[arg(long, required_unless_present = "cases")]
    resource: Option<String>,
    /// Type of the event
    #[arg(long = "type", value_name = "TYPE")]
    ty: Option<String>,
    /// Source of the event
    #[arg(long)]
    source: Option<String>,
    /// Subject of the event
    #[arg(long)]
    subject: Option<String>,
    /// The source or route that it comes through, or admin for the admin API
    #[arg(long, value_name = "NAME")]
    via: Option<String>,
}

/// Print the roles of a configuration as the policies that they stand for
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tradewind policy show --config tradewind.yaml")]
pub(super) struct ShowArgs {
    /// Configuration file [default: tradewind.yaml, else /etc/tradewind/config.yaml]
    #[arg(long, env = "TRADEWIND_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    cases: Vec<Case>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    principal: String,
    action: String,
    resource: String,
    #[serde(default)]
    event: About,
    #[serde(default)]
    via: Option<String>,
    expect: Expect,
    #[serde(default)]
    policy: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    #[serde(rename = "type")]
    ty: Option<String>,
    source: Option<String>,
    subject: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Expect {
    Allow,
    Deny,
}

pub(super) fn run(command: &Command, term: &Term) -> Result<(), Failure> {
    match command {
        Command::Test(args) => test(args, term),
        Command::Show(args) => show(args, term),
        Command::Schema => match term.json() {
            true => term
                .value(&json!({ "schema": SCHEMA }))
                .map_err(Failure::from),
            false => term.line(SCHEMA.trim_end()).map_err(Failure::from),
        },
    }
}

fn load(config: Option<&PathBuf>, term: &Term) -> Result<Checked, Failure> {
    let path = named(config.cloned())?;
    tradewind_config::load(&path, &crate::registry(), &System)
        .map_err(|findings| Failure::invalid(&findings, term))
}

fn test(args: &TestArgs, term: &Term) -> Result<(), Failure> {
    let checked = load(args.config.as_ref(), term)?;
    match &args.cases {
        Some(file) => all(&checked, file, term),
        None => one(&checked, args, term),
    }
}

fn one(checked: &Checked, args: &TestArgs, term: &Term) -> Result<(), Failure> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let case = Case {
        principal: text(&args.principal),
        action: text(&args.action),
        resource: text(&args.resource),
        event: About {
            ty: args.ty.clone(),
            source: args.source.clone(),
            subject: args.subject.clone(),
        },
        via: args.via.clone(),
        expect: Expect::Allow,
        policy: None,
    };
    let outcome = decide(checked, &case)?;
    match term.json() {
        true => term.value(&told(&outcome))?,
        false => {
            let verdict = if outcome.allowed() { "allow" } else { "deny" };
            let verdict = term.mark(outcome.allowed(), verdict);
            term.line(&format!("{verdict}  {}", plain(&outcome.to_string())))?;
        }
    }
    match outcome.allowed() {
        true => Ok(()),
        false => Err(Failure::silent()),
    }
}

fn all(checked: &Checked, file: &str, term: &Term) -> Result<(), Failure> {
    let input = Input::read("cases", file)?;
    let value = tradewind_config::value(&input.name, &input.text)
        .map_err(|findings| Failure::invalid(&findings, term))?;
    let cases: Cases = serde_json::from_value(value)
        .map_err(|error| Failure::new(format!("{}: {error}", input.name)))?;
    if cases.cases.is_empty() {
        return Err(Failure::new(format!("{}: there are no cases", input.name)));
    }
    let mut wrong = 0;
    let mut results = Vec::with_capacity(cases.cases.len());
    for (index, case) in cases.cases.iter().enumerate() {
        let outcome = decide(checked, case)
            .map_err(|failure| failure.within(&format!("case {}", index + 1)))?;
        let as_expected = outcome.allowed() == (case.expect == Expect::Allow)
            && case
                .policy
                .as_ref()
                .is_none_or(|name| outcome.decision.policy.as_deref() == Some(name));
        wrong += usize::from(!as_expected);
        if term.json() {
            let mut result = told(&outcome);
            result["case"] = json!(index + 1);
            result["as-expected"] = json!(as_expected);
            results.push(result);
            continue;
        }
        let sign = term.mark(as_expected, if as_expected { "✓" } else { "✗" });
        let mut line = format!(
            "{} {} {}: {outcome}",
            case.principal, case.action, case.resource
        );
        if !as_expected {
            let policy = case
                .policy
                .as_ref()
                .map(|name| format!(" by policy {name}"));
            let expected = match case.expect {
                Expect::Allow => "allow",
                Expect::Deny => "deny",
            };
            line.push_str(&format!(
                "; expected: {expected}{}",
                policy.unwrap_or_default()
            ));
        }
        term.line(&format!("{sign} {}", plain(&line)))?;
    }
    if term.json() {
        term.value(&results)?;
    }
    match wrong {
        0 => Ok(()),
        n => Err(Failure::new(format!(
            "{n} of {} cases are decided otherwise than expected",
            cases.cases.len()
        ))),
    }
}

/// What comes of a case.
struct Outcome {
    decision: Decision,
    /// What forbids it though policies permit it.
    bound: Option<Bound>,
}

impl Outcome {
    fn allowed(&self) -> bool {
        self.decision.allowed() && self.bound.is_none()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.bound {
            Some(bound) => write!(f, "{bound}, though {}", self.decision),
            None => self.decision.fmt(f),
        }
    }
}

fn told(outcome: &Outcome) -> serde_json::Value {
    let label = outcome.decision.verdict.label();
    json!({
        "allowed": outcome.allowed(),
        "verdict": outcome.bound.as_ref().map_or(label, Bound::label),
        "policy": outcome.decision.policy,
    })
}

fn decide(checked: &Checked, case: &Case) -> Result<Outcome, Failure> {
    let who: Principal = case
        .principal
        .parse()
        .map_err(|error: tradewind_policy::UnknownKind| Failure::usage(error.to_string()))?;
    let action = Action::ALL
        .into_iter()
        .find(|action| action.name() == case.action)
        .ok_or_else(|| {
            let known = Action::ALL.map(Action::name).join(", ");
            Failure::usage(format!("`{}` is no action", case.action)).hint(known)
        })?;
    let unknown = || {
        Failure::usage(format!("`{}` is no resource", case.resource)).hint(
            "stream:NAME, subscription:NAME, route:NAME, schema:NAME, schema:SPACE/NAME or gateway",
        )
    };
    // A misspelt one would be denied, which looks like a policy at work.
    let absent = || Failure::usage(format!("`{}` is not in the configuration", case.resource));
    let resource = match case.resource.split_once(':') {
        Some(("stream", name)) if checked.streams.contains_key(name) => Resource::Stream(name),
        Some(("route", name)) if checked.routes.contains_key(name) => Resource::Route(name),
        Some(("stream" | "route", _)) => return Err(absent()),
        Some(("schema", name)) => match name.split_once('/') {
            Some((space, name)) => Resource::Schema {
                name,
                space: Some(space),
            },
            None => Resource::Schema { name, space: None },
        },
        Some(("subscription", name)) => Resource::Subscription {
            name,
            stream: &checked.subscriptions.get(name).ok_or_else(absent)?.stream,
        },
        None if case.resource == "gateway" => Resource::Gateway,
        _ => return Err(unknown()),
    };
    if !is_asked(action, resource) {
        let what = format!("`{}` is never done to `{}`", action.name(), case.resource);
        return Err(Failure::usage(what).hint(
            "publish and subscribe to a stream, read-payload of a stream or subscription, replay and redrive of a \
             subscription, configure of gateway, subscription or schema, invoke of a route",
        ));
    }
    let event = &case.event;
    let facts = match (&event.ty, &event.source) {
        _ if !action.has_event() => Facts::default(),
        (Some(ty), Some(source)) => Facts::new(ty, source, event.subject.as_deref()),
        _ => {
            let what = format!(
                "`{}` is about an event: its type and source are missing",
                action.name()
            );
            return Err(Failure::usage(what));
        }
    };
    let via = case.via.as_deref().unwrap_or_default();
    let decision = checked
        .policies
        .decide(&who, action, resource, facts.via(via));
    // The policy that denies is what somebody looks for first.
    let bound = decision
        .allowed()
        .then(|| Bound::of(checked, &who, action, resource, via))
        .flatten();
    Ok(Outcome { decision, bound })
}

/// Whether the gateway ever asks this. What is never asked may well be permitted: a subscription is in its stream.
fn is_asked(action: Action, resource: Resource<'_>) -> bool {
    match action {
        Action::Publish | Action::Subscribe => matches!(resource, Resource::Stream(_)),
        Action::ReadPayload => {
            matches!(
                resource,
                Resource::Stream(_) | Resource::Subscription { .. }
            )
        }
        Action::Replay | Action::Redrive => matches!(resource, Resource::Subscription { .. }),
        Action::Configure => matches!(
            resource,
            Resource::Gateway | Resource::Subscription { .. } | Resource::Schema { .. }
        ),
        Action::Invoke => matches!(resource, Resource::Route(_)),
    }
}

fn show(args: &ShowArgs, term: &Term) -> Result<(), Failure> {
    let checked = load(args.config.as_ref(), term)?;
    let mut shown = serde_json::Map::new();
    for (name, role) in &checked.roles {
        let cedar = role
            .cedar(name)
            .map_err(|wrong| Failure::new(wrong.to_string()))?;
        match term.json() {
            true => drop(shown.insert(
                name.clone(),
                json!({ "cedar": cedar, "members": role.members }),
            )),
            false => {
                term.line(&format!(
                    "// role {name}: {}",
                    plain(&role.members.join(", "))
                ))?;
                term.line(&cedar)?;
            }
        }
    }
    if term.json() {
        term.value(&shown)?;
    }
    Ok(())
}
