//! TLS: whom the sink trusts, and what it speaks.

use crate::server::{Server, accepted, answer, config, delivery, event, one, sink, why};
use http::Version;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    date_time_ymd,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use serde_json::json;
use std::io::Write;
use std::sync::Arc;
use tempfile::NamedTempFile;
use tokio_rustls::TlsAcceptor;
use tradewind_adapter::Outcome;
use tradewind_http::HttpSink;

pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: NamedTempFile,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(issuer.pem().as_bytes()).unwrap();
        Self { issuer, file }
    }

    pub(crate) fn path(&self) -> &str {
        self.file.path().to_str().unwrap()
    }

    /// A server certificate for a host, and the protocols that the server offers.
    pub(crate) fn serve(&self, host: &str, expired: bool, alpn: &[&str]) -> TlsAcceptor {
        self.server(host, expired, alpn, WebPkiClientVerifier::no_client_auth())
    }

    /// One that asks for certificates by these callers' authority.
    fn demanding(&self, host: &str, callers: &Self) -> TlsAcceptor {
        let mut roots = RootCertStore::empty();
        roots.add(callers.issuer.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
        self.server(host, false, &[], verifier.build().unwrap())
    }

    /// A caller's certificate and its key.
    fn caller(&self, expired: bool, usage: ExtendedKeyUsagePurpose) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["gateway.example".to_owned()]).unwrap();
        params.extended_key_usages = vec![usage];
        if expired {
            params.not_after = date_time_ymd(2020, 1, 1);
        }
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    fn server(
        &self,
        host: &str,
        expired: bool,
        alpn: &[&str],
        callers: Arc<dyn ClientCertVerifier>,
    ) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        if expired {
            params.not_after = date_time_ymd(2020, 1, 1);
        }
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(callers)
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            )
            .unwrap();
        config.alpn_protocols = alpn.iter().map(|p| p.as_bytes().to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }
}

fn https(server: &Server) -> String {
    format!("https://{}/", server.address)
}

#[tokio::test]
async fn http2_is_negotiated_and_http1_is_the_fallback() {
    let authority = Authority::new();
    let table: [(&[&str], _); 3] = [
        (&["h2", "http/1.1"], Version::HTTP_2),
        (&["http/1.1"], Version::HTTP_11),
        (&[], Version::HTTP_11),
    ];
    for (alpn, version) in table {
        let acceptor = authority.serve("127.0.0.1", false, alpn);
        let server = Server::with(answer(200), Some(acceptor)).await;
        let sink = sink(&https(&server), json!({"tls": {"ca": authority.path()}}));
        for id in ["a", "b"] {
            accepted(&one(&sink, delivery(event(id))).await);
        }
        assert_eq!(server.seen()[1].version, version, "{alpn:?}");
        assert_eq!(server.connections(), 1, "{alpn:?}");
    }
}

#[tokio::test]
async fn certificates_that_prove_nothing() {
    let (trusted, other) = (Authority::new(), Authority::new());
    let table = [
        ("another host", trusted.serve("127.0.0.2", false, &[])),
        ("another name", trusted.serve("example.com", false, &[])),
        ("expired", trusted.serve("127.0.0.1", true, &[])),
        ("another authority", other.serve("127.0.0.1", false, &[])),
    ];
    for (what, acceptor) in table {
        let server = Server::with(answer(200), Some(acceptor)).await;
        let sink = sink(&https(&server), json!({"tls": {"ca": trusted.path()}}));
        let outcome = one(&sink, delivery(event("e"))).await;
        assert!(
            matches!(outcome, Outcome::Retry { .. }),
            "{what}: {outcome:?}"
        );
        assert_eq!(why(&outcome).0, "tls", "{what}: {outcome:?}");
        assert!(server.seen().is_empty(), "{what}: the event was sent");
    }
}

#[tokio::test]
async fn a_certificate_of_ones_own_is_shown_to_who_asks_for_it() {
    use ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};
    let (servers, callers, strangers) = (Authority::new(), Authority::new(), Authority::new());
    for (what, own, passes) in [
        (
            "the right one",
            Some(callers.caller(false, ClientAuth)),
            true,
        ),
        ("none", None, false),
        (
            "another authority",
            Some(strangers.caller(false, ClientAuth)),
            false,
        ),
        ("expired", Some(callers.caller(true, ClientAuth)), false),
        (
            "one for servers",
            Some(callers.caller(false, ServerAuth)),
            false,
        ),
    ] {
        let acceptor = servers.demanding("127.0.0.1", &callers);
        let server = Server::with(answer(204), Some(acceptor)).await;
        let tls = match &own {
            None => json!({"ca": servers.path()}),
            Some((certificate, key)) => {
                json!({"ca": servers.path(), "certificate": certificate, "key": key})
            }
        };
        let sink = sink(&https(&server), json!({"tls": tls}));
        let outcome = one(&sink, delivery(event("e"))).await;
        if passes {
            accepted(&outcome);
            continue;
        }
        assert!(
            matches!(outcome, Outcome::Retry { .. }),
            "{what}: {outcome:?}"
        );
        assert_eq!(why(&outcome).0, "tls", "{what}: {outcome:?}");
        assert!(server.seen().is_empty(), "{what}: the event was taken");
    }
    let (certificate, _) = callers.caller(false, ClientAuth);
    let (_, key) = callers.caller(false, ClientAuth);
    let tls = json!({"ca": servers.path(), "certificate": certificate, "key": key});
    let settings = json!({"url": "https://example.com/", "tls": tls});
    let error = HttpSink::new(&config(settings)).unwrap_err().to_string();
    assert!(error.contains("do not fit together"), "{error}");
}

#[tokio::test]
async fn a_server_without_tls_is_not_spoken_to() {
    let authority = Authority::new();
    let server = Server::start(answer(200)).await;
    let sink = sink(&https(&server), json!({"tls": {"ca": authority.path()}}));
    let outcome = one(&sink, delivery(event("e"))).await;
    assert_eq!(why(&outcome).0, "tls", "{outcome:?}");
    assert!(server.seen().is_empty());
}

#[test]
fn authorities_that_cannot_be_read() {
    let build = |ca: &str| {
        let settings = json!({"url": "https://example.com/", "tls": {"ca": ca}});
        HttpSink::new(&config(settings)).unwrap_err().to_string()
    };
    assert!(build("/does/not/exist.pem").starts_with("tls: `tls.ca` cannot be read (file: /does/"));
    let mut empty = NamedTempFile::new().unwrap();
    empty.write_all(b"nothing of use").unwrap();
    let error = build(empty.path().to_str().unwrap());
    assert!(
        error.starts_with("tls: `tls.ca` is no PEM file of certificates"),
        "{error}"
    );
}
