//! Background events of the first generation: `data` as the Functions Framework hands it to functions that
//! take CloudEvents, so that a handler sees the same event from both generations.

use crate::Event;
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Formats of that generation.
const PREFIX: &str = "google-legacy";
/// What Firebase calls times of a user, then and now.
const RENAMED: [(&str, &str); 2] = [
    ("createdAt", "createTime"),
    ("lastSignedInAt", "lastSignInTime"),
];

type Members<'a> = BTreeMap<Cow<'a, str>, Cow<'a, RawValue>>;

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    data: &'a RawValue,
}

/// The event with the data of its source alone. What does not look as it should stays as it came.
pub(crate) fn unwrapped(format: &str, event: Event) -> Event {
    match format.strip_prefix(PREFIX) {
        Some(kind) => replaced(kind, &event).unwrap_or(event),
        None => event,
    }
}

fn replaced(kind: &str, event: &Event) -> Option<Event> {
    let document = &event.data()?.bytes;
    let Document { data } = serde_json::from_slice(document).ok()?;
    let data = if kind.starts_with("-pubsub") {
        published(data, event)?
    } else if kind.starts_with("-auth") {
        renamed(data)?
    } else {
        data.get().to_owned()
    };
    event.with_data("application/json", data).ok()
}

/// The message that Pub/Sub has around it by now.
fn published(data: &RawValue, event: &Event) -> Option<String> {
    let mut message: Members<'_> = serde_json::from_str(data.get()).ok()?;
    let text = |text: &str| Some(Cow::Owned(to_raw_value(text).ok()?));
    message.insert("messageId".into(), text(event.id())?);
    if let Some(time) = event.time_text() {
        message.insert("publishTime".into(), text(time)?);
    }
    let wrapped = BTreeMap::from([("message", message)]);
    serde_json::to_string(&wrapped).ok()
}

fn renamed(data: &RawValue) -> Option<String> {
    let mut user: Members<'_> = serde_json::from_str(data.get()).ok()?;
    let metadata = user
        .get("metadata")
        .map(|metadata| metadata.get().to_owned());
    if let Some(metadata) = metadata {
        let mut metadata: Members<'_> = serde_json::from_str(&metadata).ok()?;
        for (then, now) in RENAMED {
            if let Some(value) = metadata.remove(then) {
                metadata.insert(now.into(), value);
            }
        }
        user.insert("metadata".into(), Cow::Owned(to_raw_value(&metadata).ok()?));
    }
    serde_json::to_string(&user).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn data(kind: &str, document: &Value) -> Value {
        let event = Event::builder("e-1", "/s", "t")
            .time("2026-01-02T03:04:05Z")
            .data("application/json", document.to_string())
            .build()
            .unwrap();
        unwrapped(kind, event).data_json().unwrap()
    }

    #[test]
    fn data_is_that_of_the_source() {
        let around = |data: Value| json!({ "context": { "eventId": "e-1" }, "data": data });
        let message = json!({ "data": "eA==", "attributes": { "a": "b" } });
        let mut expected = message.clone();
        expected["messageId"] = "e-1".into();
        expected["publishTime"] = "2026-01-02T03:04:05Z".into();
        for kind in ["google-legacy-pubsub", "google-legacy-pubsub-provider"] {
            let found = data(kind, &around(message.clone()));
            assert_eq!(found, json!({ "message": expected }));
        }
        let user = |created: &str, signed: &str| json!({ "uid": "u", "metadata": { created: "1", signed: "2", "other": 3 } });
        assert_eq!(
            data(
                "google-legacy-auth-create",
                &around(user("createdAt", "lastSignedInAt"))
            ),
            user("createTime", "lastSignInTime")
        );
        assert_eq!(
            data("google-legacy-auth-create", &around(json!({}))),
            json!({})
        );
        let object = json!({ "bucket": "b", "size": 1 });
        assert_eq!(
            data("google-legacy-storage-finalize", &around(object.clone())),
            object
        );
    }

    #[test]
    fn anything_else_stays_as_it_came() {
        let document = json!({ "data": 7, "message": {} });
        for kind in [
            "google-pubsub-push",
            "google-legacy-pubsub",
            "google-legacy-auth-create",
        ] {
            assert_eq!(data(kind, &document), document, "{kind}");
        }
        assert_eq!(
            data("google-legacy", &json!({ "own": 1 })),
            json!({ "own": 1 })
        );
    }
}
