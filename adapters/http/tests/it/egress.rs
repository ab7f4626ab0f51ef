//! No way around the guard: a trap listens, and nobody may come.

use crate::server::{Server, Trap, accepted, answer, config, delivery, event, one, why};
use async_trait::async_trait;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use tradewind_http::{HttpSink, Resolve};

/// Answers of a resolver, one after the other; the last one stays.
pub(crate) struct Answers(Mutex<VecDeque<Vec<IpAddr>>>);

impl Answers {
    pub(crate) fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parse = |ips: &&[&str]| ips.iter().map(|ip| ip.parse().unwrap()).collect();
        Arc::new(Self(Mutex::new(answers.iter().map(parse).collect())))
    }
}

#[async_trait]
impl Resolve for Answers {
    async fn resolve(&self, _host: &str) -> io::Result<Vec<IpAddr>> {
        let mut answers = self.0.lock().unwrap();
        if answers.len() > 1 {
            return Ok(answers.pop_front().unwrap());
        }
        Ok(answers[0].clone())
    }
}

fn resolving(settings: Value, answers: &[&[&str]]) -> HttpSink {
    HttpSink::with_resolver(&config(settings), Answers::new(answers)).unwrap()
}

/// Every way to this machine, over the whole sink. Other special addresses are tried beside the
/// guard, where a failing test cannot send anything off this machine.
#[tokio::test]
async fn no_name_leads_to_this_machine() {
    let trap = Trap::new("127.0.0.1:0");
    let url = format!("http://target.example:{}/", trap.address().port());
    for ip in [
        "127.0.0.1",
        "127.255.255.254",
        "0.0.0.0",
        "::1",
        "::",
        "::ffff:127.0.0.1",
    ] {
        let sink = resolving(json!({"url": url, "allow-http": true}), &[&[ip]]);
        let (code, detail) = why(&one(&sink, delivery(event("e"))).await);
        assert_eq!(code, "blocked-address", "{ip}: {detail}");
    }
    trap.assert_untouched();
}

/// Two listeners on one port: the target at 127.0.0.1, which may be reached, the trap at
/// 127.0.0.2, which may not.
async fn target_and_trap() -> (Server, Trap) {
    loop {
        let close = vec![("connection", "close".to_owned())];
        let act = crate::server::Act::Answer(200, close, Vec::new());
        let target = Server::start(act).await;
        // Another process may hold the port there; then another port will do.
        let address = format!("127.0.0.2:{}", target.address.port());
        if let Ok(trap) = Trap::at(&address) {
            return (target, trap);
        }
    }
}

#[tokio::test]
async fn a_name_that_changes_its_answer_gains_nothing() {
    let (target, trap) = target_and_trap().await;
    let url = format!("http://target.example:{}/", target.address.port());
    let settings = json!({"url": url, "allow-private": ["127.0.0.1"]});
    let sink = resolving(settings, &[&["127.0.0.1"], &["127.0.0.2"]]);
    accepted(&one(&sink, delivery(event("a"))).await);
    let outcome = one(&sink, delivery(event("b"))).await;
    assert_eq!(why(&outcome).0, "blocked-address", "{outcome:?}");
    trap.assert_untouched();
}

#[tokio::test]
async fn of_several_answers_only_the_allowed_are_dialled() {
    let (target, trap) = target_and_trap().await;
    let url = format!("http://target.example:{}/", target.address.port());
    let settings = json!({"url": url, "allow-private": ["127.0.0.1"]});
    let sink = resolving(settings, &[&["127.0.0.2", "::1", "127.0.0.1"]]);
    accepted(&one(&sink, delivery(event("a"))).await);
    trap.assert_untouched();
}

#[tokio::test]
async fn what_is_allowed_is_reached_in_any_spelling() {
    let server = Server::start(answer(200)).await;
    let port = server.address.port();
    for host in [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "[::ffff:127.0.0.1]",
        "localhost",
    ] {
        let url = format!("http://{host}:{port}/");
        let settings = json!({"url": url, "allow-private": ["127.0.0.1/32"]});
        let sink = resolving(settings, &[&["127.0.0.1"]]);
        accepted(&one(&sink, delivery(event("e"))).await);
    }
}

#[tokio::test]
async fn names_without_an_address() {
    struct Fails;
    #[async_trait]
    impl Resolve for Fails {
        async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
            Err(io::Error::other("no such host"))
        }
    }
    let settings = json!({"url": "https://target.example/?token=hunter2"});
    let fails = HttpSink::with_resolver(&config(settings.clone()), Arc::new(Fails)).unwrap();
    let (code, detail) = why(&one(&fails, delivery(event("e"))).await);
    assert_eq!(code, "dns", "{detail}");
    assert!(
        detail.contains("no such host") && !detail.contains("hunter2"),
        "{detail}"
    );
    let outcome = one(&resolving(settings, &[&[]]), delivery(event("e"))).await;
    assert_eq!(why(&outcome).0, "dns");
}

#[test]
fn ports_of_other_services_need_permission() {
    let build = |port: u16, allowed: &[u16]| {
        let url = format!("https://target.example:{port}/");
        HttpSink::new(&config(json!({"url": url, "allow-ports": allowed}))).is_ok()
    };
    for port in [1, 22, 25, 53, 110, 143, 389, 445, 636, 1023] {
        assert!(!build(port, &[]), "{port}");
        assert!(build(port, &[port]), "{port}");
    }
    for port in [80, 443, 1024, 8080, 8443, 65535] {
        assert!(build(port, &[]), "{port}");
    }
}
