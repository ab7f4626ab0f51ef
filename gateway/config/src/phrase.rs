//! Serde's words as ours.

/// An error message, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Phrase {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    /// The key that is not known.
    pub(crate) unknown: Option<String>,
    /// The value that is not known.
    pub(crate) variant: Option<String>,
    /// The key that is missing.
    pub(crate) missing: Option<String>,
}

impl Phrase {
    /// The key that was probably meant.
    pub(crate) fn suggested(&self) -> Option<String> {
        let hint = self.hint.as_deref()?.strip_prefix("did you mean `")?;
        hint.strip_suffix("`?").map(String::from)
    }
}

/// Understands the messages that serde makes for derived types, and `message; hint: what to do`
/// from everybody else. `also` are keys valid at this place besides those that the message lists.
pub(crate) fn of(message: &str, also: &[&str]) -> Phrase {
    let phrase = |code, message: String, hint| Phrase {
        code,
        message,
        hint,
        unknown: None,
        variant: None,
        missing: None,
    };
    if let Some((key, known)) = quoted(message, "unknown field ") {
        let mut known = names(known);
        known.extend(also.iter().map(|key| key.to_string()));
        return Phrase {
            unknown: Some(key.into()),
            ..phrase(
                "unknown-key",
                format!("unknown key `{key}`"),
                Some(choose(key, &known, "keys")),
            )
        };
    }
    if let Some((value, known)) = quoted(message, "unknown variant ") {
        let hint = choose(value, &names(known), "values");
        return Phrase {
            variant: Some(value.into()),
            ..phrase(
                "unknown-value",
                format!("unknown value `{value}`"),
                Some(hint),
            )
        };
    }
    if let Some((key, _)) = quoted(message, "missing field ") {
        return Phrase {
            missing: Some(key.into()),
            ..phrase("missing-key", format!("missing key `{key}`"), None)
        };
    }
    for prefix in ["invalid type: ", "invalid value: ", "invalid length "] {
        if let Some(rest) = message.strip_prefix(prefix)
            && let Some((found, expected)) = rest.rsplit_once(", expected ")
        {
            let (expected, found) = (noun(expected), thing(found));
            let message = match expected.starts_with(&found) {
                true => format!("expected {expected}"),
                false => format!("expected {expected}, found {found}"),
            };
            return phrase("wrong-type", message, None);
        }
    }
    let hinted = message.split_once("; hint: ").or_else(|| {
        let (message, hint) = message.split_once(" (hint: ")?;
        Some((message, hint.strip_suffix(')').unwrap_or(hint)))
    });
    match hinted {
        Some((message, hint)) => phrase("invalid-value", message.into(), Some(hint.into())),
        None => phrase("invalid-value", message.into(), None),
    }
}

/// "did you mean", or all that there is.
pub(crate) fn choose(key: &str, known: &[String], what: &str) -> String {
    let simple = |s: &str| s.to_ascii_lowercase().replace('_', "-");
    let distance =
        |candidate: &String| strsim::damerau_levenshtein(&simple(key), &simple(candidate));
    let near = known
        .iter()
        .filter(|candidate| distance(candidate) <= (key.chars().count() / 3).max(1))
        .min_by_key(|candidate| distance(candidate));
    match near {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => format!("there are no {what} here"),
        None => format!("{what} here: {}", known.join(", ")),
    }
}

/// The quoted word behind `prefix`, and what follows it.
fn quoted<'a>(message: &'a str, prefix: &str) -> Option<(&'a str, &'a str)> {
    message
        .strip_prefix(prefix)?
        .strip_prefix('`')?
        .split_once('`')
}

/// The quoted words of a list.
fn names(list: &str) -> Vec<String> {
    list.split('`')
        .skip(1)
        .step_by(2)
        .map(String::from)
        .collect()
}

fn noun(expected: &str) -> String {
    match expected {
        "a map" => "a map".into(),
        "map with a single key" => "a map with exactly one key".into(),
        "a sequence" => "a list".into(),
        "a string" => "a text".into(),
        "a boolean" => "true or false".into(),
        "u8" => "a whole number from 0 to 255".into(),
        "u16" => "a whole number from 0 to 65535".into(),
        "u32" | "u64" | "usize" => "a whole number".into(),
        "f64" | "f32" => "a number".into(),
        _ if expected.starts_with("a nonzero ") => "a whole number of at least 1".into(),
        _ if expected.starts_with("struct ") => "a map".into(),
        _ if expected.contains("enum ") => "one of its named values".into(),
        other => other.into(),
    }
}

fn thing(found: &str) -> String {
    match found.split_once(' ') {
        Some(("integer", n)) | Some(("floating", n)) => {
            format!(
                "the number {}",
                n.trim_start_matches("point ").trim_matches('`')
            )
        }
        Some(("string", text)) => format!("the text {text}"),
        Some(("boolean", b)) => b.trim_matches('`').into(),
        _ => match found {
            "map" => "a map".into(),
            "sequence" => "a list".into(),
            "null" | "unit value" => "nothing".into(),
            other => other.into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages() {
        for (message, expected, hint) in [
            (
                "unknown field `a`, there are no fields",
                "unknown key `a`",
                Some("there are no keys here"),
            ),
            (
                "unknown field `pth`, expected `path`",
                "unknown key `pth`",
                Some("did you mean `path`?"),
            ),
            (
                "unknown field `x`, expected `url` or `mode`",
                "unknown key `x`",
                Some("keys here: url, mode"),
            ),
            ("missing field `url`", "missing key `url`", None),
            (
                "invalid type: floating point `2.5`, expected u32",
                "expected a whole number, found the number 2.5",
                None,
            ),
            (
                "invalid type: string \"a, expected b\", expected a sequence",
                "expected a list, found the text \"a, expected b\"",
                None,
            ),
            (
                "invalid type: null, expected a boolean",
                "expected true or false, found nothing",
                None,
            ),
            (
                "invalid type: map, expected struct Tls",
                "expected a map",
                None,
            ),
            ("not so; hint: but so", "not so", Some("but so")),
            ("not so (hint: but so)", "not so", Some("but so")),
        ] {
            let phrase = of(message, &[]);
            assert_eq!(
                (phrase.message.as_str(), phrase.hint.as_deref()),
                (expected, hint)
            );
        }
    }
}
