//! What a path can lead to.

use std::borrow::Cow;

/// One value that was found at a path. A path that leads through arrays finds several.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar<'e> {
    /// A JSON string, or an attribute whose type is written as text.
    Text(Cow<'e, str>),
    /// A JSON number, or an `Integer` attribute.
    Number {
        /// As it was written.
        text: Cow<'e, str>,
        /// The nearest double.
        value: f64,
        /// An attribute: tests of text see its canonical string too.
        attribute: bool,
    },
    /// A JSON boolean, or a `Boolean` attribute.
    Bool {
        /// The value.
        value: bool,
        /// An attribute: tests of text see its canonical string too.
        attribute: bool,
    },
    /// JSON `null`.
    Null,
    /// An object, or an array that the path does not look into.
    Composite,
}

impl Scalar<'_> {
    /// What tests of text compare; `None` where there is no text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Scalar::Text(text) => Some(text),
            Scalar::Number {
                text,
                attribute: true,
                ..
            } => Some(text),
            Scalar::Bool {
                value,
                attribute: true,
            } => Some(if *value { "true" } else { "false" }),
            _ => None,
        }
    }

    /// The value as explanations show it.
    pub fn shown(&self) -> &str {
        match self {
            Scalar::Text(text) | Scalar::Number { text, .. } => text,
            Scalar::Bool { value: true, .. } => "true",
            Scalar::Bool { value: false, .. } => "false",
            Scalar::Null => "null",
            Scalar::Composite => "{…}",
        }
    }
}

/// A finite double with a total order; `-0` is `0`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Number(u64);

const SIGN: u64 = 1 << 63;

impl Number {
    /// `None` for infinities and what is no number.
    pub fn new(value: f64) -> Option<Self> {
        let bits = (value + 0.0).to_bits();
        let ordered = match bits & SIGN {
            0 => bits | SIGN,
            _ => !bits,
        };
        value.is_finite().then_some(Self(ordered))
    }

    /// The double.
    pub fn get(self) -> f64 {
        f64::from_bits(match self.0 & SIGN {
            0 => !self.0,
            _ => self.0 & !SIGN,
        })
    }
}

impl std::fmt::Debug for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&self.get(), f)
    }
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&self.get(), f)
    }
}
