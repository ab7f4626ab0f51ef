//! The part of JSONata that names places of an event, and makes maps and lists of them: `{% {"id": $events.Data.id} %}`.

use serde_json::{Map, Value};

/// Deepest nesting.
const DEEP: usize = 32;

/// What an expression makes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    /// What stands at this place of the data.
    Path(Vec<String>),
    /// A text, number, boolean or null.
    Plain(Value),
    Map(Vec<(String, Shape)>),
    List(Vec<Shape>),
}

/// Reads an expression between `{%` and `%}`; `None` where it is something else.
pub(super) fn read(text: &str) -> Option<Shape> {
    let inner = text.trim().strip_prefix("{%")?.strip_suffix("%}")?;
    let mut reader = Reader { left: inner };
    let shape = reader.shape(0)?;
    reader.skip();
    reader.left.is_empty().then_some(shape)
}

impl Shape {
    /// The data as it is.
    pub(super) fn whole() -> Self {
        Self::Path(Vec::new())
    }

    pub(super) fn is_path(&self) -> bool {
        matches!(self, Self::Path(_))
    }

    /// How many places it names.
    pub(super) fn paths(&self) -> usize {
        match self {
            Self::Path(_) => 1,
            Self::Plain(_) => 0,
            Self::Map(members) => members.iter().map(|(_, shape)| shape.paths()).sum(),
            Self::List(items) => items.iter().map(Self::paths).sum(),
        }
    }

    /// As a path of an event of EventBridge, where it is nothing but a place. `envelope` are the fields of one; what
    /// begins with another name was published without an envelope, and is the `detail`.
    pub(super) fn path(&self, envelope: &[&str]) -> Option<String> {
        let Self::Path(names) = self else { return None };
        let bare = names
            .first()
            .is_some_and(|first| !envelope.contains(&first.as_str()));
        let detail = if bare { ".detail" } else { "" };
        let steps: String = names.iter().map(|name| format!(".{name}")).collect();
        Some(format!("${detail}{steps}"))
    }

    /// As the paths and the template of an input transformer.
    pub(super) fn template(&self, envelope: &[&str]) -> Option<(Map<String, Value>, String)> {
        let mut paths = Map::new();
        let template = self.write(envelope, &mut paths)?;
        Some((paths, template))
    }

    fn write(&self, envelope: &[&str], paths: &mut Map<String, Value>) -> Option<String> {
        Some(match self {
            Self::Path(_) => {
                let name = format!("v{}", paths.len());
                paths.insert(name.clone(), self.path(envelope)?.into());
                format!("<{name}>")
            }
            Self::Plain(value) => plain(value)?,
            Self::Map(members) => {
                let mut written = Vec::new();
                for (key, shape) in members {
                    let key = plain(&Value::String(key.clone()))?;
                    written.push(format!("{key}: {}", shape.write(envelope, paths)?));
                }
                format!("{{{}}}", written.join(", "))
            }
            Self::List(items) => {
                let items: Option<Vec<String>> = items
                    .iter()
                    .map(|item| item.write(envelope, paths))
                    .collect();
                format!("[{}]", items?.join(", "))
            }
        })
    }
}

/// JSON, unless a template would read it as a placeholder.
fn plain(value: &Value) -> Option<String> {
    let text = value.to_string();
    (!text.contains(['<', '>'])).then_some(text)
}

struct Reader<'t> {
    left: &'t str,
}

impl Reader<'_> {
    fn skip(&mut self) {
        self.left = self.left.trim_start();
    }

    fn eat(&mut self, token: &str) -> bool {
        self.skip();
        match self.left.strip_prefix(token) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }

    fn shape(&mut self, depth: usize) -> Option<Shape> {
        if depth > DEEP {
            return None;
        }
        if self.eat("$events.Data") {
            return self.path();
        }
        if self.eat("{") {
            let mut members: Vec<(String, Shape)> = Vec::new();
            while !self.eat("}") {
                if !members.is_empty() && !self.eat(",") {
                    return None;
                }
                let key = self.quoted()?;
                if !self.eat(":") || members.iter().any(|(known, _)| *known == key) {
                    return None;
                }
                members.push((key, self.shape(depth + 1)?));
            }
            return Some(Shape::Map(members));
        }
        if self.eat("[") {
            let mut items = Vec::new();
            while !self.eat("]") {
                if !items.is_empty() && !self.eat(",") {
                    return None;
                }
                items.push(self.shape(depth + 1)?);
            }
            return Some(Shape::List(items));
        }
        if self.left.starts_with(['"', '\'']) {
            return self.quoted().map(|text| Shape::Plain(text.into()));
        }
        let end = self.left.find([',', '}', ']', ' ', '\t', '\r', '\n']);
        let (word, left) = self.left.split_at(end.unwrap_or(self.left.len()));
        let value: Value = serde_json::from_str(word).ok()?;
        self.left = left;
        Some(Shape::Plain(value))
    }

    /// Names after dots; what follows must not go on with the place.
    fn path(&mut self) -> Option<Shape> {
        let mut names = Vec::new();
        while let Some(left) = self.left.strip_prefix('.') {
            self.left = left;
            if left.starts_with(['"', '`']) {
                names.push(self.quoted()?);
            } else {
                let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
                let end = left.find(|c| !letter(c)).unwrap_or(left.len());
                let (name, left) = left.split_at(end);
                names.push(name.to_owned());
                self.left = left;
            }
            let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/');
            let last = names.last()?;
            if last.is_empty() || !last.chars().all(fits) {
                return None;
            }
        }
        self.skip();
        let over = self.left.is_empty() || self.left.starts_with([',', '}', ']']);
        over.then_some(Shape::Path(names))
    }

    /// A text between quotes of one kind.
    fn quoted(&mut self) -> Option<String> {
        self.skip();
        let quote = self
            .left
            .chars()
            .next()
            .filter(|c| matches!(c, '"' | '\'' | '`'))?;
        let mut inner = self.left[1..].char_indices();
        let mut text = String::new();
        while let Some((at, c)) = inner.next() {
            match c {
                c if c == quote => {
                    self.left = &self.left[1 + at + quote.len_utf8()..];
                    return Some(text);
                }
                // Escapes are as JSON's.
                '\\' => {
                    let (_, escaped) = inner.next()?;
                    text.push(match escaped {
                        'n' => '\n',
                        't' => '\t',
                        '"' | '\'' | '\\' | '/' => escaped,
                        _ => return None,
                    });
                }
                c => text.push(c),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn places_maps_and_lists_are_read_and_nothing_else() {
        let envelope = &["detail", "source", "detail-type"];
        let table = [
            ("{% $events.Data %}", Some((Some("$"), "<v0>"))),
            (
                "{% $events.Data.detail.order %}",
                Some((Some("$.detail.order"), "<v0>")),
            ),
            // Published without an envelope.
            (
                "{%$events.Data.orderId%}",
                Some((Some("$.detail.orderId"), "<v0>")),
            ),
            (
                r#"{% { "id": $events.Data.id, "n": 1.50, 'list': [true, null, "x"], "in": {} } %}"#,
                Some((
                    None,
                    r#"{"id": <v0>, "n": 1.5, "list": [true, null, "x"], "in": {}}"#,
                )),
            ),
            (
                r#"{% $events.Data."detail-type" %}"#,
                Some((Some("$.detail-type"), "<v0>")),
            ),
            (
                "{% $events.Data.`detail-type` %}",
                Some((Some("$.detail-type"), "<v0>")),
            ),
            ("plain", None),
            ("{% $sum($events.Data.detail.items.price) %}", None),
            ("{% $events.Data.detail.items[0] %}", None),
            ("{% $events.Data.a & $events.Data.b %}", None),
            ("{% $events.SystemMetadata.EventGroupId %}", None),
            ("{% $events.Database %}", None),
            (r#"{% { "a": 1, "a": 2 } %}"#, None),
            (r#"{% { "a": $events.Data.a ? 1 : 2 } %}"#, None),
            (r#"{% {"a" 1} %}"#, None),
            ("{% %}", None),
            ("{% {", None),
        ];
        for (text, wanted) in table {
            let shape = read(text);
            let made = shape.as_ref().and_then(|shape| {
                let template = shape.template(envelope)?.1;
                Some((shape.path(envelope), template))
            });
            let wanted =
                wanted.map(|(path, template)| (path.map(str::to_owned), template.to_owned()));
            assert_eq!(made, wanted, "{text}");
        }
        // It would be a placeholder there.
        assert_eq!(
            read(r#"{% {"a": "<v0>"} %}"#).unwrap().template(envelope),
            None
        );
        assert_eq!(read(&format!("{{% {} %}}", "[".repeat(100))), None);
    }

    proptest! {
        #[test]
        fn whatever_is_read_ends(text in "\\{%[ \\$\\{\\}\\[\\]\",':.a-zD]{0,40}%\\}") {
            if let Some(shape) = read(&text) {
                shape.template(&["detail"]);
            }
        }
    }
}
