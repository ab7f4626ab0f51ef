//! How much of a stream that several nodes share a command is about.

/// All of it, or what one node serves.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct Scope {
    /// Only what this node serves of a stream that several nodes share
    #[arg(long)]
    here: bool,
}

impl Scope {
    /// The path with what it adds.
    pub(super) fn on(self, path: &str) -> String {
        let sign = if path.contains('?') { '&' } else { '?' };
        match self.here {
            true => format!("{path}{sign}here=true"),
            false => path.to_owned(),
        }
    }
}
