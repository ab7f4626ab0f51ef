//! The table of rule types, engine by engine.

use crate::citylots;
use crate::peers::{Figures, Files};
use crate::sides::{self, measure};
use bytes::Bytes;
use serde_json::{Value, json};
use tradewind_event::{Event, json as format};
use tradewind_filter::{Dialects, Limits, Scratch, Snapshot, View};

/// How many times as much event-ruler takes on the rule type where it comes closest.
pub(crate) struct Closest {
    /// Where each match checks all of `data`, as it does of a body that nobody has read before.
    pub(crate) anew: f64,
    /// Where that was done once, when the event was decoded.
    pub(crate) known: f64,
}

/// `None` where event-ruler could not be run.
pub(crate) fn run() -> Result<Option<Closest>, String> {
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
        "\n{} lots, 5 rules of each type; a body that is checked by each match, and one that was checked when its event was \
         decoded\n",
        events.len()
    );
    println!(
        "rule type                 anew ns  known ns   matches   quamina ns   event-ruler ns   Go quamina ns"
    );
    let mut least: Option<Closest> = None;
    let (bodies, decoded) = (bodies(&events)?, decoded(&events)?);
    for (group, rules) in &groups {
        let (anew, found) = ours(rules, &bodies)?;
        let (known, also) = ours(rules, &decoded)?;
        if also != found {
            return Err(format!(
                "{group}: {found} matches, {also} of decoded events"
            ));
        }
        let quamina = sides::quamina(rules, &events);
        let others = [
            ("quamina", quamina),
            ("event-ruler", figure(&java, group)),
            ("Go quamina", figure(&go, group)),
        ];
        let mut row = format!("{group:<26} {anew:>6.0} {known:>9.0} {found:>9}");
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
            let (before_anew, before_known) = least
                .map_or((f64::INFINITY, f64::INFINITY), |least| {
                    (least.anew, least.known)
                });
            least = Some(Closest {
                anew: before_anew.min(ns / anew),
                known: before_known.min(ns / known),
            });
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

/// Events whose `data` came as a plain body.
fn bodies(lots: &[String]) -> Result<Vec<Event>, String> {
    let event = |lot: &String| {
        let event = Event::builder("1", "/lots", "lot").data("application/json", lot.clone());
        event.build().map_err(|invalid| invalid.to_string())
    };
    lots.iter().map(event).collect()
}

/// Events that came in a JSON document, with the same attributes.
fn decoded(lots: &[String]) -> Result<Vec<Event>, String> {
    let event = |lot: &String| {
        let document = format!(
            r#"{{"specversion":"1.0","id":"1","source":"/lots","type":"lot","datacontenttype":"application/json","data":{lot}}}"#
        );
        format::decode(Bytes::from(document)).map_err(|error| error.to_string())
    };
    lots.iter().map(event).collect()
}

fn ours(rules: &[Value], events: &[Event]) -> Result<(f64, usize), String> {
    let mut snapshot = Snapshot::new(Limits::default());
    for (id, rule) in (0..).zip(rules) {
        let definition = json!({ "event-bridge": { "detail": rule } });
        let formula = Dialects::standard().parse(&definition);
        let formula = formula.map_err(|refused| refused.to_string())?;
        snapshot
            .add(id, &formula)
            .map_err(|refused| refused.to_string())?;
    }
    let (mut scratch, mut out) = (Scratch::default(), Vec::new());
    Ok(measure(events.len(), |at| {
        snapshot.matches(&View::new(&events[at]), &mut scratch, &mut out);
        out.len()
    }))
}
