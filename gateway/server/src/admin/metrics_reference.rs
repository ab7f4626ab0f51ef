//! The reference of all metrics, made of a scrape in which each of them has something to show; and
//! what is made by hand of them, held in step.

use super::accounts::Scrape;
use super::metrics::{Metrics, plain};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tradewind_adapter::KeySecret;
use tradewind_engine::{
    Account, ComparisonView, Denied, MemberView, SpaceView, StreamAccount, SubscriptionView,
    Violated,
};
use tradewind_store::Stats;

const INTRODUCTION: &str = "\
<!-- Generated from the code: TRADEWIND_UPDATE=1 cargo test -p tradewind-server metrics -->
# Metrics

`GET /metrics` of the admin API: OpenMetrics for who asks for it, else the text format of Prometheus. Labels are
names of the configuration and codes of the source text: never what a sender chose, so their number is bounded
by the configuration. Counters are since the start, those of subscriptions since these were made. What is made
of them: [alert rules](../../deploy/prometheus/alerts.yaml) with [runbooks](../runbooks/README.md), and a
[dashboard](../../deploy/grafana/tradewind.json).

| metric | kind | labels | |
|---|---|---|---|
";

fn scrape() -> String {
    let metrics = Metrics::default();
    metrics.request("api", 202, "taken", Duration::from_millis(3));
    metrics.refused("api", "stale");
    metrics.secret_used("api", 0, 1_800_000_000);
    let secret = KeySecret::new("shop", "00112233");
    metrics.key_used(&secret, 1_800_000_000);
    metrics.pulls("queue");
    metrics.schema_asked("shared", "unchanged");
    metrics.traces_exported("taken");
    metrics.routes.sample();
    let member = MemberView {
        name: "old".into(),
        sink: String::new(),
        share: 1.0,
        circuit: "closed".into(),
        gone: false,
        in_flight: 0,
        accepted: 0,
        retried: 0,
        rejected: 0,
    };
    let compared = ComparisonView {
        shadow: "portable".into(),
        of: "deploy".into(),
        since_ms: 0,
        same: 1,
        status: 0,
        reply: 0,
        only_old: 0,
        only_new: 0,
        waiting: 0,
        examples: Vec::new(),
    };
    let view = SubscriptionView {
        name: "deploy".into(),
        stream: "default".into(),
        state: "active".into(),
        circuit: "closed".into(),
        sink: String::new(),
        account: Account::default(),
        cursors: Vec::new(),
        in_flight: 0,
        behind_bytes: 0,
        busy_keys: 0,
        filter_errors: 0,
        held_up: None,
        owner: None,
        why: None,
        space: Some("default".into()),
        shadow: None,
        members: vec![member],
    };
    let of_stream = |name: &str| name.to_owned();
    plain(&metrics.render(&Scrape {
        subscriptions: vec![view],
        compared: vec![compared],
        streams: BTreeMap::from([(of_stream("default"), StreamAccount::default())]),
        stores: BTreeMap::from([(of_stream("default"), Stats::default())]),
        damage: BTreeMap::from([(of_stream("default"), Vec::new())]),
        disk: Some((1, 2)),
        denied: vec![Denied {
            action: "publish",
            cause: "not-permitted",
            count: 1,
        }],
        spaces: BTreeMap::from([(
            of_stream("default"),
            SpaceView {
                queued_bytes: Some(0),
                deliveries: Some(0),
                ..SpaceView::default()
            },
        )]),
        violated: vec![Violated {
            schema: "order".into(),
            done: "rejected",
            events: 1,
        }],
        #[cfg(feature = "backup")]
        backups: crate::run::backups::Seen {
            to: Some("s3://backups/tradewind".into()),
            ..Default::default()
        },
        ..Scrape::default()
    }))
}

/// Names of the labels of a family's samples; `le` is a histogram's own.
fn labels(text: &str, family: &str) -> BTreeSet<String> {
    let of_line = |line: &str| {
        let (name, rest) = line.split_once('{')?;
        let suffix = name.strip_prefix(family)?;
        let pairs = rest.split_once('}')?.0;
        ["", "_bucket", "_sum", "_count"]
            .contains(&suffix)
            .then(|| {
                let name = |pair: &str| Some(pair.split_once("=\"")?.0.to_owned());
                pairs.split("\",").filter_map(name).collect::<Vec<_>>()
            })
    };
    let all = text.lines().filter_map(of_line).flatten();
    all.filter(|label| label != "le").collect()
}

fn reference(text: &str) -> String {
    let mut rows = BTreeMap::new();
    let mut help = BTreeMap::new();
    for line in text.lines() {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some("HELP"), Some(name), Some(what)) => {
                help.insert(name, what);
            }
            (Some("#"), Some("TYPE"), Some(name), Some(kind)) => {
                let labels: Vec<_> = labels(text, name)
                    .iter()
                    .map(|l| format!("`{l}`"))
                    .collect();
                let what = help.get(name).copied().unwrap_or_default();
                let row = format!("| `{name}` | {kind} | {} | {what} |\n", labels.join(", "));
                rows.insert(name, row);
            }
            _ => {}
        }
    }
    let rows: Vec<String> = rows.into_values().collect();
    format!("{INTRODUCTION}{}", rows.concat())
}

fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}

#[test]
#[cfg(feature = "backup")]
fn the_reference_of_metrics_is_up_to_date() {
    let made = reference(&scrape());
    let path = file("docs/reference/metrics.md");
    if std::env::var_os("TRADEWIND_UPDATE").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == made,
        "run TRADEWIND_UPDATE=1 cargo test -p tradewind-server metrics"
    );
    for row in made.lines().filter(|line| line.starts_with("| `")) {
        assert!(!row.ends_with("|  |"), "{row} says nothing");
    }
}

/// Every metric that an alert, a runbook or the dashboard names exists, and every alert has a page.
#[test]
#[cfg(feature = "backup")]
fn what_is_made_of_metrics_names_those_that_exist() {
    let text = scrape();
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let known: BTreeSet<&str> = samples
        .filter_map(|line| line.split(['{', ' ']).next())
        .collect();
    let alerts = std::fs::read_to_string(file("deploy/prometheus/alerts.yaml")).unwrap();
    let mut texts = vec![("alerts".to_owned(), alerts.clone())];
    let dashboard = std::fs::read_to_string(file("deploy/grafana/tradewind.json")).unwrap();
    let panels: Value = serde_json::from_str(&dashboard).unwrap();
    assert!(panels["panels"].as_array().unwrap().len() > 10);
    texts.push(("dashboard".to_owned(), dashboard));
    for entry in std::fs::read_dir(file("docs/runbooks")).unwrap() {
        let path = entry.unwrap().path();
        texts.push((
            path.display().to_string(),
            std::fs::read_to_string(&path).unwrap(),
        ));
    }
    for (place, text) in &texts {
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        for word in words.filter(|word| word.starts_with("tradewind_")) {
            assert!(
                known.contains(word),
                "{place} names {word}, which there is not"
            );
        }
    }
    for page in alerts.lines().filter_map(|line| {
        let url = line.trim().strip_prefix("runbook_url: ")?;
        url.trim_matches('"')
            .rsplit_once("/main/")
            .map(|(_, page)| page.to_owned())
    }) {
        assert!(file(&page).exists(), "there is no {page}");
    }
}
