//! One entry per route: the router and the OpenAPI document are made from the same list.

use super::audit::Recorded;
use crate::ingress::Problem;
use crate::run::Gateway;
use axum::routing::MethodRouter;
use http::StatusCode;
use std::sync::Arc;
use std::time::Duration;
use tradewind_adapter::Action;
use tradewind_engine::Error;

/// A route of the admin API.
pub(super) struct Endpoint {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) summary: &'static str,
    /// Query parameters: name and what it does.
    pub(super) query: &'static [(&'static str, &'static str)],
    /// Schema of the request's body, by name in the document's components.
    pub(super) body: Option<&'static str>,
    /// Schema of the 200, by name in the document's components; `text` for plain text.
    pub(super) answer: &'static str,
    /// What the caller must be allowed, where the method does not say it; see [`Endpoint::asks`].
    pub(super) action: Option<Action>,
    /// What the audit log has of it; nothing of looking at how the gateway is.
    pub(super) recorded: Option<Recorded>,
    /// What policies say is asked by the handler, which alone knows what it is about.
    pub(super) asks_later: bool,
    /// It shows a caller that is bound to a space no more than what is that space's.
    pub(super) narrows: bool,
    pub(super) handler: MethodRouter<Arc<Gateway>>,
}

impl Endpoint {
    pub(super) fn get(
        path: &'static str,
        summary: &'static str,
        answer: &'static str,
        handler: MethodRouter<Arc<Gateway>>,
    ) -> Self {
        Self {
            method: "get",
            path,
            summary,
            query: &[],
            body: None,
            answer,
            action: None,
            recorded: None,
            asks_later: false,
            narrows: false,
            handler,
        }
    }
    /// What the caller must be allowed; nothing for looking at how the gateway is.
    pub(super) fn asks(&self) -> Option<Action> {
        let changes = (self.method != "get").then_some(Action::Configure);
        self.action.or(changes)
    }
    /// Asks for another action than its method does.
    pub(super) fn action(mut self, action: Action) -> Self {
        self.action = Some(action);
        self
    }
    /// Leaves it to the handler to ask policies.
    pub(super) fn asks_later(mut self) -> Self {
        self.asks_later = true;
        self
    }
    /// Shows a caller that is bound to a space what is that space's only.
    pub(super) fn narrows(mut self) -> Self {
        self.narrows = true;
        self
    }
    pub(super) fn post(
        path: &'static str,
        summary: &'static str,
        answer: &'static str,
        handler: MethodRouter<Arc<Gateway>>,
    ) -> Self {
        Self {
            method: "post",
            ..Self::get(path, summary, answer, handler)
        }
    }
    pub(super) fn delete(
        path: &'static str,
        summary: &'static str,
        answer: &'static str,
        handler: MethodRouter<Arc<Gateway>>,
    ) -> Self {
        Self {
            method: "delete",
            ..Self::get(path, summary, answer, handler)
        }
    }
    /// Goes into the audit log under this name, with its body.
    pub(super) fn recorded(mut self, what: &'static str) -> Self {
        self.recorded = Some(Recorded { what, body: true });
        self
    }
    /// Goes into the audit log under this name, without its body, which holds payloads.
    pub(super) fn recorded_bare(mut self, what: &'static str) -> Self {
        self.recorded = Some(Recorded { what, body: false });
        self
    }
    pub(super) fn query(mut self, query: &'static [(&'static str, &'static str)]) -> Self {
        self.query = query;
        self
    }
    pub(super) fn body(mut self, schema: &'static str) -> Self {
        self.body = Some(schema);
        self
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let (status, code, title) = match &error {
            Error::NotFound(_) => (StatusCode::NOT_FOUND, "not-found", "there is no such thing"),
            Error::Invalid(_) => (
                StatusCode::BAD_REQUEST,
                "invalid-request",
                "the request makes no sense",
            ),
            Error::Elsewhere(_) | Error::Store(tradewind_store::Error::Elsewhere(_)) => (
                StatusCode::MISDIRECTED_REQUEST,
                "elsewhere",
                "another node serves it",
            ),
            _ => (
                StatusCode::SERVICE_UNAVAILABLE,
                "store-failed",
                "the store failed",
            ),
        };
        let problem = Problem::new(status, code, title).detail(error.to_string());
        match status {
            StatusCode::SERVICE_UNAVAILABLE => problem.after(Duration::from_secs(5)),
            StatusCode::MISDIRECTED_REQUEST => {
                problem.hint("ask that node; `here=true` (`--here`) is for what this one serves")
            }
            _ => problem,
        }
    }
}

impl axum::response::IntoResponse for Problem {
    fn into_response(self) -> axum::response::Response {
        self.answer().map(axum::body::Body::new)
    }
}
