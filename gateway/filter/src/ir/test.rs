//! What is asked of one value.

use super::{Number, Scalar};
use ipnet::IpNet;
use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

/// A test of one value; false for values of a type that it does not speak of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Test {
    /// There is a value, JSON `null` included, other than [`Scalar::Composite`].
    Exists,
    /// There is an object, or an array that the path does not look into.
    Composite,
    /// JSON `null`.
    Null,
    /// A boolean.
    Bool(bool),
    /// A JSON number that is written so: `300` is not `300.0`.
    Literal(Arc<str>),
    /// A number within a range.
    Number(Range),
    /// A text.
    Text(Text),
    /// A text against a pattern.
    Wildcard(Wildcard),
    /// A text that is an IP address within a network.
    Cidr(IpNet),
    /// A value, other than [`Scalar::Composite`], for which none of these holds.
    NoneOf(Arc<[Test]>),
}

/// A comparison of text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Text {
    /// How.
    pub how: How,
    /// With what; in lower case where `fold` is set.
    pub text: Arc<str>,
    /// Without regard to case: both sides in Unicode lower case.
    pub fold: bool,
}

/// How texts are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum How {
    /// Equal.
    Exact,
    /// The value begins with the text.
    Prefix,
    /// The value ends with the text.
    Suffix,
    /// The value contains the text.
    Contains,
}

/// A range of numbers; an end that is missing is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Range {
    /// Lower end.
    pub low: Option<Bound>,
    /// Upper end.
    pub high: Option<Bound>,
}

/// An end of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Bound {
    /// Where.
    pub at: Number,
    /// Whether the end belongs to the range.
    pub inclusive: bool,
}

/// Texts that appear one after the other, with anything between them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Wildcard {
    /// What stands between the stars. The first is a prefix, the last a suffix; one alone is the
    /// whole text.
    pub parts: Arc<[Arc<str>]>,
}

impl Range {
    /// Exactly this number.
    pub fn exactly(at: Number) -> Self {
        let bound = Some(Bound {
            at,
            inclusive: true,
        });
        Self {
            low: bound,
            high: bound,
        }
    }

    /// Whether the number lies within.
    pub fn contains(&self, value: Number) -> bool {
        self.low
            .is_none_or(|low| value > low.at || low.inclusive && value == low.at)
            && self
                .high
                .is_none_or(|high| value < high.at || high.inclusive && value == high.at)
    }
}

/// The text as comparisons without regard to case see it.
pub fn folded(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return match text.bytes().any(|b| b.is_ascii_uppercase()) {
            true => Cow::Owned(text.to_ascii_lowercase()),
            false => Cow::Borrowed(text),
        };
    }
    let lower = |c: char| c.to_lowercase().eq([c]);
    match text.chars().all(lower) {
        true => Cow::Borrowed(text),
        false => Cow::Owned(text.chars().flat_map(char::to_lowercase).collect()),
    }
}

impl Text {
    /// A comparison in which case counts.
    pub fn new(how: How, text: impl Into<Arc<str>>) -> Self {
        Self {
            how,
            text: text.into(),
            fold: false,
        }
    }

    /// A comparison in which case does not count.
    pub fn folding(how: How, text: &str) -> Self {
        Self {
            how,
            text: folded(text).into(),
            fold: true,
        }
    }

    /// Whether the comparison holds.
    pub fn holds(&self, actual: &str) -> bool {
        let text = &*self.text;
        if self.fold && actual.is_ascii() && self.how != How::Contains {
            let (actual, text) = (actual.as_bytes(), text.as_bytes());
            let Some(further) = actual.len().checked_sub(text.len()) else {
                return false;
            };
            return match self.how {
                How::Prefix => actual[..text.len()].eq_ignore_ascii_case(text),
                How::Suffix => actual[further..].eq_ignore_ascii_case(text),
                _ => actual.eq_ignore_ascii_case(text),
            };
        }
        let actual = match self.fold {
            true => folded(actual),
            false => Cow::Borrowed(actual),
        };
        match self.how {
            How::Exact => *actual == *text,
            How::Prefix => actual.starts_with(text),
            How::Suffix => actual.ends_with(text),
            How::Contains => actual.contains(text),
        }
    }
}

impl Wildcard {
    /// Whether the whole text is made so. Linear in its length but for the search of each part.
    pub fn matches(&self, text: &str) -> bool {
        let (first, rest) = match &*self.parts {
            [] => return text.is_empty(),
            [only] => return **only == *text,
            [first, rest @ ..] => (first, rest),
        };
        let Some((last, middle)) = rest.split_last() else {
            return false;
        };
        let Some(text) = text.strip_prefix(&**first) else {
            return false;
        };
        let Some(mut text) = text.strip_suffix(&**last) else {
            return false;
        };
        for part in middle {
            match text.find(&**part) {
                Some(at) => text = &text[at + part.len()..],
                None => return false,
            }
        }
        true
    }
}

impl Test {
    /// An exact comparison of text.
    pub fn exact(text: impl Into<Arc<str>>) -> Self {
        Test::Text(Text::new(How::Exact, text))
    }

    /// Whether the value passes.
    pub fn holds(&self, value: &Scalar<'_>) -> bool {
        match self {
            Test::Exists => *value != Scalar::Composite,
            Test::Composite => *value == Scalar::Composite,
            Test::Null => *value == Scalar::Null,
            Test::Bool(wanted) => {
                matches!(value, Scalar::Bool { value, .. } if value == wanted)
            }
            Test::Literal(wanted) => {
                matches!(value, Scalar::Number { text, .. } if **text == **wanted)
            }
            Test::Number(range) => match value {
                Scalar::Number { value, .. } => {
                    Number::new(*value).is_some_and(|value| range.contains(value))
                }
                _ => false,
            },
            Test::Text(wanted) => value.as_text().is_some_and(|text| wanted.holds(text)),
            Test::Wildcard(pattern) => value.as_text().is_some_and(|text| pattern.matches(text)),
            Test::Cidr(network) => value
                .as_text()
                .and_then(|text| text.parse::<IpAddr>().ok())
                .is_some_and(|address| network.contains(&address)),
            Test::NoneOf(tests) => {
                *value != Scalar::Composite && !tests.iter().any(|test| test.holds(value))
            }
        }
    }

    /// The test, or its contrary, in words that follow the name of a path.
    pub fn words(&self, negated: bool) -> String {
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let either = |yes: &'static str, no: &'static str| if negated { no } else { yes };
        match self {
            Test::Exists => either("exists", "does not exist").into(),
            Test::Composite => either("is an object", "is no object").into(),
            Test::Null => either("is null", "is not null").into(),
            Test::Bool(value) => format!("{} {value}", either("=", "!=")),
            Test::Literal(text) => format!("{} {text}", either("=", "!=")),
            Test::Number(range) => range.words(negated),
            Test::Text(text) => {
                let how = match text.how {
                    How::Exact => either("=", "!="),
                    How::Prefix => either("starts with", "does not start with"),
                    How::Suffix => either("ends with", "does not end with"),
                    How::Contains => either("contains", "does not contain"),
                };
                let case = if text.fold { " (any case)" } else { "" };
                format!("{how} {}{case}", quoted(&text.text))
            }
            Test::Wildcard(pattern) => {
                let star = pattern.parts.join("*");
                format!("{} {}", either("is like", "is not like"), quoted(&star))
            }
            Test::Cidr(network) => format!("{} {network}", either("is in", "is not in")),
            Test::NoneOf(tests) => {
                let tests: Vec<_> = tests.iter().map(|test| test.words(false)).collect();
                let none = either("is none of", "is one of");
                format!("{none} ({})", tests.join(" or "))
            }
        }
    }
}

impl Range {
    fn words(&self, negated: bool) -> String {
        if let (Some(low), Some(high)) = (self.low, self.high)
            && low == high
        {
            return format!("{} {}", if negated { "!=" } else { "=" }, low.at);
        }
        let end = |bound: Option<Bound>, strict: &str, closed: &str| {
            bound.map(|b| format!("{} {}", if b.inclusive { closed } else { strict }, b.at))
        };
        let ends: Vec<_> = [end(self.low, ">", ">="), end(self.high, "<", "<=")]
            .into_iter()
            .flatten()
            .collect();
        let ends = match ends.is_empty() {
            true => "is a number".to_owned(),
            false => ends.join(" and "),
        };
        if negated {
            format!("is not {ends}")
        } else {
            ends
        }
    }
}
