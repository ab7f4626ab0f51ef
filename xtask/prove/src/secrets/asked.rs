//! Requests with secrets wherever a request can hold one, to doors that take them and to doors that do not.

use super::canary::Canaries;
use super::told::Told;
use crate::authorisation::wire::{self, post, request, text};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http_body_util::Full;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use std::net::SocketAddr;
use std::sync::Arc;

/// Doors of the gateway, open and closed ones and one that is not there.
const DOORS: [&str; 22] = [
    "/events",
    "/keyed",
    "/basic",
    "/mtls",
    "/jwt",
    "/asked",
    "/github",
    "/bitbucket",
    "/shopify",
    "/slack",
    "/stripe",
    "/zoom",
    "/gitlab",
    "/twitter",
    "/twilio",
    "/square",
    "/standard",
    "/generic",
    "/quiet",
    "/loud",
    "/nowhere",
    "/",
];

/// The callers of a gateway.
pub(super) struct Callers {
    pub(super) address: SocketAddr,
    pub(super) admin: SocketAddr,
    pub(super) keys: [String; 2],
    /// Without a certificate, and with one of `shop`, of `ops`, and of nobody.
    pub(super) plain: Arc<ClientConfig>,
    pub(super) shop: Arc<ClientConfig>,
    pub(super) ops: Arc<ClientConfig>,
    pub(super) nobody: Arc<ClientConfig>,
    /// As `plain`, by HTTP/2.
    pub(super) second: Arc<ClientConfig>,
}

/// One request, and what it is called.
struct Ask {
    what: String,
    bytes: Vec<u8>,
}

impl Callers {
    /// Strangers and callers who show something wrong, at every door.
    pub(super) async fn strangers(
        &self,
        short: bool,
        canaries: &mut Canaries,
        told: &mut Told,
    ) -> Result<(), String> {
        for door in DOORS {
            // A few doors have it all in any case.
            let whole =
                !short || ["/events", "/keyed", "/jwt", "/asked", "/github"].contains(&door);
            let mut asks = wrong(door, canaries);
            asks.retain(|_| whole || fastrand::u8(..8) == 0);
            for ask in asks {
                let answer = wire::send_secured(self.address, &self.plain, &ask.bytes).await?;
                told.answer(&ask.what, answer);
            }
        }
        for (what, bytes) in broken(canaries) {
            let answer = wire::send_secured(self.address, &self.plain, &bytes).await?;
            told.answer(what, answer);
        }
        // By a certificate that nobody vouches for, and with none where one is needed.
        let bytes = post("/mtls", &[], "");
        let refused = wire::send_secured(self.address, &self.nobody, &bytes).await;
        if refused.is_ok_and(|answer| answer.status != 0) {
            return Err("a certificate of nobody is taken".into());
        }
        Ok(())
    }

    /// Those who may publish, with events that are taken and events that are not.
    pub(super) async fn publish(&self, told: &mut Told) -> Result<(), String> {
        let [shop, _] = &self.keys;
        let bearer = format!("Bearer {shop}");
        let basic = format!("Basic {}", STANDARD.encode(format!("shop:{shop}")));
        let events = events();
        let proofs = [
            ("/keyed", "authorization", bearer.as_str()),
            ("/keyed", "x-api-key", shop.as_str()),
            ("/basic", "authorization", basic.as_str()),
            ("/loud", "authorization", bearer.as_str()),
        ];
        for (door, name, proof) in proofs {
            for (what, kind, body, taken) in &events {
                let headers = [(name, proof), ("content-type", *kind)];
                let bytes = post(door, &headers, body);
                let answer = wire::send_secured(self.address, &self.plain, &bytes).await?;
                if door != "/loud" && (answer.status < 300) != *taken {
                    let said = String::from_utf8_lossy(&answer.body).into_owned();
                    return Err(format!("{what} at {door}: {} {said}", answer.status));
                }
                told.answer(&format!("{what} at {door}"), answer);
            }
        }
        for (door, tls) in [("/mtls", &self.shop), ("/events", &self.ops)] {
            let id = if door == "/mtls" {
                "known-event"
            } else {
                "another"
            };
            let (what, body) = ("an event", super::named(id, "taken", &super::payload()));
            let bytes = post(door, &[("content-type", JSON)], &body);
            let answer = wire::send_secured(self.address, tls, &bytes).await?;
            if answer.status != 202 {
                return Err(format!("{what} at {door}: {}", answer.status));
            }
            told.answer(&format!("{what} at {door}"), answer);
        }
        let cookie = format!("session={shop}");
        let headers = [
            ("authorization", bearer.as_str()),
            ("cookie", cookie.as_str()),
        ];
        let quiet = post(&format!("/quiet?token={shop}"), &headers, &super::payload());
        let answer = wire::send_secured(self.address, &self.plain, &quiet).await?;
        told.answer("a route that is passed through", answer);
        self.by_http2(&bearer, told).await
    }

    async fn by_http2(&self, bearer: &str, told: &mut Told) -> Result<(), String> {
        let stream = wire::secure(self.address, &self.second).await?;
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                .await
                .map_err(text)?;
        tokio::spawn(connection);
        for (what, kind, body, _) in events() {
            for path in [
                "/keyed",
                "/keyed?access_token=%54wCanary7Zq0000abcdefghi",
                "/jwt",
                "/nowhere",
            ] {
                let request = hyper::Request::post(format!("https://{}{path}", self.address))
                    .header("authorization", bearer)
                    .header("content-type", kind)
                    .body(Full::new(Bytes::from(body.clone())))
                    .map_err(text)?;
                let answer = sender.send_request(request).await.map_err(text)?;
                let (parts, body) = answer.into_parts();
                let body = crate::load::whole(body).await.ok_or("no body")?;
                told.say(
                    &format!("{what} at {path} by HTTP/2"),
                    format!("{parts:?} {}", String::from_utf8_lossy(&body)),
                    false,
                );
            }
        }
        Ok(())
    }

    /// The admin API: strangers, and operators who ask for what is there and for what is not.
    pub(super) async fn administer(
        &self,
        (name, candidates): (&str, &[String]),
        canaries: &mut Canaries,
        told: &mut Told,
    ) -> Result<(), String> {
        let [shop, ops] = &self.keys;
        let ask = async |what: &str, bytes: Vec<u8>, tls| {
            let answer = wire::send_secured(self.admin, tls, &bytes).await;
            answer.map(|answer| (what.to_owned(), answer))
        };
        for path in ["/v1/status", "/v1/config/reload", "/nowhere", "/metrics"] {
            for Ask { what, bytes } in wrong(path, canaries) {
                let (what, answer) = ask(&what, bytes, &self.plain).await?;
                if answer.status == 200 {
                    return Err(format!("{what} is answered by the admin API"));
                }
                told.answer(&format!("admin: {what}"), answer);
            }
        }
        let foreign = format!("Bearer {shop}");
        let bytes = request("GET", "/v1/status", &[("authorization", &foreign)], "");
        let (what, answer) = ask("a key that is for others", bytes, &self.plain).await?;
        told.answer(&what, answer);
        let basic = format!("Basic {}", STANDARD.encode(format!("ops:{ops}")));
        let bearer = format!("Bearer {ops}");
        for path in [
            "/metrics",
            "/v1/status",
            "/v1/streams",
            "/v1/subscriptions",
            "/v1/api-keys",
            "/v1/schemas",
            "/v1/backups",
            "/v1/audit",
            "/v1/replays",
            "/nowhere?token=x",
            "/readyz",
        ] {
            for proof in [&basic, &bearer] {
                let bytes = request("GET", path, &[("authorization", proof)], "");
                let (_, answer) = ask(path, bytes, &self.plain).await?;
                told.answer(path, answer);
            }
        }
        let bytes = request("GET", "/v1/status", &[], "");
        let (what, answer) = ask("a certificate of ops", bytes, &self.ops).await?;
        if answer.status != 200 {
            return Err(format!("{what}: {}", answer.status));
        }
        told.answer(&what, answer);
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        for candidate in candidates {
            let body = serde_json::json!({ "name": name, "text": candidate });
            let bytes = request("POST", "/v1/config/diff", &headers, &body.to_string());
            let (what, answer) = ask("a difference", bytes, &self.plain).await?;
            told.answer(&what, answer);
        }
        for (what, _, body, _) in events() {
            let bytes = request("POST", "/v1/streams/default/events", &headers, &body);
            let (_, answer) = ask(what, bytes, &self.plain).await?;
            told.answer(&format!("admin: {what}"), answer);
        }
        Ok(())
    }
}

/// Everything wrong that can be shown at a door.
fn wrong(door: &str, canaries: &mut Canaries) -> Vec<Ask> {
    let key = canaries.key(format!("an API key shown at {door}"));
    let mut secret = |what: &str| canaries.secret(format!("{what} shown at {door}"));
    let claims = format!("{{\"iss\":\"x\",\"sub\":\"{}\"}}", secret("a claim"));
    let token = format!(
        "{}.{}.{}",
        URL_SAFE_NO_PAD.encode("{\"alg\":\"RS256\",\"kid\":\"k\"}"),
        URL_SAFE_NO_PAD.encode(claims),
        secret("the signature of a token"),
    );
    let pair = format!("shop:{}", secret("a password"));
    let headers = [
        ("authorization", format!("Bearer {}", secret("a token"))),
        ("authorization", format!("Bearer {token}")),
        (
            "authorization",
            format!("Bearer tw_shop_{}", secret("an API key")),
        ),
        ("authorization", format!("Basic {}", STANDARD.encode(pair))),
        ("authorization", format!("Basic {}", secret("no base64"))),
        (
            "authorization",
            format!("Digest {}", secret("another scheme")),
        ),
        ("authorization", secret("no scheme")),
        ("x-api-key", format!("tw_shop_{key}")),
        ("x-api-key", secret("no API key")),
        (
            "proxy-authorization",
            format!("Basic {}", secret("a proxy's password")),
        ),
        ("cookie", format!("session={}", secret("a cookie"))),
        ("x-session", secret("a header for the authorizer")),
        ("x-gitlab-token", secret("a token of GitLab")),
        (
            "x-hub-signature-256",
            format!("sha256={}", secret("a signature")),
        ),
        (
            "x-hub-signature",
            format!("sha256={}", secret("a signature")),
        ),
        (
            "stripe-signature",
            format!("t=1,v1={}", secret("a signature")),
        ),
        ("x-slack-signature", format!("v0={}", secret("a signature"))),
        ("x-shopify-hmac-sha256", secret("a signature")),
        ("x-twilio-signature", secret("a signature")),
        ("x-square-hmacsha256-signature", secret("a signature")),
        ("webhook-signature", format!("v1,{}", secret("a signature"))),
        ("x-signature", secret("a signature")),
        ("authorization", "Bearer a\u{e9}".to_owned()),
    ];
    let body = super::event("wrong", &super::payload());
    let mut all: Vec<Ask> = headers
        .iter()
        .map(|(name, value)| Ask {
            what: format!("{name} at {door}"),
            bytes: post(door, &[(name, value), ("content-type", JSON)], &body),
        })
        .collect();
    for query in ["access_token", "token", "code", "key", "crc_token"] {
        let path = format!("{door}?{query}={}", secret("a query"));
        all.push(Ask {
            what: format!("?{query} at {door}"),
            bytes: request("GET", &path, &[], ""),
        });
        all.push(Ask {
            what: format!("?{query} at {door}"),
            bytes: post(&path, &[("content-type", JSON)], &body),
        });
    }
    let address = format!("http://u:{}@127.0.0.1{door}", secret("a user"));
    all.push(Ask {
        what: format!("an address with a user at {door}"),
        bytes: post(&address, &[("content-type", JSON)], &body),
    });
    let two = secret("one of two");
    all.push(Ask {
        what: format!("two credentials at {door}"),
        bytes: post(
            door,
            &[
                ("authorization", &format!("Bearer {two}")),
                ("x-api-key", &two),
            ],
            &body,
        ),
    });
    all
}

/// Requests that are none.
fn broken(canaries: &mut Canaries) -> Vec<(&'static str, Vec<u8>)> {
    let mut secret = |what: &str| canaries.secret(what.to_owned());
    let line = |text: String| text.into_bytes();
    vec![
        (
            "a method that is none",
            line(format!(
                "{} / HTTP/1.1\r\nhost: x\r\n\r\n",
                secret("a method")
            )),
        ),
        (
            "a version that is none",
            line(format!(
                "GET /{} HTTP/7\r\nhost: x\r\n\r\n",
                secret("a path")
            )),
        ),
        (
            "a header without a colon",
            line(format!(
                "GET / HTTP/1.1\r\nhost: x\r\n{}\r\n\r\n",
                secret("a header")
            )),
        ),
        (
            "a length that is none",
            line(format!(
                "POST /events HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n",
                secret("a length")
            )),
        ),
        (
            "an authority with a password",
            line(format!(
                "GET / HTTP/1.1\r\nhost: u:{}@x\r\n\r\n",
                secret("a host")
            )),
        ),
    ]
}

const JSON: &str = "application/cloudevents+json";

/// What, of which type, the body, and whether it is taken.
fn events() -> Vec<(&'static str, &'static str, String, bool)> {
    let data = super::payload;
    vec![
        ("an event", JSON, super::event("taken", &data()), true),
        (
            "an event that is denied",
            JSON,
            super::event("denied", &data()),
            false,
        ),
        (
            "an event that breaks its schema",
            JSON,
            super::event("checked", &data()),
            false,
        ),
        (
            "JSON that is cut off",
            JSON,
            format!(
                "{{\"specversion\":\"1.0\",\"id\":\"1\",\"data\":\"{}",
                data()
            ),
            false,
        ),
        (
            "JSON that is none",
            JSON,
            format!("{{\"specversion\":\"1.0\" {} }}", data()),
            false,
        ),
        (
            "an attribute of another type",
            JSON,
            format!(
                "{{\"specversion\":\"1.0\",\"id\":{{\"a\":\"{}\"}},\"type\":\"t\",\"source\":\"/s\"}}",
                data()
            ),
            false,
        ),
        (
            // What attributes say is told.
            "a version that is none",
            JSON,
            r#"{"specversion":"0.9","id":"1","type":"t","source":"/s"}"#.to_owned(),
            false,
        ),
        (
            "a time that is none",
            JSON,
            format!(
                "{{\"specversion\":\"1.0\",\"id\":\"1\",\"type\":\"t\",\"source\":\"/s\",\"time\":\"{}\"}}",
                data()
            ),
            false,
        ),
        (
            "base64 that is none",
            JSON,
            format!(
                "{{\"specversion\":\"1.0\",\"id\":\"1\",\"type\":\"t\",\"source\":\"/s\",\"data_base64\":\"!{}\"}}",
                data()
            ),
            false,
        ),
        (
            "a batch with one that is none",
            "application/cloudevents-batch+json",
            format!("[{}, \"{}\"]", super::event("taken", &data()), data()),
            false,
        ),
        ("a body of another type", "text/plain", data(), false),
        (
            "Protobuf that is none",
            "application/cloudevents+protobuf",
            data(),
            false,
        ),
    ]
}
