//! Request/reply: a function answers while the caller waits. No stream, no retry, and the answer
//! says so (`tradewind-durability: none`), unless the route records its requests first.

mod body;
mod caller;
mod cors;
mod event;
mod exchange;
mod forwarded;
mod headers;
mod meter;
mod path;
mod route;
mod table;

pub use body::Streamed;
pub(crate) use caller::Caller;
pub(crate) use exchange::{Match, handle, others};
pub use meter::Meters;
pub use route::Route;
pub(crate) use table::Found;
pub use table::Table;
