mod configuration;
mod conformance;
mod requests;
