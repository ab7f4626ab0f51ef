mod configuration;
mod conformance;
pub(crate) mod requests;
