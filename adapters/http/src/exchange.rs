//! The way to servers of tokens, by rules of their own.
#![allow(
    clippy::disallowed_types,
    reason = "every connection passes the guard, by the rules of servers of tokens"
)]

use crate::sink::dial::{Dial, Resolve, System};
use crate::sink::failure::chain;
use crate::sink::guard::Guard;
use crate::sink::target::{Host, Target};
use crate::sink::tls;
use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tradewind_adapter::Error;
use tradewind_identity::{ANSWER_MAX, Exchange, Reach};

/// Longest time of one question.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Most bytes of an answer's head.
const HEAD_MAX: usize = 16 << 10;

type Web = Client<HttpsConnector<Dial>, Full<Bytes>>;

/// Makes them with one resolver.
pub(crate) struct Ways(pub(crate) Arc<dyn Resolve>);

/// The way to servers of tokens, for adapters that do not speak HTTP themselves.
pub fn reach() -> Arc<dyn Reach> {
    Arc::new(Ways(Arc::new(System)))
}

impl std::fmt::Debug for Ways {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ways").finish_non_exhaustive()
    }
}

impl Reach for Ways {
    fn exchange(&self, ca: Option<&Path>) -> Result<Arc<dyn Exchange>, Error> {
        if let Some(path) = ca {
            // Said when the configuration is read, not with the first delivery.
            tls::client(Some(path))?;
        }
        Ok(Arc::new(Way {
            resolve: Arc::clone(&self.0),
            ca: ca.map(Path::to_owned),
            secure: OnceLock::new(),
        }))
    }
}

/// One way. Connections are not kept: a question is asked every half an hour or so.
struct Way {
    resolve: Arc<dyn Resolve>,
    ca: Option<PathBuf>,
    /// Built when it is needed first: a machine that asks its metadata server only needs no authorities.
    secure: OnceLock<Web>,
}

impl Way {
    fn client(&self, secure: bool) -> Result<Web, Error> {
        if !secure {
            return Ok(self.web(tls::none()?, Guard::of_tokens(true)));
        }
        if let Some(client) = self.secure.get() {
            return Ok(client.clone());
        }
        let client = self.web(tls::client(self.ca.as_deref())?, Guard::of_tokens(false));
        Ok(self.secure.get_or_init(|| client).clone())
    }

    fn web(&self, config: rustls::ClientConfig, guard: Guard) -> Web {
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(Dial::new(guard, Arc::clone(&self.resolve)));
        Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_max_idle_per_host(0)
            .http1_max_buf_size(HEAD_MAX)
            .build(connector)
    }

    async fn exchange(&self, question: Request<Bytes>) -> Result<Response<Bytes>, String> {
        let (mut head, body) = question.into_parts();
        let target = Target::parse(&head.uri.to_string())?;
        if let Host::Address(ip) = target.host {
            Guard::of_tokens(!target.tls)
                .address(ip, false)
                .map_err(|e| e.to_string())?;
        }
        let client = self.client(target.tls).map_err(|e| e.to_string())?;
        head.uri = target.uri;
        let request = Request::from_parts(head, Full::new(body));
        let answer = client.request(request).await.map_err(|e| chain(&e))?;
        let (head, body) = answer.into_parts();
        #[allow(
            clippy::disallowed_methods,
            reason = "the body is limited right here, and the whole exchange has a deadline"
        )]
        let body = Limited::new(body, ANSWER_MAX).collect().await;
        let body =
            body.map_err(|_| format!("its answer broke off, or has more than {ANSWER_MAX} bytes"))?;
        Ok(Response::from_parts(head, body.to_bytes()))
    }
}

#[async_trait]
impl Exchange for Way {
    async fn ask(&self, question: Request<Bytes>) -> Result<Response<Bytes>, String> {
        match tokio::time::timeout(TIMEOUT, self.exchange(question)).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("no answer within {} s", TIMEOUT.as_secs())),
        }
    }
}

impl std::fmt::Debug for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Way").finish_non_exhaustive()
    }
}
