//! What the gateway and its command line said, and what of it shows a secret.

use super::canary::Canaries;
use crate::authorisation::wire::{Answer, text};
use crate::gateway::Gateway;
use futures_util::StreamExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

/// Longest time of a command.
const PATIENCE: Duration = Duration::from_secs(60);

/// What was said, with where, and whether data of events belongs there.
#[derive(Default)]
pub(super) struct Told {
    all: Vec<(String, String, bool)>,
}

impl Told {
    pub(super) fn say(&mut self, what: &str, said: String, payloads: bool) {
        self.all.push((what.to_owned(), said, payloads));
    }

    pub(super) fn answer(&mut self, what: &str, answer: Answer) {
        let said = format!("{}{}", answer.head, String::from_utf8_lossy(&answer.body));
        self.say(&format!("the answer to {what}"), said, false);
    }

    pub(super) fn count(&self) -> usize {
        self.all.len()
    }

    /// Every place that shows a secret, once.
    pub(super) fn leaks(&self, canaries: &Canaries) -> Vec<String> {
        let mut leaks: Vec<String> = Vec::new();
        for (what, said, payloads) in &self.all {
            if let Some(shown) = canaries.shown(said, *payloads) {
                leaks.push(format!("{what} shows {shown}"));
            }
        }
        leaks
    }

    /// Runs commands, a few at a time; each has to end by itself and without a panic.
    pub(super) async fn run(
        &mut self,
        gateway: &Gateway,
        commands: Vec<Command>,
    ) -> Result<(), String> {
        let running = commands.into_iter().map(|command| async move {
            let Command {
                what,
                args,
                variables,
                payloads,
            } = command;
            let mut call = gateway.bare(&args);
            call.envs(variables)
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
            let output = tokio::time::timeout(PATIENCE, call.output()).await;
            let output = output.map_err(|_| format!("{what} does not end"))?;
            let output = output.map_err(text)?;
            let said = format!(
                "{}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
            match output.status.code() {
                Some(0..=2 | 78) => Ok((what, said, payloads)),
                _ => Err(format!("{what} ended with {}: {said}", output.status)),
            }
        });
        let mut running = futures_util::stream::iter(running).buffer_unordered(3);
        while let Some(ended) = running.next().await {
            let (what, said, payloads) = ended?;
            self.say(&what, said, payloads);
        }
        Ok(())
    }

    /// Every file below a folder but those that hold secrets by what they are.
    pub(super) fn files(
        &mut self,
        folder: &Path,
        but: &dyn Fn(&str) -> bool,
    ) -> Result<(), String> {
        for entry in std::fs::read_dir(folder).map_err(text)? {
            let entry = entry.map_err(text)?;
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy().into_owned();
            let kind = entry.file_type().map_err(text)?;
            if kind.is_dir() {
                self.files(&path, but)?;
            } else if kind.is_file() && !but(&name) {
                let bytes = std::fs::read(&path).map_err(text)?;
                // Files are made larger than what is in them.
                let end = bytes
                    .iter()
                    .rposition(|byte| *byte != 0)
                    .map_or(0, |at| at + 1);
                let said = String::from_utf8_lossy(&bytes[..end]).into_owned();
                let is_log = name == "log";
                self.say(&format!("the file {name}"), said, !is_log);
            }
        }
        Ok(())
    }
}

/// A command of the command line.
pub(super) struct Command {
    pub(super) what: String,
    pub(super) args: Vec<String>,
    pub(super) variables: Vec<(&'static str, String)>,
    /// Whether it shows what targets said of events, with their data.
    pub(super) payloads: bool,
}

impl Command {
    pub(super) fn new(args: &[&str]) -> Self {
        Self {
            what: format!("tradewind {}", args.join(" ")),
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            variables: Vec::new(),
            payloads: matches!(args.first(), Some(&"dead-letters" | &"explain")),
        }
    }

    pub(super) fn with(mut self, name: &'static str, value: String) -> Self {
        self.variables.push((name, value));
        self
    }
}
