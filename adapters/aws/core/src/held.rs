//! Credentials that are held until they end, for requests that the SDK's clients do not make.

use crate::Failure;
use crate::signer::lasts;
use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tradewind_adapter::Unproved;
use tradewind_identity::{Fresh, Kept, Origin};

/// Credentials of one provider.
#[derive(Debug)]
pub(crate) struct Held {
    kept: Kept<Credentials>,
    failed: Failed,
}

/// What AWS said when it gave none, which an [`Unproved`] does not hold.
#[derive(Debug, Clone, Default)]
struct Failed(Arc<Mutex<Option<Failure>>>);

impl Failed {
    fn locked(&self) -> MutexGuard<'_, Option<Failure>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Provider(SharedCredentialsProvider, Failed);

#[async_trait]
impl Origin<Credentials> for Provider {
    async fn obtain(&self) -> Result<Fresh<Credentials>, Unproved> {
        *self.1.locked() = None;
        let found = self.0.provide_credentials().await;
        let credentials = found.map_err(|error| {
            let failure = Failure::of_credentials(&error);
            let unproved = Unproved::unavailable(failure.detail.clone());
            *self.1.locked() = Some(failure);
            unproved
        })?;
        Ok(Fresh {
            lasts: lasts(&credentials),
            value: credentials,
        })
    }
}

impl Held {
    pub(crate) fn new(provider: SharedCredentialsProvider) -> Self {
        let failed = Failed::default();
        Self {
            kept: Kept::new(Provider(provider, failed.clone())),
            failed,
        }
    }

    pub(crate) async fn get(&self) -> Result<Credentials, Failure> {
        self.kept.get().await.map_err(|unproved| {
            let failure = self.failed.locked().clone();
            failure.unwrap_or_else(|| Failure::unreachable(unproved.reason.detail))
        })
    }

    /// They were not taken: the next ones may be.
    pub(crate) fn refused(&self, credentials: &Credentials) {
        self.kept.refused(|held| held == credentials);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Meaning;
    use aws_credential_types::provider::error::CredentialsError;
    use aws_credential_types::provider::future::ProvideCredentials as Providing;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Counts how often it is asked; it has what it has.
    #[derive(Debug, Clone)]
    struct Counting(Arc<AtomicUsize>, Option<Credentials>);

    impl ProvideCredentials for Counting {
        fn provide_credentials<'a>(&'a self) -> Providing<'a>
        where
            Self: 'a,
        {
            self.0.fetch_add(1, Ordering::Relaxed);
            let none = || CredentialsError::not_loaded("nobody gave any");
            Providing::ready(self.1.clone().ok_or_else(none))
        }
    }

    fn held(credentials: Option<Credentials>) -> (Held, Arc<AtomicUsize>) {
        let asked = Arc::default();
        let provider = Counting(Arc::clone(&asked), credentials);
        (Held::new(SharedCredentialsProvider::new(provider)), asked)
    }

    #[tokio::test]
    async fn they_are_asked_for_once_and_again_where_they_are_refused() {
        let key = Credentials::new("id", "secret", None, None, "test");
        let (held, asked) = held(Some(key.clone()));
        for _ in 0..10 {
            assert_eq!(held.get().await.unwrap(), key);
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        held.refused(&Credentials::new("other", "secret", None, None, "test"));
        held.get().await.unwrap();
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        held.refused(&key);
        held.get().await.unwrap();
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn why_there_are_none_is_told_to_all() {
        let (held, asked) = held(None);
        for _ in 0..10 {
            let failure = held.get().await.unwrap_err();
            assert_eq!(failure.meaning, Meaning::Unreachable);
            assert!(failure.detail.contains("nobody gave any"), "{failure:?}");
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }
}
