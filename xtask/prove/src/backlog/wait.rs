//! Waits for what the gateway says of itself.

use crate::gateway::{Gateway, balance};
use crate::vitals::Memory;
use bytes::Bytes;
use http_body_util::Empty;
use hyper::Request;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::time::Duration;

impl Gateway {
    /// Waits until its health endpoint says that it takes events.
    pub(super) async fn ready(&self) -> Result<(), String> {
        for _ in 0..60_000 {
            if self.is_ready().await {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Err("the gateway is not ready after a minute".into())
    }

    async fn is_ready(&self) -> bool {
        let asked = async {
            let socket = self.data().join("admin.sock");
            let stream = tokio::net::UnixStream::connect(socket).await.ok()?;
            let (mut sender, connection) = handshake(TokioIo::new(stream)).await.ok()?;
            tokio::spawn(connection);
            let request = Request::get("/readyz").header("host", "localhost");
            let request = request.body(Empty::<Bytes>::new()).ok()?;
            Some(sender.send_request(request).await.ok()?.status())
        };
        asked.await.is_some_and(|status| status.is_success())
    }

    /// Its memory after a rest, in which lazy writes end.
    pub(super) async fn rested(&self) -> Result<Memory, String> {
        tokio::time::sleep(Duration::from_secs(2)).await;
        self.memory()
    }

    /// The account of a subscription, once it is as wanted; gives up when nothing moves for a minute.
    pub(super) async fn counted(
        &self,
        name: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Value, String> {
        let (mut before, mut still) = (Value::Null, 0);
        loop {
            let account = self.subscription(name).await?["account"].take();
            if wanted(&account) {
                return Ok(account);
            }
            still = if account == before { still + 1 } else { 0 };
            before = account;
            if still > 240 {
                return Err(format!("the account of {name} stays {before}"));
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    /// Waits until a subscription is gone from the configuration.
    pub(super) async fn suspended(&self, name: &str) -> Result<(), String> {
        for _ in 0..600 {
            if self.subscription(name).await?["state"] == "suspended" {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(format!("{name} is not suspended after a minute"))
    }

    /// Checks the accounting identity of every subscription.
    pub(super) async fn balanced(&self) -> Result<(), String> {
        for view in self.subscriptions().await? {
            balance(view["name"].as_str().unwrap_or_default(), &view["account"])?;
        }
        Ok(())
    }

    async fn subscription(&self, name: &str) -> Result<Value, String> {
        let all = self.subscriptions().await?;
        all.into_iter()
            .find(|view| view["name"] == name)
            .ok_or_else(|| format!("there is no subscription {name}"))
    }

    async fn subscriptions(&self) -> Result<Vec<Value>, String> {
        match self.ask(&["subscriptions", "list"]).await? {
            Value::Array(all) => Ok(all),
            other => Err(format!("`subscriptions list` gave {other}")),
        }
    }
}
