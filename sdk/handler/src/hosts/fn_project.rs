//! Fn Project: `http-stream`, HTTP/1.1 on a Unix socket.

use super::foreign::{self, Held};
use crate::crew::{Item, Work};
use crate::http::answer::{self, Answer};
use crate::http::{Dialect, Refusal, work};
use crate::{Event, InvalidOptions, Options};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use tokio::net::UnixListener;
use tradewind_event::Timestamp;

const CALL_ID: &str = "fn-call-id";
const DEADLINE: &str = "fn-deadline";
const STATUS: HeaderName = HeaderName::from_static("fn-http-status");
/// Headers of a request that came to a door of Fn, and of the answer to it.
const HEADER: &str = "fn-http-h-";
const LISTENER: &str = "FN_LISTENER";
/// Longest path that a Unix socket takes.
const PATH_MAX: usize = 107;

pub(crate) struct FnProject {
    source: String,
}

impl FnProject {
    pub(crate) fn new(get: impl Fn(&str) -> Option<String>) -> Self {
        let part = |name: &str| get(name).filter(|text| !text.is_empty());
        let app = part("FN_APP_ID").unwrap_or_else(|| "app".into());
        let function = part("FN_ID").unwrap_or_else(|| "function".into());
        Self {
            source: format!("/fn/{app}/{function}"),
        }
    }

    /// The headers of the request that is passed on, and those of the call.
    fn headers(head: &Parts) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in &head.headers {
            let Some(name) = name.as_str().strip_prefix(HEADER) else {
                continue;
            };
            if let Ok(name) = HeaderName::try_from(name) {
                headers.append(name, value.clone());
            }
        }
        if let Some(value) = head.headers.get(CONTENT_TYPE)
            && !headers.contains_key(CONTENT_TYPE)
        {
            headers.insert(CONTENT_TYPE, value.clone());
        }
        headers
    }

    fn call(&self, head: &Parts, headers: &HeaderMap, body: Bytes) -> Result<Item, Refusal> {
        let id = text(&head.headers, CALL_ID).unwrap_or("unknown");
        let content_type = text(headers, CONTENT_TYPE.as_str());
        let event = Event::builder(id, &*self.source, "io.fnproject.call")
            .data(content_type.unwrap_or("application/json"), body)
            .build()
            .map_err(|e| Refusal::new(StatusCode::BAD_REQUEST, e.to_string()))?;
        let context = crate::http::context(headers, &event, None);
        Ok(Item::one(event, context))
    }
}

impl Dialect for FnProject {
    fn at_once(&self, head: &Parts, _: bool) -> Option<Answer> {
        let call = head.method == Method::POST && head.uri.path() == "/call";
        (!call).then(|| answer::problem(StatusCode::NOT_FOUND, "there is POST /call"))
    }

    fn read(&self, head: &Parts, body: Bytes, options: &Options) -> Result<Work<Answer>, Refusal> {
        let headers = Self::headers(head);
        let mut work = match foreign::held(&headers, body, options)? {
            Held::Events(message) => work(&headers, message),
            Held::Payload(format, carried) => foreign::payload(format, carried),
            Held::Unknown(body) => Work::one(self.call(head, &headers, body)?, answer::end),
        };
        let deadline = text(&head.headers, DEADLINE).and_then(|text| Timestamp::parse(text).ok());
        let ms =
            deadline.map(|end| end.seconds.saturating_mul(1000) + i64::from(end.nanos / 1_000_000));
        let ms = ms.and_then(|ms| u64::try_from(ms).ok());
        work.deadline = ms.and_then(|ms| foreign::until(ms, options));
        Ok(work)
    }

    fn refuse(&self, head: &Parts, refusal: &Refusal) -> Answer {
        self.finish(head, answer::problem(refusal.status, &refusal.why))
    }

    fn busy(&self, why: &str) -> Answer {
        answer::busy(StatusCode::SERVICE_UNAVAILABLE, why)
    }

    /// The platform is answered 200, and told what its caller is to be answered.
    fn finish(&self, _: &Parts, answer: Answer) -> Answer {
        let (mut head, body) = answer.into_parts();
        if head.headers.contains_key(STATUS) {
            return Answer::from_parts(head, body);
        }
        let mut headers = HeaderMap::new();
        for (name, value) in &head.headers {
            if let Ok(name) = HeaderName::try_from(format!("{HEADER}{name}")) {
                headers.append(name, value.clone());
            }
        }
        if let Some(value) = head.headers.remove(CONTENT_TYPE) {
            headers.insert(CONTENT_TYPE, value);
        }
        headers.insert(STATUS, HeaderValue::from(head.status.as_u16()));
        head.headers = headers;
        head.status = StatusCode::OK;
        Answer::from_parts(head, body)
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(value).filter(|value| !value.is_empty())
}

/// Listens where Fn looks. It looks as soon as there is something, so the socket is made beside it, opened to
/// everybody, and then shown by a link.
pub(crate) fn listen(get: impl Fn(&str) -> Option<String>) -> Result<UnixListener, InvalidOptions> {
    let invalid = |reason: String| InvalidOptions {
        variable: LISTENER,
        reason,
    };
    let address = get(LISTENER).unwrap_or_default();
    let path = address.strip_prefix("unix:").unwrap_or_default();
    let path = Path::new(path);
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        let reason = format!("`{address}` is no address such as unix:/tmp/fn.sock");
        return Err(invalid(reason));
    };
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    let hidden: PathBuf = folder.join(&hidden);
    if hidden.as_os_str().len() > PATH_MAX {
        return Err(invalid(format!("the path is above {PATH_MAX} bytes")));
    }
    let failed = |error: std::io::Error| invalid(format!("{}: {error}", path.display()));
    for stale in [path, &hidden] {
        match std::fs::remove_file(stale) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(failed(error));
            }
            _ => {}
        }
    }
    let listener = UnixListener::bind(&hidden).map_err(failed)?;
    std::fs::set_permissions(&hidden, Permissions::from_mode(0o666)).map_err(failed)?;
    let target = hidden.file_name().unwrap_or_default();
    symlink(target, path).map_err(failed)?;
    Ok(listener)
}
