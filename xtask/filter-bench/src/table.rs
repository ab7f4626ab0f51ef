//! The table of rule types, engine by engine.

use crate::citylots;
use crate::peers::{Figures, Files, Peer};
use crate::sides::{self, measure};
use bytes::Bytes;
use serde_json::{Value, json};
use tradewind_event::{Event, json as format};
use tradewind_filter::{Dialects, Limits, Scratch, Snapshot, View};

/// How often every side has its turn. Minutes differ more on a shared machine than runs within one.
const PASSES: usize = 3;
/// Columns of the table, and their widths.
const SIDES: [(&str, usize); 5] = [
    ("a body checked anew", 7),
    ("a decoded event", 10),
    ("quamina", 13),
    ("event-ruler", 17),
    ("Go quamina", 16),
];

/// CPU per event in nanoseconds, and matches.
type Figure = Option<(f64, usize)>;

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
    let mut java = told("event-ruler", files.event_ruler());
    let mut go = told("Go quamina", files.go_quamina());
    let (bodies, decoded) = (bodies(&events)?, decoded(&events)?);
    let mut rows: Vec<Vec<Figure>> = vec![Vec::new(); groups.len()];
    for _ in 0..PASSES {
        let java = pass("event-ruler", &mut java);
        let go = pass("Go quamina", &mut go);
        for ((group, rules), row) in groups.iter().zip(&mut rows) {
            let figures = [
                Some(ours(rules, &bodies)?),
                Some(ours(rules, &decoded)?),
                sides::quamina(rules, &events),
                figure(&java, group),
                figure(&go, group),
            ];
            match row.is_empty() {
                true => row.extend(figures),
                false => row
                    .iter_mut()
                    .zip(figures)
                    .for_each(|(least, figure)| quicker(least, figure)),
            }
        }
    }
    println!(
        "\n{} lots, 5 rules of each type, the quickest of {PASSES} passes in which every side has its turn; a body that is \
         checked by each match, and one that was checked when its event was decoded\n",
        events.len()
    );
    println!(
        "rule type                 anew ns  known ns   quamina ns   event-ruler ns   Go quamina ns   matches"
    );
    let mut least: Option<Closest> = None;
    for ((group, _), row) in groups.iter().zip(&rows) {
        let [Some((anew, found)), Some((known, _)), _, java, _] = row[..] else {
            continue;
        };
        let mut line = format!("{group:<26}");
        for (&(name, width), figure) in SIDES.iter().zip(row) {
            let shown = match figure {
                Some((_, theirs)) if *theirs != found => {
                    return Err(format!("{group}: {found} matches, {name} says {theirs}"));
                }
                Some((ns, _)) => format!("{ns:.0}"),
                None => "-".into(),
            };
            line += &format!("{shown:>width$}");
        }
        println!("{line} {found:>9}");
        if let Some((ns, _)) = java {
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

/// One more run of an engine; none where it could not be had, or failed.
fn pass(name: &str, peer: &mut Option<Peer>) -> Option<Figures> {
    told(name, peer.as_mut()?.figures())
}

/// Keeps the quicker of two runs. What finds another number of matches stands out.
fn quicker(least: &mut Figure, figure: Figure) {
    let (Some((quickest, found)), Some((ns, again))) = (least, figure) else {
        return;
    };
    *quickest = quickest.min(ns);
    if again != *found {
        *found = usize::MAX;
    }
}

fn figure(figures: &Option<Figures>, group: &str) -> Option<(f64, usize)> {
    figures.as_ref()?.get(group).copied()
}

fn told<T>(name: &str, had: Result<T, String>) -> Option<T> {
    had.inspect_err(|reason| println!("SKIPPED: {name}: {reason}"))
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
