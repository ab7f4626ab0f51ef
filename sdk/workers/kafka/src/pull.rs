//! The member of the group: one task reads, handlers take what it read.

use crate::config::Settings;
use crate::ledger::{Flow, Given, Ledger};
use crate::record::{Place, Record};
use rdkafka::consumer::{
    BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance, StreamConsumer,
};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Header;
use rdkafka::producer::{DeliveryFuture, FutureProducer, FutureRecord};
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

    /// What is to be said of a partition is said before anybody else sees the ledger: a pause that was said later could
    /// come after what ends it, and last for ever. The client's own thread takes it, which never asks for the ledger.
    fn read(&self, record: Record, say: impl Fn(&Flow)) {
        let mut ledger = self.ledger();
        ledger.read(record).iter().for_each(say);
    }

    fn give(&self, max: usize, now: Instant, say: impl Fn(&Flow)) -> Vec<Given> {
        let mut ledger = self.ledger();
        let (given, flows) = ledger.give(max, now);
        flows.iter().for_each(say);
        given
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

    async fn take(&self, max: usize) -> Result<Vec<Pulled>, PullError> {
        let until = Instant::now() + WAIT;
        loop {
            let changed = self.desk.changed.notified();
            let say = |flow: &Flow| say(&self.consumer, flow);
            let given = self.desk.give(max, Instant::now(), say);
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
    /// Gives its letter where that is on its way.
    fn never(&self, token: &Token, reason: &str) -> Option<Letter> {
        let record = self.desk.ledger().find(token).cloned()?;
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
            return None;
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
        match producer.send_result(letter) {
            Ok(sent) => Some((token.clone(), record, sent)),
            Err((error, _)) => {
                self.refused(token, &record, &error);
                None
            }
        }
    }

    async fn kept(&self, (token, record, sent): Letter) -> Result<(), PullError> {
        let error = match sent.await {
            Ok(Ok(_)) => return self.done(&token),
            Ok(Err((error, _))) => error,
            // The producer ended.
            Err(_) => KafkaError::Canceled,
        };
        self.refused(&token, &record, &error);
        Ok(())
    }

    /// It waits in its partition, and holds up no other one's offsets.
    fn refused(&self, token: &Token, record: &Record, error: &KafkaError) {
        let (name, partition) = &record.place;
        tracing::warn!(
            topic = name,
            partition,
            offset = record.offset,
            %error,
            "a rejected record was not kept as a dead letter, and is given again"
        );
        self.again(token, true, None);
    }

    fn again(&self, token: &Token, counted: bool, after: Option<Duration>) {
        let now = Instant::now();
        self.desk.ledger().again(token, counted, after, now);
    }
}

/// A record that is to be kept elsewhere, and what becomes of that.
type Letter = (Token, Record, DeliveryFuture);

fn say(consumer: &StreamConsumer<Member>, flow: &Flow) {
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

/// Reads without pause, so that the group knows that this member lives however long handlers take.
async fn read(consumer: Arc<StreamConsumer<Member>>, desk: Arc<Desk>) {
    loop {
        match consumer.recv().await {
            Ok(message) => {
                desk.read(Record::of(&message), |flow| say(&consumer, flow));
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
            let (mut outcome, mut letters) = (Ok(()), Vec::new());
            for Settlement { token, settled } in settlements {
                let told = match settled {
                    Settled::Done => self.done(&token),
                    Settled::Never { reason } => {
                        letters.extend(self.never(&token, &reason));
                        Ok(())
                    }
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
            // All are on their way: together they take no longer than one.
            for letter in letters {
                outcome = outcome.and(self.kept(letter).await);
            }
            self.desk.changed.notify_one();
            outcome
        })
    }

    /// Else their partition would wait for them until it is another's.
    fn abandon(&self, tokens: Vec<Token>) {
        for token in &tokens {
            self.again(token, true, None);
        }
        self.desk.changed.notify_one();
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

#[cfg(test)]
mod tests {
    use super::*;
    use rdkafka::mocking::MockCluster;

    fn dead_letters(brokers: &str, timeout: &str) -> Option<(String, FutureProducer)> {
        let producer = rdkafka::ClientConfig::new()
            .set("bootstrap.servers", brokers)
            .set("message.timeout.ms", timeout)
            .create();
        Some(("dead".into(), producer.unwrap()))
    }

    /// A member whose broker is not there, with as many records of each partition as if it had read them.
    fn member(partitions: i32, records: i64) -> Group {
        let get = |name: &str| {
            let value = match name {
                "TRADEWIND_KAFKA_BROKERS" => "127.0.0.1:1",
                "TRADEWIND_KAFKA_TOPICS" => "t",
                "TRADEWIND_KAFKA_GROUP" => "g",
                "TRADEWIND_KAFKA_DEAD_LETTER" => "dead",
                _ => return None,
            };
            Some(value.to_owned())
        };
        let mut member = Group::join(Settings::read(&get).unwrap()).unwrap();
        member.dead_letters = dead_letters("127.0.0.1:1", "1");
        let mut ledger = member.desk.ledger();
        ledger.assign((0..partitions).map(|partition| ("t".to_owned(), partition)));
        for partition in 0..partitions {
            for offset in 0..records {
                ledger.read(Record::at("t", partition, offset));
            }
        }
        drop(ledger);
        member
    }

    fn given(member: &Group, now: Instant) -> Vec<(i64, u32, Token)> {
        let (given, _) = member.desk.ledger().give(1, now);
        let told = |one: Given| (one.record.offset, one.attempt, one.token);
        given.into_iter().map(told).collect()
    }

    fn rejected(given: Vec<(i64, u32, Token)>) -> Vec<Settlement> {
        let reason = "no".to_owned();
        let given = given.into_iter().map(|(_, _, token)| Settlement {
            token,
            settled: Settled::Never {
                reason: reason.clone(),
            },
        });
        given.collect()
    }

    #[tokio::test]
    async fn a_record_that_is_not_kept_elsewhere_is_given_again_and_offsets_go_on() {
        let member = member(1, 2);
        let now = Instant::now();
        let first = given(&member, now);
        assert_eq!((first[0].0, first[0].1), (0, 1));
        member.settle(rejected(first)).await.unwrap();
        assert!(given(&member, now).is_empty());
        let due = member.desk.ledger().due().unwrap();
        let again = given(&member, due);
        assert_eq!((again[0].0, again[0].1), (0, 2));
        let done = |token: &Token| member.desk.ledger().done(token).map(|(_, offset)| offset);
        assert_eq!(done(&again[0].2), Some(0));
        assert_eq!(done(&given(&member, due)[0].2), Some(1));
    }

    #[tokio::test]
    async fn dead_letters_do_not_wait_for_one_another() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("dead", 1, 1).unwrap();
        let mut member = member(6, 1);
        member.dead_letters = dead_letters(&cluster.bootstrap_servers(), "10000");
        let now = Instant::now();
        // The first one also waits until the brokers are known. There is nobody who would keep offsets.
        let first = rejected(given(&member, now));
        member.settle(first).await.unwrap_err();
        let slow = Duration::from_secs(1);
        cluster.broker_round_trip_time(1, slow).unwrap();
        let others: Vec<_> = (0..5).flat_map(|_| given(&member, now)).collect();
        let tokens: Vec<_> = others.iter().map(|(_, _, token)| token.clone()).collect();
        assert_eq!(tokens.len(), 5);
        let settled = timeout(3 * slow, member.settle(rejected(others))).await;
        settled.unwrap().unwrap_err();
        // None is out, and none comes again.
        let ledger = member.desk.ledger();
        assert!(tokens.iter().all(|token| ledger.find(token).is_none()));
        assert_eq!(ledger.due(), None);
    }

    #[tokio::test]
    async fn a_record_whose_fate_could_not_be_told_is_given_again() {
        let member = member(1, 1);
        let now = Instant::now();
        let first = given(&member, now);
        member.abandon(vec![first[0].2.clone()]);
        let due = member.desk.ledger().due().unwrap();
        let again = given(&member, due);
        assert_eq!((again[0].0, again[0].1), (0, 2));
        // Of one that is settled there is nothing to be given again.
        member.desk.ledger().done(&again[0].2);
        member.abandon(vec![again[0].2.clone()]);
        assert!(given(&member, due + Duration::from_secs(60)).is_empty());
    }

    #[test]
    fn nobody_comes_between_the_ledger_and_what_is_said_of_a_partition() {
        let desk = Desk::default();
        desk.ledger().assign([("t".to_owned(), 0)]);
        let said = Mutex::new(Vec::new());
        let say = |flow: &Flow| {
            let paused = matches!(flow, Flow::Pause(_));
            let held = desk.ledger.try_lock().is_err();
            said.lock().unwrap().push((paused, held));
        };
        for offset in 0..256 {
            desk.read(Record::at("t", 0, offset), say);
        }
        while said.lock().unwrap().len() < 2 {
            for one in desk.give(100, Instant::now(), say) {
                desk.ledger().done(&one.token);
            }
        }
        assert_eq!(said.into_inner().unwrap(), [(true, true), (false, true)]);
    }
}
