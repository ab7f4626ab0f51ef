//! Telling the operator.

use std::fmt;

/// To the program's `tracing` subscriber, or where it has none to standard error.
pub(crate) fn warn(handler: &str, delivery: &str, what: fmt::Arguments<'_>) {
    if tracing::dispatcher::has_been_set() {
        tracing::warn!(handler, delivery, "{what}");
    } else {
        eprintln!("warning: {handler}: delivery {delivery}: {what}");
    }
}
