//! One call of a function, and its answer.

use super::bindings::Bindings;
use super::clock;
use crate::crew::{End, Ends, Item, Order, Responds, Work, worst};
use crate::hosts::{foreign, proxy, timer};
use crate::http::answer::{self, Answer};
use crate::http::{Refusal, accept, is_cloud_event, verify};
use crate::{Options, Outcome};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;
use tradewind_event::Event;
use tradewind_formats::{Carried, Message, decode_each};

/// How often the host may have written a text as JSON.
const LAYERS: usize = 3;
/// What a trigger's value may hold; anything else is a payload of its own.
const CARRIED: [&str; 3] = ["cloud-events", "azure-event-grid", "azure-event-grid-event"];

pub(super) type Members<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Invocation<'a> {
    #[serde(borrow)]
    data: Members<'a>,
    #[serde(borrow)]
    metadata: Members<'a>,
}

/// What an HTTP trigger brings.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request<'a> {
    url: String,
    method: String,
    #[serde(default)]
    headers: BTreeMap<String, Vec<String>>,
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
}

/// What is known of the function that is called.
pub(super) struct Function<'a> {
    pub(super) bindings: Option<&'a Bindings>,
    /// What the clock is called, if it is one that calls.
    pub(super) timer: &'a str,
}

pub(super) fn read(
    headers: &HeaderMap,
    body: &Bytes,
    function: &Function<'_>,
    options: &Options,
) -> Result<Work<Answer>, Refusal> {
    let bindings = function.bindings;
    let malformed = |why: String| Refusal::new(StatusCode::BAD_REQUEST, why);
    let invocation: Invocation<'_> = foreign::object(body)
        .map_err(|e| malformed(format!("no invocation of a function: {e}")))?;
    let trigger = trigger(&invocation, bindings)
        .ok_or_else(|| malformed("the invocation has no data".into()))?;
    let request = foreign::object::<Request<'_>>(trigger.get().as_bytes()).ok();
    if request.is_none() && bindings.is_some_and(|bindings| bindings.is_http) {
        return Err(malformed(
            "the trigger is HTTP, and brings no request".into(),
        ));
    }
    // The invocation itself is the event where the trigger brings none.
    let whole = || {
        let message = Message { headers, body };
        decode_each(&message)
            .map(|(_, carried)| carried)
            .map_err(|e| malformed(e.to_string()))
    };
    let attempt = attempt(&invocation);
    let around = |context: crate::Context| context.with_attempt(attempt);
    let Some(request) = request else {
        let items: Vec<_> = match clock::due(&peeled(trigger), &invocation.metadata, options) {
            Some(due) => {
                let event = timer::fired(function.timer, due)?;
                let context = around(foreign::context(&event));
                vec![Item::one(event, context)]
            }
            None => {
                let carried = carried(trigger).map_or_else(whole, Ok)?;
                let attempted = |one: Carried| attempted(foreign::item(one, around), attempt);
                carried.into_iter().map(attempted).collect()
            }
        };
        let output = bindings.and_then(|bindings| bindings.output.clone());
        return Ok(Work {
            items,
            order: Order::UntilRetry,
            one_way: output.is_none(),
            responds: Responds::No,
            deadline: None,
            tell: Box::new(move |ends| outputs(ends, output.as_deref())),
        });
    };
    let answer_to = bindings.and_then(|bindings| bindings.answer.clone());
    let name = answer_to.unwrap_or_else(|| "res".into());
    let (inner, body) = request.unwrap();
    let passed = body.clone();
    let tell = move |answer| in_outputs(answer, &name);
    let read = if is_cloud_event(&inner) {
        accept(&inner, body, options).map(|message| {
            let Work {
                items,
                order,
                tell: answer,
                ..
            } = crate::http::work(&inner, message);
            (items, order, answer)
        })
    } else {
        verify(&inner, &body, options).and_then(|()| {
            let items = whole()?.into_iter().map(|one| foreign::item(one, around));
            let answer: Box<dyn FnOnce(Ends) -> Answer + Send> =
                Box::new(|ends| answer::end(worst(ends)));
            Ok((items.collect(), Order::UntilRetry, answer))
        })
    };
    // The caller of the function is told, not the host: for that the invocation succeeded.
    let (items, order, answer) = read.unwrap_or_else(|refusal| {
        let refused: Box<dyn FnOnce(Ends) -> Answer + Send> =
            Box::new(move |_| answer::problem(refusal.status, &refusal.why));
        (Vec::new(), Order::UntilRetry, refused)
    });
    let at = (request.method.as_str(), request.url.as_str());
    Ok(Work {
        items: foreign::with_request(items, options, at, &inner, &passed),
        order,
        one_way: false,
        responds: Responds::Whole,
        deadline: None,
        tell: Box::new(move |ends| tell(answer(ends))),
    })
}

fn attempted(mut item: Item, attempt: u32) -> Item {
    for delivery in item.deliveries.iter_mut().flatten() {
        delivery.context = delivery.context.clone().with_attempt(attempt);
    }
    item
}

/// The value of the binding that called: the named one, else the one that is alone, else the first.
fn trigger<'a>(invocation: &Invocation<'a>, bindings: Option<&Bindings>) -> Option<&'a RawValue> {
    let named = bindings.and_then(|bindings| bindings.trigger.as_deref());
    let named = named.and_then(|name| invocation.data.get(name));
    named.or_else(|| invocation.data.values().next()).copied()
}

/// Without the layers of JSON, and of Base64, that the host puts around texts and bytes.
pub(super) fn peeled(value: &RawValue) -> Bytes {
    let mut text = Cow::Borrowed(value.get());
    for _ in 0..LAYERS {
        match serde_json::from_str::<String>(&text) {
            Ok(inner) => text = Cow::Owned(inner),
            Err(_) => break,
        }
    }
    let open = |text: &[u8]| matches!(text.trim_ascii_start().first(), Some(b'{' | b'['));
    match STANDARD.decode(text.as_bytes()) {
        Ok(bytes) if open(&bytes) => bytes.into(),
        _ => text.into_owned().into(),
    }
}

/// The events that a trigger brings; many at once where its cardinality says so.
fn carried(value: &RawValue) -> Option<Vec<Carried>> {
    let document = peeled(value);
    if document.trim_ascii_start().first() != Some(&b'[') {
        return events(&document);
    }
    let elements: Vec<&RawValue> = serde_json::from_slice(&document).ok()?;
    if elements.is_empty() {
        return None;
    }
    let each = elements.into_iter().map(|element| events(&peeled(element)));
    Some(
        each.collect::<Option<Vec<_>>>()?
            .into_iter()
            .flatten()
            .collect(),
    )
}

fn events(document: &Bytes) -> Option<Vec<Carried>> {
    let message = Message {
        headers: &HeaderMap::new(),
        body: document,
    };
    let (format, carried) = decode_each(&message).ok()?;
    CARRIED.contains(&format.spec.name).then_some(carried)
}

/// The attempt that the trigger counts, where it does.
fn attempt(invocation: &Invocation<'_>) -> u32 {
    // The host does not tell names by their case either.
    let member = |name: &str| {
        let mut all = invocation.metadata.iter();
        let (_, value) = all.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(peeled(value))
    };
    let number = |text: &[u8]| std::str::from_utf8(text).ok()?.trim().parse::<u32>().ok();
    let retried = member("RetryContext").and_then(|context| {
        let context: Value = serde_json::from_slice(&context).ok()?;
        let count = &context["RetryCount"];
        let count = count.as_u64().and_then(|n| u32::try_from(n).ok());
        count.or_else(|| number(context["RetryCount"].as_str()?.as_bytes()))
    });
    let counted = ["DequeueCount", "DeliveryCount"]
        .iter()
        .find_map(|name| number(&member(name)?));
    let tried = retried.map(|count| count.saturating_add(1));
    tried.or(counted).unwrap_or(1).max(1)
}

impl Request<'_> {
    /// Headers and body as the client sent them; a body of JSON comes as a value, or as its text.
    fn unwrap(&self) -> (HeaderMap, Bytes) {
        let mut headers = HeaderMap::new();
        for (name, values) in &self.headers {
            let Ok(name) = HeaderName::try_from(name.as_str()) else {
                continue;
            };
            for value in values {
                if let Ok(value) = HeaderValue::try_from(value.as_str()) {
                    headers.append(name.clone(), value);
                }
            }
        }
        let body = self.body.map_or("null", RawValue::get);
        let body = match (body, serde_json::from_str::<String>(body)) {
            ("null", _) => Bytes::new(),
            (_, Ok(text)) => text.into(),
            (value, Err(_)) => Bytes::copy_from_slice(value.as_bytes()),
        };
        (headers, body)
    }
}

/// The ends of events that nobody waits for: a reply goes to the output binding.
fn outputs(ends: Ends, output: Option<&str>) -> Answer {
    let replies: Vec<Event> = match ends.iter().flatten().all(End::is_taken) {
        false => return answer::end(worst(ends)),
        true => ends.into_iter().flatten().filter_map(reply).collect(),
    };
    let value = match replies.as_slice() {
        [] => None,
        [reply] => foreign::raw(reply),
        replies => to_raw_value(&replies.iter().map(foreign::raw).collect::<Vec<_>>()).ok(),
    };
    match (output, value) {
        (Some("$return"), value) => document(&json!({}), &value),
        (Some(name), Some(value)) => document(&BTreeMap::from([(name, value)]), &Value::Null),
        _ => document(&json!({}), &Value::Null),
    }
}

fn reply(end: End) -> Option<Event> {
    match end {
        End::Done(Outcome::Reply(event)) => Some(event),
        _ => None,
    }
}

/// An answer to the function's caller.
fn in_outputs(answer: Answer, name: &str) -> Answer {
    let mut value = proxy::document(answer, proxy::Shape::Azure, false);
    value["status"] = value["statusCode"].clone();
    match name {
        "$return" => document(&json!({}), &value),
        name => document(&json!({ name: value }), &Value::Null),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Told<'a, O, V> {
    outputs: &'a O,
    logs: [&'a str; 0],
    return_value: &'a V,
}

fn document(outputs: &impl Serialize, return_value: &impl Serialize) -> Answer {
    let told = Told {
        outputs,
        logs: [],
        return_value,
    };
    let document = serde_json::to_vec(&told).unwrap_or_default();
    let mut answer = Response::new(document.into());
    let json = HeaderValue::from_static("application/json");
    answer.headers_mut().insert(CONTENT_TYPE, json);
    answer
}
