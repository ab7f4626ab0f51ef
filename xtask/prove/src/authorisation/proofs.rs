//! Other proofs than keys in a header: HTTP Basic, tokens, a function that is asked, signatures of webhooks.

use super::rules::Who;
use super::wire::text;
use crate::authentication::oidc;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const SECRET: &str = "a secret of the sender of webhooks";

pub(super) struct Proofs {
    pub(super) issuer: String,
    ca: String,
    tokens: BTreeMap<&'static str, String>,
    /// Port of the function.
    function: u16,
}

impl Proofs {
    pub(super) async fn new(ground: &oidc::Ground, issuer: &oidc::Oidc) -> Result<Self, String> {
        let mut tokens = BTreeMap::new();
        for client in ["shop", "till"] {
            let query = format!("client={client}&scope=publish");
            tokens.insert(client, issuer.token(&query).await?);
        }
        Ok(Self {
            issuer: ground.issuer(),
            ca: ground.ca().display().to_string(),
            tokens,
            function: function().await?,
        })
    }

    /// Kind and proof of the source with this name.
    pub(super) fn settings(&self, name: &str) -> String {
        let (ca, issuer, function) = (&self.ca, &self.issuer, self.function);
        match name {
            "basic" => "kind: http, auth: { basic: [shop, till] }".into(),
            "jwt" => format!(
                "kind: http, auth: {{ jwt: {{ issuer: \"{issuer}\", audience: \"urn:tradewind\", ca: \"{ca}\", allow-private: [127.0.0.0/8] }} }}"
            ),
            "asked" => format!(
                "kind: http, auth: {{ authorizer: {{ headers: [authorization], sink: {{ kind: http, url: \"http://127.0.0.1:{function}/\", allow-private: [127.0.0.0/8] }} }} }}"
            ),
            _ => format!(
                "kind: webhook, secrets: [\"{SECRET}\"], signature: {{ header: x-signature }}, mapping: {{ id: \"{{id}}\", type: \"{{type}}\", source: \"{{source}}\", subject: \"{{subject}}\" }}"
            ),
        }
    }

    /// What stands in `authorization`.
    pub(super) fn of(&self, who: Who) -> Result<String, String> {
        match who {
            Who::Basic(id) => {
                let pair = format!("{id}:{}", super::key(id));
                Ok(format!("Basic {}", STANDARD.encode(pair)))
            }
            Who::Token(id) => {
                let token = self.tokens.get(id).ok_or("no token")?;
                Ok(format!("Bearer {token}"))
            }
            Who::Asked(id) => Ok(format!("Session {id}")),
            other => Err(format!("{other:?} shows nothing there")),
        }
    }

    /// HMAC with SHA-256 (RFC 2104), in hex.
    pub(super) fn signature(body: &str) -> String {
        let mut key = [0; 64];
        key[..SECRET.len()].copy_from_slice(SECRET.as_bytes());
        let padded = |pad: u8| key.map(|byte| byte ^ pad);
        let inner = Sha256::new().chain_update(padded(0x36)).chain_update(body);
        let outer = Sha256::new()
            .chain_update(padded(0x5c))
            .chain_update(inner.finalize());
        outer
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

/// A function that takes everybody for who they say they are.
async fn function() -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(text)?;
    let port = listener.local_addr().map_err(text)?.port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !request.ends_with(b"}}") {
                match stream.read_buf(&mut request).await {
                    Ok(1..) if request.len() < 64 << 10 => {}
                    _ => break,
                }
            }
            let request = String::from_utf8_lossy(&request).into_owned();
            let who = request
                .split_once("Session ")
                .and_then(|(_, rest)| rest.split('"').next());
            let body = format!("{{\"principal\":\"{}\"}}", who.unwrap_or_default());
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).await.ok();
        }
    });
    Ok(port)
}
