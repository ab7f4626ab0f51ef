//! A worker that does with everything what it was told to.

use crate::asked;
use http::Method;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::task::JoinHandle;
use tradewind_event::{Event, json as event_json};
use tradewind_pull::PullSink;

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    deliveries: Vec<Given<'a>>,
}

#[derive(Deserialize)]
struct Given<'a> {
    token: String,
    #[serde(borrow)]
    event: &'a RawValue,
}

pub(crate) struct Worker {
    pub(crate) taken: Arc<Mutex<Vec<Event>>>,
    task: JoinHandle<()>,
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Worker {
    /// Settles everything so; takes and says nothing where that is nothing.
    pub(crate) fn start(end: PullSink, outcome: Option<&'static str>) -> Self {
        let taken = Arc::new(Mutex::new(Vec::new()));
        let kept = taken.clone();
        let task = tokio::spawn(async move {
            let mut settle: Vec<Value> = Vec::new();
            loop {
                let ask = json!({ "take": 10, "wait-ms": 1000, "settle": settle });
                let (_, answer) = asked(&end, Method::POST, ask.to_string()).await;
                let answer: Answer<'_> = serde_json::from_slice(&answer).unwrap();
                settle.clear();
                for one in answer.deliveries {
                    let event = one.event.get().to_owned().into();
                    kept.lock()
                        .unwrap()
                        .push(event_json::decode(event).unwrap());
                    let fate =
                        |outcome| json!({ "token": one.token, "outcome": outcome, "reason": "no" });
                    settle.extend(outcome.map(fate));
                }
            }
        });
        Self { taken, task }
    }
}
