//! Azure Functions, as a custom handler.

mod application;
mod bindings;
mod clock;
mod invocation;

use super::{foreign, timer};
use crate::Options;
use crate::crew::Work;
use crate::describe::Description;
use crate::http::answer::{Answer, method_not_allowed};
use crate::http::{Dialect, Refusal, accept, is_cloud_event, plain_request, verify, work};
use bindings::Bindings;
use bytes::Bytes;
use http::request::Parts;
use http::{Method, Response};
use invocation::Function;
use std::collections::BTreeMap;

/// What stands before a timer's name in a function's.
const TIMER: &str = "-timer-";

/// The functions of the application, as far as their `function.json` could be found.
#[derive(Default)]
pub(crate) struct Azure {
    functions: BTreeMap<String, Bindings>,
    /// Whether a path of one name is the host's own word, and never one that a caller chose.
    vouched: bool,
    /// The timers that the handlers declare.
    timers: Vec<String>,
}

impl Azure {
    /// Looks for `function.json` below the application's folder.
    pub(crate) fn new(get: impl Fn(&str) -> Option<String>, declared: &[Description]) -> Self {
        let timers = timer::names(declared);
        let root = get("FUNCTIONS_APP_ROOT_PATH").filter(|root| !root.is_empty());
        let root = root.map(Into::into).or_else(|| {
            get("FUNCTIONS_CUSTOMHANDLER_PORT").and_then(|_| std::env::current_dir().ok())
        });
        let Some(root) = root else {
            return Self {
                timers,
                ..Self::default()
            };
        };
        Self {
            functions: bindings::found(&root),
            vouched: application::vouches(&root),
            timers,
        }
    }
}

impl Azure {
    /// What a clock that calls this function is called: packages put the timer's name at the end of the function's.
    fn timer<'a>(&'a self, function: &'a str) -> &'a str {
        let is_it = |name: &&String| {
            let before = function.strip_suffix(name.as_str());
            before.is_some_and(|before| before.ends_with(TIMER))
        };
        let found = self
            .timers
            .iter()
            .filter(is_it)
            .max_by_key(|name| name.len());
        found.map_or(function, String::as_str)
    }
}

impl Dialect for Azure {
    fn at_once(&self, head: &Parts, requests: bool) -> Option<Answer> {
        match (&head.method, head.uri.path()) {
            // Any answer tells that the handler is ready.
            (&Method::GET, "/") => Some(Response::new(Bytes::new())),
            (&Method::POST, _) => None,
            _ if requests => None,
            _ => Some(method_not_allowed()),
        }
    }

    /// The host takes a document, or what it passes on whole.
    fn streams(&self) -> bool {
        false
    }

    fn read(&self, head: &Parts, body: Bytes, options: &Options) -> Result<Work<Answer>, Refusal> {
        // A request that the host passes on as it came.
        if is_cloud_event(&head.headers) {
            return Ok(work(&head.headers, accept(&head.headers, body, options)?));
        }
        let name = head.uri.path().trim_start_matches('/');
        // What is passed on has a longer path, or a method that is not the host's own; what it holds is the caller's
        // word, not the host's.
        if name.contains('/') || head.method != Method::POST {
            verify(&head.headers, &body, options)?;
            return match options.requests {
                true => plain_request(head, &body),
                false => Err(foreign::no_event()),
            };
        }
        if !self.vouched {
            verify(&head.headers, &body, options).map_err(|refusal| Refusal {
                because: "unsigned, and host.json beside the handler does not say that callers' requests have longer paths",
                ..refusal
            })?;
        }
        let function = Function {
            bindings: self.functions.get(name),
            timer: self.timer(name),
        };
        invocation::read(&head.headers, &body, &function, options)
    }
}
