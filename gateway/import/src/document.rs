//! Texts that tools write: JSON, several of them in one file, or YAML.

use crate::yaml;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt;

/// Largest input, in bytes.
pub const INPUT_MAX: usize = 32 << 20;
/// How deep lines are known.
const LINES_DEEP: usize = 6;

/// A text with the name of its file.
#[derive(Debug, Clone)]
pub struct Input {
    /// As it is shown in the report.
    pub name: String,
    /// What the file holds.
    pub text: String,
}

/// Why an input cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file.
    pub file: String,
    /// Line, from 1; 0 for the whole file.
    pub line: usize,
    /// Path of the value, such as `Resources.OnOrder`; empty for the whole.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        f.write_str(": ")?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

/// One document of a file.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) file: String,
    pub(crate) value: Value,
    /// Lines of values, by JSON pointer.
    pub(crate) lines: BTreeMap<String, usize>,
}

impl Document {
    /// Where a value stands: the line of the nearest one that is known.
    pub(crate) fn line(&self, pointer: &str) -> usize {
        let mut at = pointer;
        loop {
            if let Some(line) = self.lines.get(at) {
                return *line;
            }
            match at.rfind('/') {
                Some(end) => at = &at[..end],
                None => return 0,
            }
        }
    }

    pub(crate) fn fault(&self, pointer: &str, message: impl Into<String>) -> Fault {
        Fault {
            file: self.file.clone(),
            line: self.line(pointer),
            path: dotted(pointer),
            message: message.into(),
            hint: None,
        }
    }
}

/// A JSON pointer for people.
pub(crate) fn dotted(pointer: &str) -> String {
    let pointer = pointer.trim_start_matches('/').replace('/', ".");
    pointer.replace("~1", "/").replace("~0", "~")
}

/// One step of a JSON pointer.
pub(crate) fn step(pointer: &str, key: impl fmt::Display) -> String {
    let key = key.to_string().replace('~', "~0").replace('/', "~1");
    format!("{pointer}/{key}")
}

/// The documents of an input.
pub(crate) fn parse(input: &Input) -> Result<Vec<Document>, Fault> {
    let fault = |line, message: String| Fault {
        file: input.name.clone(),
        line,
        path: String::new(),
        message,
        hint: None,
    };
    if input.text.len() > INPUT_MAX {
        return Err(fault(0, format!("larger than {} MiB", INPUT_MAX >> 20)));
    }
    let text = input.text.trim_start_matches('\u{feff}');
    if !text.trim_start().starts_with(['{', '[']) {
        let (value, lines) = yaml::parse(text).map_err(|(line, message)| fault(line, message))?;
        return Ok(vec![Document {
            file: input.name.clone(),
            value,
            lines,
        }]);
    }
    let mut documents = Vec::new();
    for raw in serde_json::Deserializer::from_str(text).into_iter::<&RawValue>() {
        let wrong =
            |error: serde_json::Error| fault(error.line(), format!("not valid JSON: {error}"));
        let raw = raw.map_err(wrong)?;
        let value = serde_json::from_str(raw.get()).map_err(wrong)?;
        let mut lines = Lines::of(text);
        lines.add(raw, String::new(), LINES_DEEP);
        documents.push(Document {
            file: input.name.clone(),
            value,
            lines: lines.known,
        });
    }
    Ok(documents)
}

/// Where values of a JSON text stand.
struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
    known: BTreeMap<String, usize>,
}

impl<'t> Lines<'t> {
    fn of(text: &'t str) -> Self {
        Self {
            text,
            starts: text.match_indices('\n').map(|(at, _)| at + 1).collect(),
            known: BTreeMap::new(),
        }
    }

    fn add(&mut self, raw: &RawValue, pointer: String, deep: usize) {
        let offset = (raw.get().as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        let line = self.starts.partition_point(|start| *start <= offset) + 1;
        if deep > 0 {
            if let Ok(map) = serde_json::from_str::<BTreeMap<String, &RawValue>>(raw.get()) {
                for (key, value) in map {
                    self.add(value, step(&pointer, key), deep - 1);
                }
            } else if let Ok(list) = serde_json::from_str::<Vec<&RawValue>>(raw.get()) {
                for (at, value) in list.into_iter().enumerate() {
                    self.add(value, step(&pointer, at), deep - 1);
                }
            }
        }
        self.known.insert(pointer, line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Document>, Fault> {
        parse(&Input {
            name: "f".into(),
            text: text.into(),
        })
    }

    #[test]
    fn documents_follow_each_other_and_know_their_lines() {
        let documents = read("{\n \"a\": {\n  \"b\": 1 }\n}\n{\"c\":\n[2,\n3]}").unwrap();
        assert_eq!(documents.len(), 2);
        assert_eq!(documents[0].line("/a/b"), 3);
        assert_eq!(documents[1].line("/c/1"), 7);
        assert_eq!(documents[1].line("/c/1/deeper"), 7);
        let yaml = read("a:\n  b: !Ref C\n  d: !GetAtt E.Arn\n").unwrap();
        assert_eq!(yaml[0].value["a"]["b"]["Ref"], "C");
        assert_eq!(yaml[0].value["a"]["d"]["Fn::GetAtt"], "E.Arn");
        assert_eq!(yaml[0].line("/a/d"), 3);
    }

    #[test]
    fn what_is_broken_is_refused_with_its_line() {
        let fault = read("{\n\"a\": }").unwrap_err().to_string();
        assert!(fault.starts_with("f:2: not valid JSON"), "{fault}");
        let fault = read("a: [\n").unwrap_err().to_string();
        assert!(fault.starts_with("f:"), "{fault}");
        let deep = "[".repeat(5000);
        assert!(read(&deep).is_err());
        assert!(read(&format!("a: {deep}")).is_err());
        let bomb: String = (1..40)
            .map(|n| format!("a{n}: &a{n} [*a{p}, *a{p}, *a{p}]\n", p = n - 1))
            .collect();
        let fault = read(&format!("a0: &a0 x\n{bomb}")).unwrap_err();
        assert!(fault.message.contains("more than"), "{fault}");
        let large = "x".repeat(1 << 20);
        let fault = read(&format!("a: &a {large}\nb: [{}]", "*a, ".repeat(20_000))).unwrap_err();
        assert!(fault.message.contains("more than 64 MiB"), "{fault}");
        let nested: String = (0..20).map(|n| format!("&n{n} [{large}, ")).collect();
        let fault = read(&format!("a: {nested}{}", "]".repeat(20))).unwrap_err();
        assert!(fault.message.contains("more than 64 MiB"), "{fault}");
        let few = read(&format!("a: &a {large}\nb: [{}]", "*a, ".repeat(50))).unwrap();
        assert_eq!(few[0].value["b"][49], large);
    }
}
