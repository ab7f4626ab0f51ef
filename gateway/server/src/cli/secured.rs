//! TLS to the admin API: who it must be, and who we are.

use super::failure::Failure;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Whom to trust, and what to show.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct TlsArgs {
    /// Authority of an admin API on https, PEM
    #[arg(long, env = "TRADEWIND_ADMIN_CA", value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Certificate to show to an admin API on https, PEM
    #[arg(
        long,
        env = "TRADEWIND_ADMIN_CERT",
        value_name = "FILE",
        requires = "key"
    )]
    cert: Option<PathBuf>,
    /// Its private key, PEM; may be the same file
    #[arg(
        long,
        env = "TRADEWIND_ADMIN_KEY",
        value_name = "FILE",
        requires = "cert"
    )]
    key: Option<PathBuf>,
}

/// Speaks TLS to an admin API.
pub(super) struct Tls(TlsConnector);

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

impl TlsArgs {
    /// Whether a certificate is shown, which may do in place of a token.
    pub(super) fn shows_certificate(&self) -> bool {
        self.cert.is_some()
    }

    /// By these files.
    pub(super) fn client(&self) -> Result<Tls, Failure> {
        let Some(ca) = &self.ca else {
            return Err(Failure::usage("an admin API on https needs its authority")
                .hint("name the file with its certificate by --ca, or set TRADEWIND_ADMIN_CA"));
        };
        let mut roots = RootCertStore::empty();
        for authority in certificates(ca)? {
            roots.add(authority).map_err(|error| {
                Failure::new(format!("{} holds no authority: {error}", ca.display()))
            })?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Failure::new(format!("no usable version of TLS: {error}")))?
            .with_root_certificates(roots);
        let config = match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => {
                let pem = read(key)?;
                let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
                    Failure::new(format!("{} holds no private key in PEM", key.display()))
                })?;
                let shown = certificates(cert)?;
                builder.with_client_auth_cert(shown, key).map_err(|error| {
                    Failure::new(format!("--cert and --key do not fit together: {error}"))
                })?
            }
            _ => builder.with_no_client_auth(),
        };
        Ok(Tls(TlsConnector::from(Arc::new(config))))
    }
}

impl Tls {
    /// Shakes hands with who must be called as `authority` is.
    pub(super) async fn connect(
        &self,
        authority: &str,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, Failure> {
        let host = authority
            .rsplit_once(':')
            .map_or(authority, |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| Failure::usage(format!("`{host}` is no name of a server")))?;
        self.0.connect(name, stream).await.map_err(|error| {
            Failure::new(format!("no TLS with {authority}: {error}"))
                .hint("is --ca its authority, and is that name in its certificate?")
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path)
        .map_err(|error| Failure::new(format!("cannot read {}: {error}", path.display())))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let pem = read(path)?;
    let all = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    match all {
        Ok(all) if !all.is_empty() => Ok(all),
        _ => Err(Failure::new(format!(
            "{} holds no certificate in PEM",
            path.display()
        ))),
    }
}
