//! The table of rule types, engine by engine.

use crate::citylots;
use crate::peers::{Figures, Files};
use crate::sides::{self, measure};
use serde_json::{Value, json};
use tradewind_event::Event;
use tradewind_filter::{Dialects, Limits, Scratch, Snapshot, View};

/// How many times as much event-ruler takes on the rule type where it comes closest; `None` where it
/// could not be run.
pub(crate) fn run() -> Result<Option<f64>, String> {
    let (events, groups) = (citylots::events(), citylots::rules());
    let mut lines = Vec::new();
    for (group, rules) in &groups {
        lines.extend(
            (0..)
                .zip(rules)
                .map(|(n, rule)| format!("{group}\t{n}\t{rule}")),
        );
    }
    let files = Files::write(&events, &lines)?;
    let java = told("event-ruler", files.event_ruler());
    let go = told("Go quamina", files.go_quamina());
    println!(
        "\n{} lots, 5 rules of each type; the document is read anew for each match\n",
        events.len()
    );
    println!(
        "rule type                      ns   matches   quamina ns   event-ruler ns   Go quamina ns"
    );
    let mut least: Option<f64> = None;
    for (group, rules) in &groups {
        let (ours, found) = ours(rules, &events)?;
        let quamina = sides::quamina(rules, &events);
        let others = [
            ("quamina", quamina),
            ("event-ruler", figure(&java, group)),
            ("Go quamina", figure(&go, group)),
        ];
        let mut row = format!("{group:<26} {ours:>6.0} {found:>9}");
        for ((name, other), width) in others.into_iter().zip([13, 17, 16]) {
            let shown = match other {
                Some((_, theirs)) if theirs != found => {
                    return Err(format!("{group}: {found} matches, {name} says {theirs}"));
                }
                Some((ns, _)) => format!("{ns:.0}"),
                None => "-".into(),
            };
            row += &format!("{shown:>width$}");
        }
        println!("{row}");
        if let Some((ns, _)) = figure(&java, group) {
            least = Some(least.unwrap_or(f64::INFINITY).min(ns / ours));
        }
    }
    Ok(least)
}

fn figure(figures: &Option<Figures>, group: &str) -> Option<(f64, usize)> {
    figures.as_ref()?.get(group).copied()
}

fn told(name: &str, figures: Result<Figures, String>) -> Option<Figures> {
    figures
        .inspect_err(|reason| println!("SKIPPED: {name}: {reason}"))
        .ok()
}

/// The event is there, its `data` the bytes of the document, which each match reads.
fn ours(rules: &[Value], events: &[String]) -> Result<(f64, usize), String> {
    let mut snapshot = Snapshot::new(Limits::default());
    for (id, rule) in (0..).zip(rules) {
        let definition = json!({ "event-bridge": { "detail": rule } });
        let formula = Dialects::standard().parse(&definition);
        let formula = formula.map_err(|refused| refused.to_string())?;
        snapshot
            .add(id, &formula)
            .map_err(|refused| refused.to_string())?;
    }
    let kept = |document: &String| {
        let event = Event::builder("1", "/lots", "lot").data("application/json", document.clone());
        event.build().map_err(|invalid| invalid.to_string())
    };
    let events: Vec<Event> = events.iter().map(kept).collect::<Result<_, _>>()?;
    let (mut scratch, mut out) = (Scratch::default(), Vec::new());
    Ok(measure(events.len(), |at| {
        snapshot.matches(&View::new(&events[at]), &mut scratch, &mut out);
        out.len()
    }))
}
