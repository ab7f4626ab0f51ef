//! `exists: false` beside other fields that may lie in the same array.
//!
//! The service looks at fields in the order of their names. A field that is there chooses elements of
//! the arrays that lead to it; a later field is absent where those elements do not have it, while an
//! earlier one, for which nothing was chosen yet, must not be in any element.

use crate::ir::{Expression, Fault, Formula, Opaque, Scalar, Test};
use crate::{View, Words};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many values and choices one event may cost.
const STEPS_MAX: usize = 100_000;

type Keys = Arc<[Arc<str>]>;

pub(super) fn formula(fields: Vec<(Keys, Vec<Test>, bool)>, words: String) -> Formula {
    let fields = fields
        .into_iter()
        .map(|(keys, tests, absent)| Wanted {
            keys,
            tests,
            absent,
        })
        .collect::<Vec<_>>();
    // The text is the identity, and the same words mean other places in an envelope.
    let text = format!(
        "{words} at {:?}",
        fields.iter().map(|f| &f.keys).collect::<Vec<_>>()
    );
    let group = Group { text, fields };
    Words::told(
        words,
        Formula::Opaque(Opaque {
            expression: Arc::new(group),
            wanted: true,
        }),
    )
}

#[derive(Debug)]
struct Group {
    text: String,
    fields: Vec<Wanted>,
}

#[derive(Debug)]
struct Wanted {
    keys: Keys,
    tests: Vec<Test>,
    absent: bool,
}

/// Which element was chosen of which array.
type Choice = BTreeMap<u32, usize>;

/// A value, and the elements that lead to it.
type Found<'v> = (Scalar<'v>, Choice);

impl Expression for Group {
    fn dialect(&self) -> &'static str {
        "event-bridge"
    }

    fn text(&self) -> &str {
        &self.text
    }

    fn evaluate(&self, view: &View<'_>) -> Result<bool, Fault> {
        let mut walk = Walk {
            fields: &self.fields,
            found: self.fields.iter().map(|_| Vec::new()).collect(),
            arrays: 0,
            steps: 0,
        };
        if let Some(data) = view.data() {
            let all: Vec<usize> = (0..self.fields.len()).collect();
            walk.value(data, 0, &all, &mut Choice::new());
        }
        walk.choose(0, &Choice::new()).ok_or_else(|| {
            Fault(format!(
                "more than {STEPS_MAX} ways to choose array elements"
            ))
        })
    }
}

struct Walk<'v, 'f> {
    fields: &'f [Wanted],
    found: Vec<Vec<Found<'v>>>,
    arrays: u32,
    steps: usize,
}

impl<'v> Walk<'v, '_> {
    /// Collects below `value`, which lies `depth` members deep on the way of the fields in `open`.
    fn value(&mut self, value: &'v Value, depth: usize, open: &[usize], way: &mut Choice) {
        match value {
            Value::Array(members) => {
                let array = self.arrays;
                self.arrays += 1;
                for (index, member) in members.iter().enumerate() {
                    // A plain value in an array chooses nothing.
                    if member.is_array() || member.is_object() {
                        way.insert(array, index);
                    }
                    self.value(member, depth, open, way);
                    way.remove(&array);
                }
            }
            Value::Object(map) => {
                let mut on_the_way: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
                for field in open {
                    if let Some(key) = self.fields[*field].keys.get(depth) {
                        on_the_way.entry(key).or_default().push(*field);
                    }
                }
                for (key, open) in on_the_way {
                    if let Some(below) = map.get(key) {
                        self.value(below, depth + 1, &open, way);
                    }
                }
                // A name with dots is the way of its parts.
                for (key, below) in map.iter().filter(|(key, _)| key.contains('.')) {
                    let parts: Vec<&str> = key.split('.').collect();
                    let leads = |field: &usize| {
                        let ahead = self.fields[*field].keys.get(depth..).unwrap_or_default();
                        let matching = parts.iter().zip(ahead).all(|(part, key)| *part == &**key);
                        ahead.len() >= parts.len() && matching
                    };
                    let open: Vec<usize> = open.iter().copied().filter(leads).collect();
                    if !open.is_empty() {
                        self.value(below, depth + parts.len(), &open, way);
                    }
                }
            }
            plain => {
                for field in open {
                    if self.fields[*field].keys.len() == depth {
                        self.found[*field].push((scalar(plain), way.clone()));
                    }
                }
            }
        }
    }

    /// Whether the fields from `field` on can be met; `None` where that costs too much.
    fn choose(&mut self, field: usize, chosen: &Choice) -> Option<bool> {
        let Some(wanted) = self.fields.get(field) else {
            return Some(true);
        };
        let mut present = false;
        for at in 0..self.found[field].len() {
            self.steps += 1;
            if self.steps > STEPS_MAX {
                return None;
            }
            let (value, way) = &self.found[field][at];
            let fits =
                |(array, index): (&u32, &usize)| chosen.get(array).is_none_or(|i| i == index);
            if !way.iter().all(fits) {
                continue;
            }
            present = true;
            if wanted.tests.iter().any(|test| test.holds(value)) {
                let mut chosen = chosen.clone();
                chosen.extend(way);
                if self.choose(field + 1, &chosen)? {
                    return Some(true);
                }
            }
        }
        if wanted.absent && !present {
            return self.choose(field + 1, chosen);
        }
        Some(false)
    }
}

fn scalar(value: &Value) -> Scalar<'_> {
    match value {
        Value::Bool(value) => Scalar::Bool {
            value: *value,
            attribute: false,
        },
        Value::Number(number) => Scalar::Number {
            text: Cow::Owned(number.to_string()),
            value: number.as_f64().unwrap_or(f64::NAN),
            attribute: false,
        },
        Value::String(text) => Scalar::Text(Cow::Borrowed(text)),
        _ => Scalar::Null,
    }
}
