//! Where buses are: those of one name in several regions or accounts are several buses.

use super::arn::{self, Arn};
use super::found::{Found, What};
use crate::variables::is_open;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Region and account.
type Home = (String, String);

/// What tells a bus from the others; the names of those that need more than that.
pub(super) type Plain = BTreeMap<String, String>;

/// Gives each object the bus that it is, or is of, as its scope.
pub(super) fn settle(all: &mut [Found]) -> Plain {
    let mut homes: BTreeMap<String, BTreeSet<Home>> = BTreeMap::new();
    let mut buses = BTreeSet::new();
    for found in &*all {
        let Some((name, home)) = bus(found) else {
            continue;
        };
        if found.what == What::Bus {
            buses.insert(name.clone());
        }
        if let Some(home) = home {
            homes.entry(name).or_default().insert(home);
        }
    }
    let mut plain = Plain::new();
    for found in all {
        let Some((name, home)) = bus(found) else {
            continue;
        };
        found.scope.clone_from(&name);
        // A plan has a variable for each argument: several of them may be one bus.
        if found.near.is_some() && is_open(&name) && !buses.contains(&name) {
            const OPEN: &str = "which event bus it is of is known only once the plan is applied";
            match found.what {
                // What it keeps would be kept for another one.
                What::Archive => found.obstacle = Some(OPEN.into()),
                _ => found.doubt = Some(format!("{OPEN}; here it has one of its own")),
            }
        }
        if homes.get(&name).is_none_or(|homes| homes.len() < 2) {
            continue;
        }
        match home {
            Some((region, account)) => {
                found.scope = format!("{name} ({region}, {account})");
                plain.insert(found.scope.clone(), name);
            }
            None => {
                found.doubt = Some(format!(
                    "there are several event buses `{name}`, and the file does not tell which one it is of"
                ));
            }
        }
    }
    plain
}

/// The bus of an object by its name, and where it is as far as an ARN tells.
fn bus(found: &Found) -> Option<(String, Option<Home>)> {
    let text = |key: &str| found.properties.get(key).and_then(Value::as_str);
    let (name, said) = match found.what {
        // What rules call it: a name that a template leaves open is not the one in the template.
        What::Bus => (found.also.first().unwrap_or(&found.name).as_str(), None),
        What::Archive => (text("SourceArn")?, text("SourceArn")),
        What::Rule => (found.scope.as_str(), text("EventBusName")),
        What::Subscriber => (found.scope.as_str(), text("EventBusArn")),
        _ => return None,
    };
    let mut arns = said
        .into_iter()
        .chain(found.also.iter().map(String::as_str));
    Some((arn::bus(name).to_owned(), arns.find_map(home)))
}

fn home(text: &str) -> Option<Home> {
    let arn = Arn::read(text)?;
    let told = |part: &str| !part.is_empty() && !is_open(part);
    (told(arn.region) && told(arn.account)).then(|| (arn.region.into(), arn.account.into()))
}
