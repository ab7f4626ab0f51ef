//! The HTTP host: a handler as a service that takes CloudEvents.

mod answer;
mod options;
mod request;
mod run;
mod serve;
mod service;
mod signature;

pub use options::{InvalidOptions, Options};
pub use run::{Exit, Failure, run};
pub use serve::serve;
pub(crate) use service::Service;
