//! What policies decide, refuse and remember.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod decisions;
mod hostile;
mod memory;
mod refused;
mod roles;
mod scopes;
mod spaces;

use tradewind_event::Event;
use tradewind_policy::{Action, Decision, Facts, Policies, Principal, Resource, Text};

pub(crate) fn policies(text: &str) -> Policies {
    Policies::new(vec![Text::read("p", text).unwrap()], &[]).unwrap()
}

pub(crate) fn event(ty: &str, source: &str, subject: Option<&str>) -> Event {
    let event = Event::builder("1", source, ty);
    let event = match subject {
        Some(subject) => event.subject(subject),
        None => event,
    };
    event.build().unwrap()
}

/// Whether `who` may publish an event into `stream`.
pub(crate) fn publish(policies: &Policies, who: &str, stream: &str, event: &Event) -> Decision {
    let who: Principal = who.parse().unwrap();
    let facts = Facts::of(event).via("door");
    policies.decide(&who, Action::Publish, Resource::Stream(stream), facts)
}
