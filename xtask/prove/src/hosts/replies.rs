//! Where replies go that nobody waits for.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Takes CloudEvents in binary mode, from whoever shows the key.
pub(crate) struct Replies {
    address: SocketAddr,
    types: Arc<Mutex<Vec<String>>>,
}

pub(crate) const KEY: &str = "tw_prove_0";

impl Replies {
    pub(crate) async fn start() -> Result<Self, String> {
        let types = Arc::new(Mutex::new(Vec::new()));
        let router = Router::new().fallback(take).with_state(types.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.map_err(|e| e.to_string())?;
        let address = listener.local_addr().map_err(|e| e.to_string())?;
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, types })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// How many came, and were shown the key.
    pub(crate) fn count(&self) -> usize {
        let types = self.types.lock().unwrap_or_else(PoisonError::into_inner);
        types
            .iter()
            .filter(|ty| *ty == "shop.order.charged")
            .count()
    }
}

async fn take(State(types): State<Arc<Mutex<Vec<String>>>>, headers: HeaderMap) -> StatusCode {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if text("authorization") != Some(&format!("Bearer {KEY}")) {
        return StatusCode::UNAUTHORIZED;
    }
    let ty = text("ce-type").unwrap_or_default().to_owned();
    let mut types = types.lock().unwrap_or_else(PoisonError::into_inner);
    types.push(ty);
    StatusCode::ACCEPTED
}
