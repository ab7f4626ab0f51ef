//! Several events at once: each is told of on its own.

use super::{document, status};
use crate::crew::{Ends, Item, Order, Responds, Work, worst};
use crate::hosts::foreign::claims_event;
use crate::http::answer::Answer;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tradewind_event::{Event, json as event_json};

/// What the sidecar sends where a subscription is for several events at once.
#[derive(Deserialize)]
pub(super) struct Bulk<'a> {
    #[serde(borrow)]
    entries: Vec<Entry<'a>>,
    pubsubname: String,
    topic: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    entry_id: String,
    #[serde(borrow)]
    event: &'a RawValue,
    #[serde(default)]
    content_type: String,
}

impl<'a> Bulk<'a> {
    /// Nothing where the body is none.
    pub(super) fn of(body: &'a Bytes) -> Option<Self> {
        crate::hosts::foreign::object(body).ok()
    }

    /// An entry that is not told of comes again, which is what happens to one without an id.
    pub(super) fn work(self) -> Work<Answer> {
        let source = format!("/dapr/{}/{}", self.pubsubname, self.topic);
        let ids: Vec<_> = self
            .entries
            .iter()
            .map(|one| one.entry_id.clone())
            .collect();
        let items = self.entries.iter().map(|entry| {
            let event = entry.event(&source);
            let deliveries = event.map(|event| vec![crate::worker::delivery(event)]);
            Item { deliveries }
        });
        Work {
            items: items.collect(),
            order: Order::Free,
            one_way: true,
            responds: Responds::No,
            deadline: None,
            tell: Box::new(move |ends| statuses(&ids, ends)),
        }
    }
}

impl Entry<'_> {
    /// The event; or one with the entry as its data, where nobody made one of it.
    fn event(&self, source: &str) -> Result<Event, String> {
        let text = self.event.get();
        let structured = self.content_type.starts_with("application/cloudevents");
        if structured || claims_event(text.as_bytes()) {
            let document = Bytes::copy_from_slice(text.as_bytes());
            return event_json::decode(document).map_err(|e| e.to_string());
        }
        let plain = serde_json::from_str::<String>(text).ok();
        let (content_type, data): (&str, Bytes) = match (self.content_type.as_str(), plain) {
            ("application/json" | "", _) => ("application/json", text.to_owned().into()),
            // What is no text comes in Base64.
            ("application/octet-stream", Some(text)) => {
                let bytes = STANDARD.decode(&text).unwrap_or_else(|_| text.into_bytes());
                ("application/octet-stream", bytes.into())
            }
            (content_type, Some(text)) => (content_type, text.into()),
            (content_type, None) => (content_type, text.to_owned().into()),
        };
        Event::builder(&*self.entry_id, source, "com.dapr.event.sent")
            .data(content_type, data)
            .build()
            .map_err(|e| e.to_string())
    }
}

fn statuses(ids: &[String], ends: Ends) -> Answer {
    let one = |(id, ends)| {
        let end = worst(vec![ends]);
        let mut told = json!({ "entryId": id, "status": status(&end) });
        if !end.reason().is_empty() {
            told["reason"] = end.reason().into();
        }
        told
    };
    let statuses: Vec<Value> = ids.iter().zip(ends).map(one).collect();
    document(&json!({ "statuses": statuses }))
}
