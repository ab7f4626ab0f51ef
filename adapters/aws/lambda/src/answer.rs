//! What a function's answer means.

use bytes::Bytes;
use serde_json::Value;
use tradewind_adapter::{Outcome, Reason};
use tradewind_event::json;

/// The outcome of an invocation that Lambda carried out.
///
/// `failed` is Lambda's word that the function failed (`X-Amz-Function-Error`); `batch` says that it was given a
/// batch of one, as a trigger of a queue or stream does, so that it may fail in its answer
/// (`batchItemFailures`).
pub(crate) fn outcome(
    payload: &[u8],
    failed: Option<&str>,
    batch: bool,
    replies: bool,
    receipt: Option<String>,
) -> Outcome {
    if let Some(kind) = failed {
        return retry("function-error", function_error(payload, kind));
    }
    let answer: Value = serde_json::from_slice(payload).unwrap_or_default();
    if batch
        && let Some(failures) = answer["batchItemFailures"].as_array()
        && !failures.is_empty()
    {
        let told = "the function reported its one record as failed (`batchItemFailures`)";
        return retry("batch-item-failure", told.into());
    }
    let reply = match replies && answer.get("specversion").is_some() {
        false => None,
        true => match json::decode(Bytes::copy_from_slice(payload)) {
            Ok(event) => Some(event),
            Err(why) => {
                return Outcome::Reject {
                    disable: false,
                    reason: Reason::new("invalid-reply", why.to_string()),
                };
            }
        },
    };
    Outcome::Accepted { receipt, reply }
}

/// What runtimes say of an error: its type and its message, and no stack.
fn function_error(payload: &[u8], kind: &str) -> String {
    let said: Value = serde_json::from_slice(payload).unwrap_or_default();
    let text = |name: &str| said[name].as_str().unwrap_or_default().to_owned();
    let (ty, message) = (text("errorType"), text("errorMessage"));
    let told = match (ty.is_empty(), message.is_empty()) {
        (false, false) => format!("{ty}: {message}"),
        (true, true) => "the function failed".into(),
        _ => ty + &message,
    };
    let visible = |c: char| if c.is_control() { ' ' } else { c };
    let told: String = told.chars().map(visible).collect();
    format!("{told} ({})", kind.to_lowercase())
}

fn retry(code: &str, detail: String) -> Outcome {
    Outcome::Retry {
        after: None,
        patience: None,
        throttled: false,
        reason: Reason::new(code, detail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(outcome: Outcome) -> String {
        match outcome {
            Outcome::Retry { reason, .. } | Outcome::Reject { reason, .. } => reason.to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn failures_of_functions() {
        let of = |payload: &str| {
            failed(outcome(
                payload.as_bytes(),
                Some("Unhandled"),
                false,
                true,
                None,
            ))
        };
        for (payload, told) in [
            (
                r#"{"errorMessage":"no\nstock","errorType":"OutOfStock","stackTrace":["secret"]}"#,
                "function-error: OutOfStock: no stock (unhandled)",
            ),
            (
                r#"{"errorMessage":"2026-01-01 Task timed out after 3.00 seconds"}"#,
                "function-error: 2026-01-01 Task timed out after 3.00 seconds (unhandled)",
            ),
            ("", "function-error: the function failed (unhandled)"),
            ("[1]", "function-error: the function failed (unhandled)"),
        ] {
            assert_eq!(of(payload), told);
        }
        assert!(of(&format!(r#"{{"errorType":"{}"}}"#, "x".repeat(5000))).len() < 1100);
    }

    #[test]
    fn answers_of_batches() {
        let of = |payload: &str, batch| outcome(payload.as_bytes(), None, batch, true, None);
        let one = r#"{"batchItemFailures":[{"itemIdentifier":"1"}]}"#;
        assert!(failed(of(one, true)).starts_with("batch-item-failure"));
        // Whatever is named, or not named, it was the only one.
        assert!(
            failed(of(r#"{"batchItemFailures":[{}]}"#, true)).starts_with("batch-item-failure")
        );
        let done = Outcome::Accepted {
            receipt: None,
            reply: None,
        };
        for payload in [
            r#"{"batchItemFailures":[]}"#,
            r#"{"batchItemFailures":null}"#,
            "null",
            "",
        ] {
            assert_eq!(of(payload, true), done, "{payload}");
        }
        assert_eq!(of(one, false), done, "it was given no batch");
    }

    #[test]
    fn replies() {
        let reply = r#"{"specversion":"1.0","id":"1","source":"/f","type":"t"}"#;
        let of = |payload: &str, replies| outcome(payload.as_bytes(), None, false, replies, None);
        assert!(
            matches!(of(reply, true), Outcome::Accepted { reply: Some(event), .. } if event.id() == "1")
        );
        for (payload, replies) in [
            (reply, false),
            (r#"{"a":1}"#, true),
            ("no json", true),
            ("", true),
        ] {
            assert!(
                matches!(of(payload, replies), Outcome::Accepted { reply: None, .. }),
                "{payload}"
            );
        }
        let broken = failed(of(r#"{"specversion":"1.0","id":""}"#, true));
        assert!(broken.starts_with("invalid-reply"), "{broken}");
    }
}
