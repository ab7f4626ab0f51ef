//! Texts that tools write: JSON, several of them in one file, or YAML.

use crate::report::plain;
use crate::yaml;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt;

/// Largest input, in bytes.
pub const INPUT_MAX: usize = 32 << 20;
/// How deep lines are known, the longest pointer of one that is, and most bytes of pointers in a file.
const LINES_DEEP: usize = 6;
const POINTER_MAX: usize = 4 << 10;
const POINTERS_MAX: usize = 64 << 20;

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
        f.write_str(&plain(&self.file))?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        f.write_str(": ")?;
        if !self.path.is_empty() {
            write!(f, "{}: ", plain(&self.path))?;
        }
        f.write_str(&plain(&self.message))
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

/// Lines of values, by JSON pointer. Each pointer has all keys above it, so what is kept of them is bounded.
#[derive(Debug, Default)]
pub(crate) struct Places {
    known: BTreeMap<String, usize>,
    bytes: usize,
}

impl Places {
    /// The pointer of a value, where its line is to be known.
    pub(crate) fn below(pointer: Option<&str>, key: impl fmt::Display) -> Option<String> {
        let pointer = pointer?;
        let deep = pointer.bytes().filter(|byte| *byte == b'/').count();
        let at = (deep < LINES_DEEP).then(|| step(pointer, key))?;
        (at.len() <= POINTER_MAX).then_some(at)
    }

    pub(crate) fn add(&mut self, pointer: Option<String>, line: usize) {
        let Some(pointer) = pointer else { return };
        self.bytes += pointer.len();
        if self.bytes <= POINTERS_MAX {
            self.known.insert(pointer, line);
        }
    }

    /// Those of a document; the next one of the file begins anew.
    pub(crate) fn take(&mut self) -> BTreeMap<String, usize> {
        std::mem::take(&mut self.known)
    }
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
    let mut lines = Lines::of(text);
    for raw in serde_json::Deserializer::from_str(text).into_iter::<&RawValue>() {
        let wrong =
            |error: serde_json::Error| fault(error.line(), format!("not valid JSON: {error}"));
        let raw = raw.map_err(wrong)?;
        let value = serde_json::from_str(raw.get()).map_err(wrong)?;
        lines.add(raw, Some(String::new()));
        documents.push(Document {
            file: input.name.clone(),
            value,
            lines: lines.places.take(),
        });
    }
    Ok(documents)
}

/// Where values of a JSON text stand.
struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
    places: Places,
}

impl<'t> Lines<'t> {
    fn of(text: &'t str) -> Self {
        Self {
            text,
            starts: text.match_indices('\n').map(|(at, _)| at + 1).collect(),
            places: Places::default(),
        }
    }

    fn add(&mut self, raw: &RawValue, pointer: Option<String>) {
        // Without a line of its own nothing below has one.
        let Some(at) = pointer.as_deref() else { return };
        let offset = (raw.get().as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        let line = self.starts.partition_point(|start| *start <= offset) + 1;
        self.places.add(pointer.clone(), line);
        if at.bytes().filter(|byte| *byte == b'/').count() < LINES_DEEP {
            if let Ok(map) = serde_json::from_str::<BTreeMap<String, &RawValue>>(raw.get()) {
                for (key, value) in map {
                    self.add(value, Places::below(Some(at), key));
                }
            } else if let Ok(list) = serde_json::from_str::<Vec<&RawValue>>(raw.get()) {
                for (nth, value) in list.into_iter().enumerate() {
                    self.add(value, Places::below(Some(at), nth));
                }
            }
        }
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

    /// A pointer has the keys above it, so that a long one would be kept with each value.
    #[test]
    fn lines_take_no_more_than_their_file() {
        let items = "1, ".repeat(20_000);
        for begin in ["{", "y: {"] {
            for key in ["k".repeat(1 << 20), "k".repeat(4000)] {
                let documents = read(&format!("{begin}\"{key}\": [{items} 1]}}")).unwrap();
                let kept: usize = documents[0].lines.keys().map(String::len).sum();
                assert!(kept <= POINTERS_MAX, "{begin} {}: {kept}", key.len());
                assert_eq!(documents[0].line(&format!("/{key}/20000")), 1);
            }
        }
        for begin in ["", "y: "] {
            let deep = format!("{begin}{}1{}", "{\"c\": ".repeat(20), "}".repeat(20));
            let documents = read(&deep).unwrap();
            let steps = documents[0].lines.keys().map(|at| at.matches('/').count());
            assert_eq!(steps.max(), Some(LINES_DEEP), "{begin}");
        }
    }

    #[test]
    fn many_documents_of_a_file_are_read() {
        assert_eq!(read(&"{}\n".repeat(200_000)).unwrap().len(), 200_000);
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
