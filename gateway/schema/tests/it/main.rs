//! What schemas say of data and of each other.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod avro;
mod compatibility;
mod hostile;
mod infer;
mod json;
mod proto;
mod references;
mod rules;
mod suite;
mod written;
mod xregistry;

use tradewind_event::Event;
use tradewind_schema::{Action, Binding, Compatibility, Definition, Pattern, Registered, Schemas};

/// A schema in one version, for events of type `t`.
pub(crate) fn schema(format: &str, text: &str, message: Option<&str>) -> Result<Schemas, String> {
    let mut registered = Registered::new(format, Compatibility::None, Action::Reject).unwrap();
    let definition = Definition {
        text: text.into(),
        message: message.map(str::to_owned),
        ..Definition::default()
    };
    registered
        .add(definition, None)
        .map_err(|e| e.to_string())?;
    registered.bindings.push(Binding {
        ty: Pattern::read("t"),
        source: None,
        on_failure: Action::Reject,
    });
    Ok(Schemas::new([(&"s".to_string(), &registered)]))
}

/// What is wrong with data, or an empty text.
pub(crate) fn said(schemas: &Schemas, content_type: &str, data: &[u8]) -> String {
    let data = bytes::Bytes::copy_from_slice(data);
    let event = Event::builder("1", "/s", "t")
        .data(content_type, data)
        .build();
    let judgement = schemas.judge(&event.unwrap());
    judgement
        .map(|j| j.to_string().replace("schema s/1: ", ""))
        .unwrap_or_default()
}
