//! The client, with the proof of who calls.

use super::client::{Payload, Pool};
use super::dial::BoxError;
use super::failure::Redact;
use super::line::Answer;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use std::sync::Arc;
use tradewind_adapter::{Body, Credential, Identity, Unproved};

/// Sends requests that bear a proof.
pub(crate) struct Caller {
    pub(crate) pool: Pool,
    /// Where the proof is made for each request; one that is always the same is among the headers.
    identity: Option<Arc<dyn Identity>>,
    redact: Redact,
}

/// A request that can be sent.
pub(crate) struct Call {
    request: Request<Payload>,
    credential: Option<Credential>,
    /// What takes out of records what this request shows.
    pub(crate) redact: Redact,
}

impl Caller {
    pub(crate) fn new(pool: Pool, identity: Option<Arc<dyn Identity>>, redact: Redact) -> Self {
        Self {
            pool,
            identity,
            redact,
        }
    }

    /// Whether a proof is made for each request.
    pub(crate) fn proves(&self) -> bool {
        self.identity.is_some()
    }

    /// A request that needs no more than it has.
    pub(crate) fn as_it_is(&self, request: Request<Bytes>) -> Call {
        self.call(request.map(|body| Either::Left(Full::new(body))), None)
    }

    /// Adds the proof.
    pub(crate) async fn prove(&self, request: Request<Bytes>) -> Result<Call, Unproved> {
        let (mut head, body) = request.into_parts();
        let credential = match &self.identity {
            None => None,
            Some(identity) => Some(identity.prove(&mut head, &body).await?),
        };
        let body = Either::Left(Full::new(body));
        Ok(self.call(Request::from_parts(head, body), credential))
    }

    /// Adds the proof to a request whose body is passed on as it comes.
    pub(crate) async fn prove_head(&self, request: Request<Body>) -> Result<Call, Unproved> {
        let (mut head, body) = request.into_parts();
        let credential = match &self.identity {
            None => None,
            Some(identity) => Some(identity.prove(&mut head, &[]).await?),
        };
        let body = Either::Right(body);
        Ok(self.call(Request::from_parts(head, body), credential))
    }

    /// Whether the proof is one of the body too.
    pub(crate) fn covers_body(&self) -> bool {
        self.identity.as_ref().is_some_and(|it| it.covers_body())
    }

    fn call(&self, request: Request<Payload>, credential: Option<Credential>) -> Call {
        Call {
            request,
            redact: match &credential {
                None => self.redact.clone(),
                Some(shown) => self.redact.with(shown.clone()),
            },
            credential,
        }
    }

    /// One exchange, up to the head of the response.
    pub(crate) async fn send(
        &self,
        call: Call,
    ) -> Result<Response<Either<Answer, Incoming>>, BoxError> {
        let response = self.pool.request(call.request).await?;
        if response.status() == StatusCode::UNAUTHORIZED
            && let (Some(identity), Some(credential)) = (&self.identity, &call.credential)
        {
            identity.refused(credential);
        }
        Ok(response)
    }
}
