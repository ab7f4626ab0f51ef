//! Callers by certificates: a gateway with TLS, with the same rules.

use super::rules::Who;
use super::wire::{Answer, send_secured, text};
use crate::certificates::Authority;
use crate::gateway::Gateway;
use rustls::ClientConfig;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

/// Who has a certificate, with `uri:spiffe://acme/<name>`.
const NAMES: [&str; 5] = ["shop", "till", "oncall", "reader", "stranger"];

pub(super) struct Mutual {
    callers: BTreeMap<&'static str, Arc<ClientConfig>>,
    nobody: Arc<ClientConfig>,
}

/// Doors: name, path, and whom they ask for.
pub(super) const DOORS: [(&str, &str, &str, &[Who]); 2] = [
    (
        "mtls",
        "/mtls",
        "certificates: [\"uri:spiffe://acme/*\"]",
        &[
            Who::Certificate("shop"),
            Who::Certificate("till"),
            Who::Certificate("reader"),
        ],
    ),
    (
        "both",
        "/both",
        "api-keys: [shop, till], certificates: [\"uri:spiffe://acme/shop\"]",
        &[Who::Certificate("shop"), Who::Key("shop"), Who::Key("till")],
    ),
];

/// Who is nobody at a door.
pub(super) const STRANGERS: [(&str, Who); 6] = [
    ("/mtls", Who::Nobody),
    ("/both", Who::Nobody),
    ("/both", Who::Certificate("till")),
    ("/shop", Who::Certificate("shop")),
    ("/basic", Who::Certificate("shop")),
    ("/mtls", Who::Key("shop")),
];

impl Mutual {
    /// Puts what the gateway shows and asks for beside its configuration.
    pub(super) fn new(gateway: &Gateway) -> Result<Self, String> {
        let authority = Authority::new()?;
        let write = |name: &str, pem: String| std::fs::write(gateway.beside(name), pem);
        write("callers.pem", authority.pem()).map_err(text)?;
        write("own.pem", authority.server()?.pem).map_err(text)?;
        let mut callers = BTreeMap::new();
        for name in NAMES {
            let issued = authority.named(&format!("spiffe://acme/{name}"))?;
            callers.insert(name, authority.client(Some(&issued), None)?);
        }
        Ok(Self {
            callers,
            nobody: authority.client(None, None)?,
        })
    }

    /// Keys of the top of the file.
    pub(super) fn settings() -> String {
        let tls = "{ certificate: \"${file:own.pem}\", key: \"${file:own.pem}\", client-ca: \"${file:callers.pem}\" }";
        format!("tls: {tls}\nadmin-tls: {tls}\n")
    }

    /// Sends a request as who has this certificate, or as nobody.
    pub(super) async fn send(
        &self,
        address: SocketAddr,
        who: Option<&str>,
        request: &[u8],
    ) -> Result<Answer, String> {
        let tls = match who {
            Some(name) => self.callers.get(name).ok_or("no certificate")?,
            None => &self.nobody,
        };
        send_secured(address, tls, request).await
    }
}
