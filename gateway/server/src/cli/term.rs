//! Where output goes, and how it looks.

pub(super) use crate::run::unix_ms as now_ms;
use serde::Serialize;
use std::io::{self, IsTerminal, Write};

/// How data is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum Output {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// The terminal, or what stands in for it.
#[derive(Debug)]
pub(super) struct Term {
    pub(super) output: Output,
    colour_out: bool,
    colour_err: bool,
}

impl Term {
    pub(super) fn new(output: Output) -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self {
            output,
            colour_out: wanted && io::stdout().is_terminal(),
            colour_err: wanted && io::stderr().is_terminal(),
        }
    }
    /// Whether data is written for programs.
    pub(super) fn json(&self) -> bool {
        self.output == Output::Json
    }
    /// Whether stderr takes colours.
    pub(super) fn colour(&self) -> bool {
        self.colour_err
    }
    /// A line of data. Who closed the pipe has read enough; what the command finds decides its exit code still.
    pub(super) fn line(&self, text: &str) -> io::Result<()> {
        match self.flow(text) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written,
        }
    }
    /// A line of data that has no end: a closed pipe ends the command.
    pub(super) fn flow(&self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        writeln!(out, "{text}")?;
        out.flush()
    }
    /// A value as JSON data.
    pub(super) fn value(&self, value: &impl Serialize) -> io::Result<()> {
        self.line(&serde_json::to_string_pretty(value)?)
    }
    /// A line for the person in front of it.
    pub(super) fn note(&self, text: &str) {
        // Nobody is left to be told where this fails.
        writeln!(io::stderr().lock(), "{text}").ok();
    }
    /// A table of data; the header goes with it.
    pub(super) fn table(&self, header: &[&str], rows: &[Vec<String>]) -> io::Result<()> {
        for line in table(header, rows) {
            self.line(&line)?;
        }
        Ok(())
    }
    pub(super) fn red(&self, text: &str) -> String {
        paint(self.colour_err, "31;1", text)
    }
    pub(super) fn bold(&self, text: &str) -> String {
        paint(self.colour_err, "1", text)
    }
    /// For data, where `good` decides the colour.
    pub(super) fn mark(&self, good: bool, text: &str) -> String {
        paint(self.colour_out, if good { "32" } else { "31" }, text)
    }
}

fn paint(colour: bool, code: &str, text: &str) -> String {
    if colour {
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}

fn table(header: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let mut widths: Vec<usize> = header.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = cells
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(&mut header.iter().copied())];
    lines.extend(
        rows.iter()
            .map(|row| line(&mut row.iter().map(String::as_str))),
    );
    lines
}

/// Time of day in UTC with milliseconds; the date too where it is not today's.
pub(super) fn time(unix_ms: u64, now_ms: u64) -> String {
    const DAY: u64 = 24 * 3600 * 1000;
    let format = if unix_ms / DAY == now_ms / DAY {
        "%H:%M:%S%.3f"
    } else {
        "%Y-%m-%dT%H:%M:%S%.3fZ"
    };
    date(unix_ms).map_or_else(
        || unix_ms.to_string(),
        |time| time.strftime(format).to_string(),
    )
}

/// Whether a calendar reaches that far.
pub(super) fn is_date(unix_ms: u64) -> bool {
    date(unix_ms).is_some()
}

fn date(unix_ms: u64) -> Option<jiff::Timestamp> {
    let ms = i64::try_from(unix_ms).ok()?;
    jiff::Timestamp::from_millisecond(ms).ok()
}

/// Milliseconds for people: `84 ms`, `4.1 s`, `3.2 min`, `5.0 h`.
pub(super) fn span(ms: u64) -> String {
    let ms = ms as f64;
    match ms {
        _ if ms < 1000.0 => format!("{ms} ms"),
        _ if ms < 120_000.0 => format!("{:.1} s", ms / 1000.0),
        _ if ms < 7_200_000.0 => format!("{:.1} min", ms / 60_000.0),
        _ => format!("{:.1} h", ms / 3_600_000.0),
    }
}

/// What a sender chose, made safe for a terminal: control characters are shown, not obeyed.
pub(super) fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_end_without_blanks() {
        let rows = vec![
            vec!["a".into(), "1".into()],
            vec!["longer".into(), String::new()],
        ];
        assert_eq!(
            table(&["name", "n"], &rows),
            ["name    n", "a       1", "longer"]
        );
    }

    #[test]
    fn times_and_spans() {
        let noon = 1_793_620_801_204;
        assert_eq!(time(noon, noon + 1), "12:00:01.204");
        assert_eq!(
            time(noon, noon + 24 * 3600 * 1000),
            "2026-11-02T12:00:01.204Z"
        );
        for (ms, text) in [
            (84, "84 ms"),
            (4100, "4.1 s"),
            (192_000, "3.2 min"),
            (18_000_000, "5.0 h"),
        ] {
            assert_eq!(span(ms), text);
        }
    }

    #[test]
    fn an_event_cannot_steer_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\nc"), "a\u{fffd}[2Jb\u{fffd}c");
    }
}
