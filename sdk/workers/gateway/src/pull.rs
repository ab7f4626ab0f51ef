//! The route of the gateway that hands out deliveries.

use crate::protocol::{Ask, Settle, pulled};
use crate::{KEY, URL};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::fmt;
use std::time::Duration;
use tokio::time::timeout;
use tradewind::worker::{Fut, Pull, PullError, Pulled, Settlement};

#[allow(
    clippy::disallowed_types,
    reason = "its address is the operator's, not a sender's"
)]
type Client = hyper_util::client::legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// How long the gateway may wait for deliveries, and how much longer its answer may take.
const WAIT: Duration = Duration::from_secs(20);
const GRACE: Duration = Duration::from_secs(10);
/// Largest answer: what the gateway gives at once at most, with one event of its largest size.
const ANSWER_MAX: usize = 256 << 20;

#[derive(Clone)]
pub(crate) struct Queue {
    url: Uri,
    authorization: HeaderValue,
    client: Client,
}

/// Without the credential.
impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl Queue {
    #[allow(
        clippy::disallowed_types,
        reason = "its address is the operator's, not a sender's"
    )]
    pub(crate) fn of(get: &dyn Fn(&str) -> Option<String>) -> Result<Self, PullError> {
        let read = |name: &str| get(name).filter(|value| !value.is_empty());
        let text = read(URL).unwrap_or_default();
        let url: Option<Uri> = text.parse().ok();
        let url = url.filter(|url| {
            matches!(url.scheme_str(), Some("http" | "https"))
                && url
                    .authority()
                    .is_some_and(|all| !all.as_str().contains('@'))
        });
        // The text may hold a credential where none belongs.
        let url = url.ok_or_else(|| {
            PullError::fatal(format!(
                "{URL} is no address such as https://gateway.example.com/pull/orders"
            ))
        })?;
        let key = read(KEY).ok_or_else(|| {
            PullError::fatal(format!(
                "{KEY} is not set; give a key that the route lets in"
            ))
        })?;
        let mut authorization = HeaderValue::try_from(format!("Bearer {key}"))
            .map_err(|_| PullError::fatal(format!("{KEY} holds what a header cannot")))?;
        authorization.set_sensitive(true);
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(rustls::crypto::aws_lc_rs::default_provider())
            .map_err(|e| {
                PullError::fatal(format!("the system's certificates cannot be read: {e}"))
            })?
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let client = hyper_util::client::legacy::Client::builder(TokioExecutor::new());
        Ok(Self {
            url,
            authorization,
            client: client.build(connector),
        })
    }

    async fn ask(&self, ask: &Ask<'_>) -> Result<Bytes, PullError> {
        let wait = Duration::from_millis(ask.wait_ms) + GRACE;
        let answered = timeout(wait, self.exchange(ask)).await;
        answered.map_err(|_| PullError::passing("the gateway does not answer"))?
    }

    async fn exchange(&self, ask: &Ask<'_>) -> Result<Bytes, PullError> {
        let failed = |error: &dyn fmt::Display| {
            PullError::passing(format!("the gateway could not be asked: {error}"))
        };
        let body = serde_json::to_vec(ask).map_err(|error| failed(&error))?;
        let mut request = Request::new(Full::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url.clone();
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, self.authorization.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let answer = self.client.request(request).await;
        let answer = answer.map_err(|error| failed(&error))?;
        let status = answer.status();
        #[allow(clippy::disallowed_methods, reason = "bounded")]
        let body = Limited::new(answer.into_body(), ANSWER_MAX).collect().await;
        let body = body.map_err(|error| failed(&error))?.to_bytes();
        match status {
            StatusCode::OK => Ok(body),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(PullError::fatal(format!(
                "the gateway answers {status}: check {KEY}, and `auth` of the route"
            ))),
            StatusCode::NOT_FOUND
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::NOT_IMPLEMENTED => Err(PullError::fatal(format!(
                "the gateway answers {status}: check {URL}, and that it has a route there with POST, `mode: proxy` and a sink of kind `pull`"
            ))),
            status => Err(PullError::passing(format!("the gateway answers {status}"))),
        }
    }
}

impl Pull for Queue {
    fn pull(&self, max: usize) -> Fut<'_, Result<Vec<Pulled>, PullError>> {
        Box::pin(async move {
            let ask = Ask {
                take: max,
                wait_ms: u64::try_from(WAIT.as_millis()).unwrap_or_default(),
                ..Ask::default()
            };
            let answer = self.ask(&ask).await?;
            pulled(&answer).map_err(|error| {
                PullError::fatal(format!("{URL} answers as no gateway does: {error}"))
            })
        })
    }

    fn settle(&self, settlements: Vec<Settlement>) -> Fut<'_, Result<(), PullError>> {
        Box::pin(async move {
            let settle = settlements.iter().map(Settle::of).collect();
            let ask = Ask {
                settle,
                ..Ask::default()
            };
            self.ask(&ask).await.map(drop)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_or_wrong_is_named_and_no_secret_shown() {
        let good = [(URL, "https://gw.example.com/pull/a"), (KEY, "tw_secret")];
        for (name, value, reason) in [
            (URL, "", "TRADEWIND_GATEWAY_URL is no address"),
            (URL, "gw.example.com", "TRADEWIND_GATEWAY_URL is no address"),
            (
                URL,
                "https://secret@gw/pull",
                "TRADEWIND_GATEWAY_URL is no address",
            ),
            (KEY, "", "TRADEWIND_GATEWAY_KEY is not set"),
            (KEY, "secret\n", "TRADEWIND_GATEWAY_KEY holds"),
        ] {
            let get = |asked: &str| {
                let known = good.iter().find(|(known, _)| *known == asked);
                let known = known.map(|(_, value)| (*value).to_owned());
                if asked == name {
                    Some(value.to_owned())
                } else {
                    known
                }
            };
            let error = Queue::of(&get).unwrap_err().to_string();
            assert!(error.starts_with(reason), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
        let get = |asked: &str| {
            let known = good.iter().find(|(known, _)| *known == asked);
            known.map(|(_, value)| (*value).to_owned())
        };
        let queue = Queue::of(&get).unwrap();
        assert!(!format!("{queue:?}").contains("secret"));
    }
}
