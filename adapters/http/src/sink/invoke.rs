//! The sink as a function that answers: events asked, and requests passed on.

use super::caller::Call;
use super::failure::reason;
use super::{HttpSink, wall_clock};
use async_trait::async_trait;
use http::uri::PathAndQuery;
use http::{Request, Response, Uri};
use http_body_util::BodyExt;
use tradewind_adapter::{Body, Invoke, Reason, Unproved};
use tradewind_event::Event;

impl HttpSink {
    async fn exchange(&self, call: Result<Call, Unproved>) -> Result<Response<Body>, Reason> {
        let call = call.map_err(|unproved| unproved.reason)?;
        let redact = call.redact.clone();
        match self.caller.send(call).await {
            Ok(answer) => Ok(answer.map(|body| body.boxed_unsync())),
            Err(error) => Err(reason(&*error, &redact)),
        }
    }
}

#[async_trait]
impl Invoke for HttpSink {
    async fn ask(&self, event: Event) -> Result<Response<Body>, Reason> {
        let request = self.requests.ask(&event, wall_clock)?;
        let call = self.caller.prove(request).await;
        self.exchange(call).await
    }

    fn passes(&self) -> Result<(), String> {
        if self.requests.signs() {
            return Err("`signing` needs the whole body, and requests are passed on as they come (hint: leave it out)".into());
        }
        if self.caller.covers_body() {
            return Err("`auth.sigv4` signs the whole body, and requests are passed on as they come (hint: `mode: event`)".into());
        }
        Ok(())
    }

    async fn pass(&self, request: Request<Body>) -> Result<Response<Body>, Reason> {
        let (parts, body) = request.into_parts();
        let mut out = Request::new(body);
        *out.method_mut() = parts.method;
        *out.uri_mut() = below(&self.target.uri, &parts.uri)?;
        *out.headers_mut() = parts.headers;
        let headers = out.headers_mut();
        for (name, value) in &self.requests.own {
            headers.insert(name, value.clone());
        }
        let call = self.caller.prove_head(out).await;
        self.exchange(call).await
    }
}

/// The path and query of a request, below the URL of the sink; the sink's own query comes first.
fn below(base: &Uri, request: &Uri) -> Result<Uri, Reason> {
    let prefix = base.path().trim_end_matches('/');
    let joined = match (base.query(), request.query()) {
        (None, _) if prefix.is_empty() => request.path_and_query().cloned(),
        (None, None) => parse(format!("{prefix}{}", request.path())),
        (Some(one), None) | (None, Some(one)) => parse(format!("{prefix}{}?{one}", request.path())),
        (Some(own), Some(more)) => parse(format!("{prefix}{}?{own}&{more}", request.path())),
    };
    let mut parts = base.clone().into_parts();
    parts.path_and_query = joined;
    Uri::from_parts(parts).map_err(|_| Reason::new("not-http", "the path is too long"))
}

fn parse(text: String) -> Option<PathAndQuery> {
    PathAndQuery::try_from(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_goes_below_the_url() {
        for (base, request, goes) in [
            ("http://up", "/a/b?x=1", "http://up/a/b?x=1"),
            ("http://up/", "/", "http://up/"),
            ("http://up/v1", "/a", "http://up/v1/a"),
            ("http://up/v1/", "/a?x", "http://up/v1/a?x"),
            ("http://up/v1?key=s", "/a", "http://up/v1/a?key=s"),
            ("http://up/?key=s", "/a?x=1", "http://up/a?key=s&x=1"),
            ("http://up", "http://elsewhere/a", "http://up/a"),
        ] {
            let (base, request): (Uri, Uri) = (base.parse().unwrap(), request.parse().unwrap());
            let got = below(&base, &request).unwrap();
            assert_eq!(got.to_string(), goes, "{base} {request}");
        }
        let long: Uri = format!("/{}", "a".repeat(65_000)).parse().unwrap();
        let base: Uri = format!("http://up/{}", "b".repeat(1000)).parse().unwrap();
        assert!(below(&base, &long).is_err(), "nothing is cut off");
    }
}
