//! The first words with the brokers: whether anybody answers, and if not, why.

use crate::cluster::Cluster;
use crate::failure::{is_refused, joined};
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use tradewind_store::Error;

/// How long brokers may take to answer for the first time.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long one answer is waited for, and how often it is told that there is none.
const ANSWER: Duration = Duration::from_secs(2);
const TOLD_EVERY: Duration = Duration::from_secs(5);

/// The last thing that a client had to say of its connections. What it answers says only that there is none.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heard(Arc<Mutex<Option<(KafkaError, String)>>>);

pub(crate) type Asker = BaseConsumer<Heard>;

impl Heard {
    fn set(&self, error: KafkaError, reason: &str) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // That all are gone says less than what became of one of them.
        if last.is_none() || error.rdkafka_error_code() != Some(Code::AllBrokersDown) {
            *last = Some((error, reason.to_owned()));
        }
    }
}

impl ClientContext for Heard {
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "a connection has trouble");
        self.set(error, reason);
    }

    /// What fails is in its log long before it is an error.
    fn log(&self, level: RDKafkaLogLevel, kind: &str, said: &str) {
        tracing::debug!(?level, kind, said, "of a connection");
        if kind == "FAIL" {
            self.set(KafkaError::Global(Code::BrokerTransportFailure), said);
        }
    }
}

impl rdkafka::consumer::ConsumerContext for Heard {}

/// Why a question had no answer, as far as is known, and whether it is refused.
pub(crate) fn why(asker: &Asker, error: &KafkaError) -> (String, bool) {
    // Nobody reads with it: this is how it gets to say something. The same is not said twice in a row.
    while asker.poll(Duration::ZERO).is_some() {}
    match &*heard(asker) {
        Some((heard, reason)) => (reason.clone(), is_refused(heard) || is_refused(error)),
        None => (error.to_string(), is_refused(error)),
    }
}

/// What was wrong before a question was answered says nothing of the next one.
pub(crate) fn answered(asker: &Asker) {
    while asker.poll(Duration::ZERO).is_some() {}
    *heard(asker) = None;
}

fn heard(asker: &Asker) -> MutexGuard<'_, Option<(KafkaError, String)>> {
    let heard = &asker.client().context().0;
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Cluster {
    /// Asks until a broker answers.
    ///
    /// # Errors
    /// `Failed` where who asks is refused, `Away` where nobody has answered in time.
    pub(crate) async fn reach(&self) -> Result<(), Error> {
        self.reach_within(PATIENCE).await
    }

    async fn reach_within(&self, patience: Duration) -> Result<(), Error> {
        let asker = Arc::clone(&self.asker);
        let brokers = self.params.client.get("bootstrap.servers");
        let brokers = brokers.unwrap_or_default().to_owned();
        let topic = self.topic("streams");
        let asked = tokio::task::spawn_blocking(move || {
            let began = Instant::now();
            let mut told = began;
            loop {
                let Err(error) = asker.fetch_metadata(Some(&topic), ANSWER) else {
                    answered(&asker);
                    return Ok(());
                };
                let (why, refused) = why(&asker, &error);
                if refused {
                    return Err(Error::Failed(format!(
                        "the brokers at {brokers} refuse: {why}"
                    )));
                }
                if began.elapsed() >= patience {
                    return Err(Error::Away(format!(
                        "no broker at {brokers} has answered in {} s: {why}; hint: are `cluster.brokers`, `tls` and \
                         `sasl` right, and do the brokers run?",
                        patience.as_secs()
                    )));
                }
                if told.elapsed() >= TOLD_EVERY || told == began {
                    told = Instant::now();
                    let left = patience.saturating_sub(began.elapsed()).as_secs();
                    tracing::warn!(
                        brokers,
                        why,
                        "no broker answers yet; asked for {left} s more"
                    );
                }
                // One that refuses a connection does so at once.
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        joined(asked.await)
    }
}

#[cfg(test)]
mod tests {
    use crate::cluster::{Cluster, Copies, Params};
    use rdkafka::ClientConfig;
    use rdkafka::mocking::MockCluster;
    use std::time::Duration;
    use tokio::time::{Instant, timeout};
    use tradewind_store::Error;

    fn cluster(brokers: &str) -> Cluster {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", brokers);
        let params = Params {
            copies: Copies::One,
            ..Params::new(client, std::env::temp_dir())
        };
        Cluster::new(params).unwrap()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn who_is_not_there_is_named_with_the_reason() {
        // Nobody listens once it is dropped.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = port.local_addr().unwrap().to_string();
        drop(port);
        let reached = cluster(&address).reach_within(Duration::from_secs(3)).await;
        let Err(Error::Away(why)) = reached else {
            panic!("{reached:?}");
        };
        for part in [&*address, "3 s", "refused", "hint: "] {
            assert!(why.contains(part), "{part}: {why}");
        }
    }

    /// One that takes connections and says nothing is no broker, either.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn who_says_nothing_is_given_up() {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = silent.local_addr().unwrap().to_string();
        let cluster = cluster(&address);
        let reached = cluster.reach_within(Duration::from_secs(3));
        let reached = timeout(Duration::from_secs(60), reached).await.unwrap();
        assert!(matches!(reached, Err(Error::Away(_))), "{reached:?}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn one_that_comes_late_is_reached() {
        let broker = MockCluster::new(1).unwrap();
        broker.broker_down(1).unwrap();
        let cluster = cluster(&broker.bootstrap_servers());
        let began = Instant::now();
        let comes = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            broker.broker_up(1).unwrap();
        };
        let (reached, ()) = tokio::join!(cluster.reach_within(Duration::from_secs(60)), comes);
        reached.unwrap();
        assert!(began.elapsed() >= Duration::from_secs(1));
    }
}
