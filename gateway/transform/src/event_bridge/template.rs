//! Input templates: JSON with placeholders `<name>`, in place of values and inside texts.

use crate::read::{InvalidTransform, Node};
use serde::de::IgnoredAny;

/// Longest input template, in bytes.
const TEMPLATE_MAX: usize = 8192;

/// A part of a template.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<V> {
    Literal(String),
    /// In place of a JSON value.
    Value(V),
    /// Inside a JSON text.
    Inside(V),
}

/// A template: one JSON value, or texts, each on a line of its own.
#[derive(Debug)]
pub(super) struct InputTemplate<V> {
    pub(super) pieces: Vec<Piece<V>>,
    pub(super) is_json: bool,
}

/// A placeholder: where it is, and whether inside a text.
pub(super) struct Placeholder<'t> {
    pub(super) name: &'t str,
    pub(super) at: usize,
    pub(super) inside: bool,
}

impl<V> InputTemplate<V> {
    /// Reads the template; `variable` says what a placeholder stands for.
    pub(super) fn read(
        node: &Node<'_>,
        mut variable: impl FnMut(&Placeholder<'_>) -> Result<V, InvalidTransform>,
    ) -> Result<Self, InvalidTransform> {
        let text = node.text(TEMPLATE_MAX)?;
        let placeholders = scan(text, node)?;
        let is_json = check(text, &placeholders, node)?;
        let mut pieces = Vec::new();
        let mut at = 0;
        let mut inside = false;
        let mut literal = |part: &str| {
            let part = match is_json {
                true => compact(part, &mut inside),
                false => part.to_owned(),
            };
            (!part.is_empty()).then_some(Piece::Literal(part))
        };
        for placeholder in &placeholders {
            pieces.extend(literal(&text[at..placeholder.at]));
            let variable = variable(placeholder)?;
            pieces.push(match placeholder.inside {
                true => Piece::Inside(variable),
                false => Piece::Value(variable),
            });
            at = placeholder.at + placeholder.name.len() + 2;
        }
        pieces.extend(literal(text[at..].trim_end()));
        Ok(Self { pieces, is_json })
    }
}

fn scan<'t>(text: &'t str, node: &Node<'_>) -> Result<Vec<Placeholder<'t>>, InvalidTransform> {
    let mut found: Vec<Placeholder<'t>> = Vec::new();
    let mut inside = false;
    // Placeholders before the text that is being read.
    let mut before = 0;
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' if inside => {
                bytes.next();
            }
            b'"' => {
                let is_key = || text[at + 1..].trim_start().starts_with(':');
                if inside && found.len() > before && is_key() {
                    let refusal = node.refusal("a placeholder cannot be in the name of a member");
                    return Err(refusal.at(found[before].at));
                }
                inside = !inside;
                before = found.len();
            }
            b'<' => {
                let Some(name) = name(&text[at + 1..]) else {
                    continue;
                };
                found.push(Placeholder { name, at, inside });
                bytes.nth(name.len());
            }
            _ => {}
        }
    }
    Ok(found)
}

/// The name of the placeholder that begins before `rest`.
fn name(rest: &str) -> Option<&str> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let end = rest.find(|c| !allowed(c))?;
    (end > 0 && rest[end..].starts_with('>')).then(|| &rest[..end])
}

/// That the template gives JSON whatever its placeholders stand for. Returns whether it is one value.
fn check(
    text: &str,
    placeholders: &[Placeholder<'_>],
    node: &Node<'_>,
) -> Result<bool, InvalidTransform> {
    // A placeholder and what takes its place here have the same length, so that positions hold.
    let mut sample = text.to_owned();
    for placeholder in placeholders {
        let quote = if placeholder.inside { " " } else { "\"" };
        let end = placeholder.at + placeholder.name.len() + 1;
        sample.replace_range(placeholder.at..=placeholder.at, quote);
        sample.replace_range(end..=end, quote);
    }
    let mut values = 0;
    let mut texts = true;
    let mut stream = serde_json::Deserializer::from_str(&sample).into_iter::<IgnoredAny>();
    loop {
        let from = stream.byte_offset();
        match stream.next() {
            Some(Ok(_)) => {
                values += 1;
                texts &= sample[from..].trim_start().starts_with('"');
            }
            Some(Err(error)) => {
                // The place is told by the caller.
                let reason = error.to_string();
                let reason = reason.split(" at line ").next().unwrap_or_default();
                let refusal = node.refusal(format!("the input template is not JSON: {reason}"));
                return Err(refusal
                    .at(offset(&sample, error.line(), error.column()))
                    .hint("a template that is a text stands in quotes: `\"<a> is <b>\"`"));
            }
            None => break,
        }
    }
    match values {
        1 => Ok(true),
        0 => Err(node.refusal("the input template is empty")),
        _ if texts => Ok(false),
        _ => Err(node.refusal("the input template holds several JSON values")),
    }
}

fn offset(text: &str, line: usize, column: usize) -> usize {
    let lines = text.split_inclusive('\n').take(line.saturating_sub(1));
    let before: usize = lines.map(str::len).sum();
    text.floor_char_boundary((before + column.saturating_sub(1)).min(text.len()))
}

/// A part of JSON without the white space between its tokens. `inside` a text is carried on.
pub(super) fn compact(part: &str, inside: &mut bool) -> String {
    let mut out = String::with_capacity(part.len());
    let mut characters = part.chars();
    while let Some(c) = characters.next() {
        match c {
            ' ' | '\t' | '\n' | '\r' if !*inside => continue,
            '"' => *inside = !*inside,
            _ => {}
        }
        out.push(c);
        if c == '\\' && *inside {
            out.extend(characters.next());
        }
    }
    out
}
