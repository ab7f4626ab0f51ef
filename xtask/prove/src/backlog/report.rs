//! Figures, and which of them are beyond what is promised.

use crate::Proved;

#[derive(Debug, Default)]
pub(crate) struct Report {
    figures: Vec<String>,
    short: Vec<String>,
}

impl Report {
    /// A figure for the last line; shown at once, too.
    pub(crate) fn figure(&mut self, figure: String) {
        println!("{figure}");
        self.figures.push(figure);
    }

    /// Notes what is beyond its limit.
    pub(crate) fn check(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            let what = what();
            println!("falls short: {what}");
            self.short.push(what);
        }
    }

    /// The outcome of the proof; `ended` is what broke it off.
    pub(crate) fn close(mut self, ended: Result<(), String>) -> Proved {
        self.short.extend(ended.err());
        let figures = self.figures.join("; ");
        if self.short.is_empty() {
            Ok(figures)
        } else {
            Err((figures, self.short.join("\n")))
        }
    }
}

/// Bytes as MiB.
pub(crate) fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
