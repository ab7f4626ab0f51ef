//! Reasons: they go to callers, logs and headers, so they are short and hold nothing of what a sender wrote.

use serde_json::error::Category;

/// Longest reason, in bytes.
#[cfg(feature = "hosts")]
pub(crate) const MAX: usize = 1024;
/// Longest path within a document: its keys may be the sender's.
const PATH_MAX: usize = 200;
const CUT: &str = "...";

/// What serde calls that which it found, before it quotes it.
const FOUND: [&str; 9] = [
    "boolean",
    "integer",
    "floating point",
    "character",
    "string",
    "byte array",
    "null",
    "sequence",
    "map",
];
/// What names only what the program declares.
const DECLARED: [&str; 3] = [
    "missing field `",
    "duplicate field `",
    "data did not match any variant of untagged enum",
];
const QUOTING: [&str; 5] = [
    "invalid type",
    "invalid value",
    "invalid length",
    "unknown variant",
    "unknown field",
];

/// No longer than this.
pub(crate) fn cut(mut text: String, max: usize) -> String {
    if text.len() > max {
        text.truncate(text.floor_char_boundary(max - CUT.len()));
        text.push_str(CUT);
    }
    text
}

/// Where a document does not fit and what stands there, but for its value.
pub(crate) fn misfit(path: String, error: &serde_json::Error) -> String {
    let place = match path.as_str() {
        "." => String::new(),
        _ => format!(" at `{}`", cut(path, PATH_MAX)),
    };
    // What is no JSON is told in serde_json's own words.
    if error.classify() != Category::Data {
        return format!("{place}: {error}");
    }
    let text = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    match text.strip_suffix(&position) {
        Some(text) => format!("{place}: {}{position}", unquoted(text)),
        None => format!("{place}: {}", unquoted(&text)),
    }
}

fn unquoted(text: &str) -> String {
    let begins = |with: &&&str| text.starts_with(**with);
    if DECLARED.iter().any(|with| text.starts_with(with)) {
        return text.to_owned();
    }
    let Some(class) = QUOTING.iter().find(begins) else {
        // A type's own check: nobody knows what its text repeats.
        return "a value that its type refuses".into();
    };
    let found = text[class.len()..].strip_prefix(": ");
    let found = found.and_then(|text| FOUND.iter().find(|kind| text.starts_with(**kind)));
    let found = found.map(|kind| format!(": {kind}")).unwrap_or_default();
    // The last one: those before it may be quoted.
    let expected = text.rsplit_once(", expected ");
    let expected = expected.map(|(_, what)| format!(", expected {what}"));
    format!("{class}{found}{}", expected.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use std::collections::BTreeMap;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Strict {
        kind: Option<Kind>,
        size: Option<(u8, u8)>,
        address: Option<std::net::IpAddr>,
        any: Option<Either>,
        more: Option<BTreeMap<String, bool>>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Kind {
        Small,
        Large,
    }

    #[derive(Debug, Deserialize)]
    #[serde(untagged)]
    #[allow(dead_code)]
    enum Either {
        Number(u8),
        Flag(bool),
    }

    #[test]
    fn a_misfit_repeats_no_value() {
        for (json, told) in [
            (
                r#"{"kind":"secret, expected secret"}"#,
                "unknown variant, expected `small` or `large`",
            ),
            (
                r#"{"secret":1}"#,
                "unknown field, expected one of `kind`, `size`",
            ),
            (
                r#"{"size":[1]}"#,
                "invalid length, expected a tuple of size 2",
            ),
            (
                r#"{"size":"secret"}"#,
                "invalid type: string, expected a tuple of size 2",
            ),
            (
                r#"{"address":"secret"}"#,
                "a value that its type refuses at line 1",
            ),
            (
                r#"{"any":"secret"}"#,
                "data did not match any variant of untagged enum Either",
            ),
            (
                r#"{"more":{"a":1.5}}"#,
                "at `more.a`: invalid type: floating point, expected a boolean",
            ),
            (
                r#""secret""#,
                ": invalid type: string, expected struct Strict at line 1 column 8",
            ),
            (r#"{"kind" "secret"}"#, "expected `:` at line 1"),
        ] {
            let mut document = serde_json::Deserializer::from_str(json);
            let error = serde_path_to_error::deserialize::<_, Strict>(&mut document).unwrap_err();
            let path = error.path().to_string();
            let reason = misfit(path, &error.into_inner());
            assert!(reason.contains(told), "{json}: {reason}");
            // A key is where it is, not what it is.
            let reason = reason.replace("at `secret`", "");
            assert!(!reason.contains("secret"), "{json}: {reason}");
        }
    }

    #[test]
    fn what_is_long_is_cut_between_characters() {
        assert_eq!(cut("short".into(), 8), "short");
        assert_eq!(cut("a".repeat(9), 8), "aaaaa...");
        assert_eq!(cut("\u{e9}".repeat(9), 8), "\u{e9}\u{e9}...");
    }
}
