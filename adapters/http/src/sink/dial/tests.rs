//! Nothing here connects anywhere: a failing test sends nothing off this machine.

use super::super::{Config, HttpSink};
use super::*;
use serde_json::json;
use std::str::FromStr;
use tradewind_adapter::Sink;

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

fn bracketed(ip: &str) -> String {
    if ip.contains(':') {
        format!("[{ip}]")
    } else {
        ip.to_owned()
    }
}

/// What the settings say of a URL: where it goes, or why not.
fn judge(url: &str, allow_private: &[&str]) -> Result<String, String> {
    let settings = json!({"url": url, "allow-http": true, "allow-private": allow_private});
    let config: Config = serde_json::from_value(settings).unwrap();
    let built = HttpSink::new(&config);
    built.map(|sink| sink.describe()).map_err(|e| e.to_string())
}

struct Fixed(IpAddr);

#[async_trait]
impl Resolve for Fixed {
    async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        Ok(vec![self.0])
    }
}

/// What may be dialled for a name that resolves to this address.
async fn resolve(name: &str, ip: &str, guard: Guard) -> Result<IpAddr, String> {
    let resolve = Arc::new(Fixed(ip.parse().unwrap()));
    let guard = Arc::new(guard);
    let name = Name::from_str(name).unwrap();
    match (Guarded { guard, resolve }).call(name).await {
        Ok(mut found) => Ok(found.next().unwrap().ip()),
        Err(error) => Err(blocked(&*error).unwrap().to_string()),
    }
}

fn everything() -> Guard {
    let nets = ["0.0.0.0/0", "::/0"].map(|net| net.to_owned().try_into().unwrap());
    Guard::new(&nets, &[], false)
}

#[test]
fn no_literal_address_gets_through() {
    let literals = SPECIAL.iter().chain(METADATA).map(|ip| bracketed(ip));
    let spellings = SPELLINGS.iter().map(|s| (*s).to_owned());
    let hosts: Vec<String> = literals.chain(spellings).collect();
    assert!(hosts.len() >= 150, "{}", hosts.len());
    for host in hosts {
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://{host}:8443/");
            let error = judge(&url, &[]).unwrap_err();
            assert!(error.starts_with("url: "), "{url}: {error}");
        }
    }
}

#[tokio::test]
async fn no_name_leads_to_a_special_address() {
    for ip in SPECIAL.iter().chain(METADATA) {
        let got = resolve("target.example", ip, Guard::default()).await;
        assert!(got.is_err(), "{ip}: {got:?}");
    }
    let public = resolve("target.example", "8.8.8.8", Guard::default()).await;
    assert_eq!(public, Ok("8.8.8.8".parse().unwrap()));
}

#[tokio::test]
async fn metadata_is_out_of_reach_even_when_everything_is_allowed() {
    for ip in METADATA {
        let url = format!("http://{}/", bracketed(ip));
        let literal = judge(&url, &["0.0.0.0/0", "::/0"]).unwrap_err();
        let named = resolve("target.example", ip, everything()).await;
        for error in [literal, named.unwrap_err()] {
            assert!(error.contains("metadata or link-local"), "{ip}: {error}");
        }
    }
    for ip in SPECIAL {
        let got = resolve("target.example", ip, everything()).await;
        assert!(got.is_ok(), "{ip}: {got:?}");
    }
}

#[tokio::test]
async fn names_of_this_network_reach_only_what_is_allowed() {
    for name in [
        "localhost",
        "a.localhost",
        "metadata.google.internal",
        "db.internal",
        "x.local",
    ] {
        let error = resolve(name, "8.8.8.8", Guard::default())
            .await
            .unwrap_err();
        let expected = "a local name resolves to 8.8.8.8";
        assert!(error.starts_with(expected), "{name}: {error}");
        assert!(resolve(name, "8.8.8.8", everything()).await.is_ok());
    }
}

#[tokio::test]
async fn without_tls_only_allowed_addresses_are_reached() {
    let guard = || Guard::new(&["10.0.0.0/8".to_owned().try_into().unwrap()], &[], true);
    let error = resolve("target.example", "8.8.8.8", guard()).await;
    assert!(error.unwrap_err().contains("without TLS"));
    assert!(resolve("target.example", "10.1.2.3", guard()).await.is_ok());
}

/// The settings refuse such URLs already; the connector does not rely on that.
#[tokio::test]
async fn literal_addresses_are_judged_when_they_are_dialled() {
    let trap = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    trap.set_nonblocking(true).unwrap();
    let port = trap.local_addr().unwrap().port();
    let mut dial = Dial::new(Guard::default(), Arc::new(System));
    for host in [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "127.1",
        "[::ffff:7f00:1]",
        "[::1]",
        "0",
        "[::]",
    ] {
        let uri = format!("http://{host}:{port}/").parse().unwrap();
        let error = dial.call(uri).await.err().unwrap();
        assert!(blocked(&*error).is_some(), "{host}: {error}");
    }
    let accepted = trap.accept().err().map(|e| e.kind());
    assert_eq!(accepted, Some(io::ErrorKind::WouldBlock));
}
