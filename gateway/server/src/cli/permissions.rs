//! `tradewind permissions`

use super::check::named;
use super::failure::Failure;
use super::term::Term;
use serde_json::json;
use std::path::PathBuf;
use tradewind_adapter::{BuiltSource, Permission};
use tradewind_config::{Checked, System};
use tradewind_permissions::{CLOUDS, Grant, Identity, Place};

/// Write the policy that a cloud needs for exactly the sources and sinks that are configured
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tradewind permissions --cloud aws\n  tradewind permissions --cloud aws --format policy > policy.json\n  \
    tradewind permissions --cloud aws --format terraform > permissions.tf\n\n\
    Nothing is asked of the cloud. Without a region or an account in the configuration, --region and --account say which."
)]
pub(super) struct Args {
    /// Configuration file [default: tradewind.yaml, else /etc/tradewind/config.yaml]
    #[arg(long, env = "TRADEWIND_CONFIG")]
    config: Option<PathBuf>,
    /// Whose permissions
    #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(CLOUDS))]
    cloud: String,
    /// How they are written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Only what this role needs, of several identities; `none` for who assumes roles
    #[arg(long, value_name = "ARN")]
    role: Option<String>,
    /// Region of resources that are named without one
    #[arg(long)]
    region: Option<String>,
    /// Account of resources that are named without one
    #[arg(long)]
    account: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum Format {
    /// For people, with reasons and with what is not granted.
    #[default]
    Text,
    /// The policy document, JSON.
    Policy,
    /// Policy documents for Terraform.
    Terraform,
    /// The same in Terraform's JSON syntax.
    TerraformJson,
}

pub(super) fn run(args: &Args, term: &Term) -> Result<(), Failure> {
    let path = named(args.config.clone())?;
    let checked = tradewind_config::load(&path, &crate::registry(), &System)
        .map_err(|findings| Failure::invalid(&findings, term))?;
    let place = Place {
        region: args.region.clone(),
        account: args.account.clone(),
    };
    let mut identities = tradewind_permissions::aws(&grants(&checked), &place);
    if let Some(role) = &args.role {
        let wanted = (role != "none").then_some(role.as_str());
        identities.retain(|identity| identity.caller.role.as_deref() == wanted);
    }
    if identities.is_empty() {
        return Err(Failure::new(format!(
            "nothing that is configured calls {}",
            args.cloud
        )));
    }
    for open in identities.iter().flat_map(|identity| &identity.open) {
        term.note(&format!(
            "{open}: region or account is not known; write the whole ARN, or --region and --account"
        ));
    }
    if term.json() && args.format == Format::Text {
        let told = identities
            .iter()
            .map(|identity| json!({ "identity": identity, "policy": identity.policy() }));
        term.value(&told.collect::<Vec<_>>())?;
        return Ok(());
    }
    match args.format {
        Format::Text => text(&identities, term)?,
        Format::Policy => match &identities[..] {
            [identity] => term.value(&identity.policy())?,
            several => {
                let who: Vec<String> = several.iter().map(Identity::who).collect();
                return Err(
                    Failure::usage(format!("several identities call: {}", who.join("; ")))
                        .hint("name one: --role ARN, or --role none"),
                );
            }
        },
        Format::Terraform => term.line(tradewind_permissions::terraform(&identities).trim_end())?,
        Format::TerraformJson => term.value(&tradewind_permissions::terraform_json(&identities))?,
    }
    Ok(())
}

/// What every source and every sink needs, by name.
fn grants(checked: &Checked) -> Vec<Grant> {
    let mut grants = Vec::new();
    let mut add = |object: String, permissions: Vec<Permission>| {
        grants.extend(permissions.into_iter().map(|permission| Grant {
            object: object.clone(),
            permission,
        }));
    };
    for (name, source) in &checked.sources {
        if let BuiltSource::Pull(source) = &source.built {
            add(format!("sources.{name}"), source.permissions());
        }
    }
    for (name, route) in &checked.routes {
        add(format!("routes.{name}"), route.sink.permissions());
    }
    for (name, subscription) in &checked.subscriptions {
        add(
            format!("subscriptions.{name}"),
            subscription.sink.permissions(),
        );
    }
    grants
}

fn text(identities: &[Identity], term: &Term) -> Result<(), Failure> {
    for (at, identity) in identities.iter().enumerate() {
        if at > 0 {
            term.line("")?;
        }
        term.line(&format!("{} needs", identity.who()))?;
        for statement in &identity.statements {
            term.line(&format!(
                "  {} on {}",
                statement.actions.join(", "),
                statement.resource
            ))?;
            for reason in &statement.reasons {
                term.line(&format!("      {reason}"))?;
            }
        }
        if !identity.withheld.is_empty() {
            term.line("and is not granted")?;
        }
        for one in &identity.withheld {
            term.line(&format!(
                "  {} on {}\n      {}",
                one.action, one.resource, one.why
            ))?;
        }
        if let Some(trust) = &identity.trust {
            term.line("and must trust who assumes it")?;
            term.value(trust)?;
        }
    }
    Ok(())
}

#[cfg(all(
    test,
    feature = "aws-dynamodb-streams",
    feature = "aws-event-bridge",
    feature = "aws-firehose",
    feature = "aws-kinesis",
    feature = "aws-lambda",
    feature = "aws-s3",
    feature = "aws-sns",
    feature = "aws-sqs",
    feature = "aws-step-functions"
))]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use std::fmt::Write;

    /// One of each adapter, called by its kind.
    const ALL: &str = r#"
sources:
  aws-dynamodb-streams: { kind: aws-dynamodb-streams, arn: "arn:aws:dynamodb:eu-west-1:123456789012:table/orders/stream/2026-01-31T00:00:00.000" }
  aws-kinesis: { kind: aws-kinesis, arn: "arn:aws:kinesis:eu-west-1:123456789012:stream/orders" }
  aws-sqs: { kind: aws-sqs, queue: "https://sqs.eu-west-1.amazonaws.com/123456789012/orders" }
subscriptions:
  aws-event-bridge: { sink: { kind: aws-event-bridge, bus: "arn:aws:events:eu-west-1:123456789012:event-bus/orders" } }
  aws-firehose: { sink: { kind: aws-firehose, stream: "arn:aws:firehose:eu-west-1:123456789012:deliverystream/orders" } }
  aws-kinesis: { sink: { kind: aws-kinesis, stream: "arn:aws:kinesis:eu-west-1:123456789012:stream/orders" } }
  aws-s3: { sink: { kind: aws-s3, bucket: acme-events, prefix: orders/ } }
  aws-sns: { sink: { kind: aws-sns, topic: "arn:aws:sns:eu-west-1:123456789012:orders" } }
  aws-step-functions: { sink: { kind: aws-step-functions, state-machine: "arn:aws:states:eu-west-1:123456789012:stateMachine:orders" } }
  aws-sqs: { sink: { kind: aws-sqs, queue: "https://sqs.eu-west-1.amazonaws.com/123456789012/orders" } }
  aws-lambda: { sink: { kind: aws-lambda, function: "arn:aws:lambda:eu-west-1:123456789012:function:charge:live" } }
"#;
    const GUIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guides/aws.md");
    const MARKS: [&str; 2] = [
        "<!-- permissions: written by a test of tradewind-server -->\n",
        "<!-- /permissions -->",
    ];

    fn all() -> Vec<Grant> {
        let loaded = tradewind_config::load_str("all.yaml", ALL, &crate::registry(), &System);
        grants(&loaded.unwrap())
    }

    fn table() -> String {
        let mut out = String::from("| | needs | on | for |\n|---|---|---|---|\n");
        let mut withheld = String::new();
        for Grant { object, permission } in all() {
            let (role, kind) = object.split_once('.').unwrap();
            let role = if role == "sources" { "source" } else { "sink" };
            let actions: Vec<String> = permission
                .actions
                .iter()
                .map(|a| format!("`{a}`"))
                .collect();
            let Permission { resource, why, .. } = &permission;
            writeln!(
                out,
                "| {role} `{kind}` | {} | `{resource}` | {why} |",
                actions.join(", ")
            )
            .unwrap();
            for (action, why) in permission.withheld {
                let line = format!("- `{action}`: {why}\n");
                if !withheld.contains(&line) {
                    withheld.push_str(&line);
                }
            }
        }
        format!("{out}\nNot granted:\n\n{withheld}")
    }

    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/aws.md");

    /// A page of every adapter: an example, its keys, and what it needs.
    fn page() -> String {
        let mut out = String::from(
            "# AWS adapters\n\nWritten by a test of tradewind-server from the types of the settings and from what each adapter declares. \
             The [guide](../guides/aws.md) says what they do.\n\n\
             Notifications of SNS over HTTPS and API destinations of EventBridge come in by [webhooks](webhooks.md); function URLs and API \
             Gateway are called by [HTTP sinks with a signature](../guides/outbound.md#aws-sigv4). What those need is said there.\n",
        );
        let keys = tradewind_config::reference(&crate::registry());
        for Grant { object, permission } in all() {
            let (role, kind) = object.split_once('.').unwrap();
            let (what, heading) = match role {
                "sources" => ("Source", format!("### `sources.NAME` of kind `{kind}`\n")),
                _ => ("Sink", format!("### `sink` of kind `{kind}`\n")),
            };
            let (_, section) = keys.split_once(&heading).unwrap();
            let section = section.split("\n#").next().unwrap_or_default().trim();
            let line = |line: &&str| line.starts_with(&format!("  {kind}:"));
            let (sources, subscriptions) = ALL.split_once("subscriptions:").unwrap();
            let example = match role {
                "sources" => sources.lines().find(line),
                _ => subscriptions.lines().find(line),
            };
            let example = example.unwrap();
            write!(
                out,
                "\n## {what} `{kind}`\n\n<!-- check: part -->\n```yaml\n{role}:\n{example}\n```\n\n{section}\n\nNeeds on `{}`:\n",
                permission.resource
            )
            .unwrap();
            for action in &permission.actions {
                writeln!(out, "- `{action}`").unwrap();
            }
            for (action, why) in permission.withheld {
                writeln!(out, "- not `{action}`: {why}").unwrap();
            }
        }
        out
    }

    #[test]
    fn the_reference_has_every_adapter() {
        let page = page();
        if std::env::var_os("TRADEWIND_UPDATE").is_some() {
            std::fs::write(PAGE, &page).unwrap();
        }
        let now = std::fs::read_to_string(PAGE).unwrap_or_default();
        assert!(
            now == page,
            "TRADEWIND_UPDATE=1 cargo test -p tradewind-server permissions"
        );
    }

    #[test]
    fn the_guide_has_what_adapters_declare() {
        let guide = std::fs::read_to_string(GUIDE).unwrap();
        let (before, rest) = guide.split_once(MARKS[0]).unwrap();
        let (now, after) = rest.split_once(MARKS[1]).unwrap();
        let table = table();
        if std::env::var_os("TRADEWIND_UPDATE").is_some() {
            let [begin, end] = MARKS;
            std::fs::write(GUIDE, format!("{before}{begin}{table}{end}{after}")).unwrap();
            return;
        }
        assert_eq!(
            now, table,
            "TRADEWIND_UPDATE=1 cargo test -p tradewind-server permissions"
        );
    }

    #[test]
    fn every_adapter_of_aws_declares_what_it_calls() {
        let objects: Vec<String> = all().into_iter().map(|grant| grant.object).collect();
        let registry = crate::registry();
        let of = |section: &str, kinds: Vec<&str>| {
            let kinds = kinds.into_iter().filter(|kind| kind.starts_with("aws-"));
            let objects = kinds.map(|kind| format!("{section}.{kind}"));
            // SNS comes to the gateway there, not the other way round.
            objects
                .filter(|object| object != "sources.aws-sns")
                .collect::<Vec<_>>()
        };
        let mut expected = of("sources", registry.source_kinds().collect());
        expected.extend(of("subscriptions", registry.sink_kinds().collect()));
        let missing: Vec<_> = expected
            .iter()
            .filter(|object| !objects.contains(object))
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
