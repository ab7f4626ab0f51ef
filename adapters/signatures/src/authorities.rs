//! Who may issue the certificates that senders sign with.

use crate::fault::{Because, Fault};
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime, pem::PemObject};
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};
use tradewind_adapter::Cause;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

/// Authorities that are trusted.
#[derive(Debug)]
pub struct Authorities(Kind);

#[derive(Debug)]
enum Kind {
    /// Those of this machine, read when they are needed first: it takes tens of milliseconds.
    System(OnceLock<Vec<TrustAnchor<'static>>>),
    These(Vec<TrustAnchor<'static>>),
    /// The certificate was configured: whoever did that vouches for it.
    Configured,
}

impl Authorities {
    /// Those that this machine trusts.
    pub fn system() -> Self {
        Self(Kind::System(OnceLock::new()))
    }

    /// Those in a PEM file, and no others.
    ///
    /// # Errors
    /// Where it holds none.
    pub fn read(pem: &[u8]) -> Result<Self, String> {
        let all: Result<Vec<CertificateDer<'_>>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let all = all.map_err(|_| "no certificates in PEM")?;
        let anchors: Result<Vec<_>, _> = all.iter().map(anchor).collect();
        let anchors = anchors.map_err(|e| format!("a certificate of no authority: {e}"))?;
        match anchors.is_empty() {
            true => Err("no certificate in PEM".into()),
            false => Ok(Self(Kind::These(anchors))),
        }
    }

    /// None, where certificates stand in the configuration themselves.
    pub fn configured() -> Self {
        Self(Kind::Configured)
    }

    fn anchors(&self) -> Result<&[TrustAnchor<'static>], Fault> {
        let system = match &self.0 {
            Kind::System(system) => system,
            Kind::These(anchors) => return Ok(anchors),
            Kind::Configured => return Ok(&[]),
        };
        if let Some(found) = system.get() {
            return Ok(found);
        }
        let found = rustls_native_certs::load_native_certs().certs;
        let found: Vec<_> = found.iter().filter_map(|der| anchor(der).ok()).collect();
        // They may come yet.
        if found.is_empty() {
            let reason = "this system has no certificate authorities (hint: `ca`)";
            return Err(Cause::Unavailable.because(reason));
        }
        Ok(system.get_or_init(|| found))
    }

    /// The certificates of a path from this one to an authority, without those two.
    pub(crate) fn path(
        &self,
        certificate: &CertificateDer<'static>,
        others: &[CertificateDer<'static>],
        now: SystemTime,
    ) -> Result<Vec<CertificateDer<'static>>, Fault> {
        if matches!(self.0, Kind::Configured) {
            return Ok(Vec::new());
        }
        let refuse = |error: webpki::Error| {
            let reason = format!("no authority vouches for the certificate: {error}");
            Cause::UnknownKey.because(reason)
        };
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let end = EndEntityCert::try_from(certificate).map_err(refuse)?;
        let path = end
            .verify_for_usage(
                webpki::ALL_VERIFICATION_ALGS,
                self.anchors()?,
                others,
                UnixTime::since_unix_epoch(since),
                KeyUsage::server_auth(),
                None,
                None,
            )
            .map_err(refuse)?;
        let between = path.intermediate_certificates();
        Ok(between.map(|one| one.der().into_owned()).collect())
    }
}

fn anchor(der: &CertificateDer<'_>) -> Result<TrustAnchor<'static>, webpki::Error> {
    Ok(anchor_from_trusted_cert(der)?.to_owned())
}
