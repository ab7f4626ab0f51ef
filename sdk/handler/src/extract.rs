//! Arguments of handlers.

use crate::describe::Takes;
use crate::{Context, Delivery, Error, reason};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use tradewind_event::{DataKind, Event};

/// What may stand among the arguments of a handler with state `S`.
///
/// # Contract
/// - Cheap and without I/O; what waits belongs into the handler.
/// - An event that can never fit is rejected ([`Error::reject`]), not retried.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a handler whose state is `{S}`",
    note = "arguments are `Event`, `Data<T>` with a `T` that is `Deserialize`, `Bytes`, `Context`, `State<S>`, `Batch` of these, `http::Request<Bytes>`, and types that implement `FromEvent`",
    note = "for `State<S>`, give the handler its state: `handler.with_state(state)`, where the state is `Clone`"
)]
pub trait FromEvent<S>: Sized {
    /// What it takes of a trigger.
    const TAKES: Takes = Takes::Event;

    /// Takes the argument from a delivery.
    fn from_event(delivery: &Delivery, state: &S) -> Result<Self, Error>;
}

/// The event's data, which is JSON, as a `T`. No data is read as `null`, so `Data<Option<T>>` takes
/// events without data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Data<T>(pub T);

/// A clone of the handler's state. A handler that lacks its state does not compile where it is run:
///
/// ```compile_fail,E0277
/// # use tradewind::State;
/// #[tradewind::handler]
/// async fn count(State(limit): State<u32>) {}
///
/// tradewind::run(count); // instead of `count.with_state(7)`
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State<S>(pub S);

impl<S> FromEvent<S> for Event {
    fn from_event(delivery: &Delivery, _: &S) -> Result<Self, Error> {
        Ok(delivery.event.clone())
    }
}

impl<S> FromEvent<S> for Context {
    fn from_event(delivery: &Delivery, _: &S) -> Result<Self, Error> {
        Ok(delivery.context.clone())
    }
}

/// The data as it came, whatever its content type; empty where there is none.
impl<S> FromEvent<S> for Bytes {
    fn from_event(delivery: &Delivery, _: &S) -> Result<Self, Error> {
        Ok(delivery
            .event
            .data()
            .map(|data| data.bytes.clone())
            .unwrap_or_default())
    }
}

impl<S: Clone> FromEvent<S> for State<S> {
    fn from_event(_: &Delivery, state: &S) -> Result<Self, Error> {
        Ok(State(state.clone()))
    }
}

impl<S, T: DeserializeOwned> FromEvent<S> for Data<T> {
    fn from_event(delivery: &Delivery, _: &S) -> Result<Self, Error> {
        let bytes = match delivery.event.data() {
            Some(data) if data.kind == DataKind::Json => data.bytes.as_ref(),
            Some(_) => {
                let found = delivery.event.data_content_type().unwrap_or("none");
                return Err(Error::reject(format!(
                    "the handler takes JSON data; datacontenttype is {found}"
                )));
            }
            None => b"null",
        };
        if let Ok(value) = serde_json::from_slice(bytes) {
            return Ok(Data(value));
        }
        // Keeping the place in mind costs more than reading: only who does not fit is read again for it.
        let mut json = serde_json::Deserializer::from_slice(bytes);
        serde_path_to_error::deserialize(&mut json)
            .map_err(|e| {
                let path = e.path().to_string();
                misfit(&delivery.event, path, &e.into_inner())
            })
            .and_then(|value| match json.end() {
                Ok(()) => Ok(Data(value)),
                Err(e) => Err(misfit(&delivery.event, ".".into(), &e)),
            })
    }
}

fn misfit(event: &Event, path: String, error: &serde_json::Error) -> Error {
    if event.data().is_none() {
        return Error::reject("the handler takes data; the event has none");
    }
    let misfit = reason::misfit(path, error);
    Error::reject(format!(
        "data of {} does not fit the handler{misfit}",
        event.ty()
    ))
}

/// The request itself, on triggers that are one: method, path, headers, and the body as it came.
impl<S> FromEvent<S> for http::Request<Bytes> {
    const TAKES: Takes = Takes::Request;

    fn from_event(delivery: &Delivery, _: &S) -> Result<Self, Error> {
        let request = delivery.context.request();
        request.cloned().ok_or_else(|| {
            Error::reject("the handler takes an HTTP request, and this trigger brings none")
        })
    }
}

/// The event of the official SDK.
#[cfg(feature = "cloudevents-sdk")]
impl<S> FromEvent<S> for cloudevents::Event {
    fn from_event(delivery: &Delivery, _: &S) -> Result<Self, Error> {
        Ok((&delivery.event).into())
    }
}
