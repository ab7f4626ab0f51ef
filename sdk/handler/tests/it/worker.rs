//! The loop of workers, over a queue in memory.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};
use tradewind::worker::{
    Fut, Order, Pull, PullError, Pulled, Settled, Settlement, Token, delivery, serve,
};
use tradewind::{
    Batch, Context, Data, Error, Event, Handler, On, Options, Outcomes, Router, handler_fn,
};

#[derive(Clone, Debug)]
struct Message {
    id: String,
    data: String,
    group: Option<String>,
    attempt: u32,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Message>,
    out: HashMap<String, (Message, Instant)>,
    settled: Vec<(String, Settled)>,
    most: usize,
    extended: usize,
    failures: Vec<PullError>,
    /// Calls of these names that get no answer, each once.
    silent: Vec<&'static str>,
    abandoned: Vec<Token>,
    closed: bool,
}

/// A queue with leases.
#[derive(Clone, Default)]
struct Queue {
    state: Arc<Mutex<State>>,
    lease: Option<Duration>,
    /// How long the source waits for messages that it gave, where that is not for ever.
    left: HashMap<&'static str, Duration>,
}

impl Queue {
    fn with(messages: &[(&str, &str, Option<&str>)]) -> Self {
        let queue = Self::default();
        for (id, data, group) in messages {
            queue.state.lock().unwrap().waiting.push_back(Message {
                id: (*id).into(),
                data: (*data).into(),
                group: group.map(Into::into),
                attempt: 1,
            });
        }
        queue
    }

    fn settled(&self) -> Vec<String> {
        let state = self.state.lock().unwrap();
        let word = |(id, settled): &(String, Settled)| match settled {
            Settled::Done => format!("{id} done"),
            Settled::Again { after: None } => format!("{id} again"),
            Settled::Again { after: Some(after) } => format!("{id} again in {after:?}"),
            Settled::Never { reason } => format!("{id} never: {reason}"),
            Settled::Untouched => format!("{id} untouched"),
        };
        state.settled.iter().map(word).collect()
    }

    /// Whether something was settled is not told, either.
    async fn silence(&self, call: &str) {
        let silent = {
            let silent = &mut self.state.lock().unwrap().silent;
            let known = silent.iter().position(|one| *one == call);
            known.map(|index| silent.remove(index))
        };
        if silent.is_some() {
            std::future::pending::<()>().await;
        }
    }

    async fn until(&self, holds: impl Fn(&State) -> bool) {
        while !holds(&self.state.lock().unwrap()) {
            sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Pull for Queue {
    fn pull(&self, max: usize) -> Fut<'_, Result<Vec<Pulled>, PullError>> {
        Box::pin(async move {
            self.silence("pull").await;
            sleep(Duration::from_millis(5)).await;
            let mut state = self.state.lock().unwrap();
            if let Some(error) = state.failures.pop() {
                return Err(error);
            }
            // A lease that ran out.
            let now = Instant::now();
            let late: Vec<_> = state
                .out
                .iter()
                .filter(|(_, (_, end))| *end <= now)
                .map(|(id, _)| id.clone())
                .collect();
            for id in late {
                let (mut message, _) = state.out.remove(&id).unwrap();
                message.attempt += 1;
                state.waiting.push_back(message);
            }
            let taken: Vec<_> = (0..max).map_while(|_| state.waiting.pop_front()).collect();
            let lease = self.lease.unwrap_or(Duration::from_secs(3600));
            for message in &taken {
                state
                    .out
                    .insert(message.id.clone(), (message.clone(), now + lease));
            }
            state.most = state.most.max(state.out.len());
            let deadline = |id: &str| self.left.get(id).map(|left| now + *left);
            let taken = taken.into_iter().map(|message| {
                let deadline = deadline(&message.id);
                pulled(message, deadline)
            });
            Ok(taken.collect())
        })
    }

    fn settle(&self, settlements: Vec<Settlement>) -> Fut<'_, Result<(), PullError>> {
        Box::pin(async move {
            self.silence("settle").await;
            let mut state = self.state.lock().unwrap();
            for Settlement { token, settled } in settlements {
                let Some((mut message, _)) = state.out.remove(&token.0) else {
                    continue;
                };
                state.settled.push((token.0, settled.clone()));
                let untouched = settled == Settled::Untouched;
                let again = matches!(settled, Settled::Again { .. }) && message.attempt < 3;
                if again || untouched {
                    message.attempt += u32::from(again);
                    state.waiting.push_back(message);
                }
            }
            Ok(())
        })
    }

    fn abandon(&self, tokens: Vec<Token>) {
        self.state.lock().unwrap().abandoned.extend(tokens);
    }

    fn extend(&self, tokens: Vec<Token>) -> Fut<'_, Result<(), PullError>> {
        Box::pin(async move {
            self.silence("extend").await;
            let mut state = self.state.lock().unwrap();
            state.extended += tokens.len();
            let end = Instant::now() + self.lease.unwrap();
            for token in tokens {
                if let Some((_, until)) = state.out.get_mut(&token.0) {
                    *until = end;
                }
            }
            Ok(())
        })
    }

    fn lease(&self) -> Option<Duration> {
        self.lease
    }

    fn close(&self) -> Fut<'_, ()> {
        Box::pin(async { self.state.lock().unwrap().closed = true })
    }
}

fn pulled(message: Message, deadline: Option<Instant>) -> Pulled {
    let event =
        Event::builder(&*message.id, "/queue", "t").data("application/json", message.data.clone());
    let one = event.build().map(delivery).map(|mut one| {
        one.context = one.context.with_attempt(message.attempt);
        vec![one]
    });
    Pulled {
        token: Token(message.id.clone()),
        deliveries: match message.id.starts_with("bad") {
            true => Err(message.data),
            false => one.map_err(|e| e.to_string()),
        },
        order: message.group.map_or(Order::Free, Order::Group),
        deadline,
    }
}

/// Serves until this holds, then stops, and waits for the end.
async fn run(
    queue: &Queue,
    handler: impl Handler,
    options: Options,
    holds: impl Fn(&State) -> bool,
) {
    let stop = Arc::new(Notify::new());
    let stopped = stop.clone().notified_owned();
    let serving = tokio::spawn(serve(handler, Arc::new(queue.clone()), options, stopped));
    queue.until(holds).await;
    stop.notify_one();
    serving.await.unwrap().unwrap();
    let state = queue.state.lock().unwrap();
    assert!(state.closed && state.out.is_empty(), "{:?}", state.out);
}

#[tradewind::handler]
async fn by_data(Data(what): Data<String>, cx: Context) -> Result<(), Error> {
    assert_eq!(cx.host().name(), "worker");
    match what.as_str() {
        "busy" if cx.attempt() < 3 => Err(Error::retry(Duration::from_secs(9)).because("busy")),
        "never" => Err(Error::reject("never")),
        "bug" => panic!("a bug"),
        "slow" => std::future::pending().await,
        _ => Ok(()),
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_is_settled_by_what_became_of_it() {
    let queue = Queue::with(&[
        ("1", "\"fine\"", None),
        ("2", "\"busy\"", None),
        ("3", "\"never\"", None),
        ("4", "\"bug\"", None),
        ("5", "\"slow\"", None),
        ("6", "7", None),
        ("bad", "cannot be read", None),
    ]);
    run(&queue, by_data, Options::default(), |state| {
        state.waiting.is_empty() && state.out.is_empty()
    })
    .await;
    let mut settled = queue.settled();
    settled.sort();
    let expected = [
        "1 done",
        "2 again in 9s",
        "2 again in 9s",
        "2 done",
        "3 never: never",
        "4 again",
        "4 again",
        "4 again",
        "5 again",
        "5 again",
        "5 again",
    ];
    assert_eq!(settled[..expected.len()], expected);
    assert!(
        settled[11].starts_with("6 never: data of t does not fit"),
        "{settled:?}"
    );
    assert_eq!(settled[12], "bad never: cannot be read");
}

#[tradewind::handler]
async fn slowly(_batch: Batch<Event>) {
    sleep(Duration::from_secs(3)).await;
}

#[tokio::test(start_paused = true)]
async fn a_handler_has_no_longer_than_its_source_waits() {
    let alone = handler_fn(|_: Event| async { sleep(Duration::from_secs(3)).await });
    async fn settled_in_time(handler: impl Handler) {
        let mut queue = Queue::with(&[("1", "1", None)]);
        queue.left.insert("1", Duration::from_secs(1));
        let begun = Instant::now();
        run(&queue, handler, Options::default(), |state| {
            !state.settled.is_empty()
        })
        .await;
        assert_eq!(queue.settled()[0], "1 again");
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(3), "{took:?}");
    }
    settled_in_time(alone).await;
    settled_in_time(slowly).await;
}

#[tokio::test(start_paused = true)]
async fn a_message_that_its_source_waits_for_briefly_takes_no_time_from_others() {
    let mut queue = Queue::with(&["1", "2", "3", "4", "5"].map(|id| (id, "1", None)));
    queue.left = HashMap::from([
        ("2", Duration::from_millis(800)),
        ("3", Duration::from_secs(10)),
        ("5", Duration::from_secs(20)),
    ]);
    run(&queue, slowly, Options::default(), |state| {
        state.settled.len() >= 7
    })
    .await;
    let mut settled = queue.settled();
    settled.sort();
    settled.dedup();
    let expected = ["1 done", "2 again", "3 done", "4 done", "5 done"];
    assert_eq!(settled, expected);
}

#[tokio::test(start_paused = true)]
async fn no_more_is_out_than_allowed_and_leases_last() {
    let ids: Vec<String> = (0..40).map(|n| n.to_string()).collect();
    let messages: Vec<_> = ids.iter().map(|id| (id.as_str(), "1", None)).collect();
    let mut queue = Queue::with(&messages);
    queue.lease = Some(Duration::from_millis(900));
    let mut options = Options::default();
    options.concurrency = 4;
    let handler = handler_fn(|_: Event, cx: Context| async move {
        // Longer than a lease.
        sleep(Duration::from_secs(2)).await;
        assert_eq!(cx.attempt(), 1);
    });
    run(&queue, handler, options, |state| state.settled.len() == 40).await;
    let state = queue.state.lock().unwrap();
    assert!(state.most <= 4, "{}", state.most);
    assert!(state.extended > 0);
    assert!(
        state
            .settled
            .iter()
            .all(|(_, settled)| *settled == Settled::Done)
    );
}

#[tokio::test(start_paused = true)]
async fn what_follows_a_failure_of_its_group_waits() {
    let queue = Queue::with(&[
        ("a1", "\"fine\"", Some("a")),
        ("a2", "\"busy\"", Some("a")),
        ("a3", "\"fine\"", Some("a")),
        ("b1", "\"fine\"", Some("b")),
    ]);
    run(&queue, by_data, Options::default(), |state| {
        state.settled.len() >= 4
    })
    .await;
    let settled = queue.settled();
    let place = |what: &str| settled.iter().position(|one| one == what);
    assert!(place("a1 done") < place("a2 again in 9s"));
    assert!(
        place("a2 again in 9s") < place("a3 untouched"),
        "{settled:?}"
    );
    assert!(place("b1 done").is_some());
}

#[tokio::test(start_paused = true)]
async fn what_is_under_way_is_finished_and_what_is_not_begun_is_given_back() {
    let queue = Queue::with(&[("1", "1", Some("g")), ("2", "2", Some("g"))]);
    let begun = Arc::new(Notify::new());
    let seen = begun.clone();
    let handler = handler_fn(move |_: Event| {
        let seen = seen.clone();
        async move {
            seen.notify_one();
            sleep(Duration::from_secs(5)).await;
        }
    });
    let stop = Arc::new(Notify::new());
    let stopped = stop.clone().notified_owned();
    let serving = tokio::spawn(serve(
        handler,
        Arc::new(queue.clone()),
        Options::default(),
        stopped,
    ));
    begun.notified().await;
    stop.notify_one();
    serving.await.unwrap().unwrap();
    assert_eq!(queue.settled(), ["1 done", "2 untouched"]);
}

#[tradewind::handler]
async fn load(batch: Batch<Data<u64>>) -> Outcomes {
    batch
        .each(|Data(n), _| async move {
            if n % 2 == 0 {
                Ok(())
            } else {
                Err(Error::reject("odd"))
            }
        })
        .await
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_settled_one_by_one() {
    let queue = Queue::with(&[
        ("1", "1", None),
        ("2", "2", None),
        ("3", "\"x\"", None),
        ("bad", "cannot be read", None),
    ]);
    run(&queue, load, Options::default(), |state| {
        state.settled.len() == 4
    })
    .await;
    let mut settled = queue.settled();
    settled.sort();
    assert_eq!(settled[..2], ["1 never: odd", "2 done"]);
    assert!(settled[2].starts_with("3 never: data of t does not fit"));
    assert_eq!(settled[3], "bad never: cannot be read");
}

#[tokio::test(start_paused = true)]
async fn a_reason_is_short_and_holds_nothing_of_what_was_sent() {
    let long = "x".repeat(900_000);
    let text = format!("\"{long}\"");
    let queue = Queue::with(&[("1", &text, None), ("bad", &long, None)]);
    let handler = handler_fn(|Data(_): Data<u64>| async {});
    run(&queue, handler, Options::default(), |state| {
        state.settled.len() == 2
    })
    .await;
    for settled in queue.settled() {
        assert!(
            settled.len() <= 1024 + "bad never: ".len(),
            "{}",
            settled.len()
        );
        assert!(
            settled.starts_with("bad") || !settled.contains("xx"),
            "{settled}"
        );
    }
    // What a handler says is its own, and no longer either.
    let queue = Queue::with(&[("1", "1", None)]);
    let handler =
        handler_fn(|_: Event| async { Err::<(), _>(Error::reject("\u{e9}".repeat(9000))) });
    run(&queue, handler, Options::default(), |state| {
        state.settled.len() == 1
    })
    .await;
    assert!(queue.settled()[0].len() <= 1024 + "1 never: ".len());
}

#[tokio::test(start_paused = true)]
async fn a_router_with_a_batch_keeps_the_order_of_a_group() {
    let queue = Queue::with(&[
        ("e1", "1", Some("g")),
        ("e2", "1", Some("g")),
        ("b3", "1", Some("g")),
        ("e4", "1", Some("g")),
    ]);
    let calls: Arc<Mutex<Vec<String>>> = Arc::default();
    let (alone, together) = (calls.clone(), calls.clone());
    let router = Router::new("mixed")
        .on(
            On::default().when(|event| event.id().starts_with('b')),
            handler_fn(move |batch: Batch<Event>| {
                let together = together.clone();
                async move {
                    let (entries, _) = batch.split();
                    let ids = entries.iter().map(|entry| entry.event().id().to_owned());
                    together.lock().unwrap().extend(ids);
                }
            }),
        )
        .otherwise(handler_fn(move |event: Event, cx: Context| {
            alone.lock().unwrap().push(event.id().to_owned());
            async move {
                match (event.id(), cx.attempt()) {
                    ("e1", 1) => Err(Error::retry(None)),
                    _ => Ok(()),
                }
            }
        }));
    run(&queue, router, Options::default(), |state| {
        state.settled.len() == 8
    })
    .await;
    let told = ["e1 again", "e2 untouched", "b3 untouched", "e4 untouched"];
    assert_eq!(queue.settled()[..4], told);
    assert_eq!(*calls.lock().unwrap(), ["e1", "e1", "e2", "b3", "e4"]);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_fails_is_asked_again_unless_it_never_worked() {
    let queue = Queue::with(&[("1", "1", None)]);
    queue.state.lock().unwrap().failures = (0..3)
        .map(|_| PullError::passing("no connection"))
        .collect();
    run(
        &queue,
        handler_fn(|_: Event| async {}),
        Options::default(),
        |state| state.settled.len() == 1,
    )
    .await;

    let queue = Queue::default();
    queue
        .state
        .lock()
        .unwrap()
        .failures
        .push(PullError::fatal("there is no queue `orders`"));
    let serving = serve(
        handler_fn(|_: Event| async {}),
        Arc::new(queue),
        Options::default(),
        std::future::pending(),
    );
    let failure = serving.await.unwrap_err();
    assert_eq!(failure.to_string(), "there is no queue `orders`");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_does_not_answer_is_asked_again() {
    let mut queue = Queue::with(&[("1", "1", None)]);
    queue.lease = Some(Duration::from_secs(3));
    queue.state.lock().unwrap().silent = vec!["pull", "extend", "settle"];
    let handler = handler_fn(|_: Event, cx: Context| async move {
        // Longer than a lease: the second beat comes in time.
        sleep(Duration::from_secs(5)).await;
        assert_eq!(cx.attempt(), 1);
    });
    run(&queue, handler, Options::default(), |state| {
        state.settled.len() == 1
    })
    .await;
    assert_eq!(queue.settled(), ["1 done"]);
    let state = queue.state.lock().unwrap();
    assert!(state.silent.is_empty() && state.extended > 0);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_never_answers_keeps_nobody_from_stopping() {
    let queue = Queue::with(&[("1", "1", None)]);
    queue.state.lock().unwrap().silent = vec!["settle"; 100];
    let stopped = sleep(Duration::from_secs(1));
    let handler = handler_fn(|_: Event| async {});
    let served = serve(
        handler,
        Arc::new(queue.clone()),
        Options::default(),
        stopped,
    );
    served.await.unwrap();
    let state = queue.state.lock().unwrap();
    assert!(state.closed && state.settled.is_empty());
    assert_eq!(state.abandoned, [Token("1".into())]);
}
