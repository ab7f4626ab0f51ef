//! The one error type of the adapter API.

use std::fmt;

/// What went wrong, coarsely enough for the gateway to act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The configuration cannot work.
    ConfigInvalid,
    /// The other side cannot be reached, or failed.
    Unavailable,
    /// The other side asks for less.
    Throttled,
    /// The other side refused us.
    PermissionDenied,
    /// What was named does not exist there.
    NotFound,
    /// Anything else.
    Unexpected,
}

/// An adapter failure: kind, operation, context and cause. One line by `Display`.
pub struct Error {
    kind: ErrorKind,
    operation: &'static str,
    message: String,
    context: Vec<(&'static str, String)>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// A new error.
    pub fn new(kind: ErrorKind, operation: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind,
            operation,
            message: message.into(),
            context: Vec::new(),
            source: None,
        }
    }
    /// Adds a fact; never a secret.
    #[must_use]
    pub fn with_context(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.context.push((key, value.into()));
        self
    }
    /// Adds the cause.
    #[must_use]
    pub fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.source = Some(source.into());
        self
    }
    /// The kind.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
    /// The message without operation and context, for configuration errors that have a place of
    /// their own.
    pub fn message(&self) -> &str {
        &self.message
    }
    /// Whether the same call may succeed later.
    pub fn is_temporary(&self) -> bool {
        matches!(self.kind, ErrorKind::Unavailable | ErrorKind::Throttled)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.operation, self.message)?;
        for (i, (key, value)) in self.context.iter().enumerate() {
            let lead = if i == 0 { " (" } else { ", " };
            write!(f, "{lead}{key}: {value}")?;
        }
        if !self.context.is_empty() {
            f.write_str(")")?;
        }
        if let Some(source) = &self.source {
            write!(f, ": {source}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {self}", self.kind)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source
            .as_deref()
            .map(|e| e as &(dyn std::error::Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_one_line_with_facts_and_cause() {
        let error = Error::new(ErrorKind::Unavailable, "receive", "no connection")
            .with_context("queue", "orders")
            .with_context("region", "eu-west-1")
            .with_source(std::io::Error::other("reset"));
        let line = "receive: no connection (queue: orders, region: eu-west-1): reset";
        assert_eq!(error.to_string(), line);
        assert_eq!(format!("{error:?}"), format!("Unavailable at {line}"));
        assert_eq!(error.message(), "no connection");
        assert!(std::error::Error::source(&error).is_some());
    }

    #[test]
    fn only_what_may_pass_is_temporary() {
        use ErrorKind::*;
        for (kind, temporary) in [
            (ConfigInvalid, false),
            (Unavailable, true),
            (Throttled, true),
            (PermissionDenied, false),
            (NotFound, false),
            (Unexpected, false),
        ] {
            let error = Error::new(kind, "x", "y");
            assert_eq!(error.is_temporary(), temporary, "{kind:?}");
        }
    }
}
