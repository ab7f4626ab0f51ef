//! `tradewind compare`

use super::client::encode;
use super::failure::Failure;
use super::gateway_args::GatewayArgs;
use super::scope::Scope;
use super::term::{Term, now_ms, plain, span, time};
use serde_json::{Value, json};

/// Say how a shadow compares with the target that is in charge
///
/// The exit code is 1 where anything differs, or where fewer events were compared than --at-least.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  tradewind compare orders-portable\n  \
        tradewind compare orders --at-least 1000   exit code 0 once 1,000 agree, for scripts\n  \
        tradewind compare orders --anew            forget what was compared so far")]
pub(super) struct Args {
    /// The shadow, or the subscription that it looks on
    subscription: String,
    /// Most differences to show, with both replies; they need the right to read payloads
    #[arg(long, default_value_t = 10)]
    examples: usize,
    /// Fail unless so many events were compared
    #[arg(long, value_name = "N", default_value_t = 0)]
    at_least: u64,
    /// Forget what was compared so far, and count anew
    #[arg(long, conflicts_with_all = ["examples", "at_least"])]
    anew: bool,
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    gateway: GatewayArgs,
}

pub(super) async fn run(args: Args, term: &Term) -> Result<(), Failure> {
    let client = args.gateway.client()?;
    let base = format!("/v1/subscriptions/{}/compare", encode(&args.subscription));
    if args.anew {
        let counts: Value = client
            .post(&args.scope.on(&format!("{base}/anew")), json!({}))
            .await?;
        return show(&counts, term);
    }
    let mut counts: Value = client.get(&args.scope.on(&base)).await?;
    let number = |key: &str| counts[key].as_u64().unwrap_or_default();
    let (compared, agrees) = (number("compared"), counts["agrees"] == true);
    let differing = number("differing-status") + number("differing-reply");
    let alone = number("only-old") + number("only-new");
    let mut withheld = None;
    if differing > 0 && args.examples > 0 {
        let path = format!("{base}/examples?limit={}", args.examples);
        match client.get::<Value>(&args.scope.on(&path)).await {
            Ok(examples) => counts["examples"] = examples,
            // The counts are told to everybody who may look.
            Err(failure) => withheld = Some(failure),
        }
    }
    show(&counts, term)?;
    if let Some(failure) = withheld {
        let why = failure.value();
        term.note(&format!(
            "the examples are not shown: {}",
            plain(why["error"].as_str().unwrap_or_default())
        ));
    }
    if !agrees {
        return Err(Failure::new(format!(
            "{differing} of {compared} differ, {alone} were answered by one side only"
        )));
    }
    if compared < args.at_least {
        let wanted = args.at_least;
        return Err(Failure::new(format!(
            "{compared} were compared, fewer than the {wanted} that are wanted"
        )));
    }
    Ok(())
}

fn show(counts: &Value, term: &Term) -> Result<(), Failure> {
    if term.json() {
        term.value(counts)?;
        return Ok(());
    }
    for line in lines(counts, now_ms()) {
        term.line(&line)?;
    }
    Ok(())
}

fn lines(counts: &Value, now_ms: u64) -> Vec<String> {
    let text = |value: &Value| plain(value.as_str().unwrap_or("-"));
    let since = counts["since-ms"].as_u64().unwrap_or_default();
    let mut lines = vec![format!(
        "{} beside {}, since {}",
        text(&counts["shadow"]),
        text(&counts["of"]),
        time(since, now_ms)
    )];
    for (key, name) in [
        ("same", "same"),
        ("differing-status", "differing status"),
        ("differing-reply", "differing reply"),
        ("only-old", "only in charge"),
        ("only-new", "only the shadow"),
        ("waiting", "waiting"),
    ] {
        lines.push(format!("{name:<18}{}", counts[key]));
    }
    for example in counts["examples"].as_array().into_iter().flatten() {
        lines.push(String::new());
        lines.push(format!(
            "{}@{}  {}  {}",
            text(&example["stream"]),
            text(&example["position"]),
            text(&example["id"]),
            text(&example["type"])
        ));
        for (side, name) in [("old", "in charge"), ("new", "shadow")] {
            lines.push(format!("  {name:<11}{}", answer(&example[side])));
        }
        for difference in example["differences"].as_array().into_iter().flatten() {
            let shown = |side: &str| match difference.get(side) {
                Some(value) => plain(&value.to_string()),
                None => "absent".into(),
            };
            lines.push(format!(
                "  {}: {} -> {}",
                text(&difference["at"]),
                shown("old"),
                shown("new")
            ));
        }
    }
    lines
}

fn answer(side: &Value) -> String {
    let mut parts = vec![plain(side["outcome"].as_str().unwrap_or("-"))];
    if let Some(reason) = side["reason"].as_str() {
        parts.push(plain(reason));
    }
    parts.push(match (side["replied"] == true, side["reply"].is_null()) {
        (true, true) => "a reply too large to keep".into(),
        (true, false) => "replied".into(),
        (false, _) => "no reply".into(),
    });
    let took = span(side["took-ms"].as_u64().unwrap_or_default());
    format!("{} in {took}", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_examples_for_people() {
        let side = |outcome: &str, reason: Option<&str>, reply: Value| json!({ "outcome": outcome, "reason": reason, "replied": !reply.is_null(), "reply": reply, "took-ms": 12 });
        let counts = json!({
            "shadow": "new", "of": "orders", "since-ms": 1_793_620_801_204_u64, "same": 7,
            "differing-status": 1, "differing-reply": 1, "only-old": 0, "only-new": 0, "waiting": 2,
            "examples": [
                { "stream": "default", "position": "0/7", "id": "a\u{1b}[2J", "type": "order",
                  "old": side("accepted", None, json!({})), "new": side("accepted", None, json!({})),
                  "differences": [{ "at": "data/total", "old": 1, "new": "1" }, { "at": "data/x", "new": null }] },
                { "stream": "default", "position": "0/9", "id": "b", "type": "order",
                  "old": side("accepted", None, Value::Null), "new": side("failed", Some("http-status 500"), Value::Null),
                  "differences": [] },
            ],
        });
        assert_eq!(
            lines(&counts, 1_793_620_801_300),
            [
                "new beside orders, since 12:00:01.204",
                "same              7",
                "differing status  1",
                "differing reply   1",
                "only in charge    0",
                "only the shadow   0",
                "waiting           2",
                "",
                "default@0/7  a\u{fffd}[2J  order",
                "  in charge  accepted, replied in 12 ms",
                "  shadow     accepted, replied in 12 ms",
                "  data/total: 1 -> \"1\"",
                "  data/x: absent -> null",
                "",
                "default@0/9  b  order",
                "  in charge  accepted, no reply in 12 ms",
                "  shadow     failed, http-status 500, no reply in 12 ms",
            ]
        );
    }
}
