//! Events and plans in few words.

use super::ScriptedSink;
use crate::{Origin, Plan, Policy, Start, StreamPlan, SubscriptionPlan};
use std::collections::BTreeMap;
use std::sync::Arc;
use tradewind_adapter::Sink;
use tradewind_event::Event;

/// An event with this id.
pub fn event(id: &str) -> Event {
    Event::builder(id, "/shop", "order.placed")
        .data("text/plain", id.to_owned())
        .build()
        .unwrap()
}

/// An event with an ordering key.
pub fn keyed(id: &str, key: &str) -> Event {
    Event::builder(id, "/shop", "order.placed")
        .subject(key)
        .build()
        .unwrap()
}

/// A publisher.
pub fn origin() -> Origin {
    Origin {
        who: tradewind_policy::Principal::operator(),
        source: "test".into(),
        principal: "tester".into(),
        dedupe_window: None,
    }
}

/// A subscription to everything.
pub fn subscription(sink: &Arc<ScriptedSink>) -> SubscriptionPlan {
    filtered(sink, serde_json::Value::Null)
}

/// A subscription with a filter, from the tip.
pub fn filtered(sink: &Arc<ScriptedSink>, definition: serde_json::Value) -> SubscriptionPlan {
    SubscriptionPlan {
        space: "default".into(),
        stream: "default".into(),
        filter: tradewind_filter::compile(&definition).unwrap(),
        definition,
        sight: None,
        transform: None,
        sink: Arc::clone(sink) as Arc<dyn Sink>,
        start: Start::Tip,
        renamed_from: None,
        policy: Policy::default(),
        group: None,
        shadow: None,
        paused: None,
    }
}

/// A plan with the stream `default` and these subscriptions.
pub fn plan<const N: usize>(subscriptions: [(&str, SubscriptionPlan); N]) -> Plan {
    Plan {
        streams: BTreeMap::from([("default".to_owned(), StreamPlan::default())]),
        subscriptions: subscriptions
            .into_iter()
            .map(|(name, s)| (name.to_owned(), s))
            .collect(),
        ..Plan::default()
    }
}

/// As [`plan`], in order of `subject`.
pub fn ordered<const N: usize>(subscriptions: [(&str, SubscriptionPlan); N]) -> Plan {
    let mut plan = plan(subscriptions);
    plan.streams.get_mut("default").unwrap().order_by = Some("subject".into());
    plan
}
