//! Against moto, a server that others wrote; what it cannot do is answered by canned servers with the errors that the
//! API reference lists.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod credentials;
mod sink;
