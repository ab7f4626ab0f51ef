//! Ratios against baselines, all sides measured in one run.

use crate::shell;
use serde_json::Value;

const LIST: &str = "\
cargo xtask bench <name>

  event    decode + validate of a structured 1 KiB event, against cloudevents-sdk
";

/// Runs one, or lists them.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    match args.first().map(String::as_str) {
        None => {
            print!("{LIST}");
            Ok(())
        }
        Some("event") => event(),
        Some(other) => Err(format!("no bench `{other}`\n\n{LIST}")),
    }
}

/// At least seven times cloudevents-sdk; the absolute figure is printed and judged by nobody, since
/// machines differ.
fn event() -> Result<(), String> {
    let mut last = String::new();
    shell::watch(
        shell::cargo().args([
            "run",
            "--quiet",
            "--release",
            "--package=tradewind-event",
            "--features=cloudevents-sdk",
            "--example=event_bench",
        ]),
        |line| last = line.to_owned(),
    )?;
    let figures: Value = serde_json::from_str(&last).map_err(|e| format!("{last}: {e}"))?;
    let number = |key: &str| {
        figures[key]
            .as_f64()
            .ok_or_else(|| format!("no `{key}` in {last}"))
    };
    let (ours, theirs, ratio) = (
        number("tradewind_ns")?,
        number("cloudevents_sdk_ns")?,
        number("ratio")?,
    );
    let line = format!("event: {ours:.0} ns against {theirs:.0} ns, {ratio:.1} times");
    if ratio >= 7.0 {
        println!("{line}: holds");
        Ok(())
    } else {
        Err(format!("{line}: falls short"))
    }
}
