//! Invocations as work.

use super::answer::{self, Told};
use super::records::Service;
use super::sqs;
use super::trigger::Trigger;
use crate::crew::{Item, Order, Responds, Work};
use crate::hosts::foreign;
use crate::hosts::proxy::{self, Shape};
use crate::http::answer::{Answer, problem};
use crate::http::{Refusal, accept, is_cloud_event, verify};
use crate::{BatchFailures, Context, Event, InvokeMode, Options};
use bytes::Bytes;
use http::HeaderMap;
use tradewind_formats::{Carried, Error, Message, decode_each};

const REQUEST_ID: &str = "lambda-runtime-aws-request-id";
const DEADLINE: &str = "lambda-runtime-deadline-ms";
const TRACE: &str = "lambda-runtime-trace-id";
const FUNCTION: &str = "lambda-runtime-invoked-function-arn";

/// Reads an invocation; what cannot be read is told at once. Headers that should be there may be missing.
pub(crate) fn read(
    headers: &HeaderMap,
    payload: Bytes,
    options: &Options,
) -> Result<Work<Told>, Told> {
    let deadline = text(headers, DEADLINE).and_then(|ms| ms.parse().ok());
    let deadline = deadline.and_then(|ms| foreign::until(ms, options));
    let trace = text(headers, TRACE);
    // The trace that the event came with goes on; Lambda's own begins at its door.
    let around = move |context: Context| match context.traceparent() {
        None => match trace.and_then(foreign::x_ray) {
            Some(trace) => context.with_trace(trace, None),
            None => context,
        },
        Some(_) => context,
    };
    let message = Message {
        headers,
        body: &payload,
    };
    // What is an event by itself is none of the others, and needs no look at them.
    let read = match alone(&payload) {
        Some(event) => Ok((CLOUD_EVENTS, vec![event])),
        None => decode_each(&message).map(|(format, carried)| (format.spec.name, carried)),
    };
    let work = match read {
        Ok((format, carried)) => {
            let trigger = Trigger::of(format);
            triggered(trigger, format, carried, payload, options, around)?
        }
        Err(Error::Unknown) => {
            let event = unknown(headers, payload)?;
            let context = around(foreign::context(&event));
            let tell = |ends| answer::call(ends, false, &NULL);
            called(vec![Item::one(event, context)], tell)
        }
        Err(error) => return Err(Told::malformed(error.to_string())),
    };
    Ok(Work { deadline, ..work })
}

const CLOUD_EVENTS: &str = "cloud-events";
const NULL: Bytes = Bytes::from_static(b"null");

/// The event that the payload is, if it is one as its format has it.
fn alone(payload: &Bytes) -> Option<Carried> {
    let event = tradewind_event::json::decode(payload.clone()).ok()?;
    Some(Carried {
        carrier: event.clone(),
        events: Ok(vec![event]),
    })
}

fn triggered(
    trigger: Trigger,
    format: &str,
    carried: Vec<Carried>,
    payload: Bytes,
    options: &Options,
    around: impl Fn(Context) -> Context,
) -> Result<Work<Told>, Told> {
    if let Trigger::Http(shape) = trigger {
        // Others have no streams of this kind.
        let streams =
            format == "aws-lambda-url" && options.invoke_mode == InvokeMode::ResponseStream;
        return http((shape, streams), carried, &payload, options, around);
    }
    let ids: Vec<_> = match trigger {
        Trigger::Batch(path) => carried.iter().map(|one| id(&one.carrier, path)).collect(),
        _ => Vec::new(),
    };
    let records: Vec<_> = match trigger {
        Trigger::Records(service) => carried
            .iter()
            .map(|one| service.record(&one.carrier))
            .collect(),
        _ => Vec::new(),
    };
    let in_order = carried.iter().any(|one| is_ordered(format, &one.carrier));
    let items: Vec<Item> = carried
        .into_iter()
        .map(|one| foreign::item(sqs::message(format, one), &around))
        .collect();
    Ok(match trigger {
        Trigger::Batch(_) => {
            let order = match in_order {
                true => Order::UntilFailure,
                false => Order::Free,
            };
            let reports = options.batch_failures == BatchFailures::Report;
            let tell = move |ends| answer::report(ends, ids, reports);
            one_way(items, order, tell)
        }
        Trigger::Call if items.len() == 1 && !payload.starts_with(b"[") => {
            let events = format == CLOUD_EVENTS;
            let tell = move |ends| answer::call(ends, events, &NULL);
            called(items, tell)
        }
        Trigger::Call => work(items, Order::UntilRetry, answer::batch),
        Trigger::Echo => {
            let tell = move |ends| answer::call(ends, false, &payload);
            called(items, tell)
        }
        Trigger::Records(service) => Work {
            // What delivers an output has no use for a reply.
            one_way: service == Service::Output,
            ..work(items, Order::Free, move |ends| {
                service.tell(&payload, records, ends)
            })
        },
        Trigger::OneWay | Trigger::Http(_) => one_way(items, Order::UntilRetry, answer::one_way),
    })
}

/// An event that the request holds is the event; else the request itself is.
fn http(
    (shape, streams): (Shape, bool),
    carried: Vec<Carried>,
    payload: &Bytes,
    options: &Options,
    around: impl Fn(Context) -> Context,
) -> Result<Work<Told>, Told> {
    let request = proxy::Request::parse(payload).map_err(Told::malformed)?;
    let lists = request.has_lists();
    let responds = match streams {
        true => Responds::Stream,
        false => Responds::Whole,
    };
    // A function URL that passes on streams takes nothing else.
    let tell = move |answer: Answer| match streams {
        true => Told::streamed(answer),
        false => Told::value(&proxy::document(answer, shape, lists)),
    };
    let refuse = |refusal: Refusal| tell(problem(refusal.status, &refusal.why));
    let (headers, body) = request.unwrap().map_err(Told::malformed)?;
    let (method, uri) = request.at(shape);
    let passed = body.clone();
    let requested =
        |items| foreign::with_request(items, options, (&method, &uri), &headers, &passed);
    if !is_cloud_event(&headers) {
        verify(&headers, &body, options).map_err(refuse)?;
        let items = carried
            .into_iter()
            .map(|one| foreign::item(one, &around))
            .collect();
        let tell = move |ends| tell(crate::http::answer::end(crate::crew::worst(ends)));
        return Ok(Work {
            responds,
            ..work(requested(items), Order::UntilRetry, tell)
        });
    }
    let message = accept(&headers, body, options).map_err(refuse)?;
    let Work {
        mut items,
        order,
        responds: takes,
        tell: answer,
        ..
    } = crate::http::work(&headers, message);
    for delivery in items
        .iter_mut()
        .flat_map(|item| item.deliveries.iter_mut().flatten())
    {
        delivery.context = around(delivery.context.clone());
    }
    let responds = match takes {
        Responds::No => Responds::No,
        _ => responds,
    };
    Ok(Work {
        responds,
        ..work(requested(items), order, move |ends| tell(answer(ends)))
    })
}

fn work(
    items: Vec<Item>,
    order: Order,
    tell: impl FnOnce(crate::crew::Ends) -> Told + Send + 'static,
) -> Work<Told> {
    Work {
        items,
        order,
        one_way: false,
        responds: Responds::No,
        deadline: None,
        tell: Box::new(tell),
    }
}

/// Somebody waits, who can be told anything.
fn called(
    items: Vec<Item>,
    tell: impl FnOnce(crate::crew::Ends) -> Told + Send + 'static,
) -> Work<Told> {
    Work {
        responds: Responds::Whole,
        ..work(items, Order::UntilRetry, tell)
    }
}

fn one_way(
    items: Vec<Item>,
    order: Order,
    tell: impl FnOnce(crate::crew::Ends) -> Told + Send + 'static,
) -> Work<Told> {
    Work {
        one_way: true,
        ..work(items, order, tell)
    }
}

/// A payload of the caller's own: its invocation is the event.
fn unknown(headers: &HeaderMap, payload: Bytes) -> Result<Event, Told> {
    if let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(&payload) {
        return Err(Told::malformed(format!("the payload is no JSON: {error}")));
    }
    let id = text(headers, REQUEST_ID).unwrap_or("unknown");
    let source = text(headers, FUNCTION).unwrap_or("aws:lambda");
    Event::builder(id, source, "com.amazonaws.lambda.Invocation")
        .data("application/json", payload)
        .build()
        .map_err(|e| Told::malformed(e.to_string()))
}

/// Streams, and queues that are first in, first out.
fn is_ordered(format: &str, carrier: &Event) -> bool {
    format != "aws-sqs" || carrier.source().ends_with(".fifo")
}

/// The identifier by which a message is reported.
pub(super) fn id(carrier: &Event, path: &str) -> Option<String> {
    let document = carrier.data_json()?;
    let value = path
        .split('.')
        .try_fold(&document, |value, name| value.get(name))?;
    value
        .as_str()
        .filter(|id| !id.is_empty())
        .map(str::to_owned)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(value).filter(|value| !value.is_empty())
}
