//! The process's own log, on stderr.

use std::io::IsTerminal;
use tracing::Level;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tradewind_config::{Log, LogFormat, LogLevel};

/// Installs it: text on a terminal, JSON elsewhere, unless the configuration says otherwise.
/// `TRADEWIND_LOG` stands above the configured level, with the syntax of `RUST_LOG`.
pub(super) fn install(log: &Log) {
    let level = match log.level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    };
    let filter = EnvFilter::try_from_env("TRADEWIND_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    // The SDK of AWS logs whole answers at TRACE, and a target may say back what it was sent.
    let no_answers = filter_fn(|of| {
        *of.level() != Level::TRACE || !of.target().starts_with("aws_smithy_runtime")
    });
    let terminal = std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
    let json = match log.format {
        LogFormat::Auto => !terminal,
        LogFormat::Json => true,
        LogFormat::Text => false,
    };
    let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let log = tracing_subscriber::registry().with(filter).with(no_answers);
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(colour);
    // A log that is there already stays.
    if json {
        log.with(lines.json().flatten_event(true)).try_init().ok();
    } else {
        log.with(lines).try_init().ok();
    }
}
