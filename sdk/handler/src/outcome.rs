//! What is to become of an event.

use crate::describe::Replies;
use crate::{Context, Error, Response};
use std::time::Duration;
use tradewind_event::Event;

/// What is to become of an event, the same on every host.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// Done.
    Ack,
    /// Done, and this event is the answer.
    Reply(Event),
    /// Done, and this is the answer to the request.
    Respond(Response),
    /// An outcome for each event of a batch, in their order; one that is missing is to be retried.
    Each(Vec<Outcome>),
    /// It may work later.
    Retry {
        /// The pause that the handler asks for.
        after: Option<Duration>,
        /// Why, for the caller.
        reason: String,
        /// What went wrong, for the log.
        cause: Option<String>,
    },
    /// It will never work.
    Reject {
        /// Why, for the caller.
        reason: String,
        /// What went wrong, for the log.
        cause: Option<String>,
    },
}

/// What a handler may return.
///
/// # Contract
/// - The same result for the same event and context gives the same outcome: a reply is recognised by
///   its id when a delivery is repeated.
#[diagnostic::on_unimplemented(
    message = "a handler cannot return `{Self}`",
    note = "return `()`, `Ack`, `Reply`, `Event`, `Response`, `Outcomes` of a batch, an `Option` of these, `Outcome`, or a `Result` of these with an error that converts into `tradewind::Error`"
)]
pub trait IntoOutcome {
    /// What it may hold.
    const REPLIES: Replies = Replies::May;

    /// The outcome of handling `event`.
    fn into_outcome(self, event: &Event, context: &Context) -> Outcome;
}

/// The event is taken, and there is nothing to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ack;

impl IntoOutcome for Outcome {
    fn into_outcome(self, _: &Event, _: &Context) -> Outcome {
        self
    }
}

impl IntoOutcome for Ack {
    const REPLIES: Replies = Replies::Never;

    fn into_outcome(self, _: &Event, _: &Context) -> Outcome {
        Outcome::Ack
    }
}

impl IntoOutcome for () {
    const REPLIES: Replies = Replies::Never;

    fn into_outcome(self, _: &Event, _: &Context) -> Outcome {
        Outcome::Ack
    }
}

impl IntoOutcome for Event {
    fn into_outcome(self, _: &Event, _: &Context) -> Outcome {
        Outcome::Reply(self)
    }
}

/// `None` is [`Outcome::Ack`].
impl<T: IntoOutcome> IntoOutcome for Option<T> {
    const REPLIES: Replies = T::REPLIES;

    fn into_outcome(self, event: &Event, context: &Context) -> Outcome {
        self.map_or(Outcome::Ack, |value| value.into_outcome(event, context))
    }
}

impl<T: IntoOutcome, E: Into<Error>> IntoOutcome for Result<T, E> {
    const REPLIES: Replies = T::REPLIES;

    fn into_outcome(self, event: &Event, context: &Context) -> Outcome {
        match self {
            Ok(value) => value.into_outcome(event, context),
            Err(error) => error.into().into_outcome(event, context),
        }
    }
}

/// The event of the official SDK, as a reply. One that is not valid is rejected: the same code makes it again.
#[cfg(feature = "cloudevents-sdk")]
impl IntoOutcome for cloudevents::Event {
    fn into_outcome(self, event: &Event, context: &Context) -> Outcome {
        match Event::try_from(self) {
            Ok(reply) => Outcome::Reply(reply),
            Err(error) => Error::reject("the handler made a reply that is no valid event")
                .caused_by(error)
                .into_outcome(event, context),
        }
    }
}
