//! TLS towards brokers.

use crate::invalid;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::{Arc, OnceLock};
use tradewind_adapter::{Error, Secret};

/// TLS to the broker. Its certificate and name are checked.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Tls {
    /// Authorities that vouch for the broker, PEM: `${file:PATH}`. Default: those of the system. Since 0.1.
    pub ca: Option<String>,
    /// Our certificate, PEM: `${file:PATH}`. Since 0.1.
    pub certificate: Option<String>,
    /// Its private key, PEM: `${file:PATH}`. Since 0.1.
    pub key: Option<Secret>,
}

impl Tls {
    /// What a client of rustls takes.
    ///
    /// # Errors
    /// Text that is no PEM, a certificate without its key, and a system without authorities where none are named.
    pub fn client(&self) -> Result<ClientConfig, Error> {
        let roots = match &self.ca {
            Some(pem) => Arc::new(authorities(pem)?),
            None => system()?,
        };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| invalid("no usable protocol version").with_source(e))?
            .with_root_certificates(roots);
        let (certificate, key) = match (&self.certificate, &self.key) {
            (None, None) => return Ok(builder.with_no_client_auth()),
            (Some(certificate), Some(key)) => (certificate, key),
            _ => return Err(invalid("`tls.certificate` and `tls.key` belong together")),
        };
        let chain = certificates(certificate).ok_or_else(|| {
            invalid("`tls.certificate` holds no certificate in PEM (hint: \"${file:PATH}\")")
        })?;
        let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes())
            .map_err(|_| invalid("`tls.key` is no private key in PEM (hint: \"${file:PATH}\")"))?;
        builder.with_client_auth_cert(chain, key).map_err(|e| {
            invalid("`tls.certificate` and `tls.key` do not fit together").with_source(e)
        })
    }
}

/// `None` where there is none, or something else.
fn certificates(pem: &str) -> Option<Vec<CertificateDer<'static>>> {
    let all = CertificateDer::pem_slice_iter(pem.as_bytes());
    let all: Vec<_> = all.collect::<Result<_, _>>().ok()?;
    (!all.is_empty()).then_some(all)
}

fn authorities(pem: &str) -> Result<RootCertStore, Error> {
    let broken = || {
        invalid("`tls.ca` holds no certificates in PEM that can be used (hint: \"${file:PATH}\")")
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem).ok_or_else(broken)? {
        roots
            .add(certificate)
            .map_err(|e| broken().with_source(e))?;
    }
    Ok(roots)
}

/// The system's authorities, read once: it takes tens of milliseconds.
fn system() -> Result<Arc<RootCertStore>, Error> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    if let Some(roots) = ROOTS.get() {
        return Ok(Arc::clone(roots));
    }
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    if roots.add_parsable_certificates(found.certs).0 == 0 {
        return Err(invalid(
            "this system has no certificate authorities (hint: `tls.ca`)",
        ));
    }
    Ok(Arc::clone(ROOTS.get_or_init(|| Arc::new(roots))))
}
