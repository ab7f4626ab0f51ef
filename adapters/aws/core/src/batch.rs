//! Calls that take many entries, each with an outcome of its own.

use crate::Claims;
use async_trait::async_trait;
use std::time::Duration;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{Delivery, Outcome, Reason, Report};

/// Entries that are refused by themselves, one after the other and none taken, until the fault is taken for that of the
/// stream or topic and not of each. Most services take no more in one call.
const ALIKE_MAX: usize = 10;

/// What one call takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most entries.
    pub count: usize,
    /// Most bytes together, as the service counts them.
    pub bytes: usize,
}

/// One delivery, as the service takes it.
#[derive(Debug)]
pub struct Entry<T> {
    /// What is sent.
    pub request: T,
    /// What the service counts of it.
    pub bytes: usize,
}

/// Why a delivery is no entry.
#[derive(Debug)]
pub enum Unfit {
    /// The service does not take so much; data that lies elsewhere would make it fit.
    TooLarge {
        /// What it would count.
        bytes: usize,
        /// What it takes.
        max: usize,
    },
    /// It never will be one.
    Refused(Outcome),
}

impl Unfit {
    /// A refusal.
    pub fn refused(code: &str, detail: impl Into<String>) -> Self {
        Self::Refused(reject(code, detail))
    }
}

/// A service whose calls take many entries.
#[async_trait]
pub trait Batched: Send + Sync {
    /// What is sent of one delivery.
    type Request: Send;

    /// The service, for people.
    const SERVICE: &'static str;

    /// What one call takes.
    fn limits(&self) -> Limits;

    /// Where data goes that is too large.
    fn claims(&self) -> Option<&Claims> {
        None
    }

    /// What is sent of one delivery.
    ///
    /// # Errors
    /// Where it cannot be sent.
    fn entry(&self, delivery: &Delivery) -> Result<Entry<Self::Request>, Unfit>;

    /// One call: an outcome for each entry, in their order. `None`: nothing was said of it.
    ///
    /// # Errors
    /// One outcome for all of them, where the call failed.
    async fn call(&self, requests: Vec<Self::Request>) -> Result<Vec<Option<Outcome>>, Outcome>;
}

/// Delivers a batch in as few calls as the service allows, in its order. What is not reported is tried again.
pub async fn deliver<B: Batched>(
    service: &B,
    batch: &[Delivery],
    report: &Report,
    cancel: &CancellationToken,
) {
    let sending = async {
        let time = batch.iter().map(|delivery| delivery.timeout).min();
        let time = time.unwrap_or_default();
        let mut call = Call::default();
        let limits = service.limits();
        for (index, delivery) in batch.iter().enumerate() {
            match fitted(service, delivery).await {
                Ok(entry) => {
                    if !call.has_room(entry.bytes, limits) {
                        std::mem::take(&mut call)
                            .send(service, batch, time, report)
                            .await;
                    }
                    call.add(index, entry);
                }
                Err(outcome) => report.settle(index, outcome),
            }
        }
        call.send(service, batch, time, report).await;
    };
    tokio::select! {
        () = sending => {}
        () = cancel.cancelled() => {}
    }
}

async fn fitted<B: Batched>(
    service: &B,
    delivery: &Delivery,
) -> Result<Entry<B::Request>, Outcome> {
    let (bytes, max) = match service.entry(delivery) {
        Ok(entry) => return Ok(entry),
        Err(Unfit::Refused(outcome)) => return Err(outcome),
        Err(Unfit::TooLarge { bytes, max }) => (bytes, max),
    };
    let Some(claims) = service.claims() else {
        let name = B::SERVICE;
        let hint = "hint: `claim-check` puts the data into S3";
        return Err(reject(
            "too-large",
            format!("{bytes} bytes, {name} takes {max}; {hint}"),
        ));
    };
    let stored = match timeout(delivery.timeout, claims.store(delivery)).await {
        Ok(stored) => stored?,
        Err(_) => return Err(retry("timeout", "S3 did not answer in time")),
    };
    service.entry(&stored).map_err(|unfit| match unfit {
        Unfit::Refused(outcome) => outcome,
        Unfit::TooLarge { bytes, max } => {
            let name = B::SERVICE;
            reject(
                "too-large",
                format!("{bytes} bytes without its data, {name} takes {max}"),
            )
        }
    })
}

/// The entries of one call, with their places in the batch.
struct Call<T> {
    indexes: Vec<usize>,
    requests: Vec<T>,
    bytes: usize,
}

impl<T> Default for Call<T> {
    fn default() -> Self {
        Self {
            indexes: Vec::new(),
            requests: Vec::new(),
            bytes: 0,
        }
    }
}

impl<T> Call<T> {
    fn has_room(&self, bytes: usize, limits: Limits) -> bool {
        let count = self.indexes.len();
        count == 0 || (count < limits.count && self.bytes + bytes <= limits.bytes)
    }

    fn add(&mut self, index: usize, entry: Entry<T>) {
        self.indexes.push(index);
        self.requests.push(entry.request);
        self.bytes += entry.bytes;
    }

    /// Where all are refused together, each is sent by itself: only what is at fault stays refused.
    async fn send<B: Batched<Request = T>>(
        self,
        service: &B,
        batch: &[Delivery],
        time: Duration,
        report: &Report,
    ) {
        if self.indexes.is_empty() {
            return;
        }
        let said = answer(service, self.requests, time).await;
        let refused = matches!(said, Err(Outcome::Reject { disable: false, .. }));
        if !refused || self.indexes.len() == 1 {
            return settle(&self.indexes, said, report);
        }
        let mut alike = Alike::default();
        for (place, index) in self.indexes.iter().enumerate() {
            let said = match fitted(service, &batch[*index]).await {
                Ok(entry) => answer(service, vec![entry.request], time).await,
                Err(outcome) => Err(outcome),
            };
            let every = alike.add(&said);
            settle(&[*index], said, report);
            if let Some(reason) = every {
                // Nobody looked at the rest: no reason to give them up.
                let detail = format!("as those before it: {}", reason.detail);
                let rest = &self.indexes[place + 1..];
                return settle(rest, Err(retry(&reason.code, detail)), report);
            }
        }
    }
}

/// Refusals in a row that are the same.
#[derive(Default)]
struct Alike {
    code: String,
    count: usize,
    taken: bool,
}

impl Alike {
    /// Gives the reason that seems to be that of all.
    fn add(&mut self, said: &Result<Vec<Option<Outcome>>, Outcome>) -> Option<Reason> {
        let Err(Outcome::Reject { reason, .. }) = said else {
            self.taken |= said.is_ok();
            self.count = 0;
            return None;
        };
        if self.code != reason.code {
            self.code.clone_from(&reason.code);
            self.count = 0;
        }
        self.count += 1;
        (self.count >= ALIKE_MAX && !self.taken).then(|| reason.clone())
    }
}

async fn answer<B: Batched>(
    service: &B,
    requests: Vec<B::Request>,
    time: Duration,
) -> Result<Vec<Option<Outcome>>, Outcome> {
    let answer = timeout(time, service.call(requests)).await;
    answer.unwrap_or_else(|_| {
        let name = B::SERVICE;
        Err(retry("timeout", format!("{name} did not answer in time")))
    })
}

fn settle(indexes: &[usize], said: Result<Vec<Option<Outcome>>, Outcome>, report: &Report) {
    let outcomes = said.unwrap_or_else(|all| vec![Some(all); indexes.len()]);
    for (index, outcome) in indexes.iter().zip(outcomes) {
        if let Some(outcome) = outcome {
            report.settle(*index, outcome);
        }
    }
}

/// A delivery that is tried again.
pub fn retry(code: &str, detail: impl Into<String>) -> Outcome {
    Outcome::Retry {
        after: None,
        patience: None,
        throttled: false,
        reason: Reason::new(code, detail),
    }
}

/// A delivery that is not.
pub fn reject(code: &str, detail: impl Into<String>) -> Outcome {
    Outcome::Reject {
        disable: false,
        reason: Reason::new(code, detail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use tradewind_event::Event;

    /// Takes the length of an event's id as its size, and fails what is `bad`.
    struct Service {
        calls: Mutex<Vec<usize>>,
        limits: Limits,
    }

    #[async_trait]
    impl Batched for Service {
        type Request = String;
        const SERVICE: &'static str = "it";

        fn limits(&self) -> Limits {
            self.limits
        }

        fn entry(&self, delivery: &Delivery) -> Result<Entry<String>, Unfit> {
            let (id, max) = (delivery.event.id().to_owned(), 10);
            match id.len() {
                bytes if bytes > max => Err(Unfit::TooLarge { bytes, max }),
                bytes => Ok(Entry { request: id, bytes }),
            }
        }

        async fn call(&self, ids: Vec<String>) -> Result<Vec<Option<Outcome>>, Outcome> {
            self.calls.lock().unwrap().push(ids.len());
            if ids.iter().any(|id| id == "down") {
                return Err(retry("down", ""));
            }
            if let Some(bad) = ids
                .iter()
                .find(|id| ["bad", "worse"].contains(&id.as_str()))
            {
                return Err(reject(bad, ""));
            }
            let accepted = || Outcome::Accepted {
                receipt: None,
                reply: None,
            };
            Ok(ids.iter().map(|id| (id != "lost").then(accepted)).collect())
        }
    }

    async fn outcomes(ids: &[&str], count: usize, bytes: usize) -> (Vec<usize>, Vec<String>) {
        let batch = ids.iter().map(|id| Delivery {
            id: (*id).into(),
            event: Event::builder(*id, "/s", "t").build().unwrap(),
            subscription: "s".into(),
            stream: "s".into(),
            position: "0/1".into(),
            attempt: 1,
            timeout: Duration::from_secs(1),
            replay: None,
            trace: None,
        });
        let (report, mut outcomes) = Report::channel();
        let service = Service {
            calls: Mutex::default(),
            limits: Limits { count, bytes },
        };
        let batch: Vec<_> = batch.collect();
        deliver(&service, &batch, &report, &CancellationToken::new()).await;
        let mut all = vec!["-".to_owned(); ids.len()];
        while let Some((index, outcome)) = outcomes.try_recv() {
            all[index] = match outcome {
                Outcome::Accepted { .. } => "ok".into(),
                Outcome::Retry { reason, .. } => format!("{}, again", reason.code),
                Outcome::Reject { reason, .. } => reason.code,
                other => panic!("{other:?}"),
            };
        }
        (service.calls.into_inner().unwrap(), all)
    }

    #[tokio::test]
    async fn calls_are_as_large_as_the_service_takes_and_outcomes_are_those_of_their_entries() {
        for (ids, calls, expected) in [
            (&[][..], &[][..], &[][..]),
            (&["a", "b", "c", "d"], &[3, 1], &["ok"; 4]),
            // By bytes.
            (&["aaaaaa", "bbbbbb", "c"], &[1, 2], &["ok"; 3]),
            // What does not fit hinders nothing else.
            (
                &["a", "bbbbbbbbbbb", "lost", "c"],
                &[3],
                &["ok", "too-large", "-", "ok"],
            ),
            (
                &["a", "b", "c", "down", "d"],
                &[3, 2],
                &["ok", "ok", "ok", "down, again", "down, again"],
            ),
            // One spoils the call, and only itself.
            (
                &["a", "bad", "lost", "d", "bad"],
                &[3, 1, 1, 1, 2, 1, 1],
                &["ok", "bad", "-", "ok", "bad"],
            ),
            (&["bad"], &[1], &["bad"]),
        ] {
            let (made, all) = outcomes(ids, 3, 10).await;
            assert_eq!(
                (
                    &made[..],
                    &all.iter().map(String::as_str).collect::<Vec<_>>()[..]
                ),
                (calls, expected),
                "{ids:?}"
            );
        }
    }

    #[tokio::test]
    async fn what_is_refused_of_all_alike_is_not_asked_for_each_and_the_rest_is_not_given_up() {
        // What there is, in groups; how many calls beside the first; and what becomes of them.
        for (ids, singles, expected) in [
            (
                &[("bad", 30)][..],
                10,
                &[("bad", 10), ("bad, again", 20)][..],
            ),
            // Who comes behind them may well be taken, by itself.
            (
                &[("bad", 12), ("a", 1)],
                10,
                &[("bad", 10), ("bad, again", 3)],
            ),
            (&[("bad", 9), ("a", 1)], 10, &[("bad", 9), ("ok", 1)]),
            // Something is taken there.
            (&[("a", 1), ("bad", 29)], 30, &[("ok", 1), ("bad", 29)]),
            (
                &[("bad", 9), ("worse", 1), ("bad", 20)],
                20,
                &[("bad", 9), ("worse", 1), ("bad", 10), ("bad, again", 10)],
            ),
        ] {
            let flat = |groups: &[(&'static str, usize)]| {
                let groups = groups.iter();
                let flat = groups.flat_map(|(what, count)| std::iter::repeat_n(*what, *count));
                flat.collect::<Vec<_>>()
            };
            let (made, all) = outcomes(&flat(ids), 30, 1000).await;
            assert_eq!(made.len() - 1, singles, "{ids:?}");
            assert_eq!(all, flat(expected), "{ids:?}");
        }
    }
}
