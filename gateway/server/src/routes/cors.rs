//! Cross-origin rules: what pages of other origins may do, told to the browsers that show them.

use crate::ingress::Problem;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, HeaderName, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use tradewind_config::{FieldName, Origin, Verb};

/// The rules of one route.
#[derive(Debug)]
pub(crate) struct Cors {
    origins: Vec<Origin>,
    /// Lower case.
    headers: Vec<String>,
    expose: Option<HeaderValue>,
    credentials: bool,
    methods: HeaderValue,
    allowed: Option<HeaderValue>,
    max_age: HeaderValue,
}

impl Cors {
    pub(super) fn new(from: &tradewind_config::Cors, methods: &[Verb]) -> Self {
        let list = |names: &[FieldName]| {
            let names: Vec<&str> = names.iter().map(|name| name.0.as_str()).collect();
            let list = names.join(", ");
            HeaderValue::try_from(list)
                .ok()
                .filter(|value| !value.is_empty())
        };
        let methods: Vec<&str> = methods.iter().map(|verb| verb.as_str()).collect();
        Self {
            origins: from.origins.clone(),
            headers: from.headers.iter().map(|name| name.0.clone()).collect(),
            expose: list(&from.expose),
            credentials: from.credentials,
            methods: HeaderValue::try_from(methods.join(", "))
                .unwrap_or_else(|_| HeaderValue::from_static("")),
            allowed: list(&from.headers),
            max_age: from.max_age.0.as_secs().into(),
        }
    }

    /// Writes who may read an answer, in place of what the function said about that.
    pub(super) fn stamp(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        for name in [
            ACCESS_CONTROL_ALLOW_ORIGIN,
            ACCESS_CONTROL_ALLOW_CREDENTIALS,
            ACCESS_CONTROL_ALLOW_METHODS,
            ACCESS_CONTROL_ALLOW_HEADERS,
            ACCESS_CONTROL_EXPOSE_HEADERS,
            ACCESS_CONTROL_MAX_AGE,
            HeaderName::from_static("access-control-allow-private-network"),
        ] {
            headers.remove(name);
        }
        let all = self.origins.contains(&Origin::Any);
        if !all {
            headers.append(VARY, HeaderValue::from_static("origin"));
        }
        let Some(origin) = origin.filter(|origin| self.covers(origin)) else {
            return;
        };
        let allow = match all {
            true => HeaderValue::from_static("*"),
            false => origin.clone(),
        };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allow);
        if self.credentials {
            let yes = HeaderValue::from_static("true");
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
        }
        if let Some(expose) = &self.expose {
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, expose.clone());
        }
    }

    fn covers(&self, origin: &HeaderValue) -> bool {
        let Ok(origin) = origin.to_str() else {
            return false;
        };
        self.origins.iter().any(|known| known.covers(origin))
    }

    /// The answer to a browser that asks first. The method is one of the route's.
    pub(crate) fn preflight(&self, asked: &HeaderMap) -> Result<HeaderMap, Problem> {
        let refuse = |detail: String| {
            Err(Problem::new(
                StatusCode::FORBIDDEN,
                "cross-origin",
                "the rules of the route do not let this page call it",
            )
            .detail(detail))
        };
        let origin = asked.get(ORIGIN);
        let mut headers = HeaderMap::new();
        self.stamp(origin, &mut headers);
        if !headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
            return refuse("its origin is not among `cors.origins`".into());
        }
        for list in asked.get_all(ACCESS_CONTROL_REQUEST_HEADERS) {
            for name in list.as_bytes().split(|b| *b == b',') {
                let name = name.trim_ascii();
                let known = |own: &String| name.eq_ignore_ascii_case(own.as_bytes());
                if !name.is_empty() && !self.headers.iter().any(known) {
                    let name = String::from_utf8_lossy(name);
                    return refuse(format!("header `{name}` is not among `cors.headers`"));
                }
            }
        }
        headers.append(
            VARY,
            HeaderValue::from_static("access-control-request-headers"),
        );
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, self.methods.clone());
        if let Some(allowed) = &self.allowed {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed.clone());
        }
        headers.insert(ACCESS_CONTROL_MAX_AGE, self.max_age.clone());
        Ok(headers)
    }
}
