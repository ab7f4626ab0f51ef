//! `tradewind filter`

use super::failure::Failure;
use super::input::Input;
use super::term::{Term, plain};
use super::written;
use serde_json::{Value, json};
use tradewind_config::System;
use tradewind_event::Event;
use tradewind_filter::{Dialects, Filter, InvalidFilter, Rendering};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    Test(TestArgs),
    Translate(TranslateArgs),
}

/// Tell whether an event passes a filter, and why
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tradewind filter test --filter '{ exact: { type: order.placed } }' --event event.json\n  \
    tradewind filter test --filter rule.yaml --event - < event.json\n  \
    tradewind filter test --filter '{ event-bridge: { detail: { total: [{ numeric: [\">\", 0] }] } } }' --event '{\"detail-type\":\"Order\",\"source\":\"shop\",\"detail\":{\"total\":1}}'\n\n\
    An event is a CloudEvent, an EventBridge event or an Event Grid event in JSON, or a list of them."
)]
pub(super) struct TestArgs {
    /// Filter as under `filter:` in the configuration: a file, - for stdin, or the text itself
    #[arg(long)]
    filter: String,
    /// Event: a file, - for stdin, or the text itself
    #[arg(long)]
    event: String,
}

/// Write a filter in another dialect, and tell whether it still means the same
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tradewind filter translate --from event-bridge --to knative --filter pattern.json\n  \
    tradewind filter translate --from pub-sub --to event-bridge --filter 'attributes.ce-type = \"order\"'\n\n\
    exact: takes the same events. superset: takes more, and says which. Impossible: exit code 1."
)]
pub(super) struct TranslateArgs {
    /// Dialect of the filter
    #[arg(long, value_name = "DIALECT")]
    from: String,
    /// Dialect that is wanted
    #[arg(long, value_name = "DIALECT")]
    to: String,
    /// What stands under the name of the dialect: a file, - for stdin, or the text itself
    #[arg(long)]
    filter: String,
}

pub(super) fn run(command: &Command, term: &Term) -> Result<(), Failure> {
    match command {
        Command::Test(args) => test(args, term),
        Command::Translate(args) => translate(args, term),
    }
}

fn test(args: &TestArgs, term: &Term) -> Result<(), Failure> {
    if args.filter == "-" && args.event == "-" {
        return Err(Failure::usage("only one of --filter and --event is stdin"));
    }
    let definition = Input::read("filter", &args.filter)?;
    let (_, filter) = tradewind_config::filter(&definition.name, &definition.text, &System)
        .map_err(|findings| Failure::invalid(&findings, term))?;
    let input = Input::read("event", &args.event)?;
    let (events, list) = written::events(&input.text)
        .map_err(|reason| Failure::new(format!("{}: {reason}", input.name)))?;
    if term.json() {
        let mut told: Vec<_> = events.iter().map(|event| told(&filter, event)).collect();
        match list {
            true => term.value(&told)?,
            false => term.value(&told.pop())?,
        }
        return Ok(());
    }
    for (index, event) in events.iter().enumerate() {
        if index > 0 {
            term.line("")?;
        }
        for line in lines(&filter, event, term) {
            term.line(&line)?;
        }
    }
    Ok(())
}

fn told(filter: &Filter, event: &Event) -> Value {
    let explanation = filter.explain(event);
    let predicates: Vec<_> = explanation
        .verdicts
        .iter()
        .map(|verdict| {
            json!({ "predicate": verdict.predicate, "actual": verdict.actual, "holds": verdict.holds })
        })
        .collect();
    json!({
        "id": event.id(),
        "matches": filter.matches(event),
        "predicates": predicates,
        "decisive": explanation.decisive,
        "errors": explanation.errors,
    })
}

fn lines(filter: &Filter, event: &Event, term: &Term) -> Vec<String> {
    let matches = filter.matches(event);
    let verdict = if matches { "matches" } else { "does not match" };
    let mut lines = vec![format!(
        "{}  {}",
        plain(event.id()),
        term.mark(matches, verdict)
    )];
    let explanation = filter.explain(event);
    for (index, verdict) in explanation.verdicts.iter().enumerate() {
        let sign = term.mark(verdict.holds, if verdict.holds { "✓" } else { "✗" });
        let was = match &verdict.actual {
            Some(actual) => format!("  (is {})", plain(actual)),
            None => "  (is absent)".into(),
        };
        let decides = match explanation.decisive == Some(index) {
            true => "  ← decides",
            false => "",
        };
        lines.push(format!(
            "  {sign} {}{was}{decides}",
            plain(&verdict.predicate)
        ));
    }
    let errors = explanation.errors.iter();
    lines.extend(errors.map(|error| format!("  error: {}", plain(error))));
    lines
}

fn translate(args: &TranslateArgs, term: &Term) -> Result<(), Failure> {
    let dialects = Dialects::standard();
    for name in [&args.from, &args.to] {
        if dialects.named(name).is_none() {
            let names: Vec<_> = dialects.names().collect();
            return Err(Failure::usage(format!("no dialect `{name}`"))
                .hint(format!("there are: {}", names.join(", "))));
        }
    }
    let input = Input::read("filter", &args.filter)?;
    let definition = input.definition(&args.from)?;
    let formula = dialects
        .parse(&definition)
        .map_err(|invalid| refused(&input, &invalid))?;
    let rendering = match dialects.named(&args.to) {
        Some(to) => to.render(&formula),
        None => Rendering::impossible("no such dialect"),
    };
    let reasons: &[String] = match &rendering {
        Rendering::Exact(_) => &[],
        Rendering::Superset { reasons, .. } | Rendering::Impossible { reasons } => reasons,
    };
    if term.json() {
        let definition = rendering
            .definition()
            .map(|body| json!({ (&*args.to): body }));
        term.value(&json!({
            "verdict": rendering.verdict(), "definition": definition, "reasons": reasons,
        }))?;
    } else if let Some(body) = rendering.definition() {
        match body {
            Value::String(text) => term.line(text)?,
            body => term.value(body)?,
        }
        term.note(rendering.verdict());
        for reason in reasons {
            term.note(&format!("  it cannot say {reason}"));
        }
    }
    match rendering {
        Rendering::Impossible { reasons } => Err(Failure::new(match term.json() {
            true => String::new(),
            false => format!("`{}` cannot say {}", args.to, reasons.join("; nor ")),
        })),
        _ => Ok(()),
    }
}

fn refused(input: &Input, invalid: &InvalidFilter) -> Failure {
    let place = match invalid.offset {
        Some(offset) => input.place(offset),
        None => format!("at {}", invalid.pointer),
    };
    let failure = Failure::new(format!("{}: {place}: {}", input.name, invalid.reason));
    match &invalid.hint {
        Some(hint) => failure.hint(hint.clone()),
        None => failure,
    }
}
