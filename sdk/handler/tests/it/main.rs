//! The SDK from outside: arguments, outcomes, and the service on loopback.

mod arguments;
mod attribute;
mod options;
mod outcomes;
mod server;
mod service;
mod signature;
