//! `tradewind status`

use super::failure::Failure;
use super::gateway_args::GatewayArgs;
use super::term::{Term, now_ms, time};
use serde_json::Value;

/// Show a running gateway at a glance
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tradewind status --data-dir /var/lib/tradewind\n  \
        tradewind status --ready               exit code 0 or 1, for probes"
)]
pub(super) struct Args {
    #[command(flatten)]
    gateway: GatewayArgs,
    /// Fail unless it takes events
    #[arg(long)]
    ready: bool,
}

pub(super) async fn run(args: Args, term: &Term) -> Result<(), Failure> {
    let status: Value = args.gateway.client()?.get("/v1/status").await?;
    let obstacle = obstacle(&status);
    if let (true, Some(why)) = (args.ready, obstacle) {
        return Err(Failure::new(format!("not ready: {why}")));
    }
    if term.json() {
        term.value(&status)?;
        return Ok(());
    }
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let ready = match obstacle {
        Some(why) => format!("no: {why}"),
        None => "yes".into(),
    };
    let config = &status["config"];
    for (name, value) in [
        ("version", text(&status["version"])),
        ("phase", text(&status["phase"])),
        ("ready", ready),
        ("listen", text(&status["listen"])),
        ("data", text(&status["data-dir"])),
        ("config", text(&config["path"])),
        ("generation", config["generation"].to_string()),
    ] {
        term.line(&format!("{name:<12}{value}"))?;
    }
    for source in status["sources"].as_array().into_iter().flatten() {
        term.line(&format!(
            "{:<12}{} ({}) {} → {}",
            "source",
            text(&source["name"]),
            text(&source["kind"]),
            text(&source["path"]),
            text(&source["stream"])
        ))?;
    }
    for group in status["groups"].as_array().into_iter().flatten() {
        let members = group["members"].as_array().into_iter().flatten();
        let shares: Vec<String> = members
            .map(|member| {
                let share = member["share"].as_f64().unwrap_or_default();
                format!(
                    "{} {} %",
                    text(&member["name"]),
                    (share * 10_000.0).round() / 100.0
                )
            })
            .collect();
        let decided = &group["at-run-time"];
        let says = match decided["why"].as_str() {
            Some(why) => format!("at run time, by {}: {why}", text(&decided["by"])),
            None => "by the file".into(),
        };
        term.line(&format!(
            "{:<12}{}: {} ({says})",
            "group",
            text(&group["subscription"]),
            shares.join(", ")
        ))?;
    }
    let backup = &status["backup"];
    if let Some(to) = backup["to"].as_str() {
        let point = match backup["last"]["point-ms"].as_u64() {
            Some(ms) => format!("all before {} is in {to}", time(ms, now_ms())),
            None => format!("none yet in {to}"),
        };
        term.line(&format!("{:<12}{point}", "backup"))?;
        if let Some(failure) = backup["failure"].as_str() {
            term.line(&format!("{:<12}the last one failed: {failure}", ""))?;
        }
    }
    for damage in status["damage"].as_array().into_iter().flatten() {
        let lost = match damage["loss"].as_str() {
            Some("certain") => "lost",
            Some("unclear") => "unclear",
            _ => "repaired",
        };
        term.line(&format!(
            "{:<12}{lost}, stream {}: {}",
            "damage",
            text(&damage["stream"]),
            text(&damage["text"])
        ))?;
    }
    if let Some(failure) = config["last-failure"].as_str() {
        term.note(&format!("\nthe file on disk is not in force:\n{failure}"));
    }
    Ok(())
}

/// Why it takes no events, if it does not. Callers who are bound to a space are not told why.
fn obstacle(status: &Value) -> Option<&str> {
    match status["ready"].as_bool() {
        Some(true) => None,
        _ => Some(
            status["not-ready-because"]
                .as_str()
                .unwrap_or("no reason is told"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_not_ready_is_not_ready_without_a_reason_too() {
        for (status, why) in [
            (json!({ "ready": true }), None),
            (json!({ "ready": true, "not-ready-because": null }), None),
            (
                json!({ "ready": false, "not-ready-because": "it stops" }),
                Some("it stops"),
            ),
            (
                json!({ "ready": false, "space": "shop" }),
                Some("no reason is told"),
            ),
        ] {
            assert_eq!(obstacle(&status), why, "{status}");
        }
    }
}
