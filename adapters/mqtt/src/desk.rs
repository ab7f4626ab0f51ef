//! What came, and what of it is held until it is settled.

use crate::inbox::{Arrived, Inbox};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Bytes from which on no more messages are given at once.
const BYTES: usize = 8 << 20;

#[derive(Debug, Default)]
pub(crate) struct Desk {
    pub(crate) inbox: Arc<Inbox>,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    /// Not settled yet, by the number of their token.
    held: BTreeMap<u64, Arrived>,
    /// Given back: when each is to come again. MQTT repeats nothing while a connection holds.
    again: Vec<(Instant, Arrived)>,
    last: u64,
    /// The connection that they were looked through for.
    connection: u64,
}

impl Desk {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives and holds what is there, or the first that comes. The connection may become another one meanwhile.
    pub(crate) async fn take<T>(
        &self,
        max: usize,
        wait: Duration,
        give: impl Fn(u64, &Arrived) -> T,
    ) -> Vec<T> {
        let until = Instant::now() + wait;
        let mut next = self.next();
        // What wakes may be what was taken before.
        while next.is_none() && Instant::now() < until {
            self.wait(until).await;
            next = self.next();
        }
        // From here on nothing is waited for: what is taken is given.
        let (mut taken, mut bytes) = (Vec::new(), 0);
        while let Some(arrived) = next {
            bytes += arrived.message.body.len();
            let mut book = self.book();
            book.last += 1;
            let number = book.last;
            taken.push(give(number, &arrived));
            book.held.insert(number, arrived);
            drop(book);
            let more = taken.len() < max && bytes < BYTES;
            next = more.then(|| self.next()).flatten();
        }
        taken
    }

    /// What is to come again now, else what came.
    fn next(&self) -> Option<Arrived> {
        let due = {
            let mut book = self.book();
            book.forget(self.inbox.connection());
            book.due()
        };
        due.or_else(|| self.inbox.next())
    }

    /// Waits until something may have come.
    async fn wait(&self, until: Instant) {
        let soonest = self.book().soonest();
        let until = until.min(soonest.unwrap_or(until));
        timeout_at(until, self.inbox.came.notified()).await.ok();
    }

    /// One that is settled.
    pub(crate) fn release(&self, number: u64) -> Option<Arrived> {
        self.book().held.remove(&number)
    }

    /// One that is to be given again.
    pub(crate) fn put_back(&self, at: Instant, arrived: Arrived) {
        self.book().again.push((at, arrived));
    }
}

impl Book {
    /// One that is to come again now.
    fn due(&mut self) -> Option<Arrived> {
        let now = Instant::now();
        let place = self.again.iter().position(|(at, _)| *at <= now)?;
        Some(self.again.remove(place).1)
    }

    /// When there is one.
    fn soonest(&self) -> Option<Instant> {
        self.again.iter().map(|(at, _)| *at).min()
    }

    /// What came over a connection that is gone comes again over the one that is there.
    fn forget(&mut self, connection: u64) {
        if self.connection == connection {
            return;
        }
        self.connection = connection;
        self.held.retain(|_, arrived| arrived.stays(connection));
        self.again.retain(|(_, arrived)| arrived.stays(connection));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Ack, Incoming};

    fn arrived(number: u64, topic: &str) -> Arrived {
        let publish = rumqttc_v4::Publish::new(topic, rumqttc_v4::QoS::AtLeastOnce, "x");
        Arrived {
            number,
            message: Incoming {
                topic: topic.into(),
                user: Vec::new(),
                content_type: None,
                body: "x".into(),
                ack: Some(Ack::V4(Box::new(publish))),
            },
        }
    }

    fn careless(number: u64, topic: &str) -> Arrived {
        let mut arrived = arrived(number, topic);
        arrived.message.ack = None;
        arrived
    }

    async fn take(desk: &Desk, wait: Duration) -> Vec<(u64, String)> {
        let give = |number, arrived: &Arrived| (number, arrived.message.topic.clone());
        desk.take(100, wait, give).await
    }

    fn topics(taken: Vec<(u64, String)>) -> Vec<String> {
        taken.into_iter().map(|(_, topic)| topic).collect()
    }

    #[tokio::test]
    async fn who_waits_while_a_connection_goes_is_given_what_comes_over_the_next() {
        let desk = Desk::default();
        desk.inbox.begin(1);
        let reconnect = async {
            desk.inbox.begin(2);
            for topic in ["a", "b"] {
                desk.inbox.take(arrived(2, topic));
            }
        };
        let (taken, ()) = tokio::join!(take(&desk, Duration::from_secs(5)), reconnect);
        assert_eq!(topics(taken), ["a", "b"]);
    }

    #[tokio::test]
    async fn what_comes_again_is_not_given_from_memory_too() {
        let desk = Desk::default();
        desk.inbox.begin(1);
        for topic in ["given back", "held"] {
            desk.inbox.take(arrived(1, topic));
        }
        desk.inbox.take(careless(1, "given back, wanted by nobody"));
        let taken = take(&desk, Duration::ZERO).await;
        let numbers: Vec<u64> = taken.iter().map(|(number, _)| *number).collect();
        for number in [numbers[0], numbers[2]] {
            let back = desk.release(number).unwrap();
            desk.put_back(Instant::now(), back);
        }
        desk.inbox.take(arrived(1, "waiting"));
        desk.inbox.begin(2);
        let taken = take(&desk, Duration::ZERO).await;
        assert_eq!(topics(taken), ["given back, wanted by nobody"]);
        assert!(desk.release(numbers[1]).is_none(), "it comes again");
    }
}
