//! `tradewind explain`

use super::client::encode;
use super::failure::Failure;
use super::gateway_args::GatewayArgs;
use super::term::{Term, is_date, now_ms, plain, span, time};
use tradewind_engine::{Attempt, Journey, Predicate, Stop};

/// Tell what happened to an event
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tradewind explain 6f1c2a90                  an id, or the first 8 characters of one\n  \
    tradewind explain default@0/18231           a position\n  tradewind explain default-0-18231-deploy    a delivery id"
)]
pub(super) struct Args {
    /// Id, prefix of an id, stream@shard/offset, or delivery id
    event: String,
    #[command(flatten)]
    gateway: GatewayArgs,
}

pub(super) async fn run(args: Args, term: &Term) -> Result<(), Failure> {
    let path = format!("/v1/explain?event={}", encode(&args.event));
    let journeys: Vec<Journey> = args.gateway.client()?.get(&path).await?;
    if term.json() {
        term.value(&journeys)?;
        return Ok(());
    }
    if journeys.is_empty() {
        return Err(
            Failure::new(format!("nothing is known of `{}`", args.event)).hint(
                "ids are remembered as long as repetitions are recognised; a position \
                 (stream@shard/offset) works as long as the event is kept",
            ),
        );
    }
    for (i, journey) in journeys.iter().enumerate() {
        if i > 0 {
            term.line("")?;
        }
        for line in lines(journey, now_ms(), &|good, text| term.mark(good, text)) {
            term.line(&line)?;
        }
    }
    Ok(())
}

type Mark<'a> = &'a dyn Fn(bool, &str) -> String;

/// The journey, line by line.
fn lines(journey: &Journey, now_ms: u64, mark: Mark<'_>) -> Vec<String> {
    let width = journey
        .subscriptions
        .iter()
        .map(|stop| stop.subscription.chars().count())
        .max()
        .unwrap_or(0)
        .max(12);
    let mut lines = vec![
        format!(
            "{:<12} {:<width$}  {} from {}{}",
            "event",
            plain(&journey.id),
            plain(&journey.ty),
            plain(&journey.source),
            journey
                .subject
                .as_ref()
                .map_or(String::new(), |subject| format!(
                    ", subject {}",
                    plain(subject)
                )),
        ),
        format!(
            "{:<12} {:<width$}  {} ({})  → {} @ {}",
            "received",
            time(journey.received_ms, now_ms),
            journey.via,
            plain(&journey.principal),
            journey.stream,
            journey.position
        ),
    ];
    let mut stops: Vec<&Stop> = journey.subscriptions.iter().collect();
    stops.sort_by_key(|stop| stop.state == "filtered");
    for stop in stops {
        let verdict = match stop.state.as_str() {
            "filtered" => "not",
            "not-routed-yet" => "not yet",
            _ => "matched",
        };
        let predicates: Vec<String> = stop.predicates.iter().map(|p| said(p, mark)).collect();
        let predicates = if predicates.is_empty() && verdict == "matched" {
            "everything".to_owned()
        } else {
            predicates.join("  ")
        };
        lines.push(
            format!("{verdict:<12} {:<width$}  {predicates}", stop.subscription)
                .trim_end()
                .to_owned(),
        );
        match (verdict, &stop.reason) {
            ("matched", _) => {
                lines.push(outcome(stop, width, now_ms));
                lines.extend(member(stop, width));
                lines.extend(owner(stop, width));
            }
            (_, Some(reason)) => {
                lines.push(format!("{:<12} {:<width$}  {}", "", "", plain(reason)));
            }
            _ => {}
        }
    }
    if journey.subscriptions.is_empty() {
        lines.push("unmatched    no subscription reads this stream".into());
    }
    lines
}

/// The member of a group that the event is for, and why.
fn member(stop: &Stop, width: usize) -> Option<String> {
    let member = stop.member.as_ref()?;
    Some(format!(
        "{:<12} {:<width$}  {}: {}",
        "member", stop.subscription, member.name, member.why
    ))
}

/// Who answers for the subscription, where that is known.
fn owner(stop: &Stop, width: usize) -> Option<String> {
    let text = match (&stop.owner, &stop.why) {
        (Some(owner), Some(why)) => format!("{}: {}", plain(owner), plain(why)),
        (Some(one), None) | (None, Some(one)) => plain(one),
        (None, None) => return None,
    };
    Some(format!(
        "{:<12} {:<width$}  {text}",
        "owner", stop.subscription
    ))
}

fn said(predicate: &Predicate, mark: Mark<'_>) -> String {
    let text = plain(&predicate.predicate);
    if predicate.holds {
        return format!("{text} {}", mark(true, "✓"));
    }
    let was = match &predicate.actual {
        Some(actual) => format!("was '{}'", plain(actual)),
        None => "is absent".into(),
    };
    format!("{text} {}  ({was})", mark(false, "✗"))
}

fn outcome(stop: &Stop, width: usize, now_ms: u64) -> String {
    let word = match stop.state.as_str() {
        "accepted" => "delivered",
        other => other,
    };
    let mut parts: Vec<String> = stop
        .attempts
        .iter()
        .enumerate()
        .map(|(i, attempt)| told(attempt, stop.attempts.get(i + 1), stop.due_ms, now_ms))
        .collect();
    if let (true, Some(due)) = (stop.attempts.is_empty(), stop.due_ms) {
        parts.push(format!("due {}", at(due, now_ms)));
    }
    if let Some(reason) = &stop.reason {
        parts.push(plain(reason));
    }
    format!(
        "{word:<12} {:<width$}  {}",
        stop.subscription,
        parts.join(" · ")
    )
    .trim_end()
    .to_owned()
}

/// When an attempt is due; a pause may be longer than any calendar.
fn at(due_ms: u64, now_ms: u64) -> String {
    match is_date(due_ms) {
        true => format!("at {}", time(due_ms, now_ms)),
        false => "never".into(),
    }
}

fn told(attempt: &Attempt, next: Option<&Attempt>, due_ms: Option<u64>, now_ms: u64) -> String {
    let status = attempt.reason.as_ref().and_then(|reason| reason.status);
    let what = match (&attempt.reason, attempt.outcome.as_str()) {
        (Some(receipt), "accepted") if !receipt.detail.is_empty() => plain(&receipt.detail),
        (_, "accepted") => status.map_or_else(|| "accepted".into(), |s| s.to_string()),
        (Some(reason), _) => match status {
            Some(status) if reason.code == "http-status" => status.to_string(),
            Some(status) => format!("{status} {}", reason.code),
            None if reason.detail.is_empty() => reason.code.clone(),
            None => format!("{} ({})", reason.code, plain(&reason.detail)),
        },
        (None, outcome) => outcome.to_owned(),
    };
    let ended = attempt.at_ms.saturating_add(attempt.took_ms);
    let then = match (attempt.outcome.as_str(), next, due_ms) {
        ("accepted", _, _) => format!(" in {}", span(attempt.took_ms)),
        (outcome, Some(next), _) => {
            let again = match outcome {
                // Nothing but a redrive follows a rejection.
                "reject" => "redriven",
                _ => "retried",
            };
            format!(", {again} after {}", span(next.at_ms.saturating_sub(ended)))
        }
        ("retry", None, Some(due)) => format!(", next {}", at(due, now_ms)),
        _ => format!(" after {}", span(attempt.took_ms)),
    };
    let at = attempt.member.as_ref();
    let at = at.map_or_else(String::new, |member| format!(" at {member}"));
    format!("attempt {}{at}: {what}{then}", attempt.number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradewind_adapter::Reason;

    #[test]
    fn the_layout_of_a_journey() {
        let at = 1_793_620_801_204;
        let attempt = |number, at_ms, took_ms, outcome: &str, status| Attempt {
            number,
            at_ms,
            took_ms,
            outcome: outcome.into(),
            reason: Some(Reason::new("http-status", "").with_status(status)),
            member: None,
        };
        let predicate = |text: &str, actual: &str, holds| Predicate {
            predicate: text.into(),
            actual: Some(actual.into()),
            holds,
        };
        let main = "refs/heads/main";
        let journey = Journey {
            stream: "default".into(),
            position: "0/18231".into(),
            id: "6f1c2a90".into(),
            source: "https://github.com/acme/app".into(),
            ty: "com.github.push".into(),
            subject: Some(main.into()),
            received_ms: at,
            via: "github".into(),
            principal: "github:acme/app (signature)".into(),
            subscriptions: vec![
                Stop {
                    subscription: "deploy".into(),
                    state: "accepted".into(),
                    predicates: vec![predicate("subject = 'refs/heads/main'", main, true)],
                    attempts: vec![
                        attempt(1, at, 10, "retry", 503),
                        attempt(2, at + 4110, 84, "accepted", 200),
                    ],
                    due_ms: None,
                    reason: None,
                    owner: Some("platform".into()),
                    why: Some("deploys follow main".into()),
                    member: None,
                },
                Stop {
                    subscription: "nightly".into(),
                    state: "filtered".into(),
                    predicates: vec![predicate("subject = 'refs/heads/release'", main, false)],
                    attempts: Vec::new(),
                    due_ms: None,
                    reason: None,
                    owner: None,
                    why: None,
                    member: None,
                },
            ],
        };
        let lines = lines(&journey, at + 5000, &|_, text| text.to_owned());
        assert_eq!(
            lines,
            [
                "event        6f1c2a90      com.github.push from https://github.com/acme/app, subject refs/heads/main",
                "received     12:00:01.204  github (github:acme/app (signature))  → default @ 0/18231",
                "matched      deploy        subject = 'refs/heads/main' ✓",
                "delivered    deploy        attempt 1: 503, retried after 4.1 s · attempt 2: 200 in 84 ms",
                "owner        deploy        platform: deploys follow main",
                "not          nightly       subject = 'refs/heads/release' ✗  (was 'refs/heads/main')",
            ]
        );
    }

    #[test]
    fn what_comes_after_an_attempt() {
        let at_ms = 1_793_620_801_204;
        let attempt = |outcome: &str, at_ms| Attempt {
            number: 1,
            at_ms,
            took_ms: 10,
            outcome: outcome.into(),
            reason: Some(Reason::new("http-status", "").with_status(400)),
            member: None,
        };
        let next = attempt("accepted", at_ms + 1310);
        let (now, far) = (at_ms + 5000, u64::MAX);
        for (outcome, next, due_ms, expected) in [
            (
                "reject",
                Some(&next),
                None,
                "attempt 1: 400, redriven after 1.3 s",
            ),
            (
                "retry",
                Some(&next),
                None,
                "attempt 1: 400, retried after 1.3 s",
            ),
            (
                "retry",
                None,
                Some(now),
                "attempt 1: 400, next at 12:00:06.204",
            ),
            ("retry", None, Some(far), "attempt 1: 400, next never"),
            ("reject", None, None, "attempt 1: 400 after 10 ms"),
        ] {
            assert_eq!(told(&attempt(outcome, at_ms), next, due_ms, now), expected);
        }
        let stop = Stop {
            subscription: "deploy".into(),
            state: "scheduled".into(),
            predicates: Vec::new(),
            attempts: Vec::new(),
            due_ms: Some(far),
            reason: None,
            owner: None,
            why: None,
            member: None,
        };
        assert!(outcome(&stop, 12, now).ends_with("due never"));
    }
}
