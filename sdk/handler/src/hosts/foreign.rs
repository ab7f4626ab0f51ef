//! What a platform wraps around events, read by the table of formats.

use crate::crew::{Ends, Item, Order, Responds, Work, worst};
use crate::http::answer::{self, Answer};
use crate::http::{Refusal, accept, batch, is_cloud_event, verify};
use crate::{Context, Event, Options};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tradewind_event::http::Message;
use tradewind_formats::{Carried, Format, decode_each};

/// An event that its carrier brought: the attempt is the carrier's, as is the trace, where the event has
/// none of its own.
pub(crate) fn item(carried: Carried, around: impl Fn(Context) -> Context) -> Item {
    let Carried { carrier, events } = carried;
    let carrier = Carrier::of(&carrier);
    let deliveries = events.map_err(|e| e.to_string()).map(|events| {
        let deliver = |event: Event| {
            let mut context = around(context(&event)).with_attempt(carrier.attempt);
            if event.attribute("traceparent").is_none()
                && let Some(parent) = &carrier.traceparent
            {
                context = context.with_trace(parent, None);
            }
            crate::Delivery { event, context }
        };
        events.into_iter().map(deliver).collect()
    });
    Item { deliveries }
}

/// What an event says about its delivery.
pub(crate) fn context(event: &Event) -> Context {
    crate::http::context(&http::HeaderMap::new(), event, None)
}

/// What a message says of itself beside what it carries.
struct Carrier {
    attempt: u32,
    traceparent: Option<String>,
}

/// The members that queues and topics have for that, wherever they stand.
#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct Members {
    /// Amazon SQS.
    attributes: Sqs,
    /// Google Pub/Sub by push.
    #[serde(rename = "deliveryAttempt")]
    delivery_attempt: Option<u32>,
}

#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct Sqs {
    #[serde(rename = "ApproximateReceiveCount")]
    received: Option<String>,
    #[serde(rename = "AWSTraceHeader")]
    trace: Option<String>,
}

impl Carrier {
    fn of(event: &Event) -> Self {
        let data = event.data().map(|data| data.bytes.as_ref());
        let text = data.and_then(|data| std::str::from_utf8(data).ok());
        // Most have neither, and a look is cheaper than reading.
        let members: Members = text
            .filter(|text| text.contains("deliveryAttempt") || text.contains("attributes"))
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default();
        let received = members
            .attributes
            .received
            .and_then(|text| text.parse().ok());
        Self {
            attempt: received.or(members.delivery_attempt).unwrap_or(1).max(1),
            traceparent: members.attributes.trace.as_deref().and_then(x_ray),
        }
    }
}

/// `Root=1-8hex-24hex;Parent=16hex;Sampled=1` of AWS X-Ray as a `traceparent`.
pub(crate) fn x_ray(header: &str) -> Option<String> {
    let part = |name: &str| {
        let mut parts = header.split(';').map(str::trim);
        parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
    };
    let hex = |text: &str, len: usize| {
        let fits = text.len() == len && text.bytes().all(|b| b.is_ascii_hexdigit());
        let zero = text.bytes().all(|b| b == b'0');
        fits && !zero
    };
    let trace = part("Root")?.strip_prefix("1-")?.replacen('-', "", 1);
    let parent = part("Parent")?;
    let sampled = u8::from(part("Sampled") == Some("1"));
    (hex(&trace, 32) && hex(parent, 16)).then(|| {
        let [trace, parent] = [trace, parent.to_owned()].map(|text| text.to_ascii_lowercase());
        format!("00-{trace}-{parent}-{sampled:02}")
    })
}

/// An event within another document, its data as it was written.
pub(crate) fn raw(event: &Event) -> Option<Box<RawValue>> {
    serde_json::from_slice(&tradewind_event::json::encode(event)).ok()
}

/// Reads an object. A structure would be read from a list of its members as well.
pub(crate) fn object<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, String> {
    match json.trim_ascii_start().first() {
        Some(b'{') => serde_json::from_slice(json).map_err(|e| e.to_string()),
        _ => Err("there is no JSON object".into()),
    }
}

/// Gives items the request that brought them, where the handler takes one.
pub(crate) fn with_request(
    mut items: Vec<Item>,
    options: &Options,
    (method, uri): (&str, &str),
    headers: &HeaderMap,
    body: &Bytes,
) -> Vec<Item> {
    if !options.requests {
        return items;
    }
    let mut request = http::Request::new(body.clone());
    *request.headers_mut() = headers.clone();
    // What a platform cannot have taken is left as it would be without.
    if let Ok(method) = method.to_ascii_uppercase().parse() {
        *request.method_mut() = method;
    }
    if let Ok(uri) = uri.parse() {
        *request.uri_mut() = uri;
    }
    let request = Arc::new(request);
    for delivery in items
        .iter_mut()
        .flat_map(|item| item.deliveries.iter_mut().flatten())
    {
        delivery.context = delivery.context.clone().with_request(request.clone());
    }
    items
}

/// Whether a document says of itself that it is a CloudEvent.
pub(crate) fn claims_event(document: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Version {
        #[serde(rename = "specversion")]
        _version: String,
    }
    object::<Version>(document).is_ok()
}

/// What a request holds.
pub(crate) enum Held {
    /// What it says itself: CloudEvents.
    Events(Message),
    /// A provider's payload of this format.
    Payload(&'static Format, Vec<Carried>),
    /// Neither.
    Unknown(Bytes),
}

/// Reads a request; the signature comes first, where one is asked for.
pub(crate) fn held(headers: &HeaderMap, body: Bytes, options: &Options) -> Result<Held, Refusal> {
    if is_cloud_event(headers) {
        return accept(headers, body, options).map(Held::Events);
    }
    verify(headers, &body, options)?;
    let message = tradewind_formats::Message {
        headers,
        body: &body,
    };
    match decode_each(&message) {
        Ok((format, carried)) => Ok(Held::Payload(format, carried)),
        Err(tradewind_formats::Error::Unknown) => Ok(Held::Unknown(body)),
        Err(error) => Err(Refusal::new(StatusCode::BAD_REQUEST, error.to_string())),
    }
}

/// The work of a provider's payload, answered over HTTP. Whoever sends an event may be sent one; the others
/// send notifications and look at the status only.
pub(crate) fn payload(format: &Format, carried: Vec<Carried>) -> Work<Answer> {
    type Tell = Box<dyn FnOnce(Ends) -> Answer + Send>;
    let (responds, tell): (_, Tell) = match carried.len() {
        1 => (Responds::Whole, Box::new(|ends| answer::end(worst(ends)))),
        _ => (Responds::No, Box::new(batch)),
    };
    let read = |one: Carried| {
        let unwrapped = |event| super::google::unwrapped(format.spec.name, event);
        let events = one
            .events
            .map(|all| all.into_iter().map(unwrapped).collect());
        item(Carried { events, ..one }, |context| context)
    };
    Work {
        items: carried.into_iter().map(read).collect(),
        order: Order::UntilRetry,
        one_way: format.spec.name != "cloud-events",
        responds,
        deadline: None,
        tell,
    }
}

/// What is no event, nor anything that can be read as one.
pub(crate) fn no_event() -> Refusal {
    let why = "no CloudEvent, and no payload of a known format";
    Refusal::new(StatusCode::BAD_REQUEST, why)
}

/// Kept for telling the platform the end before it gives up: a tenth of the time, at most this.
const RESERVE_MAX: Duration = Duration::from_millis(200);

/// What is further away than this, either way, is no deadline but a clock that is wrong, or no point in
/// time at all: cargo-lambda sends the milliseconds that are left.
const PLAUSIBLE: Duration = Duration::from_secs(24 * 3600);

/// A deadline of the platform's, less a reserve; nothing where it cannot be one.
pub(crate) fn until(unix_ms: u64, options: &Options) -> Option<Instant> {
    let end = Duration::from_millis(unix_ms);
    let now = (options.clock)()
        .duration_since(std::time::UNIX_EPOCH)
        .ok()?;
    if end.abs_diff(now) > PLAUSIBLE {
        return None;
    }
    let left = end.saturating_sub(now);
    Some(Instant::now() + left - (left / 10).min(RESERVE_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x_ray_becomes_w3c() {
        let trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
        let expected = "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01";
        assert_eq!(x_ray(trace).as_deref(), Some(expected));
        let shuffled = "Sampled=0; Lineage=a:1; Parent=53995c3f42cd8ad8; Root=1-5759e988-BD862e3fe1be46a994272793";
        let expected = expected.replace("-01", "-00");
        assert_eq!(x_ray(shuffled), Some(expected));
        for none in [
            "",
            "Root=1-5759e988-bd862e3fe1be46a994272793",
            "Root=1-5759e988-bd862e3fe1be46a99427279;Parent=53995c3f42cd8ad8",
            "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=0000000000000000",
            "Root=1-é759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8",
        ] {
            assert_eq!(x_ray(none), None, "{none}");
        }
    }
}
