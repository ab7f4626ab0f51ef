//! What is kept in place of an event that is set aside has that event within: who may not see the one sees neither.

use crate::SET_ASIDE;
use serde::Deserialize;
use tradewind_event::Event;
use tradewind_policy::{Decision, Facts};

#[derive(Deserialize)]
struct Aside {
    #[serde(default)]
    events: Vec<Original>,
}

#[derive(Deserialize)]
struct Original {
    r#type: String,
    source: String,
    subject: Option<String>,
}

/// What `decide` says of an event, and of all that are within it.
pub fn judged(event: &Event, decide: impl Fn(Facts<'_>) -> Decision) -> Decision {
    let outer = decide(Facts::of(event));
    if !outer.allowed() || event.ty() != SET_ASIDE {
        return outer;
    }
    let aside = event.data().map(|data| serde_json::from_slice(&data.bytes));
    let Some(Ok(Aside { events })) = aside else {
        return outer;
    };
    let within = events.iter().map(|original| {
        let subject = original.subject.as_deref();
        decide(Facts::new(&original.r#type, &original.source, subject))
    });
    let denied = |decision: &Decision| !decision.allowed();
    within.into_iter().find(denied).unwrap_or(outer)
}
