//! Where in an event a predicate looks.

use std::fmt;
use std::sync::Arc;

/// A place in the stored CloudEvent. Dialects with a view of their own lower to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Path {
    /// A context attribute, core or extension.
    Attribute(Arc<str>),
    /// A place in JSON `data`, member by member; no keys is `data` itself.
    Data {
        /// Names of members, outermost first.
        keys: Arc<[Arc<str>]>,
        /// What arrays on the way mean.
        arrays: Arrays,
    },
}

/// How a data path treats arrays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Arrays {
    /// Anywhere on the way, any number of times: each element counts (EventBridge). A member whose
    /// name has dots lies where its parts lead, as if they were members of one another.
    Through,
    /// One array, at the end of the path: each element counts (Event Grid with array filtering).
    Last,
    /// None: an array is [`Scalar::Composite`](crate::Scalar::Composite) at the end, and hides what
    /// lies behind it.
    Never,
}

impl Path {
    /// The attribute of this name.
    pub fn attribute(name: impl Into<Arc<str>>) -> Self {
        Path::Attribute(name.into())
    }

    /// A place in `data`.
    pub fn data<K: Into<Arc<str>>>(arrays: Arrays, keys: impl IntoIterator<Item = K>) -> Self {
        Path::Data {
            keys: keys.into_iter().map(Into::into).collect(),
            arrays,
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Attribute(name) => f.write_str(name),
            Path::Data { keys, .. } => {
                f.write_str("data")?;
                keys.iter().try_for_each(|key| {
                    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
                    match !key.is_empty() && key.chars().all(plain) {
                        true => write!(f, ".{key}"),
                        false => write!(f, ".'{}'", key.replace('\'', "''")),
                    }
                })
            }
        }
    }
}
