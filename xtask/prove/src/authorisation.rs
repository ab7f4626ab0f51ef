//! Who may do what: a matrix of principals, actions, streams and types, and requests that two readers might read in two
//! ways. Whatever is stored is read back and held against the rules, told a second time.

mod mutual;
mod proofs;
mod rules;
mod tricks;
pub(crate) mod wire;

use crate::authentication::oidc;
use crate::gateway::Gateway;
use crate::{Options, Proved};
use mutual::Mutual;
use proofs::Proofs;
use rules::{ADMIN, About, POLICIES, Who, may_publish};
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use tricks::Trick;
use wire::{Answer, post, request, send, text};

const KEYS: [&str; 4] = ["shop", "till", "oncall", "reader"];
const STREAMS: [(&str, &str, &str); 3] = [
    ("shop", "/shop", "orders"),
    ("pay", "/pay", "payments"),
    ("till", "/till", "payments"),
];

/// Doors of those who prove themselves in other ways.
const PROOFS: [(&str, &str, &[Who]); 4] = [
    ("basic", "/basic", &[Who::Basic("shop"), Who::Basic("till")]),
    ("jwt", "/jwt", &[Who::Token("shop"), Who::Token("till")]),
    ("asked", "/asked", &[Who::Asked("shop"), Who::Asked("till")]),
    ("signed", "/signed", &[Who::Signed]),
];

#[derive(Default)]
struct Figures {
    matrix: u32,
    admin: u32,
    tricks: u32,
    stored: u32,
    bypasses: u32,
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} cells of publishing and {} of the admin API as told, {} tricks that stored {} events, {} bypasses",
            self.matrix, self.admin, self.tricks, self.stored, self.bypasses
        )
    }
}

pub(crate) async fn run(options: &Options) -> Proved {
    let mut figures = Figures::default();
    match steps(options, &mut figures).await {
        Ok(()) if figures.bypasses == 0 => Ok(figures.to_string()),
        Ok(()) => Err((
            figures.to_string(),
            "something was stored that nobody permits".into(),
        )),
        Err(what) => Err((figures.to_string(), what)),
    }
}

async fn steps(options: &Options, figures: &mut Figures) -> Result<(), String> {
    let issuing = oidc::Ground::new(&options.gateway).await?;
    let issuer = issuing.start("k1").await?;
    let proofs = Proofs::new(&issuing, &issuer).await?;
    let mut gateway = Gateway::new(&options.gateway, "  {}\n")?;
    let mutual = Mutual::new(&gateway)?;
    let ground = Ground::start(&mut gateway, &proofs, Some(mutual)).await?;
    ground.certificates(figures).await?;
    ground.administration(figures).await?;
    gateway.said_no_panic()?;
    drop(gateway);
    let mut gateway = Gateway::new(&options.gateway, "  {}\n")?;
    let ground = Ground::start(&mut gateway, &proofs, None).await?;
    ground.matrix(figures).await?;
    ground.administration(figures).await?;
    ground.mislead(figures, options.short).await?;
    gateway.said_no_panic()
}

fn free() -> Result<SocketAddr, String> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).map_err(text)?;
    listener.local_addr().map_err(text)
}

fn key(id: &str) -> String {
    format!("tw_{id}_{}", "5a".repeat(24))
}

fn configure(
    gateway: &Gateway,
    admin: SocketAddr,
    proofs: &Proofs,
    secured: bool,
) -> Result<(), String> {
    let by_certificate = match secured {
        true => ", certificates: [\"uri:spiffe://acme/*\"]",
        false => "",
    };
    let mut head = format!(
        "admin: {admin}\nadmin-auth: {{ api-keys: [shop, oncall, reader]{by_certificate} }}\napi-keys:\n"
    );
    for id in KEYS {
        let digest = Sha256::digest(key(id));
        let hash: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        head.push_str(&format!("  {id}: {{ sha256: {hash} }}\n"));
    }
    head.push_str("streams: { orders: {}, payments: {} }\n");
    if secured {
        head.push_str(&Mutual::settings());
    }
    head.push_str(&POLICIES.replace("ISSUER", &proofs.issuer));
    let sink = "sink: { kind: http, url: \"http://127.0.0.1:9/\", allow-private: [127.0.0.0/8], allow-ports: [9] }";
    head.push_str(&format!(
        "routes:\n  ask: {{ path: /ask, methods: [POST], auth: {{ api-keys: [shop, till] }}, {sink} }}\n"
    ));
    let keys = "auth: { api-keys: [shop, till, reader] }";
    let mut sources =
        String::from("sources:\n  open: { kind: http, path: /open, auth: none-i-understand }\n");
    for (name, path, _) in PROOFS {
        let how = proofs.settings(name);
        sources.push_str(&format!(
            "  {name}: {{ path: {path}, stream: orders, {how} }}\n"
        ));
    }
    for (name, path, auth, _) in mutual::DOORS.iter().filter(|_| secured) {
        sources.push_str(&format!(
            "  {name}: {{ kind: http, path: {path}, stream: orders, auth: {{ {auth} }} }}\n"
        ));
    }
    // Two doors lead to one stream, so that `via` counts.
    for (name, path, stream) in STREAMS {
        sources.push_str(&format!(
            "  {name}: {{ kind: http, path: {path}, stream: {stream}, {keys} }}\n"
        ));
    }
    let subscriptions = format!(
        "  charge: {{ owner: shop, stream: orders, {sink} }}\n  pay: {{ owner: shop, stream: payments, {sink} }}\n"
    );
    let text = gateway.text(&subscriptions);
    gateway.write(&text.replace("sources:\n", &format!("{head}{sources}")))
}

struct Ground<'a> {
    address: SocketAddr,
    admin: SocketAddr,
    token: String,
    proofs: &'a Proofs,
    /// Certificates, where it has TLS.
    mutual: Option<Mutual>,
}

impl<'a> Ground<'a> {
    async fn start(
        gateway: &mut Gateway,
        proofs: &'a Proofs,
        mutual: Option<Mutual>,
    ) -> Result<Self, String> {
        let admin = free()?;
        configure(gateway, admin, proofs, mutual.is_some())?;
        gateway.start().await?;
        let token = std::fs::read_to_string(gateway.data().join("admin.token"));
        Ok(Self {
            address: gateway.address,
            admin,
            token: token.map_err(text)?.trim().to_owned(),
            proofs,
            mutual,
        })
    }

    /// Holders of certificates, and of keys beside them; and who is nobody where they are asked for.
    async fn certificates(&self, figures: &mut Figures) -> Result<(), String> {
        for (via, path, _, all) in mutual::DOORS {
            self.cells((via, path, "orders"), all, figures).await?;
        }
        for (path, who) in mutual::STRANGERS {
            let about = About {
                ty: "com.acme.order.placed",
                source: "/shop/1",
                subject: None,
            };
            let answer = self.publish(who, path, about, "binary").await?;
            if answer.status != 401 {
                return Err(format!("{who:?} at {path}: {} and not 401", answer.status));
            }
            figures.matrix += 1;
        }
        Ok(())
    }

    /// Every principal at every door with every kind of event, in each mode: the answer is what the rules say.
    async fn matrix(&self, figures: &mut Figures) -> Result<(), String> {
        let doors = STREAMS
            .iter()
            .copied()
            .chain([("open", "/open", "default"), ("in", "/events", "default")]);
        let keys: &[Who] = &[Who::Key("shop"), Who::Key("till"), Who::Key("reader")];
        let doors = doors.map(|(via, path, stream)| match stream {
            "default" => (via, path, stream, &[Who::Nobody][..]),
            _ => (via, path, stream, keys),
        });
        let proved = PROOFS.map(|(via, path, all)| (via, path, "orders", all));
        for (via, path, stream, all) in doors.chain(proved) {
            self.cells((via, path, stream), all, figures).await?;
        }
        for (who, status) in [("till", 502), ("shop", 403)] {
            let answer = self.show(Who::Key(who), "/ask", &[], "").await?;
            if answer.status != status {
                return Err(format!("{who} calls the route: {}", answer.status));
            }
            figures.matrix += 1;
        }
        Ok(())
    }

    /// Every one of these at a door with every kind of event, in each mode.
    async fn cells(
        &self,
        (via, path, stream): (&str, &str, &str),
        all: &[Who],
        figures: &mut Figures,
    ) -> Result<(), String> {
        for who in all {
            for about in About::all() {
                let expected = may_publish(*who, via, stream, about);
                let modes: &[&str] = match who {
                    Who::Signed => &["signed"],
                    _ => &["binary", "structured", "batch"],
                };
                for mode in modes {
                    let answer = self.publish(*who, path, about, mode).await?;
                    let status = if expected { 202 } else { 403 };
                    if answer.status != status {
                        let body = String::from_utf8_lossy(&answer.body).into_owned();
                        return Err(format!(
                            "{who:?} at {path}, {about:?}, {mode}: {} and not {status}: {body}",
                            answer.status
                        ));
                    }
                    let told = answer.json();
                    if !expected && told["type"] != "urn:tradewind:problem:policy-denied" {
                        return Err(format!("a denial is told as {told}"));
                    }
                    figures.matrix += 1;
                }
            }
        }
        Ok(())
    }

    async fn publish(
        &self,
        who: Who,
        path: &str,
        about: About<'_>,
        mode: &str,
    ) -> Result<Answer, String> {
        let id = fastrand::u64(..).to_string();
        if mode == "binary" {
            let mut headers = vec![
                ("ce-specversion", "1.0"),
                ("ce-id", &id),
                ("ce-source", about.source),
                ("ce-type", about.ty),
            ];
            headers.extend(about.subject.map(|subject| ("ce-subject", subject)));
            return self.show(who, path, &headers, "").await;
        }
        let mut event = serde_json::json!({
            "specversion": "1.0", "id": id, "source": about.source, "type": about.ty
        });
        if let Some(subject) = about.subject {
            event["subject"] = subject.into();
        }
        let (kind, body) = match mode {
            "signed" => {
                let signature = Proofs::signature(&event.to_string());
                let headers = [
                    ("content-type", "application/json"),
                    ("x-signature", &signature),
                ];
                return send(self.address, &post(path, &headers, &event.to_string())).await;
            }
            "structured" => ("application/cloudevents+json", event.to_string()),
            _ => ("application/cloudevents-batch+json", format!("[{event}]")),
        };
        self.show(who, path, &[("content-type", kind)], &body).await
    }

    async fn show(
        &self,
        who: Who,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Answer, String> {
        let (mut certificate, mut shown) = (None, None);
        match who {
            Who::Key(id) => shown = Some(("x-api-key", key(id))),
            Who::Nobody | Who::Signed => {}
            Who::Certificate(id) => certificate = Some(id),
            who => shown = Some(("authorization", self.proofs.of(who)?)),
        }
        let mut all = headers.to_vec();
        all.extend(shown.as_ref().map(|(name, value)| (*name, value.as_str())));
        let request = post(path, &all, body);
        match &self.mutual {
            Some(mutual) => mutual.send(self.address, certificate, &request).await,
            None => send(self.address, &request).await,
        }
    }

    async fn ask(&self, who: &str, method: &str, path: &str, body: &str) -> Result<Answer, String> {
        let proof = match who {
            "operator" => format!("Bearer {}", self.token),
            id => format!("Bearer {}", key(id)),
        };
        let headers = [
            ("content-type", "application/json"),
            ("authorization", proof.as_str()),
        ];
        match &self.mutual {
            None => send(self.admin, &request(method, path, &headers, body)).await,
            // The token has no certificate beside it, and a certificate no token.
            Some(mutual) if who == "operator" => {
                let request = request(method, path, &headers, body);
                mutual.send(self.admin, None, &request).await
            }
            Some(mutual) => {
                let request = request(method, path, &headers[..1], body);
                mutual.send(self.admin, Some(who), &request).await
            }
        }
    }

    /// The table of the admin API.
    async fn administration(&self, figures: &mut Figures) -> Result<(), String> {
        let order = self
            .keep("orders", "kept-order", "com.acme.order.placed")
            .await?;
        let payment = self
            .keep("payments", "kept-payment", "com.acme.payment.made")
            .await?;
        for (who, method, path, body, denied) in ADMIN {
            let path = path
                .replace("{offset}", &order)
                .replace("{payment}", &payment);
            let event = serde_json::json!({
                "specversion": "1.0", "id": fastrand::u64(..).to_string(), "source": "/shop/1",
                "type": "com.acme.order.placed"
            });
            let body = body.replace("EVENT", &event.to_string());
            let answer = self.ask(who, method, &path, &body).await?;
            let told = answer.json();
            let is_denied =
                answer.status == 403 && told["type"] == "urn:tradewind:problem:policy-denied";
            if is_denied != *denied || (!denied && answer.status != 200) {
                return Err(format!("{who} {method} {path}: {} {told}", answer.status));
            }
            figures.admin += 1;
        }
        Ok(())
    }

    /// Stores an event as the operator; returns its offset.
    async fn keep(&self, stream: &str, id: &str, ty: &str) -> Result<String, String> {
        let event =
            serde_json::json!({ "specversion": "1.0", "id": id, "source": "/shop/1", "type": ty });
        let path = format!("/v1/streams/{stream}/events");
        let answer = self
            .ask("operator", "POST", &path, &event.to_string())
            .await?;
        let told = answer.json();
        let position = told["events"][0]["position"].as_str();
        let offset = position.and_then(|position| position.split_once('/'));
        let (_, offset) = offset.ok_or_else(|| format!("nothing was kept: {told}"))?;
        Ok(offset.to_owned())
    }

    /// Everything that may be read in two ways, by everybody; what is stored then is read back.
    async fn mislead(&self, figures: &mut Figures, short: bool) -> Result<(), String> {
        let mut tricks = tricks::all();
        fastrand::shuffle(&mut tricks);
        // Those at a door that there is come first: what they get past it is the most.
        tricks.sort_by_key(|trick| trick.path != "/shop");
        if short {
            tricks.truncate(400);
        }
        let mut before = self.appended().await?;
        let others = [Who::Key("till"), Who::Key("reader"), Who::Nobody];
        let other = || fastrand::choice(others).unwrap_or(Who::Nobody);
        let tried = tricks
            .iter()
            .flat_map(|trick| [(Who::Key("shop"), trick), (other(), trick)]);
        for (who, trick) in tried {
            let answer = self.try_out(who, trick).await?;
            figures.tricks += 1;
            let told = answer.json();
            let events = told["events"].as_array().filter(|_| answer.status < 300);
            let mut new = 0;
            for event in events.into_iter().flatten() {
                let (Some(stream), Some(position)) =
                    (told["stream"].as_str(), event["position"].as_str())
                else {
                    continue;
                };
                if position.is_empty() || event["duplicate"] == true {
                    continue;
                }
                new += 1;
                figures.stored += 1;
                if !self.is_permitted(who, stream, position).await? {
                    figures.bypasses += 1;
                    println!("stored at {stream}@{position} by {who:?}: {trick:?}");
                }
            }
            // Not one event more than was told, and none where it was refused.
            let after = self.appended().await?;
            if after != before + new {
                figures.bypasses += 1;
                println!(
                    "{} events were stored, {new} told, by {who:?}: {trick:?}",
                    after - before
                );
            }
            before = after;
        }
        match figures.stored {
            0..10 => Err("hardly any trick stored anything: they show nothing".into()),
            _ => Ok(()),
        }
    }

    async fn try_out(&self, who: Who, trick: &Trick) -> Result<Answer, String> {
        let id = fastrand::u64(..).to_string();
        let headers: Vec<(String, String)> = trick
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), value.replace("ID", &id)))
            .collect();
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        self.show(who, &trick.path, &headers, &trick.body.replace("ID", &id))
            .await
    }

    async fn is_permitted(&self, who: Who, stream: &str, position: &str) -> Result<bool, String> {
        let answer = self
            .ask(
                "operator",
                "GET",
                &format!("/v1/events/{stream}/{position}"),
                "",
            )
            .await?;
        let event = answer.json();
        let journey = self
            .ask(
                "operator",
                "GET",
                &format!("/v1/explain?event={stream}@{position}"),
                "",
            )
            .await?;
        let journey = journey.json();
        let (Some(ty), Some(source), Some(via)) = (
            event["type"].as_str(),
            event["source"].as_str(),
            journey[0]["via"].as_str(),
        ) else {
            return Err(format!(
                "{stream}@{position} cannot be read: {event} {journey}"
            ));
        };
        let subject = event["subject"].as_str();
        // Nobody means that no key was shown: it counts only at a door that asks for none.
        let asked = !matches!(via, "open" | "in");
        let who = if asked { who } else { Who::Nobody };
        Ok(!(asked && who == Who::Nobody)
            && may_publish(
                who,
                via,
                stream,
                About {
                    ty,
                    source,
                    subject,
                },
            ))
    }

    async fn appended(&self) -> Result<u64, String> {
        let answer = self.ask("operator", "GET", "/v1/streams", "").await?;
        let streams = answer.json();
        let streams = streams.as_object().ok_or("no streams")?;
        let others = streams.iter().filter(|(name, _)| *name != "system");
        Ok(others
            .filter_map(|(_, stream)| stream["appended"].as_u64())
            .sum())
    }
}
