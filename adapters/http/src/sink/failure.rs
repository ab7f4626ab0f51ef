//! When there is no response: what failed, told without secrets.

use super::dial::{Unresolved, blocked, find};
use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;
use tradewind_adapter::{Credential, Outcome, Reason};

/// A blocked address is mostly final, but a name that is being moved shows one for minutes.
const BLOCKED_PATIENCE: Duration = Duration::from_secs(5 * 60);

/// Takes secrets out of what is recorded: targets like to repeat what they were sent.
#[derive(Clone, Default)]
pub(crate) struct Redact {
    /// Of the settings.
    secrets: Arc<[String]>,
    /// Of this one request.
    shown: Credential,
}

impl Redact {
    /// Shorter secrets would tear ordinary words apart, and protect nothing.
    const SHORTEST: usize = 6;

    pub(crate) fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        let mut secrets: Vec<String> = secrets
            .into_iter()
            .filter(|s| s.len() >= Self::SHORTEST)
            .collect();
        // Where one secret contains another, the longer one goes first.
        secrets.sort_by_key(|s| std::cmp::Reverse(s.len()));
        Self {
            secrets: secrets.into(),
            shown: Credential::default(),
        }
    }

    /// The same, for a request that showed this.
    pub(crate) fn with(&self, shown: Credential) -> Self {
        Self {
            secrets: Arc::clone(&self.secrets),
            shown,
        }
    }

    fn all(&self) -> impl Iterator<Item = &str> {
        let shown = self.shown.secrets();
        let shown = shown.filter(|secret| secret.len() >= Self::SHORTEST);
        shown.chain(self.secrets.iter().map(String::as_str))
    }

    /// Whether a secret is among these bytes.
    pub(crate) fn shows(&self, bytes: &[u8]) -> bool {
        let mut all = self.all();
        all.any(|secret| {
            bytes
                .windows(secret.len())
                .any(|part| part == secret.as_bytes())
        })
    }

    /// One line of text without secrets.
    pub(crate) fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in self.all() {
            text = text.replace(secret, "[secret]");
        }
        let visible = |c: char| if c.is_control() { ' ' } else { c };
        text.chars().map(visible).collect()
    }

    /// The beginning of a body, as text. Secrets are looked for beyond the cut, so that none is
    /// half shown.
    pub(crate) fn body(&self, body: &[u8]) -> String {
        let longest = self.all().map(str::len).max().unwrap_or_default();
        let shown = body.get(..Reason::DETAIL_MAX + longest).unwrap_or(body);
        let text = self.text(&String::from_utf8_lossy(shown));
        let mut text = text.trim().to_owned();
        text.truncate(text.floor_char_boundary(Reason::DETAIL_MAX));
        text
    }
}

/// The outcome of an exchange that broke.
pub(crate) fn failed(error: &(dyn StdError + 'static), redact: &Redact) -> Outcome {
    let patience = blocked(error).map(|_| BLOCKED_PATIENCE);
    retry(patience, reason(error, redact))
}

/// Why an exchange broke.
pub(crate) fn reason(error: &(dyn StdError + 'static), redact: &Redact) -> Reason {
    if let Some(blocked) = blocked(error) {
        return Reason::new("blocked-address", blocked.to_string());
    }
    let code = if find::<rustls::Error>(error).is_some() {
        "tls"
    } else if find::<Unresolved>(error).is_some() {
        "dns"
    } else if find::<hyper::Error>(error).is_some() {
        "protocol"
    } else {
        "connect"
    };
    Reason::new(code, redact.text(&chain(error)))
}

/// The outcome when the time of the attempt is over.
pub(crate) fn timed_out(when: &str) -> Outcome {
    retry(
        None,
        Reason::new("timeout", format!("the time was over {when}")),
    )
}

/// The outcome when the gateway itself gave up.
pub(crate) fn cancelled() -> Outcome {
    retry(None, Reason::new("cancelled", "the attempt was cancelled"))
}

fn retry(patience: Option<Duration>, reason: Reason) -> Outcome {
    Outcome::Retry {
        after: None,
        patience,
        throttled: false,
        reason,
    }
}

/// An error and its causes in one line, without repetitions.
pub(crate) fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_taken_out_even_across_the_cut() {
        let redact = Redact::new(["hunter2hunter2".into(), "hunter2".into(), "x".into()]);
        assert_eq!(
            redact.text("x hunter2hunter2\nhunter2"),
            "x [secret] [secret]"
        );
        let body = format!("{}hunter2hunter2 tail", "a".repeat(Reason::DETAIL_MAX - 7));
        let shown = redact.body(body.as_bytes());
        assert!(!shown.contains("hunter"), "{shown}");
        assert!(shown.len() <= Reason::DETAIL_MAX);
        assert_eq!(redact.body(b"\xff\x00ok\r\n"), "\u{fffd} ok");
    }

    #[test]
    fn what_one_request_showed_is_taken_out_of_its_answer() {
        let redact = Redact::new(["hunter2".into()]);
        let shown = redact.with(Credential::new(["token-of-today".into(), "x".into()]));
        assert_eq!(
            shown.text("x token-of-today hunter2"),
            "x [secret] [secret]"
        );
        assert_eq!(redact.text("token-of-today"), "token-of-today");
    }
}
