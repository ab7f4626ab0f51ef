//! Why a backup, or a restore, failed.

/// Why a backup, or a restore, failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Somebody asked for what cannot be.
    #[error("{0}")]
    Invalid(String),
    /// The repository has something that is not what was written.
    #[error("{what} is damaged: {why}")]
    Damaged {
        /// The blob or manifest.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// The repository cannot be reached, or refuses.
    #[error("{what}: {source}")]
    Repository {
        /// What was tried.
        what: String,
        /// What it said.
        source: object_store::Error,
    },
    /// The data directory.
    #[error(transparent)]
    Store(#[from] tradewind_store::Error),
    /// The machine.
    #[error("cannot {what}: {source}")]
    Machine {
        /// What was tried.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Error {
    /// Whether the same may succeed later.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Invalid(_) | Self::Damaged { .. } => false,
            Self::Repository { source, .. } => !matches!(
                source,
                object_store::Error::NotFound { .. }
                    | object_store::Error::NotSupported { .. }
                    | object_store::Error::PermissionDenied { .. }
                    | object_store::Error::Unauthenticated { .. }
            ),
            Self::Store(error) => error.is_temporary(),
            Self::Machine { .. } => true,
        }
    }
}

/// For work on threads that may block.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(Error::Invalid(format!("the work ended early: {error}"))),
    }
}
