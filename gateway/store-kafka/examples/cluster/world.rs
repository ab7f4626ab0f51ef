//! Publishers, who remember what was acknowledged; nodes that are killed; and the reckoning.

use crate::broker::Broker;
use std::collections::{BTreeMap, HashMap};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

const NODES: usize = 3;
const KEYS: usize = 24;
/// Between two events of one key.
const PACE: Duration = Duration::from_millis(60);
/// How long a publisher waits before it tries again.
const PATIENCE: Duration = Duration::from_secs(15);

#[derive(Default)]
struct Book {
    /// What every publisher was told is taken, by key, in order.
    taken: HashMap<usize, Vec<u64>>,
    /// First deliveries by key, in order, with their times.
    first: HashMap<usize, Vec<(u64, Instant)>>,
    deliveries: u64,
    refused: u64,
    /// Who waits to be told, and by which node.
    waiting: HashMap<String, (usize, oneshot::Sender<bool>)>,
    started: usize,
}

type Shared = Arc<Mutex<Book>>;

struct Node {
    number: usize,
    process: Child,
    input: Arc<tokio::sync::Mutex<ChildStdin>>,
}

fn parts(id: &str) -> (usize, u64) {
    let (key, number) = id.split_once('-').unwrap();
    (key[1..].parse().unwrap(), number.parse().unwrap())
}

impl Book {
    fn hear(&mut self, line: &str) {
        let mut words = line.split(' ');
        let (what, id) = (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
        );
        match what {
            "delivered" => {
                self.deliveries += 1;
                let (key, number) = parts(id);
                let first = self.first.entry(key).or_default();
                if !first.iter().rev().any(|(there, _)| *there == number) {
                    first.push((number, Instant::now()));
                }
            }
            "taken" | "refused" => {
                self.refused += u64::from(what == "refused");
                if let Some((_, waiting)) = self.waiting.remove(id) {
                    waiting.send(what == "taken").ok();
                }
            }
            _ => {}
        }
    }
}

async fn start(brokers: &str, book: &Shared) -> Node {
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["node", brokers])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let input = process.stdin.take().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let book = Arc::clone(book);
    let number = {
        let mut book = book.lock().unwrap();
        book.started += 1;
        book.started
    };
    tokio::spawn(async move {
        // To the last line that it wrote before it was killed.
        while let Ok(Some(line)) = lines.next_line().await {
            book.lock().unwrap().hear(&line);
        }
        // Nobody waits for one that is gone.
        let mut book = book.lock().unwrap();
        book.waiting.retain(|_, (by, _)| *by != number);
    });
    Node {
        number,
        process,
        input: Arc::new(tokio::sync::Mutex::new(input)),
    }
}

type Nodes = Arc<Mutex<Vec<Node>>>;

/// Publishes events of one key, each until somebody says that it is taken.
async fn publish(key: usize, nodes: Nodes, book: Shared, stop: Arc<AtomicBool>, seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        let id = format!("k{key}-{number}");
        loop {
            let (by, input) = {
                let nodes = nodes.lock().unwrap();
                let node = &nodes[rng.usize(..nodes.len())];
                (node.number, Arc::clone(&node.input))
            };
            let (told, is_told) = oneshot::channel();
            book.lock().unwrap().waiting.insert(id.clone(), (by, told));
            let sent = input
                .lock()
                .await
                .write_all(format!("{id}\n").as_bytes())
                .await;
            // One that is killed says nothing; another is asked.
            let taken = match sent {
                Ok(()) => matches!(timeout(PATIENCE, is_told).await, Ok(Ok(true))),
                Err(_) => false,
            };
            if taken {
                break;
            }
            sleep(Duration::from_millis(100)).await;
        }
        book.lock()
            .unwrap()
            .taken
            .entry(key)
            .or_default()
            .push(number);
        number += 1;
        sleep(PACE).await;
    }
}

/// Longest time in which a key had no new event delivered, from `since` on.
fn longest_gap(book: &Shared, since: Instant) -> Duration {
    let book = book.lock().unwrap();
    let gap = |times: &Vec<(u64, Instant)>| {
        let late: Vec<Instant> = times
            .iter()
            .map(|(_, at)| *at)
            .filter(|at| *at >= since)
            .collect();
        let pairs = std::iter::once(since)
            .chain(late.iter().copied())
            .zip(late.iter().copied());
        pairs
            .map(|(one, next)| next - one)
            .max()
            .unwrap_or_else(|| since.elapsed())
    };
    book.first.values().map(gap).max().unwrap_or_default()
}

/// What happens to the nodes and to the broker.
pub(crate) struct Course {
    /// Nodes that go, one after the other.
    pub(crate) rounds: u64,
    /// Instead of that, how long nodes go.
    pub(crate) minutes: Option<u64>,
    /// How often the broker is killed after that.
    pub(crate) restarts: u64,
    pub(crate) seed: u64,
}

impl Default for Course {
    fn default() -> Self {
        Self {
            rounds: 20,
            minutes: None,
            restarts: 3,
            seed: 1,
        }
    }
}

pub(crate) async fn run(course: &Course) -> bool {
    let (seed, restarts) = (course.seed, course.restarts);
    let Some(mut broker) = Broker::start().await else {
        println!("cluster: no Kafka: skipped");
        return false;
    };
    let address = broker.address();
    let book = Shared::default();
    let nodes = Nodes::default();
    for _ in 0..NODES {
        let node = start(&address, &book).await;
        nodes.lock().unwrap().push(node);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let publishers: Vec<_> = (0..KEYS)
        .map(|key| {
            let (nodes, book, stop) = (nodes.clone(), book.clone(), stop.clone());
            tokio::spawn(publish(key, nodes, book, stop, seed + key as u64))
        })
        .collect();
    let mut rng = fastrand::Rng::with_seed(seed);
    sleep(Duration::from_secs(10)).await;
    let (mut kills, mut leaves, mut takeover) = (0, 0, Duration::ZERO);
    let first = Instant::now();
    let goes_on = |round| match course.minutes {
        Some(minutes) => first.elapsed() < Duration::from_secs(60 * minutes),
        None => round < course.rounds,
    };
    for round in (0u64..).take_while(|round| goes_on(*round)) {
        let at = rng.usize(..NODES);
        let began = Instant::now();
        let mut node = nodes.lock().unwrap().remove(at);
        // Every fourth goes by itself.
        if round % 4 == 3 {
            leaves += 1;
            drop(node.input);
            timeout(Duration::from_secs(20), node.process.wait())
                .await
                .ok();
        } else {
            kills += 1;
            node.process.kill().await.unwrap();
        }
        sleep(Duration::from_millis(rng.u64(0..3000))).await;
        let fresh = start(&address, &book).await;
        nodes.lock().unwrap().push(fresh);
        sleep(Duration::from_secs(10)).await;
        let gap = longest_gap(&book, began);
        takeover = takeover.max(gap);
        println!(
            "round {round}: a key waited {:.1} s at most",
            gap.as_secs_f64()
        );
    }
    for _ in 0..restarts {
        broker.kill().await;
        sleep(Duration::from_millis(500)).await;
        broker.resume().await;
        sleep(Duration::from_secs(8)).await;
    }
    stop.store(true, Ordering::Relaxed);
    for publisher in publishers {
        publisher.await.unwrap();
    }
    let missing = || {
        let book = book.lock().unwrap();
        let lost = |(key, taken): (&usize, &Vec<u64>)| {
            let empty = Vec::new();
            let first = book.first.get(key).unwrap_or(&empty);
            taken
                .iter()
                .filter(|n| !first.iter().any(|(there, _)| there == *n))
                .count()
        };
        book.taken.iter().map(lost).sum::<usize>()
    };
    for _ in 0..300 {
        if missing() == 0 {
            break;
        }
        sleep(Duration::from_millis(200)).await;
    }
    let lost = missing();
    let book = book.lock().unwrap();
    let order: BTreeMap<_, _> = book
        .first
        .iter()
        .map(|(key, first)| {
            let out_of_order = first
                .windows(2)
                .filter(|pair| pair[0].0 > pair[1].0)
                .count();
            (*key, out_of_order)
        })
        .collect();
    let taken: usize = book.taken.values().map(Vec::len).sum();
    let first: usize = book.first.values().map(Vec::len).sum();
    let out_of_order: usize = order.values().sum();
    let doubled = book.deliveries - first as u64;
    let holds = lost == 0 && out_of_order == 0 && takeover <= Duration::from_secs(10) && taken > 0;
    println!(
        "cluster: {NODES} nodes, {kills} kills, {leaves} left, {restarts} broker restarts, {taken} events acknowledged, \
         {lost} lost, {out_of_order} out of order, {doubled} delivered again, {} refused, a key waited {:.1} s at most \
         over a take-over: {}",
        book.refused,
        takeover.as_secs_f64(),
        if holds { "holds" } else { "falls short" }
    );
    holds
}
