//! TLS towards targets: rustls, the system's authorities or a file of one's own.

use super::config::Tls;
use rustls::client::WantsClientCert;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use tradewind_adapter::{Error, ErrorKind};

/// A client configuration; `ca` replaces the authorities of the system.
pub(crate) fn client(ca: Option<&Path>) -> Result<ClientConfig, Error> {
    Ok(trusting(roots(ca)?)?.with_no_client_auth())
}

/// One for a sink, which may have a certificate of its own to show.
pub(crate) fn of(settings: &Tls) -> Result<ClientConfig, Error> {
    let builder = trusting(roots(settings.ca.as_deref())?)?;
    let (certificate, key) = match (&settings.certificate, &settings.key) {
        (None, None) => return Ok(builder.with_no_client_auth()),
        (Some(certificate), Some(key)) => (certificate, key),
        _ => return Err(invalid("`tls.certificate` and `tls.key` belong together")),
    };
    let chain = CertificateDer::pem_slice_iter(certificate.as_bytes());
    let chain: Vec<CertificateDer<'static>> = chain.collect::<Result<_, _>>().unwrap_or_default();
    if chain.is_empty() {
        let hint = "`tls.certificate` holds no certificate in PEM (hint: \"${file:PATH}\")";
        return Err(invalid(hint));
    }
    let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes())
        .map_err(|_| invalid("`tls.key` is no private key in PEM (hint: \"${file:PATH}\")"))?;
    builder
        .with_client_auth_cert(chain, key)
        .map_err(|e| invalid("`tls.certificate` and `tls.key` do not fit together").with_source(e))
}

fn roots(ca: Option<&Path>) -> Result<Arc<RootCertStore>, Error> {
    match ca {
        Some(path) => Ok(Arc::new(file(path)?)),
        None => system(),
    }
}

/// A client configuration that trusts nobody, for targets without TLS: they must work on a system
/// that has no authorities.
pub(crate) fn none() -> Result<ClientConfig, Error> {
    Ok(trusting(Arc::new(RootCertStore::empty()))?.with_no_client_auth())
}

fn trusting(
    roots: Arc<RootCertStore>,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| invalid("no usable protocol version").with_source(e))?;
    Ok(builder.with_root_certificates(roots))
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
