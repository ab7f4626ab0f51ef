//! Every target over its corpus, its seeds and a few mutations of both: the same inputs each time.

// Helpers of tests panic like tests.
#![allow(clippy::unwrap_used, clippy::panic)]

mod mutate;

use mutate::mutated;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::panic::AssertUnwindSafe;
use std::path::Path;
use tradewind_fuzz::{TARGETS, Target};

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus");
/// Mutations tried for each target.
const MUTATIONS: usize = 400;

/// What lies in `corpus/` for a target, and what its code makes.
fn corpus(target: &Target) -> Vec<Vec<u8>> {
    let mut all = (target.seeds)();
    let files = std::fs::read_dir(Path::new(CORPUS).join(target.name)).unwrap();
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    all.extend(paths.iter().map(|path| std::fs::read(path).unwrap()));
    all
}

/// The input itself, where it fails, in a form that can be put into a file.
fn judge(target: &Target, input: &[u8]) {
    let tried = std::panic::catch_unwind(AssertUnwindSafe(|| target.judge(input)));
    if tried.is_err() {
        panic!("{} fails on \"{}\"", target.name, input.escape_ascii());
    }
}

fn short(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    let corpus = corpus(target);
    for input in &corpus {
        judge(target, input);
    }
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let inputs = mutated(corpus, target);
    for _ in 0..MUTATIONS {
        judge(target, &inputs.new_tree(&mut runner).unwrap().current());
    }
}

macro_rules! targets {
    ($($(#[$attribute:meta])* $test:ident = $name:literal,)*) => {
        $(#[test]
        $(#[$attribute])*
        fn $test() {
            short($name);
        })*

        #[test]
        fn every_target_is_tried_and_has_a_corpus() {
            let tried = [$($name),*];
            let all: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(all, tried);
            let mut folders: Vec<String> = std::fs::read_dir(CORPUS)
                .unwrap()
                .map(|folder| folder.unwrap().file_name().into_string().unwrap())
                .collect();
            folders.sort();
            let mut sorted = all;
            sorted.sort();
            assert_eq!(folders, sorted);
        }
    };
}

targets! {
    json = "json",
    json_batch = "json-batch",
    protobuf = "protobuf",
    packed = "packed",
    http = "http",
    percent = "percent",
    scalar = "scalar",
    signature = "signature",
    github = "github",
    standard_webhooks = "standard-webhooks",
    format = "format",
    mapping = "mapping",
    outward = "outward",
    filter = "filter",
    rule_set = "rule-set",
    sql = "sql",
    cel = "cel",
    event_bridge = "event-bridge",
    event_grid = "event-grid",
    eventarc = "eventarc",
    pub_sub = "pub-sub",
    knative = "knative",
    transform = "transform",
    schema = "schema",
    framed = "framed",
    store_log = "store-log",
    store_run = "store-run",
    record = "record",
    config = "config",
    url = "url",
    handler = "handler",
    host = "host",
    ingress = "ingress",
    admin = "admin",
}
