//! Hosts that fetch their work, from a queue or a log.
//!
//! A worker is a crate of its own where it brings dependencies, and is put into a program by [`App::worker`](crate::App::worker). What is the
//! same for all of them is here: how much is fetched, deadlines, leases, what becomes of an outcome, and the end.

mod desk;
mod pull;

pub(crate) use desk::run;
pub use pull::{Fut, Opened, Order, Pull, PullError, Pulled, Settled, Settlement, Token, Worker};

use crate::crew::Crew;
use crate::hosts::foreign;
use crate::hosts::lambda::message as message_of;
use crate::http::is_cloud_event;
use crate::{Delivery, Exit, Handler, Host, Options};
use bytes::Bytes;
use http::HeaderMap;
use std::sync::Arc;
use tradewind_event::Event;
use tradewind_event::http::{Message as Events, Options as Decoding, decode};
use tradewind_formats::{Message, decode_each};

/// Fetches for a handler until `shutdown` completes; then fetches no more, waits for what is under way, at most until
/// each one's deadline, settles it, and returns. [`App::run`](crate::App::run) does this with the process's environment
/// and signals.
///
/// # Errors
/// Where the source says at once that somebody has to change something.
pub async fn serve(
    handler: impl Handler,
    pull: Arc<dyn Pull>,
    options: Options,
    shutdown: impl Future<Output = ()>,
) -> Exit {
    let crew = Crew::new(Arc::new(handler), Host::Worker("worker"), &options);
    run(crew, options, pull, shutdown).await
}

/// A first attempt at an event: the delivery id is its `source` and `id`, the trace its own.
pub fn delivery(event: Event) -> Delivery {
    let context = foreign::context(&event);
    Delivery { event, context }
}

/// What a message with headers holds: CloudEvents in binary or structured mode, or what a payload of a known format
/// carries. Nothing where it is none of these.
///
/// # Errors
/// What says that it is an event, and is none.
pub fn read(headers: &HeaderMap, body: &Bytes) -> Result<Option<Vec<Delivery>>, String> {
    if is_cloud_event(headers) {
        let message = decode(headers, body.clone(), &Decoding::default());
        return match message.map_err(|e| e.to_string())? {
            Events::Binary(event) | Events::Structured(event) => Ok(Some(vec![delivery(event)])),
            Events::Batch(events) => Ok(Some(events.into_iter().map(delivery).collect())),
        };
    }
    let Some(carried) = carried(body)? else {
        return Ok(None);
    };
    let deliveries: Result<Vec<_>, String> = carried.into_iter().collect();
    Ok(Some(deliveries?.into_iter().flatten().collect()))
}

/// What one element of a payload carries, or why it cannot be read.
pub type Carried = Result<Vec<Delivery>, String>;

/// What the elements of a platform's payload carry, each on its own, as on the platform's functions: an event within a
/// message, a notification within a notification, with the attempt and the trace of its carrier. Nothing where no
/// format is known.
///
/// # Errors
/// A payload of a known format that is malformed.
pub fn carried(payload: &Bytes) -> Result<Option<Vec<Carried>>, String> {
    let message = Message {
        headers: &HeaderMap::new(),
        body: payload,
    };
    match decode_each(&message) {
        Ok((format, carried)) => {
            let items = carried.into_iter().map(|one| {
                let one = message_of(format.spec.name, one);
                foreign::item(one, |context| context).deliveries
            });
            Ok(Some(items.collect()))
        }
        Err(tradewind_formats::Error::Unknown) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}
