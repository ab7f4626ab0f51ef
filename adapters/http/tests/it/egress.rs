//! No way around the guard: a trap listens, and nobody may come.

use crate::server::{Server, Trap, accepted, answer, config, delivery, event, one, why};
use async_trait::async_trait;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use tradewind_adapter::Sink;
use tradewind_http::{HttpSink, Resolve};

/// Addresses that are never dialled unless the configuration names them.
const SPECIAL: &[&str] = &[
    // This machine, and what means it.
    "127.0.0.1",
    "127.0.0.2",
    "127.1.2.3",
    "127.255.255.254",
    "127.255.255.255",
    "0.0.0.0",
    "0.0.0.1",
    "0.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:0.0.0.0",
    "::127.0.0.1",
    "::ffff:0:127.0.0.1",
    // Private, shared, link-local.
    "10.0.0.0",
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "192.168.255.255",
    "100.64.0.1",
    "100.127.255.255",
    "::ffff:10.0.0.1",
    "::ffff:192.168.1.1",
    "fc00::1",
    "fd12:3456:789a::1",
    "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "fec0::1",
    // Reserved, documentation, benchmarks, multicast, broadcast.
    "192.0.0.1",
    "192.0.0.170",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.254",
    "255.255.255.255",
    "ff02::1",
    "ff0e::1",
    "2001:db8::1",
    "3fff::1",
    "100::1",
    "5f00::1",
    "4000::1",
    "8000::1",
    "e000::1",
    // IPv4 in disguise.
    "64:ff9b::a00:1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::a00:1",
    "2002:7f00:1::1",
    "2002:a00:1::1",
    "2001:0:7f00:1::1",
    "2001:0:4136:e378:8000:63bf:f5ff:fffe",
    "2001:10::1",
    "2001:20::1",
];

/// Addresses that are never dialled at all.
const METADATA: &[&str] = &[
    "169.254.169.254",
    "169.254.169.253",
    "169.254.170.2",
    "169.254.170.23",
    "169.254.0.1",
    "169.254.42.42",
    "169.254.255.255",
    "168.63.129.16",
    "100.100.100.200",
    "192.0.0.192",
    "fd00:ec2::254",
    "fd00:ec2::23",
    "fd20:ce::254",
    "fe80::1",
    "febf::1",
    "fe80::a9fe:a9fe",
    "::ffff:169.254.169.254",
    "::ffff:168.63.129.16",
    "::169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::6464:64c8",
    "64:ff9b:1::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "2001:0:0:0:0:0:5601:5601",
];

/// Spellings of loopback and metadata addresses, and hosts that try to pass for something else.
const SPELLINGS: &[&str] = &[
    "2130706433",
    "2130706434",
    "0x7f000001",
    "0X7F000001",
    "0x7F.0x0.0x0.0x1",
    "0x7f.1",
    "0x7f.0.1",
    "017700000001",
    "0177.0.0.1",
    "0177.0.0.01",
    "0177.1",
    "00000177.1",
    "127.1",
    "127.0.1",
    "127.000.000.001",
    "127.0.0.0x1",
    "127.0.0.1.",
    "127.1.",
    "0",
    "0x0",
    "00",
    "0.0",
    "0x",
    "2852039166",
    "0xa9fea9fe",
    "0xa9.0xfe.0xa9.0xfe",
    "025177524776",
    "0251.0376.0251.0376",
    "169.254.43518",
    "169.16689662",
    "169.0376.0xa9.254",
    "0xa9fe.0xa9fe",
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[0000:0000:0000:0000:0000:0000:0000:0001]",
    "[::ffff:127.0.0.1]",
    "[::FFFF:7F00:1]",
    "[0:0:0:0:0:ffff:7f00:1]",
    "[::ffff:a9fe:a9fe]",
    "[::7f00:1]",
    "[fe80::1%25lo]",
    "[fe80::1%lo]",
    "[127.0.0.1]",
    "[localhost]",
    "[0x7f.1]",
    "[::1",
    "::1",
    "127.0.0.1%00.example.com",
    "127.0.0.1%2eexample.com",
    "%31%32%37.0.0.1",
    "①②⑦.⓪.⓪.①",
    "127。0。0。1",
    "user@127.0.0.1",
    "user:pass@127.0.0.1",
    "example.com@127.0.0.1",
    "127.0.0.1@127.0.0.1",
    "example.com\\@127.0.0.1",
    "127.0.0.1\\.example.com",
    "example.com#@127.0.0.1",
    "127.0.0.1#.example.com",
    "256.0.0.1",
    "127.0.0.256",
    "127.0.0.0.1",
    "4294967296",
    "4294967297",
    "6425673729",
    "0x17f000001",
    "+127.0.0.1",
    "-127.0.0.1",
    " 127.0.0.1",
    "127.0.0.1 ",
    "127.0.0.1\t",
    "127.0.0.1\r\nhost: example.com",
];

/// Answers of a resolver, one after the other; the last one stays.
struct Answers(Mutex<VecDeque<Vec<IpAddr>>>);

impl Answers {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
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

fn bracketed(ip: &str) -> String {
    if ip.contains(':') {
        format!("[{ip}]")
    } else {
        ip.to_owned()
    }
}

const EVERYTHING: [&str; 2] = ["0.0.0.0/0", "::/0"];

#[tokio::test]
async fn no_literal_address_gets_through() {
    let trap = Trap::new("127.0.0.1:0");
    let port = trap.address().port();
    let literals = SPECIAL.iter().chain(METADATA).map(|ip| bracketed(ip));
    let spellings = SPELLINGS.iter().map(|s| (*s).to_owned());
    let mut cases = 0;
    for host in literals.chain(spellings) {
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://{host}:{port}/");
            let built = HttpSink::new(&config(json!({"url": url, "allow-http": true})));
            // The address is known before anything is delivered, so it is a configuration error.
            let error = built.map(|sink| sink.describe()).unwrap_err().to_string();
            assert!(error.starts_with("url: "), "{url}: {error}");
            cases += 1;
        }
    }
    assert!(cases >= 300, "{cases}");
    trap.assert_untouched();
}

#[tokio::test]
async fn no_name_leads_to_a_special_address() {
    let trap = Trap::new("127.0.0.1:0");
    for ip in SPECIAL.iter().chain(METADATA) {
        let url = format!("http://target.example:{}/", trap.address().port());
        let sink = resolving(json!({"url": url, "allow-http": true}), &[&[ip]]);
        let (code, detail) = why(&one(&sink, delivery(event("e"))).await);
        assert_eq!(code, "blocked-address", "{ip}: {detail}");
    }
    trap.assert_untouched();
}

#[tokio::test]
async fn metadata_is_out_of_reach_even_when_everything_is_allowed() {
    for ip in METADATA {
        let url = format!("http://{}/", bracketed(ip));
        let settings = json!({"url": url, "allow-http": true, "allow-private": EVERYTHING});
        let error = HttpSink::new(&config(settings)).unwrap_err().to_string();
        assert!(error.contains("metadata or link-local"), "{ip}: {error}");
        let settings = json!({"url": "http://target.example/", "allow-http": true, "allow-private": EVERYTHING});
        let outcome = one(&resolving(settings, &[&[ip]]), delivery(event("e"))).await;
        assert_eq!(why(&outcome).0, "blocked-address", "{ip}: {outcome:?}");
    }
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
    let sink = resolving(settings, &[&["127.0.0.2", "10.0.0.1", "127.0.0.1"]]);
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
async fn names_of_this_network_reach_only_what_is_allowed() {
    // A public address, which is not dialled here: the name alone decides.
    for name in [
        "localhost",
        "a.localhost",
        "metadata.google.internal",
        "db.internal",
        "x.local",
    ] {
        let settings = json!({"url": format!("https://{name}/")});
        let outcome = one(&resolving(settings, &[&["8.8.8.8"]]), delivery(event("e"))).await;
        let (code, detail) = why(&outcome);
        assert_eq!(code, "blocked-address", "{name}");
        assert!(
            detail.starts_with("a local name resolves to 8.8.8.8"),
            "{detail}"
        );
    }
}

#[tokio::test]
async fn without_tls_only_allowed_addresses_are_reached() {
    let settings = json!({"url": "http://target.example/", "allow-private": ["10.0.0.0/8"]});
    let outcome = one(&resolving(settings, &[&["8.8.8.8"]]), delivery(event("e"))).await;
    let (code, detail) = why(&outcome);
    assert_eq!(code, "blocked-address");
    assert!(detail.contains("without TLS"), "{detail}");
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
