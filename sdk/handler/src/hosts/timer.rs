//! Clocks of platforms: whatever they send when a time is due becomes the event that a gateway's schedule makes.

use super::foreign;
use crate::crew::{Item, Order, Responds, Work, worst};
use crate::describe::{Description, Kind};
use crate::http::answer::{self, Answer};
use crate::http::{Refusal, verify};
use crate::{Event, Options};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::json;
use tradewind_event::Timestamp;
use tradewind_event::http::Message;

const FIRED: &str = "schedule.fired";
/// What Knative's `PingSource` calls its events.
const PING: &str = "dev.knative.sources.ping";
const JOB: &str = "x-cloudscheduler-jobname";
const DUE: &str = "x-cloudscheduler-scheduletime";

/// What packages give to clocks that pass on a payload.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    schedule: String,
}

/// The names of the timers that handlers declare.
pub(crate) fn names(declared: &[Description]) -> Vec<String> {
    let triggers = declared.iter().flat_map(|one| &one.triggers);
    let timers = triggers.filter(|trigger| trigger.kind == Kind::Timer);
    timers.filter_map(|timer| timer.name.clone()).collect()
}

/// The event of a due time, the same on each attempt.
pub(crate) fn fired(name: &str, due: Timestamp) -> Result<Event, Refusal> {
    Event::builder(format!("{name}/{due}"), format!("/schedules/{name}"), FIRED)
        .subject(name)
        .time(due.to_string())
        .data(
            "application/json",
            json!({ "schedule": name, "due": due.to_string() }).to_string(),
        )
        .build()
        .map_err(|e| Refusal::new(StatusCode::BAD_REQUEST, e.to_string()))
}

/// The minute that it is.
pub(crate) fn now(options: &Options) -> Timestamp {
    minute(Timestamp::from((options.clock)()))
}

/// The minute in which that is: schedules are no finer.
pub(crate) fn minute(time: Timestamp) -> Timestamp {
    Timestamp {
        seconds: time.seconds - time.seconds.rem_euclid(60),
        nanos: 0,
    }
}

/// The timer that a payload names, if it is nothing else.
pub(crate) fn named(payload: &[u8]) -> Option<String> {
    foreign::object::<Payload>(payload)
        .ok()
        .map(|payload| payload.schedule)
}

/// A request of Google's Cloud Scheduler.
pub(crate) fn scheduler(
    headers: &HeaderMap,
    body: &Bytes,
    options: &Options,
) -> Result<Option<Work<Answer>>, Refusal> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let (Some(job), Some(due)) = (text(JOB), text(DUE)) else {
        return Ok(None);
    };
    verify(headers, body, options)?;
    let due = Timestamp::parse(due).map_err(|e| {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            format!("`{due}` in {DUE} is no time: {e}"),
        )
    })?;
    let name = named(body);
    fired(name.as_deref().unwrap_or(job), due).map(|event| Some(work(event)))
}

/// A ping of Knative's with what a package gives to its source; anything else is left as it is.
pub(crate) fn ping(message: Message) -> Result<Result<Work<Answer>, Message>, Refusal> {
    let event = match &message {
        Message::Binary(event) | Message::Structured(event) => event,
        Message::Batch(_) => return Ok(Err(message)),
    };
    let name = event.data().and_then(|data| named(&data.bytes));
    match (name, event.time()) {
        (Some(name), Some(time)) if event.ty() == PING => {
            fired(&name, minute(time)).map(|event| Ok(work(event)))
        }
        _ => Ok(Err(message)),
    }
}

/// Nobody waits for what is made of a due time.
fn work(event: Event) -> Work<Answer> {
    let context = foreign::context(&event);
    Work {
        items: vec![Item::one(event, context)],
        order: Order::UntilRetry,
        one_way: true,
        responds: Responds::No,
        deadline: None,
        tell: Box::new(|ends| answer::end(worst(ends))),
    }
}
