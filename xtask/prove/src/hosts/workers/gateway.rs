//! A gateway, which hands out deliveries.

use super::{Queue, count};
use crate::hosts::scenarios::Expected;
use crate::{Options, gateway, load};
use http_body_util::Full;
use hyper::Request;
use sha2::{Digest, Sha256};
use tradewind::Event;
use tradewind::event::json as event_json;

const NAME: &str = "charge";

pub(super) struct Gateway {
    gateway: gateway::Gateway,
}

fn key() -> String {
    format!("tw_worker_{}", "5a".repeat(24))
}

impl Queue for Gateway {
    async fn start(options: &Options) -> Result<Result<Self, String>, String> {
        let digest = Sha256::digest(key());
        let hash: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let subscription = format!(
            "  {NAME}: {{ concurrency: 32, timeout: 3s, retry: {{ initial: 1s }}, sink: {{ kind: pull, queue: {NAME} }} }}\n"
        );
        let mut gateway = gateway::Gateway::new(&options.gateway, &subscription)?;
        gateway.settings = format!(
            "api-keys:\n  worker: {{ sha256: {hash} }}\nroutes:\n  workers: {{ path: /pull/{NAME}, methods: [POST], \
             auth: {{ api-keys: [worker] }}, mode: proxy, sink: {{ kind: pull, queue: {NAME} }} }}\n"
        );
        gateway.configure(&subscription)?;
        gateway.start().await?;
        Ok(Ok(Self { gateway }))
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        let url = format!("http://{}/pull/{NAME}", self.gateway.address);
        vec![
            ("TRADEWIND_GATEWAY_URL", url),
            ("TRADEWIND_GATEWAY_KEY", key()),
        ]
    }

    async fn put(&self, orders: &[(Event, Expected)]) -> Result<(), String> {
        for (event, _) in orders {
            let request = Request::post("/events")
                .header("host", self.gateway.address.to_string())
                .header("content-type", "application/cloudevents+json")
                .body(Full::new(event_json::encode(event)))
                .map_err(|e| e.to_string())?;
            let sender = load::connect(self.gateway.address).await;
            let mut sender = sender.ok_or("the gateway is gone")?;
            let answer = load::ask(&mut sender, request).await;
            let answer = answer.ok_or("the gateway does not answer")?;
            if answer.status() != hyper::StatusCode::ACCEPTED {
                return Err(format!("an order is answered {}", answer.status()));
            }
        }
        Ok(())
    }

    /// The gateway's own account, and that what is to come again has been tried again.
    async fn settled(&self, orders: &[(Event, Expected)]) -> Result<(), String> {
        let (_, listed) = self.gateway.admin("GET", "/v1/subscriptions").await?;
        let listed = listed.as_array().into_iter().flatten();
        let mut found = listed.filter(|one| one["name"] == NAME);
        let found = found.next().ok_or("the subscription is not listed")?;
        let account = &found["account"];
        let of = |key: &str| account[key].as_u64().unwrap_or_default();
        let counts = [
            ("accepted", Expected::Charged),
            ("dead_lettered", Expected::Never),
            ("pending", Expected::Again),
        ];
        let right = |(key, expected): &(&str, Expected)| of(key) == count(orders, *expected) as u64;
        match counts.iter().all(right) {
            true => gateway::balance(NAME, account),
            false => Err(account.to_string()),
        }
    }
}
