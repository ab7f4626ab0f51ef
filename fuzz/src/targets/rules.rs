//! A set of filters of every dialect: the index says what each filter alone says.

use crate::Target;
use crate::input::Cut;
use bytes::Bytes;
use serde_json::Value;
use std::sync::Arc;
use tradewind_event::{Event, json};
use tradewind_filter::{Filter, Limits, Scratch, Snapshot, View, compile};

/// Definitions, one a line, up to an empty line; an event in JSON, or its `data`, below.
pub(super) const RULE_SET: Target = Target {
    words: &[
        "{\"exact\":{\"type\":\"t\"}}\n",
        "{\"prefix\":{\"subject\":\"/a\"}}\n",
        "{\"suffix\":{\"subject\":\"b\"}}\n",
        "{\"not\":{\"exact\":{\"type\":\"t\"}}}\n",
        "{\"sql\":\"LENGTH(type) > 0\"}\n",
        "{\"event-bridge\":{\"detail\":{\"n\":[{\"numeric\":[\">\",0]}]}}}\n",
        "{\"event-bridge\":{\"detail\":{\"n\":[{\"wildcard\":\"a*b\"}]}}}\n",
        "{\"event-bridge\":{\"detail\":{\"n\":[{\"anything-but\":1}]}}}\n",
        "{\"n\":[1,\"ab\",null]}",
    ],
    memory: 16 << 20,
    growth: 4096,
    ..Target::new("rule-set", rules)
};

fn rules(input: &[u8]) {
    let mut input = Cut(input);
    let mut filters: Vec<(u64, Arc<Filter>)> = Vec::new();
    let mut index = Snapshot::new(Limits::default());
    while !input.0.is_empty() {
        let line = input.line();
        if line.is_empty() {
            break;
        }
        let definition: Option<Value> = serde_json::from_str(line).ok();
        if let Some(Ok(filter)) = definition.map(|definition| compile(&definition)) {
            let id = filters.len() as u64;
            index.add(id, filter.formula()).unwrap();
            filters.push((id, filter));
        }
    }
    let event = event(input.rest());
    agree(&index, &filters, &event);
    filters.retain(|(id, _)| id % 2 == 0 || !index.remove(*id));
    agree(&index, &filters, &event);
}

fn agree(index: &Snapshot, filters: &[(u64, Arc<Filter>)], event: &Event) {
    let (mut scratch, mut passed) = (Scratch::default(), Vec::new());
    let view = View::new(event);
    index.matches(&view, &mut scratch, &mut passed);
    let alone = filters.iter().filter(|(_, filter)| filter.matches(event));
    assert_eq!(passed, alone.map(|(id, _)| *id).collect::<Vec<_>>());
    // What failed in the set fails alone.
    for id in view.failed() {
        let (_, filter) = filters.iter().find(|(known, _)| *known == id).unwrap();
        let view = View::new(event);
        filter.evaluate(&view, &mut scratch);
        assert!(view.faults() > 0);
    }
}

fn event(text: &[u8]) -> Event {
    json::decode(Bytes::copy_from_slice(text)).unwrap_or_else(|_| {
        Event::builder("a", "/s", "t")
            .subject("/a/b")
            .data("application/json", Bytes::copy_from_slice(text))
            .build()
            .unwrap()
    })
}
