//! TLS towards targets: rustls, the system's authorities or a file of one's own.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use tradewind_adapter::{Error, ErrorKind};

/// A client configuration; `ca` replaces the authorities of the system.
pub(crate) fn client(ca: Option<&Path>) -> Result<ClientConfig, Error> {
    match ca {
        Some(path) => trusting(Arc::new(file(path)?)),
        None => trusting(system()?),
    }
}

/// A client configuration that trusts nobody, for targets without TLS: they must work on a system
/// that has no authorities.
pub(crate) fn none() -> Result<ClientConfig, Error> {
    trusting(Arc::new(RootCertStore::empty()))
}

fn trusting(roots: Arc<RootCertStore>) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| invalid("no usable protocol version").with_source(e))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

/// The system's authorities, read once per process: it takes tens of milliseconds, and a gateway
/// has many sinks.
fn system() -> Result<Arc<RootCertStore>, Error> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    if let Some(roots) = ROOTS.get() {
        return Ok(Arc::clone(roots));
    }
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        let mut error = invalid("this system has no certificate authorities (hint: `tls.ca`)");
        if let Some(cause) = found.errors.into_iter().next() {
            error = error.with_source(cause);
        }
        return Err(error);
    }
    Ok(Arc::clone(ROOTS.get_or_init(|| Arc::new(roots))))
}

fn file(path: &Path) -> Result<RootCertStore, Error> {
    let shown = || path.display().to_string();
    let broken =
        || invalid("`tls.ca` is no PEM file of certificates").with_context("file", shown());
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(path).map_err(|e| {
        invalid("`tls.ca` cannot be read")
            .with_context("file", shown())
            .with_source(e)
    })?;
    for certificate in certificates {
        let certificate = certificate.map_err(|e| broken().with_source(e))?;
        roots
            .add(certificate)
            .map_err(|e| broken().with_source(e))?;
    }
    if roots.is_empty() {
        return Err(broken());
    }
    Ok(roots)
}

fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::ConfigInvalid, "tls", message)
}
