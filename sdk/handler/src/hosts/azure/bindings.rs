//! What a function is bound to: `function.json`.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Largest file that is read.
pub(super) const FILE_MAX: u64 = 1 << 20;

/// The bindings that an answer depends on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Bindings {
    /// What calls the function.
    pub(crate) trigger: Option<String>,
    /// Whether that is a request.
    pub(crate) is_http: bool,
    /// Where its HTTP answer goes.
    pub(crate) answer: Option<String>,
    /// Where a reply goes.
    pub(crate) output: Option<String>,
}

#[derive(Deserialize)]
struct File {
    bindings: Vec<Binding>,
}

#[derive(Deserialize)]
struct Binding {
    name: String,
    #[serde(rename = "type")]
    ty: String,
    #[serde(default)]
    direction: String,
}

impl Bindings {
    fn parse(text: &[u8]) -> Option<Self> {
        let File { bindings } = serde_json::from_slice(text).ok()?;
        let mut found = Self::default();
        for Binding {
            name,
            ty,
            direction,
        } in bindings
        {
            let ty = ty.to_ascii_lowercase();
            if ty.ends_with("trigger") {
                found.is_http = ty == "httptrigger";
                found.trigger = Some(name);
            } else if direction.eq_ignore_ascii_case("out") {
                match ty.as_str() {
                    "http" => found.answer = Some(name),
                    _ => found.output = found.output.or(Some(name)),
                }
            }
        }
        Some(found)
    }
}

/// The functions of an application by name. What cannot be read is left out: the payload tells most of it.
pub(crate) fn found(root: &Path) -> BTreeMap<String, Bindings> {
    let folders = std::fs::read_dir(root).into_iter().flatten().flatten();
    let function = |folder: std::fs::DirEntry| {
        let file = folder.path().join("function.json");
        let small = std::fs::metadata(&file).is_ok_and(|file| file.len() <= FILE_MAX);
        let text = small.then(|| std::fs::read(&file).ok()).flatten()?;
        Some((
            folder.file_name().into_string().ok()?,
            Bindings::parse(&text)?,
        ))
    };
    folders.filter_map(function).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bindings_are_told_apart() {
        let parsed = |text: &str| Bindings::parse(text.as_bytes());
        let some = |text: &str| Some(text.to_owned());
        let queue = r#"{"bindings":[{"name":"in","type":"queueTrigger","direction":"in"},
            {"name":"state","type":"blob","direction":"in"},
            {"name":"$return","type":"queue","direction":"out"},{"name":"o","type":"blob","direction":"out"}]}"#;
        let expected = Bindings {
            trigger: some("in"),
            output: some("$return"),
            ..Bindings::default()
        };
        assert_eq!(parsed(queue), Some(expected));
        let http = r#"{"bindings":[{"name":"req","type":"httpTrigger"},{"name":"res","type":"http","direction":"out"}]}"#;
        let expected = Bindings {
            trigger: some("req"),
            is_http: true,
            answer: some("res"),
            output: None,
        };
        assert_eq!(parsed(http), Some(expected));
        for broken in ["", "{", "{}", r#"{"bindings":[{"type":"x"}]}"#] {
            assert_eq!(parsed(broken), None);
        }
    }
}
