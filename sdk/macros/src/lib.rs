//! The handler attribute of the tradewind crate.
