//! The durable consumer.

use crate::config::Settings;
use crate::message::{self, Place};
use async_nats::jetstream::consumer::{AckPolicy, PullConsumer};
use async_nats::jetstream::{self, AckKind};
use async_nats::{Client, ConnectErrorKind};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::join_all;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};
use tradewind::worker::{
    Fut, Order, Pull, PullError, Pulled, Settled, Settlement, Token, delivery,
};

/// How long a look for messages waits at the server.
const WAIT: Duration = Duration::from_secs(5);
/// How long a server may take to answer.
const ANSWERING: Duration = Duration::from_secs(5);
/// First and longest pause before a message that failed comes again.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) struct Consumed {
    settings: Settings,
    client: Client,
    jetstream: jetstream::Context,
    consumer: Mutex<PullConsumer>,
    /// How long a message is out, as the consumer has it.
    lease: Duration,
    out: Mutex<HashMap<Token, Out>>,
}

/// A message that is not settled.
#[derive(Debug, Clone)]
struct Out {
    message: async_nats::Message,
    attempt: u32,
    sequence: u64,
    /// By then it came again, under another name.
    until: Instant,
}

impl Consumed {
    pub(crate) async fn open(settings: Settings) -> Result<Self, PullError> {
        let options = settings.options()?;
        let made = options.connect(settings.servers.as_slice()).await;
        let client = made.map_err(|error| {
            let text = format!("connecting: {error}");
            match error.kind() {
                ConnectErrorKind::Authentication
                | ConnectErrorKind::AuthorizationViolation
                | ConnectErrorKind::Tls => PullError::fatal(text),
                _ => PullError::passing(text),
            }
        })?;
        let jetstream = jetstream::new(client.clone());
        let consumer = consumer(&jetstream, &settings).await?;
        let lease = consumer.cached_info().config.ack_wait;
        Ok(Self {
            lease: lease.max(Duration::from_secs(1)),
            settings,
            client,
            jetstream,
            consumer: Mutex::new(consumer),
            out: Mutex::default(),
        })
    }

    fn out(&self) -> MutexGuard<'_, HashMap<Token, Out>> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn consumer(&self) -> PullConsumer {
        let consumer = self.consumer.lock();
        consumer.unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn take(&self, max: usize) -> Result<Vec<Pulled>, PullError> {
        let now = Instant::now();
        self.out().retain(|_, out| out.until > now);
        let mut taken = Vec::new();
        let there = self.consumer();
        let there = there.fetch().max_messages(max).messages();
        let mut ended = self.read(there, ANSWERING, &mut taken).await;
        if ended.is_ok() && taken.is_empty() {
            let next = self.consumer();
            let next = next.batch().max_messages(1).expires(WAIT).messages();
            ended = self.read(next, WAIT + ANSWERING, &mut taken).await;
        }
        match ended {
            Err(error) if taken.is_empty() => {
                // One that was deleted is made again.
                if let Ok(made) = consumer(&self.jetstream, &self.settings).await {
                    *self.consumer.lock().unwrap_or_else(PoisonError::into_inner) = made;
                }
                Err(error)
            }
            // What has come is worth more than the news that the rest does not.
            _ => Ok(taken),
        }
    }

    async fn read<E: std::fmt::Display>(
        &self,
        asked: impl Future<Output = Result<jetstream::consumer::pull::Batch, E>>,
        most: Duration,
        taken: &mut Vec<Pulled>,
    ) -> Result<(), PullError> {
        let failed =
            |error: &dyn std::fmt::Display| PullError::passing(format!("reading: {error}"));
        let until = Instant::now() + most;
        let asked = timeout_at(until, asked).await;
        let mut messages = asked
            .map_err(|_| failed(&"no answer"))?
            .map_err(|error| failed(&error))?;
        loop {
            // An answer that is lost with its connection never comes.
            let next = timeout_at(until, messages.next()).await;
            match next.map_err(|_| failed(&"no answer"))? {
                Some(Ok(message)) => taken.extend(self.pulled(message)),
                Some(Err(error)) => return Err(failed(&error)),
                None => return Ok(()),
            }
        }
    }

    /// A message without a place to answer to is no message of a consumer.
    fn pulled(&self, message: jetstream::Message) -> Option<Pulled> {
        let token = Token(message.reply.as_ref()?.to_string());
        let info = message.info().ok()?;
        let place = Place {
            stream: &self.settings.stream,
            sequence: info.stream_sequence,
            time: rfc3339(info.published),
        };
        let attempt = u32::try_from(info.delivered).unwrap_or(1).max(1);
        let sequence = info.stream_sequence;
        let deliveries = message::event(&message, place).map(|event| {
            let mut one = delivery(event);
            one.context = one.context.with_attempt(attempt);
            vec![one]
        });
        let message = message.message;
        let out = Out {
            message,
            attempt,
            sequence,
            until: Instant::now() + 2 * self.lease,
        };
        self.out().insert(token.clone(), out);
        Some(Pulled {
            token,
            deliveries,
            order: Order::Free,
            deadline: None,
        })
    }

    async fn settle_one(&self, settlement: Settlement) -> Result<(), PullError> {
        let Settlement { token, settled } = settlement;
        let known = self.out().get(&token).cloned();
        let Some(out) = known else { return Ok(()) };
        let pause = PAUSE * (1 << (out.attempt - 1).min(6));
        let pause = pause.min(PAUSE_MAX);
        let kind = match settled {
            Settled::Done => AckKind::Ack,
            Settled::Untouched => AckKind::Nak(None),
            Settled::Again { after } => AckKind::Nak(Some(after.unwrap_or(pause))),
            Settled::Never { reason } => match &self.settings.dead_letter {
                Some(subject) => match self.set_aside(subject, &out, &reason).await {
                    Ok(()) => AckKind::Ack,
                    // It waits for its pause, and holds up no other one's acknowledgement.
                    Err(error) => {
                        tracing::warn!(
                            sequence = out.sequence,
                            error,
                            "a rejected message was not kept as a dead letter, and comes again"
                        );
                        AckKind::Nak(Some(pause))
                    }
                },
                None => {
                    tracing::warn!(
                        sequence = out.sequence,
                        reason,
                        "a rejected message comes again; see TRADEWIND_NATS_DEAD_LETTER"
                    );
                    AckKind::Nak(Some(pause))
                }
            },
        };
        self.say(&token, kind.into()).await?;
        self.out().remove(&token);
        Ok(())
    }

    /// Kept by a stream before it is done here.
    async fn set_aside(&self, subject: &str, out: &Out, reason: &str) -> Result<(), String> {
        let mut headers = out.message.headers.clone().unwrap_or_default();
        let reason = reason.replace(|c: char| c.is_control(), " ");
        headers.insert("Tradewind-Reason", reason);
        headers.insert("Tradewind-Subject", out.message.subject.as_str());
        // Once for each message, however often it is told.
        let id = format!("{}/{}", self.settings.stream, out.sequence);
        headers.insert("Nats-Msg-Id", id);
        let payload = out.message.payload.clone();
        let sent = self
            .jetstream
            .publish_with_headers(subject.to_owned(), headers, payload)
            .await
            .map_err(|error| error.to_string())?;
        sent.await.map(drop).map_err(|error| error.to_string())
    }

    async fn say(&self, token: &Token, what: Bytes) -> Result<(), PullError> {
        let said = self.client.publish(token.0.clone(), what).await;
        said.map_err(|error| PullError::passing(format!("settling: {error}")))
    }

    /// Returns when what was said is sent.
    async fn flush(&self) -> Result<(), PullError> {
        let failed =
            |error: &dyn std::fmt::Display| PullError::passing(format!("settling: {error}"));
        let sent = timeout(ANSWERING, self.client.flush()).await;
        sent.map_err(|_| failed(&"no answer"))?
            .map_err(|error| failed(&error))
    }
}

/// The consumer of these settings, made where it is not there; one that is there keeps what they do not say.
async fn consumer(
    jetstream: &jetstream::Context,
    settings: &Settings,
) -> Result<PullConsumer, PullError> {
    let stream = timeout(ANSWERING, jetstream.get_stream(&settings.stream)).await;
    let stream = stream.map_err(|_| PullError::passing("the stream: no answer"))?;
    let stream = stream.map_err(|error| {
        let text = format!("the stream `{}`: {error}", settings.stream);
        match text.contains("not found") {
            true => PullError::fatal(format!(
                "{text}; JetStream must be on, and have this stream"
            )),
            false => PullError::passing(text),
        }
    })?;
    let made = stream.get_or_create_consumer(settings.name(), settings.consumer());
    let made = timeout(ANSWERING, made).await;
    let made = made.map_err(|_| PullError::passing("the consumer: no answer"))?;
    let made = made.map_err(|error| {
        PullError::passing(format!("the consumer `{}`: {error}", settings.name()))
    })?;
    // The others settle what no handler has seen yet: all that was sent, or all before what is settled.
    let policy = made.cached_info().config.ack_policy;
    match policy {
        AckPolicy::Explicit => Ok(made),
        _ => Err(PullError::fatal(format!(
            "the consumer `{}` that is there has the ack policy {policy:?}, by which messages are lost; \
             hint: make it with `explicit`, or name another by TRADEWIND_NATS_CONSUMER",
            settings.name()
        ))),
    }
}

fn rfc3339(time: impl Into<std::time::SystemTime>) -> Option<String> {
    let time = jiff::Timestamp::try_from(time.into()).ok()?;
    Some(format!("{time:.3}"))
}

impl Pull for Consumed {
    fn pull(&self, max: usize) -> Fut<'_, Result<Vec<Pulled>, PullError>> {
        Box::pin(self.take(max))
    }

    fn settle(&self, settlements: Vec<Settlement>) -> Fut<'_, Result<(), PullError>> {
        Box::pin(async move {
            let is_letter = |one: &Settlement| matches!(one.settled, Settled::Never { .. });
            let (letters, others) = settlements.into_iter().partition(is_letter);
            // Letters wait for another stream, all at once; what waits for nobody goes ahead of them.
            for part in [others, letters] {
                let part: Vec<Settlement> = part;
                if part.is_empty() {
                    continue;
                }
                let told = join_all(part.into_iter().map(|one| self.settle_one(one))).await;
                let told: Result<(), PullError> = told.into_iter().collect();
                told.and(self.flush().await)?;
            }
            Ok(())
        })
    }

    fn extend(&self, tokens: Vec<Token>) -> Fut<'_, Result<(), PullError>> {
        Box::pin(async move {
            for token in tokens {
                if let Some(out) = self.out().get_mut(&token) {
                    out.until = Instant::now() + 2 * self.lease;
                }
                self.say(&token, AckKind::Progress.into()).await?;
            }
            self.flush().await
        })
    }

    fn lease(&self) -> Option<Duration> {
        Some(self.lease)
    }

    fn close(&self) -> Fut<'_, ()> {
        Box::pin(async move {
            self.flush().await.ok();
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_nats::jetstream::{consumer::pull, stream};
    use tradewind_brokers::testkit::Server;

    /// How long a letter waits for its stream here.
    const LETTER: Duration = Duration::from_secs(4);
    const LETTERS: usize = 5;

    async fn start() -> Option<Server> {
        Server::start("nats", "nats-server", |command, folder, port| {
            command
                .args(["-a", "127.0.0.1", "-p", &port.to_string(), "-js", "-sd"])
                .arg(folder);
        })
        .await
    }

    fn settings(server: &Server) -> Settings {
        let address = format!("nats://{}", server.address());
        let get = |name: &str| {
            let value = match name {
                "TRADEWIND_NATS_SERVERS" => address.as_str(),
                "TRADEWIND_NATS_STREAM" => "ORDERS",
                "TRADEWIND_NATS_CONSUMER" => "c",
                "TRADEWIND_NATS_DEAD_LETTER" => "dead",
                _ => return None,
            };
            Some(value.to_owned())
        };
        Settings::read(&get).unwrap()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_consumer_that_settles_by_itself_is_refused() {
        let Some(server) = start().await else {
            return;
        };
        let client = async_nats::connect(server.address()).await.unwrap();
        let context = jetstream::new(client);
        let made = context.create_stream(stream::Config {
            name: "ORDERS".into(),
            subjects: vec!["orders".into()],
            ..stream::Config::default()
        });
        let config = pull::Config {
            durable_name: Some("c".into()),
            ack_policy: AckPolicy::None,
            ..pull::Config::default()
        };
        made.await.unwrap().create_consumer(config).await.unwrap();
        let refused = Consumed::open(settings(&server)).await.err().unwrap();
        let said = format!("{refused:?}");
        assert!(said.contains("ack policy None"), "{said}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn letters_that_nobody_takes_hold_up_nothing() {
        let Some(server) = start().await else {
            return;
        };
        let client = async_nats::connect(server.address()).await.unwrap();
        let context = jetstream::new(client.clone());
        let made = context.create_stream(stream::Config {
            name: "ORDERS".into(),
            subjects: vec!["orders".into()],
            ..stream::Config::default()
        });
        made.await.unwrap();
        for _ in 0..2 * LETTERS {
            let sent = context.publish("orders", "{}".into()).await.unwrap();
            sent.await.unwrap();
        }
        // As a stream without a leader: somebody is there, and never answers.
        let _silent = client.subscribe("dead").await.unwrap();
        client.flush().await.unwrap();
        let mut consumed = Consumed::open(settings(&server)).await.unwrap();
        consumed.jetstream.set_timeout(LETTER);
        let mut taken = Vec::new();
        while taken.len() < 2 * LETTERS {
            taken.extend(consumed.pull(2 * LETTERS).await.unwrap());
        }
        // Those that are refused are in front.
        let settled = |index: usize| match index < LETTERS {
            true => Settled::Never {
                reason: "no".into(),
            },
            false => Settled::Done,
        };
        let settlements = taken
            .into_iter()
            .enumerate()
            .map(|(index, one)| Settlement {
                token: one.token,
                settled: settled(index),
            });
        let settlements: Vec<_> = settlements.collect();
        let waiting = async || {
            let mut consumer = consumed.consumer();
            consumer.info().await.unwrap().num_ack_pending
        };
        // Who does not wait for the letters has settled the others by then.
        timeout(LETTER / 2, consumed.settle(settlements.clone()))
            .await
            .unwrap_err();
        assert_eq!(waiting().await, LETTERS);
        // They do not wait for one another either, and come again.
        let told = timeout(3 * LETTER, consumed.settle(settlements)).await;
        told.unwrap().unwrap();
        let again = consumed.pull(1).await.unwrap();
        assert_eq!(again.len(), 1);
    }
}
