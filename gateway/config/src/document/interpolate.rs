//! References in texts: `${env:NAME}`, `${env:NAME:-default}`, `${file:PATH}`, `${credential:NAME}`; `$${`
//! is a plain `${`.

use crate::env::Env;
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

/// A text without references.
#[derive(Debug)]
pub(crate) struct Expanded {
    pub(crate) text: String,
    /// What must not be shown, and the reference to show instead.
    pub(crate) texts: Vec<(String, String)>,
}

/// Why a reference was refused.
#[derive(Debug)]
pub(crate) struct Problem {
    /// As written, for the caret.
    pub(crate) reference: String,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) hint: String,
}

const FORMS: &str = "write ${env:NAME}, ${env:NAME:-default}, ${file:PATH} or ${credential:NAME}, \
                     and $${ for a plain ${";
/// Where the service manager puts the credentials of a unit.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// Whether a text holds a reference, legal or not.
pub(crate) fn refers(written: &str) -> bool {
    written.replace("$${", "").contains("${")
}

/// Whether a text is one reference, and nothing besides.
pub(crate) fn is_bare(written: &str) -> bool {
    let inner = written
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'));
    inner.is_some_and(|inner| !inner.contains(['}', '$']) && !inner.contains(":-"))
}

/// Replaces the references of `written`; relative files are looked up from `base`.
pub(crate) fn expand(
    written: &str,
    base: &Path,
    env: &dyn Env,
    read: &mut BTreeSet<PathBuf>,
) -> Result<Expanded, Problem> {
    let mut text = String::new();
    let mut texts = Vec::new();
    let mut rest = written;
    while let Some(at) = rest.find("${") {
        if rest[..at].ends_with('$') {
            text.push_str(&rest[..at - 1]);
            text.push_str("${");
            rest = &rest[at + 2..];
            continue;
        }
        text.push_str(&rest[..at]);
        let Some(end) = rest[at..].find('}').map(|end| at + end) else {
            return Err(Problem {
                reference: rest[at..].into(),
                code: "bad-reference",
                message: "reference without its closing `}`".into(),
                hint: FORMS.into(),
            });
        };
        let reference = &rest[at..=end];
        let value = resolve(reference, &rest[at + 2..end], base, env, read)?;
        if !value.is_empty() {
            texts.push((value.clone(), reference.into()));
        }
        text.push_str(&value);
        rest = &rest[end + 1..];
    }
    text.push_str(rest);
    // A text that holds more than one reference is shown as it is written.
    if !texts.is_empty() && text != texts[0].0 {
        texts.insert(0, (text.clone(), written.into()));
    }
    Ok(Expanded { text, texts })
}

fn resolve(
    reference: &str,
    inner: &str,
    base: &Path,
    env: &dyn Env,
    read: &mut BTreeSet<PathBuf>,
) -> Result<String, Problem> {
    let problem = |code, message: String, hint: String| Problem {
        reference: reference.into(),
        code,
        message,
        hint,
    };
    match inner.split_once(':') {
        Some(("env", rest)) => {
            let (name, default) = match rest.split_once(":-") {
                Some((name, default)) => (name, Some(default)),
                None => (rest, None),
            };
            let legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if name.is_empty() || !name.chars().all(legal) {
                let message = format!("`{name}` is not a name of an environment variable");
                return Err(problem("bad-reference", message, FORMS.into()));
            }
            match (
                env.var(name).filter(|v| default.is_none() || !v.is_empty()),
                default,
            ) {
                (Some(value), _) => Ok(value),
                (None, Some(default)) => Ok(default.into()),
                (None, None) => Err(problem(
                    "missing-variable",
                    format!("environment variable `{name}` is not set"),
                    format!("set it, or write a default: ${{env:{name}:-...}}"),
                )),
            }
        }
        Some(("file", path)) if !path.is_empty() => {
            let full = base.join(path);
            content(full, env, read).map_err(|e| {
                let message = format!("cannot read `{path}`: {}", e.to_string().to_lowercase());
                let hint = "the path is relative to the folder of this file";
                problem("unreadable-file", message, hint.into())
            })
        }
        Some(("credential", name)) => {
            let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
            if name.is_empty() || name.starts_with('.') || !name.chars().all(legal) {
                let message = format!("`{name}` is not a name of a credential");
                return Err(problem("bad-reference", message, FORMS.into()));
            }
            let hint = format!("systemd sets it where the unit has LoadCredential={name}:PATH");
            let Some(folder) = env.var(CREDENTIALS) else {
                let message = format!("no credential `{name}`: {CREDENTIALS} is not set");
                return Err(problem("missing-variable", message, hint));
            };
            content(base.join(folder).join(name), env, read).map_err(|e| {
                let why = e.to_string().to_lowercase();
                let message = format!("cannot read credential `{name}`: {why}");
                problem("unreadable-file", message, hint)
            })
        }
        _ => Err(problem(
            "bad-reference",
            format!("unknown reference `{reference}`"),
            FORMS.into(),
        )),
    }
}

/// A file without its last line break.
fn content(path: PathBuf, env: &dyn Env, read: &mut BTreeSet<PathBuf>) -> io::Result<String> {
    let text = env.read(&path)?;
    read.insert(path);
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(text.strip_suffix('\r').unwrap_or(text).into())
}

/// Shortest value that is looked for anywhere in a message; shorter ones only between quotes.
const SHORT: usize = 4;

/// Replaces a value by its reference.
pub(crate) fn veil(message: String, value: &str, shown: &str) -> String {
    let escaped = value.escape_debug().to_string();
    let mut message = message;
    for value in [value, &escaped] {
        message = match value.len() < SHORT {
            false => message.replace(value, shown),
            true => message
                .replace(&format!("`{value}`"), &format!("`{shown}`"))
                .replace(&format!("\"{value}\""), &format!("\"{shown}\"")),
        };
    }
    message
}

/// Whether a stretch of the value is still in the message.
pub(crate) fn leaks(message: &str, value: &str, shown: &str) -> bool {
    // Schemes are no part of a secret, and stand in many a hint.
    let rest = ["https://", "http://", shown]
        .iter()
        .fold(message.to_string(), |rest, known| rest.replace(known, ""));
    let chars: Vec<(usize, char)> = value.char_indices().collect();
    chars.windows(2 * SHORT).any(|window| {
        let (start, (last, c)) = (window[0].0, window[window.len() - 1]);
        rest.contains(&value[start..last + c.len_utf8()])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;

    impl Env for Fixed {
        fn var(&self, name: &str) -> Option<String> {
            match name {
                "NAME" => Some("value".into()),
                "EMPTY" => Some(String::new()),
                "CREDENTIALS_DIRECTORY" => Some("/run/credentials/t".into()),
                "LOOP" => Some("${env:NAME}".into()),
                _ => None,
            }
        }
        fn read(&self, path: &Path) -> io::Result<String> {
            Ok(format!("{}\n\n", path.display()))
        }
    }

    #[test]
    fn references() {
        for (written, expected) in [
            ("plain", Ok("plain")),
            ("$5 and {braces}", Ok("$5 and {braces}")),
            ("${env:NAME}", Ok("value")),
            ("a ${env:NAME} b ${env:NAME:-x} c", Ok("a value b value c")),
            ("${env:NONE:-}", Ok("")),
            ("${env:NONE:-a:-b}", Ok("a:-b")),
            ("${env:EMPTY}", Ok("")),
            ("${env:EMPTY:-full}", Ok("full")),
            ("${env:LOOP}", Ok("${env:NAME}")),
            ("$${env:NAME}", Ok("${env:NAME}")),
            ("$$${env:NAME}", Ok("$${env:NAME}")),
            ("${file:a/b}", Ok("etc/a/b\n")),
            ("${file:/a/b}", Ok("/a/b\n")),
            ("${credential:a-b.c}", Ok("/run/credentials/t/a-b.c\n")),
            ("${credential:}", Err("bad-reference")),
            ("${credential:../a}", Err("bad-reference")),
            ("${credential:..}", Err("bad-reference")),
            ("${credential:a/b}", Err("bad-reference")),
            ("${env:NONE}", Err("missing-variable")),
            ("${env:}", Err("bad-reference")),
            ("${env:A B}", Err("bad-reference")),
            ("${file:}", Err("bad-reference")),
            ("${NAME}", Err("bad-reference")),
            ("${}", Err("bad-reference")),
            ("${env:NAME", Err("bad-reference")),
        ] {
            let made = expand(written, Path::new("etc"), &Fixed, &mut BTreeSet::new());
            let made = made
                .map(|expanded| expanded.text)
                .map_err(|problem| problem.code);
            assert_eq!(made.as_deref().map_err(|code| *code), expected, "{written}");
        }
    }

    #[test]
    fn what_stands_around_a_reference_is_not_one() {
        for (written, bare) in [
            ("${env:NAME}", true),
            ("${file:a b}", true),
            ("x${env:NAME}", false),
            ("${env:NAME}x", false),
            ("${env:A}${env:B}", false),
            ("${env:NAME:-hunter2}", false),
            ("$${env:NAME}", false),
            ("plain", false),
        ] {
            assert_eq!(is_bare(written), bare, "{written}");
        }
    }

    #[test]
    fn a_part_of_a_value_in_a_message_is_a_leak() {
        let (value, shown) = ("correct-horse-battery", "${env:A}");
        let whole = veil(format!("`{value}` is bad"), value, shown);
        assert_eq!(whole, "`${env:A}` is bad");
        assert!(!leaks(&whole, value, shown));
        assert!(leaks("unexpected `-battery` at the end", value, shown));
        assert!(!leaks("unexpected end", value, shown));
        // Values of a few characters are words like any other, unless they are quoted.
        assert_eq!(
            veil("`on` is not on".into(), "on", shown),
            "`${env:A}` is not on"
        );
    }
}
