//! Where replies go that nobody waits for.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Uri};
use http_body_util::Full;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::fmt;
use tradewind_event::Event;
use tradewind_event::http::encode_binary_into;

#[allow(
    clippy::disallowed_types,
    reason = "its address is the operator's, not a sender's"
)]
type Client = hyper_util::client::legacy::Client<Connector, Full<Bytes>>;
#[cfg(feature = "tls")]
type Connector = hyper_rustls::HttpsConnector<HttpConnector>;
#[cfg(not(feature = "tls"))]
type Connector = HttpConnector;

/// An address that takes CloudEvents, a gateway's for instance.
#[derive(Clone)]
pub(crate) struct ReplyTo {
    url: Uri,
    authorization: Option<HeaderValue>,
    client: Client,
}

/// Without the credential.
impl fmt::Debug for ReplyTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplyTo")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl ReplyTo {
    /// Or why nothing can be sent there.
    #[allow(
        clippy::disallowed_types,
        reason = "its address is the operator's, not a sender's"
    )]
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|_| {
            format!("`{url}` is no address, such as https://gateway.example.com/events")
        })?;
        match (uri.scheme_str(), uri.host()) {
            (Some("http"), Some(_)) => {}
            (Some("https"), Some(_)) if cfg!(feature = "tls") => {}
            (Some("https"), Some(_)) => {
                return Err("https needs the feature `tls` of the crate `tradewind`".into());
            }
            _ => return Err(format!("`{url}` is no http or https address")),
        }
        let client = hyper_util::client::legacy::Client::builder(TokioExecutor::new());
        Ok(Self {
            url: uri,
            authorization: None,
            client: client.build(connector()?),
        })
    }

    /// Shows a key with everything that is sent.
    pub(crate) fn with_key(mut self, key: &str) -> Result<Self, String> {
        let mut value = HeaderValue::try_from(format!("Bearer {key}"))
            .map_err(|_| "holds what a header cannot")?;
        value.set_sensitive(true);
        self.authorization = Some(value);
        Ok(self)
    }

    /// Posts an event in binary mode; or says why it was not taken.
    pub(crate) async fn send(&self, event: &Event) -> Result<(), String> {
        let mut request = Request::new(Full::default());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url.clone();
        *request.body_mut() = Full::new(encode_binary_into(event, request.headers_mut()));
        if let Some(value) = &self.authorization {
            let name = http::header::AUTHORIZATION;
            request.headers_mut().insert(name, value.clone());
        }
        match self.client.request(request).await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(format!(
                "the reply was answered {}; see TRADEWIND_REPLY_URL",
                answer.status()
            )),
            Err(_) => Err("the reply could not be sent; see TRADEWIND_REPLY_URL".into()),
        }
    }
}

#[cfg(not(feature = "tls"))]
fn connector() -> Result<Connector, String> {
    Ok(HttpConnector::new())
}

#[cfg(feature = "tls")]
fn connector() -> Result<Connector, String> {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    hyper_rustls::HttpsConnectorBuilder::new()
        .with_provider_and_native_roots(rustls::crypto::aws_lc_rs::default_provider())
        .map(|builder| builder.https_or_http().enable_http1().wrap_connector(http))
        .map_err(|e| format!("the system's certificates cannot be read: {e}"))
}
