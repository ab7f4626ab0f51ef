//! `input-transformer`: variables by JSON path, put into a template.

use super::JSON;
use super::path::{Path, Work};
use super::template::{InputTemplate, Piece, Placeholder, compact};
use super::view::View;
use crate::OUTPUT_MAX;
use crate::read::{InvalidTransform, Node};
use crate::step::{About, Reason, Step, reshaped};
use serde_json::value::RawValue;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::time::{Duration, UNIX_EPOCH};
use tradewind_event::{Event, Timestamp};

/// Most variables.
const PATHS_MAX: usize = 100;

#[derive(Debug)]
pub(crate) struct InputTransformer {
    template: InputTemplate<Variable>,
    /// The paths that the template uses.
    paths: Vec<Path>,
}

/// What a placeholder stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Variable {
    Path(usize),
    RuleArn,
    RuleName,
    IngestionTime,
    Event,
    EventJson,
}

const RESERVED: [(&str, Variable); 5] = [
    ("aws.events.rule-arn", Variable::RuleArn),
    ("aws.events.rule-name", Variable::RuleName),
    ("aws.events.event.ingestion-time", Variable::IngestionTime),
    ("aws.events.event", Variable::Event),
    ("aws.events.event.json", Variable::EventJson),
];

impl InputTransformer {
    pub(crate) fn read(node: &Node<'_>) -> Result<Self, InvalidTransform> {
        node.only(&["InputPathsMap", "InputTemplate"])?;
        let map = node.map()?;
        let defined = match map.get("InputPathsMap") {
            Some(value) => paths(&node.child("InputPathsMap", value))?,
            None => BTreeMap::new(),
        };
        let Some(template) = map.get("InputTemplate") else {
            return Err(node.refusal("missing key `InputTemplate`"));
        };
        let node = node.child("InputTemplate", template);
        let mut paths: Vec<Path> = Vec::new();
        let template = InputTemplate::read(&node, |placeholder| {
            if let Some(path) = defined.get(placeholder.name) {
                let known = paths.iter().position(|p| p == path);
                return Ok(Variable::Path(known.unwrap_or_else(|| {
                    paths.push(path.clone());
                    paths.len() - 1
                })));
            }
            reserved(placeholder, &node, &defined)
        })?;
        Ok(Self { template, paths })
    }
}

fn paths<'v>(node: &Node<'v>) -> Result<BTreeMap<&'v str, Path>, InvalidTransform> {
    let map = node.map()?;
    if map.len() > PATHS_MAX {
        return Err(node.refusal(format!("there are at most {PATHS_MAX} variables")));
    }
    let mut paths = BTreeMap::new();
    for (name, value) in map {
        let node = node.child(name, value);
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        if name.is_empty() || name.len() > 256 || !name.bytes().all(allowed) {
            let refusal = node.refusal(format!("`{name}` cannot be the name of a variable"));
            return Err(refusal.hint("1 to 256 letters, digits, `-` and `_`"));
        }
        paths.insert(name.as_str(), Path::read(&node)?);
    }
    Ok(paths)
}

fn reserved(
    placeholder: &Placeholder<'_>,
    node: &Node<'_>,
    defined: &BTreeMap<&str, Path>,
) -> Result<Variable, InvalidTransform> {
    let name = placeholder.name;
    let found = RESERVED.iter().find(|(reserved, _)| *reserved == name);
    match found {
        Some((_, Variable::Event | Variable::EventJson)) if placeholder.inside => {
            let refusal = node.refusal(format!("`<{name}>` cannot stand inside a text"));
            Err(refusal
                .at(placeholder.at)
                .hint("it is a JSON value: write no quotes around it"))
        }
        Some((_, variable)) => Ok(*variable),
        None => {
            let known: Vec<&str> = defined
                .keys()
                .copied()
                .chain(RESERVED.map(|(name, _)| name))
                .collect();
            Err(node.unknown("placeholder", name, &known).at(placeholder.at))
        }
    }
}

impl Step for InputTransformer {
    fn apply(&self, event: &Event, about: &About<'_>) -> Result<Event, Reason> {
        let view = View::of(event)?;
        let mut work = Work::default();
        let mut found = Vec::with_capacity(self.paths.len());
        for path in &self.paths {
            let value = path.select(view.json(), &mut work)?;
            // As EventBridge does where a path leads nowhere.
            found.push(value.map_or_else(|| "\"\"".to_owned(), |json| compact(&json, &mut false)));
        }
        let mut look = |variable: Variable| -> Result<String, Reason> {
            Ok(match variable {
                Variable::Path(at) => found.get_mut(at).map(std::mem::take).unwrap_or_default(),
                Variable::EventJson => compact(view.json().get(), &mut false),
                Variable::Event => summary(view.json())?,
                Variable::RuleName => text(about.subscription),
                Variable::RuleArn => arn(view.json(), about, &mut work)?,
                Variable::IngestionTime => text(&time(about.appended_ms)),
            })
        };
        // Each is looked for once, however often the template has it.
        let mut known: HashMap<Variable, String> = HashMap::new();
        let mut out = String::new();
        for piece in &self.template.pieces {
            match piece {
                Piece::Literal(literal) => out.push_str(literal),
                Piece::Value(variable) | Piece::Inside(variable) => {
                    let json = match known.entry(*variable) {
                        Entry::Occupied(known) => known.into_mut(),
                        Entry::Vacant(unknown) => unknown.insert(look(*variable)?),
                    };
                    match piece {
                        Piece::Inside(_) => inside(json, &mut out),
                        _ => out.push_str(json),
                    }
                }
            }
            if out.len() > OUTPUT_MAX {
                return Err(Reason::too_large());
            }
        }
        let ty = match self.template.is_json {
            true => JSON,
            false => "text/plain",
        };
        reshaped(event, ty, out.into_bytes())
    }
}

/// A JSON value inside a JSON text: a text without its quotes, a list or map without any.
fn inside(json: &str, out: &mut String) {
    if let Some(text) = json.strip_prefix('"') {
        out.push_str(text.strip_suffix('"').unwrap_or(text));
        return;
    }
    let mut characters = json.chars();
    while let Some(c) = characters.next() {
        match c {
            '"' => {}
            '\\' => match characters.next() {
                Some('"') | None => {}
                Some(escaped) => out.extend(['\\', escaped]),
            },
            c => out.push(c),
        }
    }
}

/// `<aws.events.event>`: the envelope without `detail`, and with `detailType` for `detail-type`.
fn summary(view: &RawValue) -> Result<String, Reason> {
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(view.get())
        .map_err(|error| Reason::new(format!("the event is no envelope: {error}")))?;
    let mut out = String::from("{");
    for (name, value) in members.iter().filter(|(name, _)| *name != "detail") {
        let name = match name.as_str() {
            "detail-type" => "detailType",
            name => name,
        };
        let comma = if out.len() > 1 { "," } else { "" };
        let value = compact(value.get(), &mut false);
        write!(out, "{comma}{}:{value}", text(name)).map_err(|e| Reason::new(e.to_string()))?;
    }
    out.push('}');
    Ok(out)
}

/// `<aws.events.rule-arn>`: the stream in the place of the bus, the subscription in that of the rule.
fn arn(view: &RawValue, about: &About<'_>, work: &mut Work) -> Result<String, Reason> {
    let mut part = |path: Path| -> Result<String, Reason> {
        let json = path.select(view, work)?.unwrap_or_default();
        Ok(serde_json::from_str(&json).unwrap_or_default())
    };
    let region = part(Path::member("region"))?;
    let account = part(Path::member("account"))?;
    let bus = match about.stream {
        "" | "default" => String::new(),
        stream => format!("{stream}/"),
    };
    let rule = about.subscription;
    Ok(text(&format!(
        "arn:aws:events:{region}:{account}:rule/{bus}{rule}"
    )))
}

fn time(ms: u64) -> String {
    Timestamp::from(UNIX_EPOCH + Duration::from_millis(ms)).to_string()
}

fn text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
