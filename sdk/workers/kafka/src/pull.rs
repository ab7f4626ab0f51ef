//! The member of the group: one task reads, handlers take what it read.

use crate::config::Settings;
use crate::ledger::{Flow, Given, Ledger};
use crate::record::{Place, Record};
use rdkafka::consumer::{
    BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance, StreamConsumer,
};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Header;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{ClientContext, TopicPartitionList};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tradewind::worker::{
    Fut, Order, Pull, PullError, Pulled, Settled, Settlement, Token, delivery,
};

/// How long a look for records waits.
const WAIT: Duration = Duration::from_secs(5);
/// How long a consumer may take to leave its group.
const LEAVING: Duration = Duration::from_secs(5);
/// Pause after a failure to read.
const PAUSE: Duration = Duration::from_secs(1);

pub(crate) struct Group {
    desk: Arc<Desk>,
    consumer: Arc<StreamConsumer<Member>>,
    dead_letters: Option<(String, FutureProducer)>,
    reading: JoinHandle<()>,
}

#[derive(Default)]
struct Desk {
    ledger: Mutex<Ledger>,
    /// Something may be given that was not before.
    changed: Notify,
    failure: Mutex<Option<PullError>>,
}

impl Desk {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self) -> MutexGuard<'_, Option<PullError>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the client tells a member of the group.
struct Member(Arc<Desk>);

impl ClientContext for Member {
    fn error(&self, error: KafkaError, reason: &str) {
        // While brokers are down this comes several times a second; reading tells of it.
        tracing::debug!(%error, reason, "the consumer has trouble");
    }
}

impl ConsumerContext for Member {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(partitions) => self.0.ledger().assign(places(partitions)),
            Rebalance::Revoke(partitions) => self.0.ledger().revoke(places(partitions)),
            Rebalance::Error(error) => tracing::warn!(%error, "the group could not be rebalanced"),
        }
    }
}

fn places(partitions: &TopicPartitionList) -> Vec<Place> {
    let elements = partitions.elements();
    let place = |element: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| {
        (element.topic().to_owned(), element.partition())
    };
    elements.iter().map(place).collect()
}

fn invalid(error: &KafkaError) -> PullError {
    PullError::fatal(format!("the settings for Kafka: {error}"))
}

impl Group {
    pub(crate) fn join(settings: Settings) -> Result<Self, PullError> {
        let desk = Arc::new(Desk::default());
        let consumer: StreamConsumer<Member> = settings
            .consumer()
            .create_with_context(Member(desk.clone()))
            .map_err(|error| invalid(&error))?;
        let topics: Vec<&str> = settings.topics.iter().map(String::as_str).collect();
        consumer
            .subscribe(&topics)
            .map_err(|error| invalid(&error))?;
        let dead_letters = match &settings.dead_letter {
            None => None,
            Some(topic) => {
                let producer = settings.producer().create();
                Some((topic.clone(), producer.map_err(|error| invalid(&error))?))
            }
        };
        let consumer = Arc::new(consumer);
        Ok(Self {
            reading: tokio::spawn(read(consumer.clone(), desk.clone())),
            desk,
            consumer,
            dead_letters,
        })
    }

    fn flow(&self, flows: &[Flow]) {
        flow(&self.consumer, flows);
    }

    async fn take(&self, max: usize) -> Result<Vec<Pulled>, PullError> {
        let until = Instant::now() + WAIT;
        loop {
            let changed = self.desk.changed.notified();
            let (given, flows) = self.desk.ledger().give(max, Instant::now());
            self.flow(&flows);
            if !given.is_empty() {
                return Ok(given.into_iter().map(pulled).collect());
            }
            if let Some(error) = self.desk.failed().take() {
                return Err(error);
            }
            let due = self.desk.ledger().due().unwrap_or(until).min(until);
            tokio::select! {
                () = changed => {}
                () = sleep_until(due) => {}
            }
            if Instant::now() >= until {
                return Ok(Vec::new());
            }
        }
    }

    fn done(&self, token: &Token) -> Result<(), PullError> {
        let done = self.desk.ledger().done(token);
        let Some(((topic, partition), offset)) = done else {
            return Ok(());
        };
        // The call adds one.
        match self.consumer.store_offset(&topic, partition, offset) {
            // The partition went a moment ago; whoever has it reads these records again.
            Err(KafkaError::StoreOffset(RDKafkaErrorCode::State)) => Ok(()),
            stored => stored.map_err(|e| PullError::passing(format!("offsets: {e}"))),
        }
    }

    /// A record that will never work is done when it is kept elsewhere; where there is no such place it stays.
    async fn never(&self, token: &Token, reason: &str) -> Result<(), PullError> {
        let found = self.desk.ledger().find(token).cloned();
        let Some(record) = found else { return Ok(()) };
        let Some((topic, producer)) = &self.dead_letters else {
            let (name, partition) = &record.place;
            tracing::warn!(
                topic = name,
                partition,
                offset = record.offset,
                reason,
                "a rejected record stops its partition; see TRADEWIND_KAFKA_DEAD_LETTER"
            );
            self.again(token, true, None);
            return Ok(());
        };
        let place = format!("{}/{}", record.place.1, record.offset);
        let told = [
            ("tradewind-reason", reason),
            ("tradewind-topic", &record.place.0),
            ("tradewind-place", &place),
        ];
        let mut headers = record.headers();
        for (key, value) in told {
            headers = headers.insert(Header {
                key,
                value: Some(value),
            });
        }
        let mut letter: FutureRecord<'_, [u8], [u8]> = FutureRecord::to(topic).headers(headers);
        if let Some(key) = &record.key {
            letter = letter.key(key);
        }
        if let Some(value) = &record.value {
            letter = letter.payload(value);
        }
        let sent = producer.send(letter, rdkafka::util::Timeout::Never).await;
        match sent {
            Ok(_) => self.done(token),
            Err((error, _)) => Err(PullError::passing(format!("dead letters: {error}"))),
        }
    }

    fn again(&self, token: &Token, counted: bool, after: Option<Duration>) {
        let now = Instant::now();
        self.desk.ledger().again(token, counted, after, now);
    }
}

fn flow(consumer: &StreamConsumer<Member>, flows: &[Flow]) {
    for flow in flows {
        let (Flow::Pause(place) | Flow::Resume(place)) = flow;
        let mut list = TopicPartitionList::new();
        list.add_partition(&place.0, place.1);
        let told = match flow {
            Flow::Pause(_) => consumer.pause(&list),
            Flow::Resume(_) => consumer.resume(&list),
        };
        // A partition that went meanwhile.
        if let Err(error) = told {
            tracing::debug!(%error, "a partition could not be paused or resumed");
        }
    }
}

/// Reads without pause, so that the group knows that this member lives however long handlers take.
async fn read(consumer: Arc<StreamConsumer<Member>>, desk: Arc<Desk>) {
    loop {
        match consumer.recv().await {
            Ok(message) => {
                let flows = desk.ledger().read(Record::of(&message));
                flow(&consumer, flows.as_slice());
                desk.changed.notify_one();
            }
            Err(error) => {
                let text = format!("reading: {error}");
                let denied = matches!(
                    error.rdkafka_error_code(),
                    Some(
                        RDKafkaErrorCode::UnknownTopicOrPartition
                            | RDKafkaErrorCode::TopicAuthorizationFailed
                            | RDKafkaErrorCode::GroupAuthorizationFailed
                            | RDKafkaErrorCode::SaslAuthenticationFailed
                    )
                );
                *desk.failed() = Some(match denied {
                    true => PullError::fatal(text),
                    false => PullError::passing(text),
                });
                desk.changed.notify_one();
                sleep(PAUSE).await;
            }
        }
    }
}

fn pulled(given: Given) -> Pulled {
    let Given {
        token,
        record,
        attempt,
    } = given;
    let (topic, partition) = &record.place;
    let order = Order::Group(format!("{partition}/{topic}"));
    let deliveries = record.event().map(|event| {
        let mut one = delivery(event);
        one.context = one.context.with_attempt(attempt);
        vec![one]
    });
    Pulled {
        token,
        deliveries,
        order,
        deadline: None,
    }
}

impl Pull for Group {
    fn pull(&self, max: usize) -> Fut<'_, Result<Vec<Pulled>, PullError>> {
        Box::pin(self.take(max))
    }

    fn settle(&self, settlements: Vec<Settlement>) -> Fut<'_, Result<(), PullError>> {
        Box::pin(async move {
            let mut outcome = Ok(());
            for Settlement { token, settled } in settlements {
                let told = match settled {
                    Settled::Done => self.done(&token),
                    Settled::Never { reason } => self.never(&token, &reason).await,
                    Settled::Again { after } => {
                        self.again(&token, true, after);
                        Ok(())
                    }
                    Settled::Untouched => {
                        self.again(&token, false, None);
                        Ok(())
                    }
                };
                outcome = outcome.and(told);
            }
            self.desk.changed.notify_one();
            outcome
        })
    }

    /// What is done is committed, and the group need not wait for this member to be missed.
    fn close(&self) -> Fut<'_, ()> {
        Box::pin(async move {
            self.reading.abort();
            let consumer = self.consumer.clone();
            let left = tokio::task::spawn_blocking(move || {
                let committed = consumer.commit_consumer_state(CommitMode::Sync);
                consumer.unsubscribe();
                committed
            });
            match timeout(LEAVING, left).await {
                // Nothing to commit is no failure.
                Ok(Ok(Ok(()) | Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::NoOffset)))) => {}
                Ok(Ok(Err(error))) => {
                    tracing::warn!(%error, "the last offsets were not committed: what was done comes again");
                }
                _ => tracing::warn!("the group was not left in time: what was done may come again"),
            }
        })
    }
}
