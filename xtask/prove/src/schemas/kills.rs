//! Registrations, deprecations and removals, and a kill in the middle of one of them.

use super::expect;
use crate::Options;
use crate::gateway::Gateway;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Default)]
pub(super) struct Figures {
    pub(super) kills: u64,
    pub(super) answered: u64,
    pub(super) cut: u64,
    pub(super) compared: u64,
    pub(super) judged: u64,
}

/// Names that are registered, removed and registered anew.
const NAMES: [&str; 4] = ["order", "refund", "letter", "parcel"];

/// What was answered: texts by number, and whether it is deprecated.
#[derive(Debug, Clone, Default, PartialEq)]
struct Known {
    versions: BTreeMap<u64, String>,
    next: u64,
    deprecated: bool,
}

type Oracle = BTreeMap<&'static str, Known>;

/// One change, and what is known once it is answered.
struct Change {
    method: &'static str,
    path: String,
    body: String,
    after: Oracle,
}

pub(super) async fn prove(options: &Options, figures: &mut Figures) -> Result<(), String> {
    let rounds = options.rounds.unwrap_or(if options.short { 6 } else { 60 });
    let mut gateway = Gateway::new(
        &options.gateway,
        "  all: { owner: shop, why: to be held, sink: { kind: memory } }\n",
    )?;
    let mut oracle = Oracle::new();
    for _ in 0..rounds {
        gateway.start().await?;
        let mut first = true;
        for _ in 0..fastrand::usize(3..12) {
            let change = change(&oracle);
            let (status, said) = gateway
                .call(change.method, &change.path, &change.body)
                .await?;
            if status != 200 {
                return Err(format!("{} was answered {status}: {said}", change.path));
            }
            figures.answered += 1;
            oracle = change.after;
            // At once, and not with the next start only.
            if std::mem::take(&mut first) {
                judge(&gateway, &oracle, figures).await?;
            }
        }
        let cut = change(&oracle);
        let pause = Duration::from_micros(fastrand::u64(..4000));
        let call = gateway.call(cut.method, &cut.path, &cut.body);
        let answered = matches!(tokio::time::timeout(pause, call).await, Ok(Ok((200, _))));
        gateway.kill().await?;
        figures.kills += 1;
        figures.cut += u64::from(!answered);
        gateway.start().await?;
        let there = read(&gateway).await?;
        figures.compared += there
            .values()
            .map(|known| known.versions.len() as u64)
            .sum::<u64>();
        // What was not answered is there whole, or not at all.
        oracle = match (answered, same(&there, &oracle), same(&there, &cut.after)) {
            (_, _, true) => cut.after,
            (false, true, _) => oracle,
            _ => {
                return Err(format!(
                    "after the kill there is {there:?}; known is {oracle:?}, under way was {:?} (answered: {answered})",
                    cut.after
                ));
            }
        };
        judge(&gateway, &oracle, figures).await?;
        gateway.kill().await?;
        figures.kills += 1;
    }
    Ok(())
}

/// Numbers of what was removed are not told, and do not count.
fn same(there: &Oracle, known: &Oracle) -> bool {
    let shown = |oracle: &Oracle| -> Vec<_> {
        let all = oracle.iter();
        all.map(|(name, known)| (*name, known.versions.clone(), known.deprecated))
            .collect()
    };
    shown(there) == shown(known)
}

fn change(oracle: &Oracle) -> Change {
    let name = NAMES[fastrand::usize(..NAMES.len())];
    let base = format!("/v1/schemas/{name}");
    let mut after = oracle.clone();
    let known = oracle.get(name).cloned().unwrap_or_default();
    let there = !known.versions.is_empty();
    match fastrand::u8(..10) {
        0 if there => {
            after.remove(name);
            Change {
                method: "DELETE",
                path: base,
                body: String::new(),
                after,
            }
        }
        1 if known.versions.len() > 1 => {
            let numbers: Vec<u64> = known.versions.keys().copied().collect();
            let number = numbers[fastrand::usize(..numbers.len())];
            after.entry(name).or_default().versions.remove(&number);
            let path = format!("{base}/versions/{number}");
            Change {
                method: "DELETE",
                path,
                body: String::new(),
                after,
            }
        }
        2 if there => {
            after.entry(name).or_default().deprecated = !known.deprecated;
            let body = json!({ "withdraw": known.deprecated }).to_string();
            Change {
                method: "POST",
                path: format!("{base}/deprecate"),
                body,
                after,
            }
        }
        // As many as there may be, and few enough.
        _ if known.versions.len() >= 20 => {
            after.remove(name);
            Change {
                method: "DELETE",
                path: base,
                body: String::new(),
                after,
            }
        }
        _ => {
            let number = known.next.max(1);
            // Up to a few pages of the store; each is wider than the one before.
            let filler = "x".repeat(fastrand::usize(..20_000));
            let wide = 1000 + number;
            let text = format!(
                r#"{{"type":"object","required":["total"],"properties":{{"total":{{"maximum":{wide}}}}},"title":"{name} {number} {filler}"}}"#
            );
            let body = json!({
                "schema": text,
                "compatibility": "backward",
                "events": [{ "type": format!("prove.{name}") }],
                "owner": "shop",
            });
            let entry = after.entry(name).or_default();
            entry.versions.insert(number, text);
            entry.next = number + 1;
            let path = format!("{base}/versions");
            Change {
                method: "POST",
                path,
                body: body.to_string(),
                after,
            }
        }
    }
}

/// What the gateway has, texts and all.
async fn read(gateway: &Gateway) -> Result<Oracle, String> {
    let (_, listed) = gateway.admin("GET", "/v1/schemas").await?;
    let mut there = Oracle::new();
    for schema in listed.as_array().ok_or("the schemas are no array")? {
        let name = NAMES.iter().find(|name| schema["name"] == **name);
        let name = name.ok_or_else(|| format!("nobody registered {}", schema["name"]))?;
        let (_, shown) = gateway.admin("GET", &format!("/v1/schemas/{name}")).await?;
        let versions = shown["versions"].as_array().filter(|all| !all.is_empty());
        let versions = versions.ok_or_else(|| format!("{name} has no version"))?;
        let of = |version: &Value| {
            let number = version["version"].as_u64()?;
            Some((number, version["text"].as_str()?.to_owned()))
        };
        let versions: Option<BTreeMap<u64, String>> = versions.iter().map(of).collect();
        let known = Known {
            versions: versions.ok_or_else(|| format!("{name} has a version without a text"))?,
            next: 0,
            deprecated: shown["deprecated"].is_object(),
        };
        there.insert(name, known);
    }
    Ok(there)
}

/// Events are held against the newest version of what is there, and against nothing else.
async fn judge(gateway: &Gateway, oracle: &Oracle, figures: &mut Figures) -> Result<(), String> {
    for name in NAMES {
        let ty = format!("prove.{name}");
        let newest = oracle
            .get(name)
            .and_then(|known| known.versions.keys().last());
        let wrong = newest.map_or(202, |_| 422);
        expect(gateway, &ty, "{}", wrong).await?;
        if let Some(newest) = newest {
            let most = 1000 + newest;
            expect(gateway, &ty, &json!({ "total": most }).to_string(), 202).await?;
            expect(gateway, &ty, &json!({ "total": most + 1 }).to_string(), 422).await?;
        }
        figures.judged += 1;
    }
    Ok(())
}
