//! Which events a schema is for.

/// What becomes of an event whose data breaks its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// It is not taken: the sender is told; a message of a queue is set aside.
    #[default]
    Reject,
    /// It is taken and set aside: the stream gets a record of it in its place.
    DeadLetter,
    /// It is taken, with what is wrong in an attribute.
    Annotate,
    /// It is not checked.
    Off,
}

/// A text, or how it begins.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// This text.
    Exact(String),
    /// Texts that begin so; what stands before the `*`.
    Prefix(String),
}

impl Pattern {
    /// Reads `text` or `beginning*`.
    pub fn read(text: &str) -> Self {
        match text.strip_suffix('*') {
            Some(prefix) => Self::Prefix(prefix.into()),
            None => Self::Exact(text.into()),
        }
    }

    /// Whether a text is meant.
    pub fn means(&self, text: &str) -> bool {
        match self {
            Self::Exact(exact) => text == exact,
            Self::Prefix(prefix) => text.starts_with(prefix.as_str()),
        }
    }

    fn strength(&self) -> (bool, usize) {
        match self {
            Self::Exact(text) => (true, text.len()),
            Self::Prefix(prefix) => (false, prefix.len()),
        }
    }
}

/// Events that a schema is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Their type.
    pub ty: Pattern,
    /// Their source; `None` for any.
    pub source: Option<Pattern>,
    /// What happens to those that break it.
    pub on_failure: Action,
}

impl Binding {
    /// The narrower of two comes first.
    pub(crate) fn strength(&self) -> impl Ord + use<> {
        let source = self.source.as_ref().map(Pattern::strength);
        (self.ty.strength(), source)
    }

    pub(crate) fn means(&self, ty: &str, source: &str) -> bool {
        self.ty.means(ty)
            && self
                .source
                .as_ref()
                .is_none_or(|pattern| pattern.means(source))
    }
}
