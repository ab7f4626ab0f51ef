//! Apache OpenWhisk, as an action of a container: `/init` once, `/run` for each activation; and as a program that
//! OpenWhisk's own images start, by the action loop.

pub(crate) mod action_loop;
pub(crate) mod media;

use super::{foreign, proxy, timer};
use crate::Options;
use crate::crew::{End, Ends, Item, Order, Responds, Work, worst};
use crate::describe::Description;
use crate::http::answer::{self, Answer};
use crate::http::{Dialect, Refusal, accept, is_cloud_event, verify};
use crate::{Event, Outcome};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use tradewind_event::{DataKind, json as event_json};
use tradewind_formats::{Message, decode_each};

/// What ends the log of an activation.
const MARK: &str = "XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX";

#[derive(Default)]
pub(crate) struct OpenWhisk {
    initialised: AtomicBool,
    /// Writes the marks, where somebody reads them.
    mark: Option<Box<dyn Fn() + Send + Sync>>,
    /// The timers that the handlers declare.
    timers: Vec<String>,
}

#[derive(Deserialize)]
struct Run<'a> {
    #[serde(borrow, default)]
    value: Option<&'a RawValue>,
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    action_name: String,
    #[serde(default)]
    activation_id: String,
    /// Milliseconds since 1970, as a text or a number.
    #[serde(default)]
    deadline: Value,
}

/// What a web action gets.
#[derive(Deserialize)]
struct Web {
    #[serde(rename = "__ow_method")]
    method: String,
    #[serde(rename = "__ow_path", default)]
    path: String,
    #[serde(rename = "__ow_query", default)]
    query: String,
    #[serde(rename = "__ow_headers", default)]
    headers: BTreeMap<String, String>,
    #[serde(rename = "__ow_body", default)]
    body: Option<String>,
}

impl OpenWhisk {
    pub(crate) fn new(get: impl Fn(&str) -> Option<String>, declared: &[Description]) -> Self {
        Self {
            mark: get("__OW_API_HOST").map(|_| Box::new(mark) as _),
            ..Self::in_loop(declared)
        }
    }

    /// The proxy of the loop writes the marks by itself.
    fn in_loop(declared: &[Description]) -> Self {
        Self {
            timers: timer::names(declared),
            ..Self::default()
        }
    }

    fn run(&self, body: &Bytes, options: &Options) -> Result<Work<Answer>, Refusal> {
        let malformed = |why: String| Refusal::new(StatusCode::BAD_REQUEST, why);
        let run: Run<'_> =
            foreign::object(body).map_err(|e| malformed(format!("no activation: {e}")))?;
        let value = run.value.map_or("{}", RawValue::get);
        let ms = run.deadline.as_u64();
        let ms = ms.or_else(|| run.deadline.as_str()?.parse().ok());
        let deadline = ms.and_then(|ms| foreign::until(ms, options));
        let data = Bytes::copy_from_slice(value.as_bytes());
        let work = match foreign::object::<Web>(value.as_bytes()) {
            Ok(web) => web.work(&run, data, options)?,
            Err(_) => match timer::named(&data).filter(|name| self.timers.contains(name)) {
                Some(name) => alarm(&name, options)?,
                None => called(&run, data)?,
            },
        };
        Ok(Work { deadline, ..work })
    }
}

impl Dialect for OpenWhisk {
    fn at_once(&self, head: &Parts, _: bool) -> Option<Answer> {
        match (&head.method, head.uri.path()) {
            (&Method::POST, "/run") => None,
            (&Method::POST, "/init") if !self.initialised.swap(true, Ordering::Relaxed) => {
                Some(document(StatusCode::OK, &json!({ "ok": true })))
            }
            (&Method::POST, "/init") => Some(error(
                StatusCode::FORBIDDEN,
                "cannot initialize the action more than once",
            )),
            _ => Some(error(StatusCode::NOT_FOUND, "there are /init and /run")),
        }
    }

    fn read(&self, _: &Parts, body: Bytes, options: &Options) -> Result<Work<Answer>, Refusal> {
        self.run(&body, options)
    }

    fn refuse(&self, _: &Parts, refusal: &Refusal) -> Answer {
        error(refusal.status, &refusal.why)
    }

    fn streams(&self) -> bool {
        false
    }

    fn busy(&self, why: &str) -> Answer {
        error(StatusCode::SERVICE_UNAVAILABLE, why)
    }

    /// The platform waits for the marks of every activation.
    fn unread(&self, answer: Answer) -> Answer {
        if let Some(mark) = &self.mark {
            mark();
        }
        answer
    }

    fn finish(&self, _: &Parts, answer: Answer) -> Answer {
        self.unread(answer)
    }
}

/// A log that nobody reads any more is no reason to fail the activation.
fn mark() {
    writeln!(std::io::stdout().lock(), "{MARK}").ok();
    writeln!(std::io::stderr().lock(), "{MARK}").ok();
}

/// What the feed of alarms passes on; nobody waits for the activation's result.
fn alarm(name: &str, options: &Options) -> Result<Work<Answer>, Refusal> {
    let event = timer::fired(name, timer::now(options))?;
    let context = foreign::context(&event);
    let tell = |ends| result(worst(ends), true);
    Ok(Work {
        one_way: true,
        ..work(vec![Item::one(event, context)], Responds::No, tell)
    })
}

/// Events where the value is one, else the activation itself.
fn called(run: &Run<'_>, data: Bytes) -> Result<Work<Answer>, Refusal> {
    let message = Message {
        headers: &HeaderMap::new(),
        body: &data,
    };
    let (items, events) = match decode_each(&message) {
        Ok((format, carried)) => {
            let items = carried
                .into_iter()
                .map(|one| foreign::item(one, |context| context));
            (items.collect(), format.spec.name == "cloud-events")
        }
        Err(tradewind_formats::Error::Unknown) => (vec![activation(run, data)?], false),
        Err(error) => return Err(Refusal::new(StatusCode::BAD_REQUEST, error.to_string())),
    };
    let tell = move |ends| result(worst(ends), events);
    Ok(work(items, Responds::No, tell))
}

fn activation(run: &Run<'_>, data: Bytes) -> Result<Item, Refusal> {
    let id = match run.activation_id.as_str() {
        "" => "unknown",
        id => id,
    };
    let action = run.action_name.trim_start_matches('/');
    let source = match action.starts_with(&format!("{}/", run.namespace)) {
        true => format!("/{action}"),
        false => format!("/{}/{action}", run.namespace),
    };
    let event = Event::builder(id, source, "org.apache.openwhisk.activation")
        .data("application/json", data)
        .build()
        .map_err(|e| Refusal::new(StatusCode::BAD_REQUEST, e.to_string()))?;
    let context = foreign::context(&event);
    Ok(Item::one(event, context))
}

impl Web {
    /// A request: the event that it holds, else the request itself.
    fn work(self, run: &Run<'_>, data: Bytes, options: &Options) -> Result<Work<Answer>, Refusal> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let name = HeaderName::try_from(name.as_str());
            if let (Ok(name), Ok(value)) = (name, HeaderValue::try_from(value.as_str())) {
                headers.append(name, value);
            }
        }
        let body = self.body.unwrap_or_default();
        // A raw action gets what is no text, JSON included, in Base64.
        let content_type = headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let is_text = content_type.is_some_and(|content_type| {
            let content_type = content_type.trim().to_ascii_lowercase();
            content_type.starts_with("text/")
                || content_type.starts_with("application/x-www-form-urlencoded")
        });
        let body: Bytes = match STANDARD.decode(&body) {
            Ok(decoded) if !body.is_empty() && !is_text => decoded.into(),
            _ => body.into(),
        };
        let passed = body.clone();
        let read = if is_cloud_event(&headers) {
            accept(&headers, body, options).map(|message| {
                let work = crate::http::work(&headers, message);
                (work.items, work.tell)
            })
        } else {
            let tell: Box<dyn FnOnce(Ends) -> Answer + Send> =
                Box::new(|ends| answer::end(worst(ends)));
            verify(&headers, &body, options).and_then(|()| Ok((vec![activation(run, data)?], tell)))
        };
        // The caller is told, not the platform: for that the activation succeeded.
        let (items, tell) = read.unwrap_or_else(|refusal| {
            let refused: Box<dyn FnOnce(Ends) -> Answer + Send> =
                Box::new(move |_| answer::problem(refusal.status, &refusal.why));
            (Vec::new(), refused)
        });
        let uri = match self.query.as_str() {
            "" => format!("/{}", self.path.trim_start_matches('/')),
            query => format!("/{}?{query}", self.path.trim_start_matches('/')),
        };
        let at = (self.method.as_str(), uri.as_str());
        let items = foreign::with_request(items, options, at, &headers, &passed);
        Ok(work(items, Responds::Whole, move |ends| {
            let value = proxy::document(tell(ends), proxy::Shape::OpenWhisk, false);
            document(StatusCode::OK, &value)
        }))
    }
}

fn work(
    items: Vec<Item>,
    responds: Responds,
    tell: impl FnOnce(Ends) -> Answer + Send + 'static,
) -> Work<Answer> {
    Work {
        items,
        order: Order::UntilRetry,
        one_way: false,
        responds,
        deadline: None,
        tell: Box::new(tell),
    }
}

/// The result of an activation is an object: the event of a reply, or its data where that is one.
fn result(end: End, events: bool) -> Answer {
    match end {
        End::Done(Outcome::Ack) => document(StatusCode::OK, &json!({})),
        End::Done(Outcome::Reply(event)) => {
            let data = event.data().filter(|data| {
                data.kind == DataKind::Json && data.bytes.trim_ascii_start().starts_with(b"{")
            });
            match data.filter(|_| !events) {
                Some(data) => json_answer(StatusCode::OK, data.bytes.clone()),
                None => json_answer(StatusCode::OK, event_json::encode(&event)),
            }
        }
        end => error(StatusCode::BAD_GATEWAY, end.reason()),
    }
}

fn error(status: StatusCode, why: &str) -> Answer {
    document(status, &json!({ "error": why }))
}

fn document(status: StatusCode, document: &Value) -> Answer {
    json_answer(status, document.to_string().into())
}

fn json_answer(status: StatusCode, body: Bytes) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    answer.headers_mut().insert(CONTENT_TYPE, json);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crew::Crew;
    use crate::http::Service;
    use crate::{Host, Reply, handler_fn};
    use http::Request;
    use http_body_util::Full;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    async fn handle(_: Event) -> Reply {
        Reply::ack()
    }

    #[tokio::test]
    async fn every_activation_ends_its_log_once() {
        for (concurrency, body, status) in [
            (1, "{}", StatusCode::OK),
            (1, "{", StatusCode::BAD_REQUEST),
            (1, "{\"value\":{}}", StatusCode::PAYLOAD_TOO_LARGE),
            (0, "{}", StatusCode::SERVICE_UNAVAILABLE),
        ] {
            let mut options = Options::default();
            (options.concurrency, options.body_max) = (concurrency, 8);
            let marked = Arc::new(AtomicUsize::new(0));
            let counted = marked.clone();
            let whisk = OpenWhisk {
                mark: Some(Box::new(move || {
                    counted.fetch_add(1, Ordering::Relaxed);
                })),
                ..OpenWhisk::default()
            };
            let crew = Crew::new(Arc::new(handler_fn(handle)), Host::OpenWhisk, &options);
            let service = Service::new(crew, options, Arc::new(whisk));
            let request = Request::post("/run").body(Full::new(Bytes::from(body)));
            let answer = service.answer(request.unwrap()).await;
            assert_eq!(answer.status(), status, "{body}");
            assert_eq!(marked.load(Ordering::Relaxed), 1, "{body}");
        }
    }
}
