//! The process's own log, on stderr.

use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;
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
    // The SDK of AWS logs whole answers at TRACE, and a target may say back what it was sent.
    let level = match level {
        "trace" => "trace,aws_smithy_runtime=debug,aws_smithy_runtime_api=debug",
        level => level,
    };
    let filter = EnvFilter::try_from_env("TRADEWIND_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let terminal = std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
    let json = match log.format {
        LogFormat::Auto => !terminal,
        LogFormat::Json => true,
        LogFormat::Text => false,
    };
    let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colour);
    // A log that is there already stays.
    if json {
        builder.json().flatten_event(true).try_init().ok();
    } else {
        builder.try_init().ok();
    }
}
