//! A server of tokens.

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use serde_json::Value;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tradewind_adapter::{Credential, Error, Identity, Unproved};
use tradewind_identity::{Auth, Exchange, Place, Proof, Reach};

/// Remembers what it was asked, and answers as it is told.
#[derive(Debug, Default)]
pub(crate) struct Server {
    pub(crate) asked: Mutex<Vec<Request<Bytes>>>,
    pub(crate) answers: Mutex<Option<(u16, String)>>,
}

impl Server {
    pub(crate) fn answering(status: u16, body: &str) -> Arc<Self> {
        let server = Self::default();
        *server.answers.lock().unwrap() = Some((status, body.to_owned()));
        Arc::new(server)
    }

    /// The last question: method, address, headers as text, pairs of the form.
    pub(crate) fn last(&self) -> Request<Bytes> {
        self.asked.lock().unwrap().last().cloned().unwrap()
    }
}

#[async_trait]
impl Exchange for Server {
    async fn ask(&self, question: Request<Bytes>) -> Result<Response<Bytes>, String> {
        self.asked.lock().unwrap().push(question);
        match self.answers.lock().unwrap().clone() {
            None => Err("connection refused".into()),
            Some((status, body)) => Ok(Response::builder()
                .status(status)
                .body(Bytes::from(body))
                .unwrap()),
        }
    }
}

#[derive(Debug)]
struct To(Arc<Server>);

impl Reach for To {
    fn exchange(&self, _: Option<&Path>) -> Result<Arc<dyn Exchange>, Error> {
        Ok(Arc::clone(&self.0) as Arc<dyn Exchange>)
    }
}

/// An identity by these settings, in a process with these variables.
pub(crate) fn identity(
    auth: Value,
    variables: &[(&str, &str)],
    server: &Arc<Server>,
) -> Result<Arc<dyn Identity>, Error> {
    let auth: Auth = serde_json::from_value(auth).unwrap();
    let environment = |name: &str| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    let proof = auth.proof(&Place {
        origin: "https://run.example",
        host: "run.example",
        reach: &To(Arc::clone(server)),
        environment: &environment,
        signers: None,
    })?;
    match proof {
        Some(Proof::Made(identity)) => Ok(identity),
        other => panic!("{other:?}"),
    }
}

/// Proves once: the header that was added, and what was shown.
pub(crate) async fn prove(identity: &dyn Identity) -> Result<(String, Credential), Unproved> {
    let (mut head, ()) = Request::post("https://run.example/")
        .body(())
        .unwrap()
        .into_parts();
    let shown = identity.prove(&mut head, b"").await?;
    let value = &head.headers["authorization"];
    assert!(value.is_sensitive());
    Ok((value.to_str().unwrap().to_owned(), shown))
}
