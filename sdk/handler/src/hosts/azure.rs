//! Azure Functions, as a custom handler.

mod application;
mod bindings;
mod invocation;

use super::foreign;
use crate::Options;
use crate::crew::Work;
use crate::http::answer::{Answer, method_not_allowed};
use crate::http::{Dialect, Refusal, accept, is_cloud_event, verify, work};
use bindings::Bindings;
use bytes::Bytes;
use http::request::Parts;
use http::{Method, Response};
use std::collections::BTreeMap;

/// The functions of the application, as far as their `function.json` could be found.
#[derive(Default)]
pub(crate) struct Azure {
    functions: BTreeMap<String, Bindings>,
    /// Whether a path of one name is the host's own word, and never one that a caller chose.
    vouched: bool,
}

impl Azure {
    /// Looks for `function.json` below the application's folder.
    pub(crate) fn new(get: impl Fn(&str) -> Option<String>) -> Self {
        let root = get("FUNCTIONS_APP_ROOT_PATH").filter(|root| !root.is_empty());
        let root = root.map(Into::into).or_else(|| {
            get("FUNCTIONS_CUSTOMHANDLER_PORT").and_then(|_| std::env::current_dir().ok())
        });
        let Some(root) = root else {
            return Self::default();
        };
        Self {
            functions: bindings::found(&root),
            vouched: application::vouches(&root),
        }
    }
}

impl Dialect for Azure {
    fn at_once(&self, head: &Parts, _: bool) -> Option<Answer> {
        match (&head.method, head.uri.path()) {
            // Any answer tells that the handler is ready.
            (&Method::GET, "/") => Some(Response::new(Bytes::new())),
            (&Method::POST, _) => None,
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
        // What is passed on has a longer path; what it holds is the caller's word, not the host's.
        if name.contains('/') {
            verify(&head.headers, &body, options)?;
            return Err(foreign::no_event());
        }
        if !self.vouched {
            verify(&head.headers, &body, options).map_err(|refusal| Refusal {
                because: "unsigned, and host.json beside the handler does not say that callers' requests have longer paths",
                ..refusal
            })?;
        }
        invocation::read(&head.headers, &body, self.functions.get(name), options)
    }
}
