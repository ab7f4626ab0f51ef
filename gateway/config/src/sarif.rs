//! Findings as SARIF 2.1.0, for code-scanning services.

use crate::codes::{CODES, Code};
use crate::diagnostic::{Allowed, Diagnostic, Diagnostics};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Findings as a log in SARIF 2.1.0: a rule for each code, allowed ones as suppressed results.
pub fn sarif(findings: &Diagnostics, version: &str) -> Value {
    let allowed = findings.allowed().iter().map(|allowed| {
        let mut result = result(&allowed.finding);
        result["suppressions"] = json!([suppression(allowed)]);
        result
    });
    let results: Vec<Value> = findings.iter().map(result).chain(allowed).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "tradewind",
                "version": version,
                "rules": CODES.iter().map(rule).collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn suppression(allowed: &Allowed) -> Value {
    let kind = match allowed.in_file {
        true => "inSource",
        false => "external",
    };
    let mut suppression = json!({ "kind": kind, "status": "accepted" });
    if let Some(why) = &allowed.why {
        suppression["justification"] = why.as_str().into();
    }
    suppression
}

fn rule(code: &Code) -> Value {
    json!({
        "id": code.name,
        "shortDescription": { "text": code.means },
        "help": { "text": code.page, "markdown": code.page },
        "defaultConfiguration": { "level": code.severity.name() },
    })
}

fn result(found: &Diagnostic) -> Value {
    let text = match &found.hint {
        Some(hint) => format!("{} (hint: {hint})", found.message),
        None => found.message.clone(),
    };
    let mut place = json!({ "artifactLocation": { "uri": uri(&found.file) } });
    if found.line > 0 {
        place["region"] = json!({
            "startLine": found.line,
            "startColumn": found.column,
            "endColumn": found.column + found.length,
        });
        place["contextRegion"] = json!({
            "startLine": found.line,
            "snippet": { "text": found.source_line },
        });
    }
    let mut location = json!({ "physicalLocation": place });
    if !found.path.is_empty() {
        location["logicalLocations"] = json!([{ "fullyQualifiedName": found.path }]);
    }
    // There for all results of a run, or for none (SARIF 2.1.0, 3.27.23).
    let mut result = json!({
        "suppressions": [],
        "ruleId": found.code,
        "level": found.severity.name(),
        "message": { "text": text },
        "locations": [location],
    });
    if let Some(index) = CODES.iter().position(|code| code.name == found.code) {
        result["ruleIndex"] = index.into();
    }
    result
}

/// A path as a reference to a resource.
fn uri(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let scheme = match path.starts_with('/') {
        true => "file://",
        false => "",
    };
    path.bytes().fold(String::from(scheme), |mut out, byte| {
        match plain(byte) {
            true => out.push(char::from(byte)),
            // Writing to a string cannot fail.
            false => write!(out, "%{byte:02X}").unwrap_or_default(),
        }
        out
    })
}
