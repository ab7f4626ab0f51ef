//! `tradewind import`

use super::failure::Failure;
use super::term::Term;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use tradewind_config::{Env, System};
use tradewind_import::{Import, Input, Options, Variable};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    EventBridge(EventBridgeArgs),
}

/// Read what tools of AWS export of EventBridge and its Scheduler, and say what becomes of each rule and subscriber
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tradewind import event-bridge template.yaml --out tradewind.yaml --report report.md\n  \
    tradewind import event-bridge rules.json on-order.json --owner shop\n  \
    terraform show -json | tradewind import event-bridge - --output json\n  \
    tradewind import event-bridge template.yaml --region eu-west-1 --account 123456789012 --parameter Stage=prod\n\n\
    Read are templates of CloudFormation and SAM (YAML, JSON), states of Terraform (version 4) and `terraform show -json`, and \
    answers of the AWS CLI: `aws events` list-rules, describe-rule, list-targets-by-rule, list- and describe-archive, \
    -connection, -api-destination, -event-bus, `aws eventsv2` describe-event-bus, describe-subscriber, \
    `aws scheduler get-schedule`, `aws pipes describe-pipe`. Nothing is asked \
    of AWS. Secrets are never written: the configuration names variables to set.\n\n\
    Exit code 1: a rule is impossible, with --deny impossible; or it is changed, with --deny changed."
)]
pub(super) struct EventBridgeArgs {
    /// Files; - for stdin
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Where the configuration goes; by default it is not written, and only the report is shown
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Where the report goes too: Markdown, or JSON where the name ends in .json
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Value of a parameter of the templates
    #[arg(long = "parameter", value_name = "NAME=VALUE")]
    parameters: Vec<String>,
    /// Region of what the templates make
    #[arg(long)]
    region: Option<String>,
    /// Account of what the templates make
    #[arg(long)]
    account: Option<String>,
    /// Who answers for what is written
    #[arg(long)]
    owner: Option<String>,
    /// Verdicts that make it fail
    #[arg(long, value_enum)]
    deny: Option<Deny>,
    /// Replace files that are there
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Deny {
    /// Something cannot be had
    Impossible,
    /// Something is otherwise, or cannot be had
    Changed,
}

pub(super) fn run(command: &Command, term: &Term) -> Result<(), Failure> {
    let Command::EventBridge(args) = command;
    let inputs = args.files.iter().map(|path| read(path));
    let inputs = inputs.collect::<Result<Vec<_>, _>>()?;
    let options = Options {
        parameters: parameters(&args.parameters)?,
        region: args.region.clone(),
        account: args.account.clone(),
        owner: args.owner.clone(),
    };
    let registry = crate::registry();
    let import =
        tradewind_import::event_bridge(&inputs, &options, &registry).map_err(|faults| {
            let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
            let failure = Failure::new(lines.join("\n"));
            match faults.iter().find_map(|fault| fault.hint.clone()) {
                Some(hint) => failure.hint(hint),
                None => failure,
            }
        })?;
    // What is handed out is what a gateway takes, once the variables are set.
    let samples = Samples(&import.report.variables);
    let loaded =
        tradewind_config::load_str("<imported>", &import.configuration, &registry, &samples);
    if let Err(findings) = loaded {
        return Err(Failure::invalid(&findings, term)
            .hint("the configuration that was made does not load; please report this"));
    }
    for (path, text) in [
        (&args.out, import.configuration.clone()),
        (&args.report, report(&import, args.report.as_deref())),
    ] {
        if let Some(path) = path {
            write(path, &text, args.force)?;
        }
    }
    show(&import, term)?;
    let (rules, targets) = (import.report.rules, import.report.targets);
    let impossible = rules.impossible + targets.impossible > 0;
    let changed = rules.changed + targets.changed > 0;
    match args.deny {
        Some(Deny::Impossible) if impossible => Err(Failure::silent()),
        Some(Deny::Changed) if impossible || changed => Err(Failure::silent()),
        _ => Ok(()),
    }
}

fn show(import: &Import, term: &Term) -> Result<(), Failure> {
    match term.json() {
        true => term.value(&json!({
            "report": import.report,
            "configuration": import.configuration,
        }))?,
        false => term.line(import.report.text().trim_end())?,
    }
    Ok(())
}

fn report(import: &Import, path: Option<&Path>) -> String {
    let json = path.is_some_and(|path| path.extension().is_some_and(|ending| ending == "json"));
    match json {
        true => format!("{:#}\n", json!(import.report)),
        false => import.report.markdown(),
    }
}

fn read(path: &Path) -> Result<Input, Failure> {
    let name = path.display().to_string();
    let failed = |error: std::io::Error| Failure::new(format!("cannot read {name}: {error}"));
    let input: Box<dyn Read> = match name.as_str() {
        "-" => Box::new(std::io::stdin()),
        _ => Box::new(std::fs::File::open(path).map_err(failed)?),
    };
    let mut text = String::new();
    let most = tradewind_import::INPUT_MAX as u64 + 1;
    input.take(most).read_to_string(&mut text).map_err(failed)?;
    let name = if name == "-" { "<stdin>".into() } else { name };
    Ok(Input { name, text })
}

fn write(path: &Path, text: &str, force: bool) -> Result<(), Failure> {
    let shown = path.display();
    if path.exists() && !force {
        return Err(Failure::new(format!("{shown} is there already"))
            .hint("write --force to replace it, or name another file"));
    }
    std::fs::write(path, text)
        .map_err(|error| Failure::new(format!("cannot write {shown}: {error}")))
}

fn parameters(given: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let pairs = given.iter().map(|pair| match pair.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => Err(Failure::usage(format!("`{pair}` is no NAME=VALUE"))),
    });
    pairs.collect()
}

/// Stands in for variables that are not set yet.
struct Samples<'a>(&'a [Variable]);

impl Env for Samples<'_> {
    fn var(&self, name: &str) -> Option<String> {
        let variable = self.0.iter().find(|variable| variable.name == name);
        variable.map(|variable| variable.example.clone())
    }
    fn read(&self, path: &Path) -> std::io::Result<String> {
        System.read(path)
    }
}
