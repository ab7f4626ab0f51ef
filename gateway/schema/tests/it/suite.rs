//! The published JSON-Schema-Test-Suite, where `TRADEWIND_JSON_SCHEMA_SUITE` says it is.

use crate::{said, schema};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

const DRAFTS: [(&str, &str); 5] = [
    ("draft4", "http://json-schema.org/draft-04/schema#"),
    ("draft6", "http://json-schema.org/draft-06/schema#"),
    ("draft7", "http://json-schema.org/draft-07/schema#"),
    (
        "draft2019-09",
        "https://json-schema.org/draft/2019-09/schema",
    ),
    (
        "draft2020-12",
        "https://json-schema.org/draft/2020-12/schema",
    ),
];

/// Why a schema of the suite is not taken, by a part of the reason.
const REFUSED: [(&str, &str); 4] = [
    (
        "nothing is fetched",
        "refers to a document that is elsewhere",
    ),
    (
        "refers to itself for the same data",
        "refers to itself for the same data",
    ),
    (
        "look-around",
        "its pattern has look-around, or is none of the engine",
    ),
    (
        "comes back to itself in",
        "its check could take a time that grows exponentially",
    ),
];

#[test]
fn the_published_suite() {
    let Some(folder) = std::env::var_os("TRADEWIND_JSON_SCHEMA_SUITE").map(PathBuf::from) else {
        println!("schemas: skipped the JSON-Schema-Test-Suite: it is not there");
        return;
    };
    let (mut agree, mut differ) = (0, Vec::new());
    let mut refused: BTreeMap<&str, u32> = BTreeMap::new();
    for (draft, dialect) in DRAFTS {
        for entry in std::fs::read_dir(folder.join("tests").join(draft)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|ending| ending != "json") {
                continue;
            }
            let groups: Vec<Value> =
                serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            for mut group in groups {
                let cases = group["tests"].as_array().unwrap().clone();
                if let Value::Object(map) = &mut group["schema"] {
                    map.entry("$schema").or_insert_with(|| dialect.into());
                }
                let what = format!("{}: {}", path.display(), group["description"]);
                let schemas = match schema("json-schema", &group["schema"].to_string(), None) {
                    Ok(schemas) => schemas,
                    Err(reason) => {
                        match REFUSED.iter().find(|(part, _)| reason.contains(part)) {
                            Some((_, why)) => *refused.entry(why).or_default() += 1,
                            None => differ.push(format!("{what}: {reason}")),
                        }
                        continue;
                    }
                };
                for case in cases {
                    let data = case["data"].to_string();
                    let told = said(&schemas, "application/json", data.as_bytes());
                    match told.is_empty() == (case["valid"] == true) {
                        true => agree += 1,
                        false => {
                            differ.push(format!("{what}: {}: {data}: {told}", case["description"]))
                        }
                    }
                }
            }
        }
    }
    let refused: Vec<String> = refused
        .iter()
        .map(|(why, n)| format!("{n} {why}"))
        .collect();
    println!(
        "schemas: JSON-Schema-Test-Suite {agree} of {} cases; schemas refused: {}",
        agree + differ.len(),
        refused.join(", ")
    );
    assert!(differ.is_empty(), "{}", differ.join("\n"));
    assert!(agree > 4600, "{agree}");
}
