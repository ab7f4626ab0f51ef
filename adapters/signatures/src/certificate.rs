//! Certificates that senders sign with.

use crate::fault::{Because, Fault};
use aws_lc_rs::signature::{
    ParsedPublicKey, RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256,
};
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tradewind_adapter::Cause;
use x509_parser::extensions::GeneralName;
use x509_parser::pem::parse_x509_pem;

/// The RSA key of a certificate, when it is valid, and whom it names.
///
/// Who issued it is not looked at: it counts because of where it was fetched, over TLS, from an address
/// that only the sender can have.
pub struct Certificate {
    sha1: ParsedPublicKey,
    sha256: ParsedPublicKey,
    from: SystemTime,
    until: SystemTime,
    names: Vec<String>,
}

/// The digest that an RSA signature is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
}

impl Certificate {
    /// Longest file that is looked at, in bytes: a chain of a few certificates.
    pub const BYTES_MAX: usize = 64 << 10;

    /// Reads the first certificate of a PEM file.
    ///
    /// # Errors
    /// Where it is none, or its key is no RSA key of 2048 to 8192 bits.
    pub fn read(pem: &[u8]) -> Result<Self, String> {
        let (_, pem) = parse_x509_pem(pem).map_err(|_| "no certificate in PEM")?;
        let certificate = pem.parse_x509().map_err(|_| "no X.509 certificate")?;
        let spki = certificate.public_key().raw;
        let refuse = |_| "the certificate has no RSA key of 2048 to 8192 bits";
        let at = |seconds: i64| {
            let seconds = u64::try_from(seconds).unwrap_or_default();
            let end = UNIX_EPOCH + Duration::from_secs(u64::from(u32::MAX) * 4);
            UNIX_EPOCH
                .checked_add(Duration::from_secs(seconds))
                .map_or(end, |at| at.min(end))
        };
        let validity = certificate.validity();
        let common = certificate.subject().iter_common_name();
        let mut names: Vec<String> = common
            .filter_map(|name| name.as_str().ok())
            .map(str::to_owned)
            .collect();
        let others = certificate.subject_alternative_name().ok().flatten();
        for name in others.into_iter().flat_map(|e| &e.value.general_names) {
            if let GeneralName::DNSName(name) = name {
                names.push((*name).to_owned());
            }
        }
        Ok(Self {
            sha1: ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, spki)
                .map_err(refuse)?,
            sha256: ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, spki).map_err(refuse)?,
            from: at(validity.not_before.timestamp()),
            until: at(validity.not_after.timestamp()),
            names,
        })
    }

    /// Whether it is valid at this moment.
    pub(crate) fn valid(&self, now: SystemTime) -> Result<(), Fault> {
        match self.from <= now && now <= self.until {
            true => Ok(()),
            false => Err(Cause::UnknownKey.because("the certificate is expired, or not valid yet")),
        }
    }

    /// Whether one of its names is this domain or below it.
    pub(crate) fn names(&self, domain: &str) -> bool {
        self.names.iter().any(|name| {
            let name = name.to_ascii_lowercase();
            let before = name.strip_suffix(domain);
            before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
        })
    }

    pub(crate) fn verifies(&self, digest: Digest, message: &[u8], signature: &[u8]) -> bool {
        let key = match digest {
            Digest::Sha1 => &self.sha1,
            Digest::Sha256 => &self.sha256,
        };
        key.verify_sig(message, signature).is_ok()
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Certificate").field(&self.names).finish()
    }
}
