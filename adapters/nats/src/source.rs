//! The source: a durable consumer of JetStream, or a subscription.

use crate::access::{Access, Line, there_and_back};
use crate::message::{self, Place};
use crate::{KIND, consumer, failure};
use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::stream::{ConsumerCreateStrictErrorKind, ConsumerErrorKind};
use async_nats::jetstream::{self, AckKind, Context, ErrorCode};
use async_nats::{Client, Message, Subscriber};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout, timeout_at};
use tradewind_adapter::{
    Build, Capability, Error, ErrorKind, Received, Settlement, Source, SourceAdapter, Token,
};
use tradewind_brokers::{invalid, unavailable, unique};
use tradewind_event::Limits;

/// Bytes that are asked for at once, beside one message of the size that the server takes at most.
const BYTES: usize = 8 << 20;
/// How long a server may take to answer.
const ANSWERING: Duration = Duration::from_secs(5);

/// Settings of a source of kind `nats`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SourceConfig {
    /// Servers, and how to get in. Since 0.1.
    pub cluster: Access,
    /// The stream of JetStream that is read. Without it, `subjects` are subscribed to, and what is published while
    /// nobody listens is lost. Since 0.1.
    #[serde(rename = "jetstream")]
    pub stream: Option<String>,
    /// Durable consumer of that stream; made if it is not there, and left as it is if it is; its ack policy must be
    /// `explicit`. Those who read by the same one share the messages. Default `tradewind`. Since 0.1.
    #[serde(default = "tradewind")]
    pub consumer: String,
    /// Subjects, wildcards included; a consumer that is there must have the same ones. Default: all of the stream, or
    /// those of the consumer that is there. Since 0.1.
    #[serde(default)]
    pub subjects: Vec<String>,
    /// Seconds after which the server gives an unsettled message again. 1 to 43200, default 60. Since 0.1.
    #[serde(default = "minute")]
    #[schemars(range(min = 1, max = 43_200))]
    pub ack_wait: u32,
}

fn tradewind() -> String {
    "tradewind".into()
}

fn minute() -> u32 {
    60
}

/// Reads a stream, or subjects.
#[derive(Debug)]
pub struct NatsSource {
    name: String,
    config: SourceConfig,
    line: Line,
    consumer: Mutex<Option<PullConsumer>>,
    subscribed: Mutex<Option<Subscriber>>,
    heard: std::sync::Mutex<Heard>,
    limits: Limits,
}

impl NatsSource {
    /// A source of this name with these settings; it connects when it is first asked.
    ///
    /// # Errors
    /// Settings that cannot be right.
    pub fn new(name: &str, config: SourceConfig) -> Result<Self, Error> {
        let legal =
            |name: &str| !name.is_empty() && !name.contains(['.', '*', '>', '/', '\\', ' ', '\t']);
        if config.stream.as_deref().is_some_and(|name| !legal(name)) || !legal(&config.consumer) {
            return Err(invalid(
                "`jetstream` and `consumer` are names without `.`, `*`, `>`, slashes and spaces",
            ));
        }
        if config.stream.is_none() && config.subjects.len() != 1 {
            return Err(invalid(
                "without `jetstream`, `subjects` is one subject, perhaps with wildcards",
            ));
        }
        let valid = |subject: &String| async_nats::Subject::from(subject.as_str()).is_valid();
        if !config.subjects.iter().all(valid) {
            return Err(invalid("`subjects` are words with `.` between them"));
        }
        if !(1..=43_200).contains(&config.ack_wait) {
            return Err(invalid("`ack-wait` is 1 to 43200"));
        }
        Ok(Self {
            name: name.to_owned(),
            line: Line::new(config.cluster.clone())?,
            config,
            consumer: Mutex::default(),
            subscribed: Mutex::default(),
            heard: std::sync::Mutex::default(),
            limits: Limits::default(),
        })
    }

    async fn consumer(&self, stream: &str) -> Result<PullConsumer, Error> {
        let mut kept = self.consumer.lock().await;
        if let Some(consumer) = &*kept {
            return Ok(consumer.clone());
        }
        let context = jetstream::new(self.line.client().await?);
        let found = timeout(ANSWERING, self.found_or_made(&context, stream)).await;
        let found = found.map_err(|_| silent())??;
        *kept = Some(found.clone());
        Ok(found)
    }

    /// One that is there may be an operator's, whose settings count.
    async fn found_or_made(&self, context: &Context, stream: &str) -> Result<PullConsumer, Error> {
        let failed = |error: &dyn std::fmt::Display| failure::stream("consume", error);
        let find = async || {
            let found = context.get_consumer_from_stream(&self.config.consumer, stream);
            let found: PullConsumer = match found.await {
                Ok(found) => found,
                Err(error) if is_missing(&error.kind()) => return Ok(None),
                Err(error) => return Err(failed(&error)),
            };
            let there = &found.cached_info().config;
            consumer::fit(there, &self.config.subjects)?;
            let ack_wait = there.ack_wait;
            if ack_wait != self.settings().ack_wait {
                tracing::warn!(
                    consumer = self.config.consumer,
                    ?ack_wait,
                    "the consumer that is there has another `ack-wait`"
                );
            }
            Ok(Some(found))
        };
        if let Some(found) = find().await? {
            return Ok(found);
        }
        let made = context.create_consumer_strict_on_stream(self.settings(), stream);
        match made.await {
            Ok(made) => {
                consumer::fit(&made.cached_info().config, &self.config.subjects)?;
                Ok(made)
            }
            // Another one was quicker.
            Err(error) if error.kind() == ConsumerCreateStrictErrorKind::AlreadyExists => {
                find().await?.ok_or_else(|| failed(&error))
            }
            Err(error) => Err(failed(&error)),
        }
    }

    fn settings(&self) -> pull::Config {
        // Servers before 2.10 know one only, and take no notice of several.
        let (one, several) = match self.config.subjects.as_slice() {
            [one] => (one.clone(), Vec::new()),
            several => (String::new(), several.to_vec()),
        };
        pull::Config {
            durable_name: Some(self.config.consumer.clone()),
            filter_subject: one,
            filter_subjects: several,
            ack_policy: AckPolicy::Explicit,
            ack_wait: Duration::from_secs(self.config.ack_wait.into()),
            ..pull::Config::default()
        }
    }

    /// What is there, or the first that comes. Whatever a server has sent is taken: what is not stays away until its
    /// time to be settled is over.
    async fn pull(&self, stream: &str, max: usize, wait: Duration) -> Result<Vec<Received>, Error> {
        let consumer = self.consumer(stream).await?;
        let at_once = BYTES.max(2 * self.line.client().await?.max_payload());
        let mut taken = Vec::new();
        let there = consumer.fetch().max_messages(max).max_bytes(at_once);
        let mut ended = self.take(there.messages(), ANSWERING, &mut taken).await;
        if ended.is_ok() && taken.is_empty() && !wait.is_zero() {
            let next = consumer.batch().max_messages(1).expires(wait);
            ended = self
                .take(next.messages(), wait + ANSWERING, &mut taken)
                .await;
        }
        match ended {
            Err(error) => {
                // One that was deleted is made again.
                *self.consumer.lock().await = None;
                match taken.is_empty() {
                    true => Err(error),
                    // What has come is worth more than the news that the rest does not.
                    false => Ok(taken),
                }
            }
            Ok(()) => Ok(taken),
        }
    }

    async fn take<E: std::fmt::Display>(
        &self,
        asked: impl Future<Output = Result<pull::Batch, E>>,
        most: Duration,
        taken: &mut Vec<Received>,
    ) -> Result<(), Error> {
        let failed = |error: String| {
            let gone = error.contains("deleted") || error.contains("no responders");
            match gone {
                true => failure::stream("receive", &"consumer not found"),
                false => unavailable("receive", error),
            }
        };
        let until = Instant::now() + most;
        let asked = timeout_at(until, asked).await.map_err(|_| silent())?;
        let mut messages = asked.map_err(|error| failed(error.to_string()))?;
        loop {
            // An answer that is lost with its connection never comes.
            let next = timeout_at(until, messages.next()).await;
            match next.map_err(|_| silent())? {
                Some(Ok(message)) => taken.push(self.read(&message)),
                Some(Err(error)) => return Err(failed(error.to_string())),
                None => return Ok(()),
            }
        }
    }

    fn read(&self, message: &jetstream::Message) -> Received {
        let place = message.info().map_or_else(
            |_| Place::default(),
            |info| Place {
                id: info.stream_sequence.to_string(),
                time: rfc3339(info.published),
            },
        );
        let stream = self.config.stream.as_deref().unwrap_or_default();
        let source = format!("/nats/{}/{stream}", self.name);
        let reply = message.reply.as_ref();
        let token = Token(reply.map(ToString::to_string).unwrap_or_default());
        self.received(token, message, place, &source)
    }

    fn received(&self, token: Token, message: &Message, place: Place, source: &str) -> Received {
        let event = message::event(message, place.clone(), source, &self.limits);
        Received::one(token, event, || {
            message::plain(message, place, source).kept(&self.limits)
        })
    }

    /// From a subscription. Nothing names such a message, so a repetition by its sender is another event.
    async fn listen(&self, max: usize, wait: Duration) -> Result<Vec<Received>, Error> {
        let mut subscribed = self.subscribed.lock().await;
        let subscriber = match &mut *subscribed {
            Some(subscriber) => subscriber,
            none => none.insert(self.subscribe().await?),
        };
        let (due, soonest) = self.heard().due(max);
        let mut taken: Vec<Received> = due.into_iter().map(|message| self.hear(message)).collect();
        let wait = match taken.is_empty() {
            true => wait.min(soonest.unwrap_or(wait)),
            false => Duration::ZERO,
        };
        let mut bytes = 0;
        let mut next = match taken.len() < max {
            true => timeout(wait, subscriber.next()).await.ok(),
            false => None,
        };
        while let Some(message) = next {
            let Some(message) = message else {
                *subscribed = None;
                break;
            };
            bytes += message.payload.len();
            taken.push(self.hear(message));
            let more = taken.len() < max && bytes < BYTES;
            next = more.then(|| subscriber.next().now_or_never()).flatten();
        }
        Ok(taken)
    }

    async fn subscribe(&self) -> Result<Subscriber, Error> {
        let client = self.line.client().await?;
        let subject = self.config.subjects.first().cloned().unwrap_or_default();
        let group = self.config.consumer.clone();
        let made = client.queue_subscribe(subject, group).await;
        let made = made.map_err(|error| unavailable("subscribe", error))?;
        // Whoever has waited for this to return counts on being heard.
        let refusals = self.line.refusals();
        let heard = timeout(ANSWERING, there_and_back(&client)).await;
        heard.map_err(|_| silent())??;
        match self.line.refusals() == refusals {
            true => Ok(made),
            false => Err(Error::new(
                ErrorKind::PermissionDenied,
                "subscribe",
                "the server refuses it; hint: this user must be allowed to subscribe to `subjects`",
            )),
        }
    }

    /// Held until it is settled: no server gives it again.
    fn hear(&self, message: Message) -> Received {
        let place = Place {
            id: unique(),
            time: None,
        };
        let token = Token(place.id.clone());
        let source = format!("/nats/{}", self.name);
        let received = self.received(token.clone(), &message, place, &source);
        self.heard().held.insert(token, message);
        received
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers who has asked, and keeps what was given back.
    async fn settle_heard(&self, settlements: Vec<(Token, Settlement)>) -> Result<(), Error> {
        let mut answers = Vec::new();
        for (token, settlement) in settlements {
            let mut heard = self.heard();
            let Some(message) = heard.held.remove(&token) else {
                continue;
            };
            match settlement {
                Settlement::Ack => answers.extend(message.reply),
                Settlement::Nack { delay } => {
                    let at = Instant::now() + delay.unwrap_or_default();
                    heard.again.push((at, message));
                }
            }
        }
        if answers.is_empty() {
            return Ok(());
        }
        let client = self.line.client().await?;
        for reply in answers {
            let token = Token(reply.to_string());
            self.say(&client, token, AckKind::Ack.into()).await?;
        }
        flush(&client).await
    }

    async fn say(&self, client: &Client, token: Token, what: Bytes) -> Result<(), Error> {
        if token.0.is_empty() {
            return Ok(());
        }
        let said = client.publish(token.0, what).await;
        said.map_err(|error| unavailable("settle", error))
    }
}

/// Messages of a subscription that are not settled.
#[derive(Debug, Default)]
struct Heard {
    held: HashMap<Token, Message>,
    /// Given back: when each is to come again.
    again: Vec<(Instant, Message)>,
}

impl Heard {
    /// At most `max` of those that are to come again now, and how long until the next one is.
    fn due(&mut self, max: usize) -> (Vec<Message>, Option<Duration>) {
        let now = Instant::now();
        let due = self.again.extract_if(.., |(at, _)| *at <= now);
        let due = due.take(max).map(|(_, message)| message).collect();
        let left = self.again.iter();
        let soonest = left.map(|(at, _)| at.saturating_duration_since(now));
        (due, soonest.min())
    }
}

/// Returns when what was said is sent.
async fn flush(client: &Client) -> Result<(), Error> {
    match timeout(ANSWERING, client.flush()).await {
        Ok(sent) => sent.map_err(|error| unavailable("settle", error)),
        Err(_) => Err(unavailable("settle", "no answer")),
    }
}

fn is_missing(error: &ConsumerErrorKind) -> bool {
    matches!(error, ConsumerErrorKind::JetStream(error) if error.error_code() == ErrorCode::CONSUMER_NOT_FOUND)
}

fn silent() -> Error {
    unavailable("receive", "no answer")
}

fn rfc3339(time: impl Into<std::time::SystemTime>) -> Option<String> {
    let time = jiff::Timestamp::try_from(time.into()).ok()?;
    Some(format!("{time:.3}"))
}

#[async_trait]
impl Source for NatsSource {
    async fn receive(&self, max: usize, wait: Duration) -> Result<Vec<Received>, Error> {
        match &self.config.stream {
            Some(stream) => self.pull(stream, max, wait).await,
            None => self.listen(max, wait).await,
        }
    }

    async fn settle(&self, settlements: Vec<(Token, Settlement)>) -> Result<(), Error> {
        if self.config.stream.is_none() {
            return self.settle_heard(settlements).await;
        }
        let client = self.line.client().await?;
        for (token, settlement) in settlements {
            let what = match settlement {
                Settlement::Ack => AckKind::Ack,
                Settlement::Nack { delay } => AckKind::Nak(delay),
            };
            self.say(&client, token, what.into()).await?;
        }
        flush(&client).await
    }

    async fn extend(&self, tokens: Vec<Token>) -> Result<(), Error> {
        if self.config.stream.is_none() {
            return Ok(());
        }
        let client = self.line.client().await?;
        for token in tokens {
            self.say(&client, token, AckKind::Progress.into()).await?;
        }
        Ok(())
    }

    fn capability(&self) -> Capability {
        let mut capability = Capability::default();
        capability.receive_nack = true;
        if self.config.stream.is_some() {
            capability.receive_lease = Some(Duration::from_secs(self.config.ack_wait.into()));
        }
        capability
    }

    async fn health(&self) -> Result<(), Error> {
        let client = self.line.health().await?;
        let Some(stream) = &self.config.stream else {
            return Ok(());
        };
        let found = jetstream::new(client).get_stream(stream).await;
        found
            .map(drop)
            .map_err(|error| failure::stream("health", &error))
    }
}

impl SourceAdapter for NatsSource {
    const KIND: &'static str = KIND;
    type Config = SourceConfig;

    fn build(config: SourceConfig, build: &Build) -> Result<Arc<dyn Source>, Error> {
        Ok(Arc::new(Self::new(&build.name, config)?))
    }
}
