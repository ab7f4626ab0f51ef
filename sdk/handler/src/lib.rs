//! Write an event handler once, run it on any host.
//!
//! A handler is an async function whose arguments say what it needs and whose result says what is to
//! become of the event. [`run`] puts it on the platform that the process finds itself on (see [`Host`]): AWS
//! Lambda, Azure Functions, Google Cloud Functions, Knative, Fn, OpenWhisk, or else an HTTP service that takes
//! CloudEvents in binary, structured and batched mode, from a Tradewind gateway or from anything else that
//! speaks CloudEvents over HTTP.
//!
//! ```no_run
//! use serde::{Deserialize, Serialize};
//! use std::time::Duration;
//! use tradewind::{Context, Data, Error, Reply, ResultExt, State};
//!
//! #[derive(Deserialize)]
//! struct Order { id: String, total: u64 }
//!
//! #[derive(Serialize)]
//! struct Receipt { order: String }
//!
//! #[derive(Clone)]
//! struct Payments;
//! # impl Payments {
//! #     async fn charge(&self, order: &Order, _key: &str) -> Result<Receipt, std::io::Error> {
//! #         Ok(Receipt { order: order.id.clone() })
//! #     }
//! # }
//!
//! #[tradewind::handler]
//! async fn charge(
//!     Data(order): Data<Order>,
//!     State(payments): State<Payments>,
//!     cx: Context,
//! ) -> Result<Reply, Error> {
//!     if order.total == 0 {
//!         return Err(Error::reject("an order without a total cannot be charged"));
//!     }
//!     let receipt = payments
//!         .charge(&order, cx.delivery_id())
//!         .await
//!         .retry_after(Duration::from_secs(30))?;
//!     Ok(Reply::event("shop.order.charged", receipt))
//! }
//!
//! fn main() -> tradewind::Exit {
//!     tradewind::run(charge.with_state(Payments))
//! }
//! ```
//!
//! # Arguments
//!
//! | Argument | What it is | When it is not there |
//! |---|---|---|
//! | [`Event`] | the CloudEvent | |
//! | [`Data<T>`](Data) | its data, JSON, as `T` | rejected: no attempt can make it fit |
//! | [`Bytes`] | its data, byte-exact; empty without data | |
//! | [`Context`] | delivery id, attempt, deadline, host, trace, replay, cancellation | |
//! | [`Batch<A>`](Batch) | what comes at once, each as one of the above | one by one on a host that brings no batches |
//! | [`Request<Bytes>`](Request) | the request itself | rejected; the manifest tells before |
//! | [`State<S>`](State) | a clone of what [`with_state`](HandlerFn::with_state) was given | does not compile |
//!
//! Types of your own take part by implementing [`FromEvent`].
//!
//! # Outcomes
//!
//! Over HTTP; what they become on other platforms is in docs/reference/hosts.md.
//!
//! | The handler | Outcome | HTTP answer | What a Tradewind gateway does |
//! |---|---|---|---|
//! | returns `()`, [`Ack`], [`Reply::ack`] | [`Outcome::Ack`] | 204 | settles the delivery |
//! | returns [`Reply::event`] or an [`Event`] | [`Outcome::Reply`] | 200 and a binary CloudEvent | appends the reply where so configured, then settles |
//! | fails by `?` on any error, [`Error::retry`] | [`Outcome::Retry`] | 503, with `Retry-After` where a pause was asked for | tries again; a pause slows down the whole subscription |
//! | fails by [`Error::reject`] | [`Outcome::Reject`] | 422 | dead letter at once |
//! | panics | | 500 | tries again; the process goes on |
//! | returns a [`Response`] | [`Outcome::Respond`] | that response, streamed where it is a stream | settles, or by the status |
//! | is not done at the deadline | | 504 | tries again; the handler is cancelled |
//!
//! What never reaches the handler:
//!
//! | The request | HTTP answer |
//! |---|---|
//! | is no CloudEvent, or none that is valid | 400 |
//! | carries no valid signature, where a secret is configured | 401 |
//! | is no `POST` | 405 |
//! | is above the size limit | 413 |
//! | is in a CloudEvents format that is not read here, or compressed | 415 |
//! | comes while as many are handled as allowed, or while the process stops | 503 with `Retry-After: 1` |
//!
//! **Batches** are handled in order and answered as one. The first event that is to be retried ends the
//! batch, which then is retried as a whole; a rejected one does not, but the batch is answered 422.
//! Handlers that must not repeat work use [`Context::delivery_id`] as an idempotency key, which delivery
//! at least once asks for anyway. Replies to a batch come back as a batch, of which a Tradewind gateway
//! takes one event only: deliver one by one to handlers that reply.
//!
//! # Environment
//!
//! `TRADEWIND_HOST` names the platform where it is not to be found out. For the rest see [`Options`]: `PORT`,
//! `TRADEWIND_LISTEN`, `TRADEWIND_BODY_MAX`, `TRADEWIND_TIMEOUT`, `TRADEWIND_CONCURRENCY`,
//! `TRADEWIND_SIGNING_SECRET`, `TRADEWIND_SOURCE`, `TRADEWIND_REPLY_URL`, `TRADEWIND_REPLY_KEY`,
//! `TRADEWIND_REPLY_MAX`, `TRADEWIND_BATCH_FAILURES`, `TRADEWIND_INVOKE_MODE`.

#![warn(clippy::expect_used)]

mod adorn;
#[cfg(feature = "hosts")]
mod app;
mod batch;
mod context;
#[cfg(feature = "hosts")]
mod crew;
mod describe;
mod error;
mod extract;
mod handler;
mod host;
#[cfg(feature = "hosts")]
mod hosts;
#[cfg(feature = "hosts")]
mod http;
#[cfg(feature = "hosts")]
mod log;
#[cfg(feature = "hosts")]
mod manifest;
mod outcome;
mod reason;
mod reply;
#[cfg(feature = "hosts")]
mod reply_to;
mod response;
mod router;
#[cfg(feature = "hosts")]
mod run;
pub mod testing;
#[cfg(all(feature = "hosts", feature = "otel"))]
mod trace;
#[cfg(feature = "hosts")]
pub mod worker;

pub use ::http::Request;
pub use adorn::{Declared, HandlerExt, HandlerService, Layered};
#[cfg(feature = "hosts")]
pub use app::App;
pub use batch::{Batch, Entry, Outcomes};
pub use bytes::Bytes;
pub use context::{Context, Delivery};
pub use describe::{Declare, Description, Kind, Need, Replies, Setting, Takes, Target, Trigger};
pub use error::{Error, ResultExt};
pub use extract::{Data, FromEvent, State};
pub use handler::{BoxFuture, Handler, HandlerFn, WithState, handler_fn};
pub use host::Host;
#[cfg(feature = "hosts")]
pub use http::{BatchFailures, InvalidOptions, InvokeMode, Options, serve};
pub use outcome::{Ack, IntoOutcome, Outcome};
pub use reply::Reply;
pub use response::Response;
pub use router::{On, Router};
#[cfg(feature = "hosts")]
pub use run::{Exit, Failure, run, run_on};
pub use tradewind_event as event;
pub use tradewind_event::Event;
pub use tradewind_macros::handler;

/// The example of the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
