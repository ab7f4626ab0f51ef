//! Documents as YAML, in the form in which people keep them.

use serde_json::Value;

/// Several documents, one after another.
pub(super) fn text(documents: &[Value]) -> String {
    let one = |document| {
        let mut text = String::new();
        block(document, 0, &mut text);
        text
    };
    documents.iter().map(one).collect::<Vec<_>>().join("---\n")
}

fn block(value: &Value, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, value) in members {
                text.push_str(&format!("{indent}{}:", scalar(&Value::from(name.as_str()))));
                nested(value, depth, text);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                let mut inner = String::new();
                block(item, depth + 1, &mut inner);
                // The first line of the item stands behind the dash.
                text.push_str(&format!("{indent}- {}", inner.trim_start()));
            }
        }
        value => text.push_str(&format!("{indent}{}\n", scalar(value))),
    }
}

fn nested(value: &Value, depth: usize, text: &mut String) {
    let is_block = match value {
        Value::Object(members) => !members.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    };
    match is_block {
        true => {
            text.push('\n');
            block(value, depth + 1, text);
        }
        false => text.push_str(&format!(" {}\n", scalar(value))),
    }
}

/// Plain where it cannot be taken for anything else; what JSON writes is YAML, too.
pub(super) fn scalar(value: &Value) -> String {
    match value.as_str() {
        Some(text) if is_plain(text) => text.to_owned(),
        _ => value.to_string(),
    }
}

fn is_plain(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '/' | '_');
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(word)
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null"
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_could_be_taken_for_something_else_is_quoted() {
        let document = json!({
            "a": { "b": [{ "c": 1, "d": ["x", "1.0", "no"] }, {}], "e": [] },
            "serving.knative.dev/v1": "a: b",
            "f": "8080", "g": "", "h": true, "i": null, "j": "$X/y:latest", "k": [[1, 2]],
        });
        let expected = "\
a:
  b:
    - c: 1
      d:
        - x
        - \"1.0\"
        - \"no\"
    - {}
  e: []
serving.knative.dev/v1: \"a: b\"
f: \"8080\"
g: \"\"
h: true
i: null
j: \"$X/y:latest\"
k:
  - - 1
    - 2
";
        assert_eq!(text(&[document]), expected);
        assert_eq!(
            text(&[json!({ "a": 1 }), json!({ "b": 2 })]),
            "a: 1\n---\nb: 2\n"
        );
    }
}
