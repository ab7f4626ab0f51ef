//! Certificates of callers: by the right authority, for the right name, in time; and none at all.

use crate::support::handler::Handler;
use crate::support::{Gateway, binary, start_in};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    SanType, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

struct Authority(CertifiedIssuer<'static, KeyPair>);

type Identity = (CertificateDer<'static>, PrivateKeyDer<'static>, String);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A certificate with this name, for a server or a caller.
    fn issue(&self, name: SanType, usage: ExtendedKeyUsagePurpose, expired: bool) -> Identity {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![name];
        params.extended_key_usages = vec![usage];
        if expired {
            params.not_after = date_time_ymd(2020, 1, 1);
        }
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let pem = format!("{}{}", certificate.pem(), key.serialize_pem());
        let der = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        (certificate.der().clone(), der, pem)
    }

    fn caller(&self, name: &str, expired: bool) -> Identity {
        let name = SanType::URI(name.try_into().unwrap());
        self.issue(name, ExtendedKeyUsagePurpose::ClientAuth, expired)
    }

    fn server(&self, host: &str) -> Identity {
        let name = SanType::DnsName(host.try_into().unwrap());
        self.issue(name, ExtendedKeyUsagePurpose::ServerAuth, false)
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        roots
    }
}

fn write(folder: &Path, name: &str, text: &str) {
    let new = folder.join("new");
    std::fs::write(&new, text).unwrap();
    std::fs::rename(new, folder.join(name)).unwrap();
}

/// A gateway with TLS, its folder holding the certificates.
async fn secured(own: &Identity, callers: &Authority) -> Gateway {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "own.pem", &own.2);
    write(folder.path(), "callers.pem", &callers.0.pem());
    let yaml = "tls: { certificate: \"${file:own.pem}\", key: \"${file:own.pem}\", client-ca: \"${file:callers.pem}\" }\n\
        sources:\n  mtls: { kind: http, path: /mtls, auth: { certificates: [\"uri:spiffe://acme/shop\"] } }\n  \
        team: { kind: http, path: /team, auth: { certificates: [\"uri:spiffe://acme/*\"] } }\n  \
        open: { kind: http, path: /open, auth: none-i-understand }\n";
    start_in(folder, yaml).await
}

/// The status of an event that is posted to this path, or why there is none.
async fn ask(
    gateway: &Gateway,
    trusted: &Authority,
    host: &str,
    identity: Option<&Identity>,
    path: &str,
) -> Result<u16, String> {
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\nce-specversion: 1.0\r\nce-id: {}\r\n\
         ce-source: /s\r\nce-type: t\r\ncontent-length: 0\r\n\r\n",
        fastrand::u64(..)
    );
    exchange(gateway.running.listen, trusted, host, identity, &request).await
}

/// The status of the answer to a request, or why there is none.
async fn exchange(
    address: SocketAddr,
    trusted: &Authority,
    host: &str,
    identity: Option<&Identity>,
    request: &str,
) -> Result<u16, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(trusted.roots());
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some((certificate, key, _)) => builder
            .with_client_auth_cert(vec![certificate.clone()], key.clone_key())
            .unwrap(),
    };
    let connector = TlsConnector::from(Arc::new(config));
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from(host.to_owned()).unwrap();
    let text = |e: std::io::Error| e.to_string();
    let mut stream = connector.connect(name, stream).await.map_err(text)?;
    stream.write_all(request.as_bytes()).await.map_err(text)?;
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    match answer.get(9..12).and_then(|status| status.parse().ok()) {
        Some(status) => Ok(status),
        None => Err(format!("{read:?} {answer}")),
    }
}

#[tokio::test]
async fn certificates_of_callers() {
    let (authority, callers, stranger) = (Authority::new(), Authority::new(), Authority::new());
    let gateway = secured(&authority.server("gateway.example"), &callers).await;
    let shop = callers.caller("spiffe://acme/shop", false);
    let till = callers.caller("spiffe://acme/till", false);
    let other = callers.caller("spiffe://acmee/shop", false);
    let expired = callers.caller("spiffe://acme/shop", true);
    let forged = stranger.caller("spiffe://acme/shop", false);
    // For servers, and so for no caller.
    let server = callers.server("shop.example");
    let table: [(&str, Option<&Identity>, &str, Option<u16>); 13] = [
        ("by its name", Some(&shop), "/mtls", Some(202)),
        ("by the beginning of it", Some(&till), "/team", Some(202)),
        ("where others may", Some(&till), "/mtls", Some(401)),
        ("a name that is longer", Some(&other), "/team", Some(401)),
        ("without", None, "/mtls", Some(401)),
        ("without, where nobody asks", None, "/open", Some(202)),
        ("where nobody asks", Some(&shop), "/open", Some(202)),
        ("expired", Some(&expired), "/mtls", None),
        ("expired, where nobody asks", Some(&expired), "/open", None),
        ("by another authority", Some(&forged), "/mtls", None),
        (
            "by another authority, where nobody asks",
            Some(&forged),
            "/open",
            None,
        ),
        ("of a server", Some(&server), "/mtls", None),
        (
            "of a server, where nobody asks",
            Some(&server),
            "/open",
            None,
        ),
    ];
    for (what, identity, path, status) in table {
        let told = ask(&gateway, &authority, "gateway.example", identity, path).await;
        assert_eq!(told.clone().ok(), status, "{what}: {told:?}");
    }
    // What the caller would not take.
    for (trusted, host) in [(&stranger, "gateway.example"), (&authority, "evil.example")] {
        let told = ask(&gateway, trusted, host, Some(&shop), "/mtls").await;
        assert!(
            told.as_ref().is_err_and(|e| e.contains("certificate")),
            "{told:?}"
        );
    }
    // Plain HTTP is no TLS.
    let mut plain = TcpStream::connect(gateway.running.listen).await.unwrap();
    plain
        .write_all(b"GET /open HTTP/1.1\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    // An alert of TLS, or a reset in its place.
    plain.read_to_end(&mut answer).await.ok();
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    gateway.running.stop().await.unwrap();
}

#[tokio::test]
async fn new_certificates_count_from_the_reload_on() {
    let (authority, before, after) = (Authority::new(), Authority::new(), Authority::new());
    let gateway = secured(&authority.server("old.example"), &before).await;
    let identities = [&before, &after].map(|by| by.caller("spiffe://acme/shop", false));
    let told = async |host: &str, n: usize| {
        ask(&gateway, &authority, host, Some(&identities[n]), "/mtls")
            .await
            .ok()
    };
    assert_eq!(told("old.example", 0).await, Some(202));
    assert_eq!(told("old.example", 1).await, None);
    write(gateway.dir.path(), "callers.pem", &after.0.pem());
    write(
        gateway.dir.path(),
        "own.pem",
        &authority.server("new.example").2,
    );
    gateway.running.gateway.reload("test").await.unwrap();
    assert_eq!(told("new.example", 1).await, Some(202));
    assert_eq!(told("new.example", 0).await, None);
    assert_eq!(told("old.example", 1).await, None);
    // A file that is none changes nothing.
    write(gateway.dir.path(), "own.pem", "no certificate");
    let refused = gateway
        .running
        .gateway
        .reload("test")
        .await
        .unwrap_err()
        .to_string();
    assert!(refused.contains("tls.certificate"), "{refused}");
    assert_eq!(told("new.example", 1).await, Some(202));
    gateway.running.stop().await.unwrap();
}

#[tokio::test]
async fn a_function_is_told_that_its_caller_came_by_tls() {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    write(
        folder.path(),
        "own.pem",
        &authority.server("gateway.example").2,
    );
    let mut handler = Handler::start(&[]).await;
    let yaml = format!(
        "tls: {{ certificate: \"${{file:own.pem}}\", key: \"${{file:own.pem}}\" }}\n\
         routes:\n  one: {{ path: /one, methods: [GET], mode: proxy, auth: none-i-understand, sink: {} }}\n",
        handler.sink()
    );
    let gateway = start_in(folder, &yaml).await;
    let address = gateway.running.listen;
    let get = "GET /one HTTP/1.1\r\nhost: gateway.example\r\nconnection: close\r\n\r\n";
    let told = exchange(address, &authority, "gateway.example", None, get).await;
    assert_eq!(told, Ok(204));
    assert_eq!(handler.next().await.header("x-forwarded-proto"), "https");
    // And of what is no request, nobody is told to leave out TLS.
    let none = "no request\r\n\r\n";
    let told = exchange(address, &authority, "gateway.example", None, none).await;
    assert_eq!(told, Ok(400));
    gateway.running.stop().await.unwrap();
}

/// A gateway whose admin API speaks TLS, its folder holding the certificates.
async fn administered(own: &Identity, callers: &Authority) -> Gateway {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "admin.pem", &own.2);
    write(folder.path(), "callers.pem", &callers.0.pem());
    let yaml = "admin: 127.0.0.1:0\nadmin-tls: { certificate: \"${file:admin.pem}\", key: \"${file:admin.pem}\", client-ca: \"${file:callers.pem}\" }\n\
        admin-auth: { certificates: [\"uri:spiffe://acme/ops\"] }\nlimits: { header-count: 20 }\n";
    start_in(folder, yaml).await
}

fn admin_of(gateway: &Gateway) -> SocketAddr {
    match gateway.running.admin {
        tradewind_config::Admin::Tcp(address) => address,
        tradewind_config::Admin::Socket(_) => panic!("a socket"),
    }
}

fn status(host: &str, more: &str) -> String {
    format!("GET /v1/status HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{more}\r\n")
}

fn bearer(gateway: &Gateway) -> String {
    let token = std::fs::read_to_string(gateway.dir.path().join("data/admin.token")).unwrap();
    format!("authorization: Bearer {token}\r\n")
}

#[tokio::test]
async fn the_admin_api_asks_for_certificates_too() {
    let (authority, callers, stranger) = (Authority::new(), Authority::new(), Authority::new());
    let gateway = administered(&authority.server("admin.example"), &callers).await;
    let address = admin_of(&gateway);
    let ops = callers.caller("spiffe://acme/ops", false);
    let shop = callers.caller("spiffe://acme/shop", false);
    let expired = callers.caller("spiffe://acme/ops", true);
    let forged = stranger.caller("spiffe://acme/ops", false);
    let server = callers.server("ops.example");
    let (token, many) = (bearer(&gateway), "a: b\r\n".repeat(30));
    let table: [(&str, Option<&Identity>, &str, Option<u16>); 9] = [
        ("by its name", Some(&ops), "", Some(200)),
        ("by another name", Some(&shop), "", Some(401)),
        ("nobody", None, "", Some(401)),
        ("by the token", None, &token, Some(200)),
        ("expired, with the token", Some(&expired), &token, None),
        (
            "by another authority, with the token",
            Some(&forged),
            &token,
            None,
        ),
        ("of a server, with the token", Some(&server), &token, None),
        ("more fields than the limit", Some(&ops), &many, Some(431)),
        (
            "from another site",
            Some(&ops),
            "origin: https://evil.example\r\n",
            Some(403),
        ),
    ];
    for (what, identity, more, wanted) in table {
        let request = status("admin.example", more);
        let told = exchange(address, &authority, "admin.example", identity, &request).await;
        assert_eq!(told.clone().ok(), wanted, "{what}: {told:?}");
    }
    for (trusted, host) in [(&stranger, "admin.example"), (&authority, "evil.example")] {
        let told = exchange(address, trusted, host, Some(&ops), &status(host, "")).await;
        assert!(
            told.as_ref().is_err_and(|e| e.contains("certificate")),
            "{told:?}"
        );
    }
    let large = format!(
        "POST /v1/reload HTTP/1.1\r\nhost: admin.example\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        (1 << 20) + 1
    );
    let told = exchange(address, &authority, "admin.example", Some(&ops), &large).await;
    assert_eq!(told, Ok(413));
    gateway.running.stop().await.unwrap();
}

#[tokio::test]
async fn the_admin_api_takes_new_certificates_and_keeps_tls() {
    let (authority, callers) = (Authority::new(), Authority::new());
    let gateway = administered(&authority.server("old.example"), &callers).await;
    let (address, token) = (admin_of(&gateway), bearer(&gateway));
    let told = async |host: &str| {
        exchange(address, &authority, host, None, &status(host, &token))
            .await
            .ok()
    };
    assert_eq!(told("old.example").await, Some(200));
    write(
        gateway.dir.path(),
        "admin.pem",
        &authority.server("new.example").2,
    );
    gateway.running.gateway.reload("test").await.unwrap();
    assert_eq!(told("new.example").await, Some(200));
    assert_eq!(told("old.example").await, None);
    write(gateway.dir.path(), "tradewind.yaml", "admin: 127.0.0.1:0\n");
    gateway.running.gateway.reload("test").await.unwrap();
    assert_eq!(told("new.example").await, Some(200));
    write(
        gateway.dir.path(),
        "tradewind.yaml",
        "admin: 0.0.0.0:9090\n",
    );
    assert!(gateway.running.gateway.reload("test").await.is_err());
    gateway.running.stop().await.unwrap();
}

/// Also where `admin` becomes an address, which counts from the next start on.
#[tokio::test]
async fn the_socket_of_the_admin_api_speaks_no_tls() {
    let (authority, callers) = (Authority::new(), Authority::new());
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "admin.pem",
        &authority.server("admin.example").2,
    );
    write(folder.path(), "callers.pem", &callers.0.pem());
    let tls = "admin-tls: { certificate: \"${file:admin.pem}\", key: \"${file:admin.pem}\", client-ca: \"${file:callers.pem}\" }\n";
    let gateway = start_in(folder, tls).await;
    assert_eq!(gateway.admin("GET", "/v1/status", "").await.status, 200);
    let changed = format!("admin: 127.0.0.1:0\n{tls}");
    write(gateway.dir.path(), "tradewind.yaml", &changed);
    gateway.running.gateway.reload("test").await.unwrap();
    assert_eq!(gateway.admin("GET", "/v1/status", "").await.status, 200);
    gateway.running.stop().await.unwrap();
}

#[tokio::test]
async fn the_command_line_speaks_tls_to_the_admin_api() {
    let (authority, callers, stranger) = (Authority::new(), Authority::new(), Authority::new());
    let gateway = administered(&authority.server("localhost"), &callers).await;
    let folder = gateway.dir.path();
    for (name, text) in [
        ("ca.pem", authority.0.pem()),
        ("other.pem", stranger.0.pem()),
        ("ops.pem", callers.caller("spiffe://acme/ops", false).2),
        ("shop.pem", callers.caller("spiffe://acme/shop", false).2),
        ("expired.pem", callers.caller("spiffe://acme/ops", true).2),
        ("forged.pem", stranger.caller("spiffe://acme/ops", false).2),
    ] {
        write(folder, name, &text);
    }
    let port = admin_of(&gateway).port();
    let (named, by_address) = (
        format!("https://localhost:{port}"),
        format!("https://127.0.0.1:{port}"),
    );
    let plain = format!("http://127.0.0.1:{port}");
    let as_who = |file: &'static str| ["--ca", "ca.pem", "--cert", file, "--key", file];
    let table: [(&str, &[&str], i32, &str); 13] = [
        (&named, &as_who("ops.pem"), 0, "generation"),
        (
            &named,
            &["--ca", "ca.pem", "--data-dir", "data"],
            0,
            "generation",
        ),
        (&named, &as_who("shop.pem"), 1, ""),
        (&named, &as_who("expired.pem"), 1, ""),
        (&named, &as_who("forged.pem"), 1, ""),
        (
            &named,
            &["--ca", "other.pem", "--data-dir", "data"],
            1,
            "no TLS with localhost",
        ),
        (&by_address, &as_who("ops.pem"), 1, "no TLS with 127.0.0.1"),
        (&named, &["--data-dir", "data"], 2, "needs its authority"),
        (&named, &["--ca", "ca.pem"], 2, "needs its token"),
        // The token of this machine's gateway is for no other one.
        (
            "https://gateway.example:9",
            &["--ca", "ca.pem", "--data-dir", "data"],
            2,
            "another gateway's",
        ),
        (
            "https://gateway.example",
            &["--ca", "ca.pem", "--token", "t"],
            2,
            "names no port",
        ),
        (&plain, &["--data-dir", "data"], 1, ""),
        (
            "http://192.0.2.1:9",
            &["--data-dir", "data"],
            2,
            "unencrypted",
        ),
    ];
    for (admin, more, code, part) in table {
        let mut command = tokio::process::Command::new(binary());
        command.current_dir(folder).env_clear();
        command
            .args(["status", "--output", "json", "--admin", admin])
            .args(more);
        let output = command.output().await.unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert_eq!(output.status.code(), Some(code), "{admin} {more:?}: {said}");
        assert!(said.contains(part), "{admin} {more:?}: {said}");
    }
    gateway.running.stop().await.unwrap();
}
