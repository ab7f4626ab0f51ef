//! Connecting, with the guard in the way of every address.

use super::guard::{Blocked, Guard, is_local_name};
use super::target::{Host, parse_host};
use async_trait::async_trait;
use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioIo;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tower_service::Service;

pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Pending<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;

/// Beyond this the peer is not there; the delivery's own deadline is mostly shorter.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// Turns names into addresses. What it answers is checked; it need not be trusted.
#[async_trait]
pub trait Resolve: Send + Sync {
    /// The addresses of a host name.
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// The resolver of the operating system.
pub(crate) struct System;

#[async_trait]
impl Resolve for System {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((host, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}

/// A name has no usable address.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unresolved {
    #[error("cannot resolve the host: {0}")]
    Failed(#[source] io::Error),
    #[error("the host has no address")]
    Empty,
}

/// Resolves, and lets only those addresses through that may be dialled.
#[derive(Clone)]
pub(crate) struct Guarded {
    guard: Arc<Guard>,
    resolve: Arc<dyn Resolve>,
}

impl Service<Name> for Guarded {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = BoxError;
    type Future = Pending<Self::Response>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let host = name.as_str();
            let found = this.resolve.resolve(host).await;
            let found = found.map_err(Unresolved::Failed)?;
            let local = is_local_name(host);
            let mut refused = None;
            let mut allowed = Vec::with_capacity(found.len());
            for ip in found {
                match this.guard.address(ip, local) {
                    // The connector fills in the port.
                    Ok(()) => allowed.push(SocketAddr::new(ip, 0)),
                    Err(blocked) => refused = Some(blocked),
                }
            }
            match (allowed.is_empty(), refused) {
                (true, Some(blocked)) => Err(blocked.into()),
                (true, None) => Err(Unresolved::Empty.into()),
                (false, _) => Ok(allowed.into_iter()),
            }
        })
    }
}

/// A TCP connector that reaches only what the guard allows.
///
/// An address in the URL never meets a resolver, so it is judged here; a name is judged by what
/// [`Guarded`] resolves it to, which is what the connector beneath then dials.
#[derive(Clone)]
pub(crate) struct Dial {
    guard: Arc<Guard>,
    inner: HttpConnector<Guarded>,
}

impl Dial {
    pub(crate) fn new(guard: Guard, resolve: Arc<dyn Resolve>) -> Self {
        let guard = Arc::new(guard);
        let mut inner = HttpConnector::new_with_resolver(Guarded {
            guard: Arc::clone(&guard),
            resolve,
        });
        inner.enforce_http(false);
        inner.set_nodelay(true);
        inner.set_connect_timeout(Some(CONNECT_MAX));
        Self { guard, inner }
    }
}

impl Service<Uri> for Dial {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = Pending<Self::Response>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(BoxError::from)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let guard = Arc::clone(&self.guard);
        let judged = match parse_host(uri.host().unwrap_or_default()) {
            Ok(Host::Address(ip)) => guard.address(ip, false).map_err(BoxError::from),
            Ok(Host::Name(_)) => Ok(()),
            Err(why) => Err(why.into()),
        };
        let connecting = judged.map(|()| self.inner.call(uri));
        Box::pin(async move {
            let io = connecting?.await?;
            let stream = io.inner();
            let (local, peer) = (stream.local_addr()?, stream.peer_addr()?);
            guard.connection(local.ip(), peer.ip())?;
            Ok(io)
        })
    }
}

/// The refusal of the guard in a chain of errors, if there is one.
pub(crate) fn blocked<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Blocked> {
    find(error)
}

/// The first error of a type in a chain, looking into `io::Error` too.
pub(crate) fn find<'a, E: std::error::Error + 'static>(
    error: &'a (dyn std::error::Error + 'static),
) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // `source` of an io::Error skips the error that it wraps.
        let wrapped = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        next = match wrapped {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests;
