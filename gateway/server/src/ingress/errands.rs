//! Addresses that a verified sender wants to see visited: confirmations of subscriptions.

use super::Problem;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tradewind_adapter::Fetch;

/// Visits in the background: few at a time, each address once.
#[derive(Debug, Clone)]
pub(crate) struct Errands {
    fetch: Arc<dyn Fetch>,
    slots: Arc<Semaphore>,
    done: Arc<Mutex<HashMap<String, Instant>>>,
}

/// Visits under way at once; more are asked to come back.
const SLOTS: usize = 8;
/// Addresses remembered.
const REMEMBERED: usize = 1024;
/// For how long.
const MEMORY: Duration = Duration::from_secs(3600);
/// Pauses before further tries.
const PAUSES: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(15)];
/// Most bytes of an answer, of which none is looked at.
const BYTES_MAX: usize = 64 << 10;

impl Errands {
    pub(crate) fn new(fetch: Arc<dyn Fetch>) -> Self {
        Self {
            fetch,
            slots: Arc::new(Semaphore::new(SLOTS)),
            done: Arc::default(),
        }
    }

    /// Sends somebody there, unless that was done before.
    pub(crate) fn run(&self, source: &str, url: String) -> Result<(), Problem> {
        let overloaded = || Problem::overloaded("too many confirmations under way");
        {
            let mut done = self.done();
            done.retain(|_, at| at.elapsed() < MEMORY);
            if done.contains_key(&url) {
                return Ok(());
            }
            if done.len() >= REMEMBERED {
                return Err(overloaded());
            }
        }
        let slots = Arc::clone(&self.slots);
        let slot = slots.try_acquire_owned().map_err(|_| overloaded())?;
        self.done().insert(url.clone(), Instant::now());
        let (this, source) = (self.clone(), source.to_owned());
        tokio::spawn(async move {
            this.visit(&source, &url).await;
            drop(slot);
        });
        Ok(())
    }

    /// The address holds a token: it is in no log.
    async fn visit(&self, source: &str, url: &str) {
        let mut pauses = PAUSES.into_iter();
        loop {
            let error = match self.fetch.get(url, BYTES_MAX).await {
                Ok(_) => {
                    tracing::info!(source, "the sender's address was visited");
                    return;
                }
                Err(error) => error,
            };
            tracing::warn!(source, %error, "the sender's address was not reached");
            match pauses.next() {
                Some(pause) => tokio::time::sleep(pause).await,
                None => break,
            }
        }
        // The sender may ask again.
        self.done().remove(url);
    }

    fn done(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tradewind_adapter::{Error, ErrorKind, Fetched};

    /// Fails so often, then answers; each takes a second.
    #[derive(Debug)]
    struct Web {
        failures: usize,
        asked: AtomicUsize,
    }

    #[async_trait]
    impl Fetch for Web {
        async fn get(&self, _: &str, _: usize) -> Result<Fetched, Error> {
            tokio::time::sleep(Duration::from_secs(1)).await;
            match self.asked.fetch_add(1, Ordering::SeqCst) < self.failures {
                true => Err(Error::new(ErrorKind::Unavailable, "fetch", "down")),
                false => Ok(Fetched {
                    body: Default::default(),
                    fresh: None,
                }),
            }
        }
    }

    fn errands(failures: usize) -> (Errands, Arc<Web>) {
        let asked = AtomicUsize::new(0);
        let web = Arc::new(Web { failures, asked });
        (Errands::new(web.clone()), web)
    }

    #[tokio::test(start_paused = true)]
    async fn each_address_is_visited_once_and_few_at_a_time() {
        let (errands, web) = errands(0);
        for _ in 0..100 {
            errands.run("sns", "https://a.example/".into()).unwrap();
        }
        for n in 1..SLOTS {
            errands.run("sns", format!("https://{n}.example/")).unwrap();
        }
        let problem = errands.run("sns", "https://x.example/".into()).unwrap_err();
        assert_eq!(problem.status, 503);
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(web.asked.load(Ordering::SeqCst), SLOTS);
        errands.run("sns", "https://x.example/".into()).unwrap();
        errands.run("sns", "https://a.example/".into()).unwrap();
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(web.asked.load(Ordering::SeqCst), SLOTS + 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_fails_is_tried_again_and_then_left_to_the_sender() {
        let (errands, web) = errands(4);
        errands.run("sns", "https://a.example/".into()).unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(web.asked.load(Ordering::SeqCst), 3);
        errands.run("sns", "https://a.example/".into()).unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(web.asked.load(Ordering::SeqCst), 5);
        errands.run("sns", "https://a.example/".into()).unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(web.asked.load(Ordering::SeqCst), 5);
    }
}
