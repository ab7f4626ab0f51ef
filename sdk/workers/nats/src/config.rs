//! Settings, from the environment.

use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::{ConnectOptions, ServerAddr, Subject};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;
use tradewind::worker::PullError;

pub(crate) const SERVERS: &str = "TRADEWIND_NATS_SERVERS";
const STREAM: &str = "TRADEWIND_NATS_STREAM";
const CONSUMER: &str = "TRADEWIND_NATS_CONSUMER";
const SUBJECTS: &str = "TRADEWIND_NATS_SUBJECTS";
const ACK_WAIT: &str = "TRADEWIND_NATS_ACK_WAIT";
const DEAD_LETTER: &str = "TRADEWIND_NATS_DEAD_LETTER";
const CREDENTIALS: &str = "TRADEWIND_NATS_CREDENTIALS";
const CA: &str = "TRADEWIND_NATS_CA";

/// Shortest and longest time for which a message is out, in seconds. Less leaves no time to make it longer.
const OUT: RangeInclusive<u64> = 3..=43_200;
const OUT_DEFAULT: u64 = 30;

#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) servers: Vec<ServerAddr>,
    pub(crate) stream: String,
    consumer: String,
    subjects: Vec<String>,
    ack_wait: Duration,
    pub(crate) dead_letter: Option<String>,
    credentials: Option<String>,
    ca: Option<PathBuf>,
}

impl Settings {
    pub(crate) fn read(get: &dyn Fn(&str) -> Option<String>) -> Result<Self, PullError> {
        let read = |name: &str| get(name).filter(|value| !value.is_empty());
        let servers = read(SERVERS).unwrap_or_default();
        let servers = listed(&servers).map(|server| server.parse().ok().filter(is_fit));
        let servers: Option<Vec<ServerAddr>> = servers.collect();
        let servers = servers.filter(|servers| !servers.is_empty());
        // The text may hold a password.
        let servers = servers.ok_or_else(|| {
            PullError::fatal(format!(
                "{SERVERS} is no list of servers such as nats://host:4222 or tls://host:4222"
            ))
        })?;
        let named = |variable: &str| match read(variable) {
            Some(name) if is_name(&name) => Ok(name),
            Some(name) => Err(PullError::fatal(format!(
                "{variable}: `{name}` is no name without `.`, `*`, `>`, slashes and spaces"
            ))),
            None => Err(PullError::fatal(format!("{variable} is not set"))),
        };
        let subjects = read(SUBJECTS).unwrap_or_default();
        let dead_letter = read(DEAD_LETTER);
        for (variable, subject) in listed(&subjects)
            .map(|subject| (SUBJECTS, subject))
            .chain(dead_letter.as_deref().map(|subject| (DEAD_LETTER, subject)))
        {
            if !Subject::from(subject).is_valid() {
                return Err(PullError::fatal(format!(
                    "{variable}: `{subject}` is no subject: words with `.` between them"
                )));
            }
        }
        if let Some(subject) = dead_letter
            .as_deref()
            .filter(|all| all.contains(['*', '>']))
        {
            let why = format!("{DEAD_LETTER}: `{subject}` has wildcards, and is published to");
            return Err(PullError::fatal(why));
        }
        let credentials = read(CREDENTIALS).map(|path| {
            let text = std::fs::read_to_string(&path);
            text.map_err(|error| PullError::fatal(format!("{CREDENTIALS}: {path}: {error}")))
        });
        Ok(Self {
            servers,
            stream: named(STREAM)?,
            consumer: named(CONSUMER)?,
            subjects: listed(&subjects).map(str::to_owned).collect(),
            ack_wait: Duration::from_secs(seconds(read(ACK_WAIT))?),
            dead_letter,
            credentials: credentials.transpose()?,
            ca: read(CA).map(PathBuf::from),
        })
    }

    pub(crate) fn options(&self) -> Result<ConnectOptions, PullError> {
        let mut options = ConnectOptions::new().name("tradewind-handler");
        if let Some(ca) = &self.ca {
            options = options.require_tls(true).add_root_certificates(ca.clone());
        }
        if let Some(text) = &self.credentials {
            options = options
                .credentials(text)
                .map_err(|_| PullError::fatal(format!("{CREDENTIALS} is no credentials file")))?;
        }
        Ok(options)
    }

    pub(crate) fn consumer(&self) -> pull::Config {
        pull::Config {
            durable_name: Some(self.consumer.clone()),
            filter_subjects: self.subjects.clone(),
            ack_policy: AckPolicy::Explicit,
            ack_wait: self.ack_wait,
            ..pull::Config::default()
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.consumer
    }
}

fn listed(text: &str) -> impl Iterator<Item = &str> {
    text.split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
}

/// Whoever puts a password into an address that is not encrypted gives it away, but for one on this machine.
fn is_fit(server: &ServerAddr) -> bool {
    let here = matches!(server.host(), "localhost" | "127.0.0.1" | "[::1]" | "::1");
    !server.has_user_pass() || server.tls_required() || here
}

fn is_name(name: &str) -> bool {
    !name.contains(['.', '*', '>', '/', '\\', ' ', '\t'])
}

fn seconds(text: Option<String>) -> Result<u64, PullError> {
    let Some(text) = text else {
        return Ok(OUT_DEFAULT);
    };
    let seconds = text.parse().ok().filter(|seconds| OUT.contains(seconds));
    seconds.ok_or_else(|| {
        let (least, most) = (OUT.start(), OUT.end());
        PullError::fatal(format!(
            "{ACK_WAIT}: `{text}` is no number of seconds from {least} to {most}"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let good = [
            (SERVERS, "nats://a:4222, tls://b:4222"),
            (STREAM, "ORDERS"),
            (CONSUMER, "charging"),
            (SUBJECTS, "orders.*, refunds.>"),
        ];
        let read = |name: &str, value: &str| {
            let get = |asked: &str| match asked == name {
                true => Some(value.to_owned()),
                false => {
                    let known = good.iter().find(|(known, _)| *known == asked);
                    known.map(|(_, value)| (*value).to_owned())
                }
            };
            Settings::read(&get).map_err(|invalid| invalid.to_string())
        };
        let settings = read("", "").unwrap();
        assert_eq!(
            settings.consumer().filter_subjects,
            ["orders.*", "refunds.>"]
        );
        assert_eq!(settings.ack_wait, Duration::from_secs(30));
        for (name, value, reason) in [
            (SERVERS, "", "TRADEWIND_NATS_SERVERS is no list"),
            (SERVERS, "http://a:1", "TRADEWIND_NATS_SERVERS is no list"),
            (
                SERVERS,
                "nats://u:secret@a:1",
                "TRADEWIND_NATS_SERVERS is no list",
            ),
            (STREAM, "", "TRADEWIND_NATS_STREAM is not set"),
            (CONSUMER, "a.b", "TRADEWIND_NATS_CONSUMER: `a.b`"),
            (SUBJECTS, "a..b", "TRADEWIND_NATS_SUBJECTS: `a..b`"),
            (
                DEAD_LETTER,
                "dead.*",
                "TRADEWIND_NATS_DEAD_LETTER: `dead.*` has",
            ),
            (ACK_WAIT, "2", "TRADEWIND_NATS_ACK_WAIT: `2`"),
            (
                CREDENTIALS,
                "/nowhere",
                "TRADEWIND_NATS_CREDENTIALS: /nowhere: ",
            ),
        ] {
            let found = read(name, value).unwrap_err();
            assert!(found.starts_with(reason), "{found}");
            assert!(!found.contains("secret"), "{found}");
        }
        assert!(read(SERVERS, "nats://u:p@127.0.0.1:1,tls://u:p@b:1").is_ok());
    }
}
