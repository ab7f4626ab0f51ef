//! TLS before HTTP: the gateway's certificate, and who shows one of their own.

use super::socket::Socket;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::io::{IoSlice, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tradewind_adapter::Peer;
use tradewind_config::Tls as Settings;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Most names of a caller's certificate that are looked at.
const NAMES_MAX: usize = 32;

/// Speaks TLS for a listener. One for each configuration: sessions of the one before are not resumed.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    /// By these certificates and keys, which stand at this key of the configuration.
    ///
    /// # Errors
    /// Where they are none, or do not belong together, with the offending key.
    pub fn new(at: &str, settings: &Settings) -> std::result::Result<Self, String> {
        let certificates = certificates(&format!("{at}.certificate"), &settings.certificate)?;
        let key = PrivateKeyDer::from_pem_slice(settings.key.expose().as_bytes())
            .map_err(|_| format!("`{at}.key` is no private key in PEM (hint: `${{file:PATH}}`)"))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|e| format!("no usable version of TLS: {e}"))?;
        let builder = match &settings.client_ca {
            None => builder.with_no_client_auth(),
            Some(authorities) => {
                let mut roots = RootCertStore::empty();
                for authority in self::certificates(&format!("{at}.client-ca"), authorities)? {
                    roots
                        .add(authority)
                        .map_err(|e| format!("`{at}.client-ca` holds no authority: {e}"))?;
                }
                // Who shows none may still prove something else; who shows a bad one gets no further.
                let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider)
                    .allow_unauthenticated()
                    .build()
                    .map_err(|e| format!("`{at}.client-ca`: {e}"))?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder
            .with_single_cert(certificates, key)
            .map_err(|e| format!("`{at}.certificate` and `{at}.key` do not fit together: {e}"))?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    /// Shakes hands.
    pub(super) async fn accept(&self, socket: Socket) -> Result<(Stream, Option<Arc<Peer>>)> {
        let stream = self.0.accept(socket).await?;
        let shown = stream.get_ref().1.peer_certificates();
        let peer = shown.and_then(|chain| chain.first()).map(names);
        Ok((Stream::Tls(Box::new(stream)), peer.map(Arc::new)))
    }
}

fn certificates(key: &str, pem: &str) -> std::result::Result<Vec<CertificateDer<'static>>, String> {
    let all =
        CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<std::result::Result<Vec<_>, _>>();
    match all {
        Ok(all) if !all.is_empty() => Ok(all),
        _ => Err(format!(
            "`{key}` holds no certificate in PEM (hint: `${{file:PATH}}`)"
        )),
    }
}

/// The subject's alternative names. The common name is no name (RFC 9525, section 2).
fn names(certificate: &CertificateDer<'_>) -> Peer {
    let mut names = Vec::new();
    if let Ok((_, parsed)) = X509Certificate::from_der(certificate)
        && let Ok(Some(extension)) = parsed.subject_alternative_name()
    {
        for name in extension.value.general_names.iter().take(NAMES_MAX) {
            match name {
                GeneralName::URI(uri) => names.push(format!("uri:{uri}")),
                GeneralName::DNSName(name) => {
                    names.push(format!("dns:{}", name.to_ascii_lowercase()))
                }
                GeneralName::RFC822Name(name) => names.push(format!("email:{name}")),
                _ => {}
            }
        }
    }
    Peer { names }
}

/// The bytes of a connection, behind TLS or not.
pub(super) enum Stream {
    Plain(Socket),
    Tls(Box<TlsStream<Socket>>),
}

/// Calls the same function of either kind of stream.
macro_rules! either {
    ($stream:expr, $inner:ident => $call:expr) => {
        match $stream.get_mut() {
            Stream::Plain(inner) => {
                let $inner = Pin::new(inner);
                $call
            }
            Stream::Tls(inner) => {
                let $inner = Pin::new(inner.as_mut());
                $call
            }
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        either!(self, inner => inner.poll_read(cx, buf))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<Result<usize>> {
        either!(self, inner => inner.poll_write(cx, buf))
    }
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        either!(self, inner => inner.poll_write_vectored(cx, bufs))
    }
    fn is_write_vectored(&self) -> bool {
        true
    }
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        either!(self, inner => inner.poll_flush(cx))
    }
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        either!(self, inner => inner.poll_shutdown(cx))
    }
}
