//! The loop: fetch, handle, settle.

use super::pull::{Fut, Order, Pull, PullError, Pulled, Settled, Settlement, Token};
use crate::crew::{self, Crew, End, Ends, Item, Responds, Work, worst};
use crate::run::Exit;
use crate::{Options, Outcome};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};

/// Most messages that are asked for at once.
const PULL_MAX: usize = 100;
/// First and longest pause after a failure, and what an answer without messages takes at least.
const PAUSE: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// How long a source may take. Drivers wait for messages for 20 s at most, and know better what is wrong where they
/// notice that nothing comes; a connection that is half open tells nobody.
const PULLING: Duration = Duration::from_secs(60);
const SETTLING: Duration = Duration::from_secs(15);
/// How often a settlement is tried before the message is left to its lease.
const TRIES: u32 = 5;
/// Parts of a lease after which it is made longer.
const BEATS: u32 = 3;

/// What is out.
struct Desk {
    crew: Crew,
    pull: Arc<dyn Pull>,
    timeout: Duration,
    out: Mutex<HashSet<Token>>,
    /// Bounded by the places: each settlement holds one.
    done: UnboundedSender<(Settlement, OwnedSemaphorePermit)>,
}

/// Fetches until the process is to stop, then finishes what is out.
pub(crate) async fn run(
    crew: Crew,
    options: Options,
    pull: Arc<dyn Pull>,
    asked: impl Future<Output = ()>,
) -> Exit {
    let (done, settlements) = unbounded_channel();
    let desk = Arc::new(Desk {
        crew: crew.clone(),
        pull: pull.clone(),
        timeout: options.timeout,
        out: Mutex::default(),
        done,
    });
    let settling = tokio::spawn(settle(settlements, desk.clone()));
    let beating = tokio::spawn(beat(desk.clone()));
    let name = crew.name();
    eprintln!("handler {name} fetches events");
    let stopping = crew.stopping.clone();
    let outcome = tokio::select! {
        outcome = desk.fetch() => outcome,
        () = asked => Ok(()),
    };
    stopping.cancel();
    crew.tasks.close();
    crew.tasks.wait().await;
    // Everything that was handled is on its way to be settled; a place is free again when it is.
    let places = u32::try_from(options.concurrency).unwrap_or(u32::MAX);
    crew.slots.acquire_many(places).await.ok();
    settling.abort();
    beating.abort();
    pull.close().await;
    Ok(outcome?)
}

impl Desk {
    fn out(&self) -> MutexGuard<'_, HashSet<Token>> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tokens(&self) -> Vec<Token> {
        self.out().iter().cloned().collect()
    }

    fn forget(&self, settlements: &[Settlement]) {
        let mut out = self.out();
        for settlement in settlements {
            out.remove(&settlement.token);
        }
    }

    async fn fetch(self: &Arc<Self>) -> Result<(), PullError> {
        let mut worked = false;
        let mut pause = PAUSE;
        loop {
            let Some(places) = self.places().await else {
                return Ok(());
            };
            let began = Instant::now();
            match within(PULLING, self.pull.pull(places.len())).await {
                Ok(messages) => {
                    worked = true;
                    pause = PAUSE;
                    let none = messages.is_empty();
                    self.begin(messages, places);
                    if none && began.elapsed() < PAUSE {
                        sleep(PAUSE).await;
                    }
                }
                Err(error) if error.fatal && !worked => return Err(error),
                Err(error) => {
                    drop(places);
                    self.crew.warn("fetching", format_args!("{error}"));
                    sleep(pause).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
    }

    /// As many as are free, one at least.
    async fn places(&self) -> Option<Vec<OwnedSemaphorePermit>> {
        let slots = &self.crew.slots;
        let mut places = vec![slots.clone().acquire_owned().await.ok()?];
        while places.len() < PULL_MAX
            && let Ok(place) = slots.clone().try_acquire_owned()
        {
            places.push(place);
        }
        Some(places)
    }

    fn begin(self: &Arc<Self>, messages: Vec<Pulled>, places: Vec<OwnedSemaphorePermit>) {
        let tokens = messages.iter().map(|message| message.token.clone());
        self.out().extend(tokens);
        // A driver that gives more than it was asked for has them wait in line.
        let mut places = places.into_iter();
        let held = messages.into_iter().map(|message| (message, places.next()));
        let mut free = Vec::new();
        let mut groups: HashMap<String, Vec<Held>> = HashMap::new();
        for held in held {
            match &held.0.order {
                Order::Free => free.push(held),
                Order::Group(name) => groups.entry(name.clone()).or_default().push(held),
            }
        }
        let jobs: Vec<_> = match self.crew.batches() {
            true => {
                let groups = groups.into_values().map(|held| (held, true));
                let free = by_deadline(free, self.timeout).into_iter();
                groups.chain(free.map(|held| (held, false))).collect()
            }
            false => {
                let alone = free.into_iter().map(|held| (vec![held], false));
                let groups = groups.into_values().map(|held| (held, true));
                alone.chain(groups).collect()
            }
        };
        for (held, ordered) in jobs {
            let desk = self.clone();
            self.crew.tasks.spawn(async move {
                match desk.crew.batches() {
                    true => desk.together(held, ordered).await,
                    false => desk.in_turn(held).await,
                }
            });
        }
    }

    /// One after the other, until one fails.
    async fn in_turn(&self, held: Vec<Held>) {
        let mut failed = false;
        for (message, place) in held {
            let Pulled {
                token,
                deliveries,
                deadline,
                ..
            } = message;
            let place = self.place(place).await;
            if failed || self.crew.stopping.is_cancelled() {
                self.tell(token, Settled::Untouched, place);
                continue;
            }
            let items = vec![Item { deliveries }];
            let order = crew::Order::UntilFailure;
            let ends = self.handle(items, order, deadline).await;
            let settled = settled(worst(ends));
            failed = settled != Settled::Done;
            self.tell(token, settled, place);
        }
    }

    /// By one call of a handler that takes several.
    async fn together(&self, held: Vec<Held>, ordered: bool) {
        let mut tokens = Vec::with_capacity(held.len());
        let mut items = Vec::with_capacity(held.len());
        let mut first = None;
        for (message, place) in held {
            let place = self.place(place).await;
            // One that is late already leaves the others their time.
            if message.deadline.is_some_and(|end| end <= Instant::now()) && !ordered {
                self.tell(message.token, Settled::Again { after: None }, place);
                continue;
            }
            first = first.into_iter().chain(message.deadline).min();
            tokens.push((message.token, place));
            items.push(Item {
                deliveries: message.deliveries,
            });
        }
        let order = match ordered {
            true => crew::Order::UntilFailure,
            false => crew::Order::Free,
        };
        let ends = self.handle(items, order, first).await;
        for ((token, place), ends) in tokens.into_iter().zip(ends) {
            self.tell(token, settled(worst(vec![ends])), place);
        }
    }

    async fn place(&self, place: Option<OwnedSemaphorePermit>) -> Option<OwnedSemaphorePermit> {
        match place {
            Some(place) => Some(place),
            None => self.crew.slots.clone().acquire_owned().await.ok(),
        }
    }

    async fn handle(
        &self,
        items: Vec<Item>,
        order: crew::Order,
        deadline: Option<Instant>,
    ) -> Ends {
        let work = Work {
            items,
            order,
            one_way: true,
            responds: Responds::No,
            deadline: None,
            tell: Box::new(|ends| ends),
        };
        let ours = Instant::now() + self.timeout;
        let until = deadline.map_or(ours, |theirs| theirs.min(ours));
        self.crew.work(work, until).await
    }

    fn tell(&self, token: Token, settled: Settled, place: Option<OwnedSemaphorePermit>) {
        if let Some(place) = place {
            self.done.send((Settlement { token, settled }, place)).ok();
        }
    }
}

type Held = (Pulled, Option<OwnedSemaphorePermit>);

/// The deadline of a call is the first of its messages': each job has those that leave half as much time at least as
/// the one of it that leaves most, which is `most` where a source sets none.
fn by_deadline(mut held: Vec<Held>, most: Duration) -> Vec<Vec<Held>> {
    let now = Instant::now();
    let left = |(message, _): &Held| {
        let theirs = message
            .deadline
            .map(|end| end.saturating_duration_since(now));
        theirs.map_or(most, |theirs| theirs.min(most))
    };
    let mut jobs = Vec::new();
    while let Some(longest) = held.iter().map(left).max() {
        let (enough, short) = held.into_iter().partition(|one| left(one) >= longest / 2);
        jobs.push(enough);
        held = short;
    }
    jobs
}

fn settled(end: End) -> Settled {
    match end {
        end if end.is_taken() => Settled::Done,
        End::Skipped => Settled::Untouched,
        End::Done(Outcome::Reject { reason, .. }) => Settled::Never { reason },
        End::Done(Outcome::Retry { after, .. }) => Settled::Again { after },
        _ => Settled::Again { after: None },
    }
}

/// Tells the source what is ready to be told.
async fn settle(
    mut settlements: UnboundedReceiver<(Settlement, OwnedSemaphorePermit)>,
    desk: Arc<Desk>,
) {
    // Who is to stop waits for one answer that does not come, not for five.
    let hurried = |began: Instant| desk.crew.stopping.is_cancelled() && began.elapsed() >= SETTLING;
    let mut ready = Vec::new();
    while settlements.recv_many(&mut ready, PULL_MAX).await > 0 {
        let (settlements, places): (Vec<_>, Vec<_>) = ready.drain(..).unzip();
        let mut pause = PAUSE;
        let began = Instant::now();
        for attempt in 1..=TRIES {
            match within(SETTLING, desk.pull.settle(settlements.clone())).await {
                Ok(()) => break,
                Err(error) if attempt == TRIES || hurried(began) => {
                    let count = settlements.len();
                    let what = format_args!("{error}; {count} messages come again");
                    desk.crew.warn("settling", what);
                    let tokens = settlements.iter().map(|one| one.token.clone());
                    desk.pull.abandon(tokens.collect());
                    break;
                }
                Err(_) => {
                    sleep(pause).await;
                    pause *= 2;
                }
            }
        }
        desk.forget(&settlements);
        drop(places);
    }
}

/// Makes leases longer while their messages are handled.
async fn beat(desk: Arc<Desk>) {
    let Some(lease) = desk.pull.lease() else {
        return;
    };
    let beat = (lease / BEATS).max(Duration::from_millis(1));
    // By the clock: what one beat waited in vain is not added to the pause before the next.
    let mut beats = interval_at(Instant::now() + beat, beat);
    beats.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        beats.tick().await;
        let tokens = desk.tokens();
        if tokens.is_empty() {
            continue;
        }
        if let Err(error) = within(beat, desk.pull.extend(tokens)).await {
            desk.crew.warn("extending", format_args!("{error}"));
        }
    }
}

/// What a source answers, or that it does not.
async fn within<T>(limit: Duration, asked: Fut<'_, Result<T, PullError>>) -> Result<T, PullError> {
    let answered = timeout(limit, asked).await;
    answered.unwrap_or_else(|_| Err(PullError::passing(format!("no answer within {limit:?}"))))
}
