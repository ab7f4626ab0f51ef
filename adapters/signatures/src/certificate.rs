//! Certificates that senders sign with.

use crate::Authorities;
use crate::fault::{Because, Fault};
use aws_lc_rs::signature::{
    ParsedPublicKey, RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256,
};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tradewind_adapter::Cause;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};

/// The RSA key of a certificate, when it is valid, and whom it names.
pub struct Certificate {
    sha1: ParsedPublicKey,
    sha256: ParsedPublicKey,
    valid: RangeInclusive<SystemTime>,
    names: Vec<String>,
}

/// A certificate with those that a sender publishes beside it, which count for nothing yet.
pub struct Chain {
    certificate: Certificate,
    /// The certificate itself, then the others.
    all: Vec<CertificateDer<'static>>,
    /// Where it says that its issuer's certificate lies.
    issuer: Option<String>,
    /// While a path to an authority is known to hold.
    trusted: OnceLock<RangeInclusive<SystemTime>>,
}

/// The digest that an RSA signature is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
}

impl Chain {
    /// Longest file that is looked at, in bytes.
    pub const BYTES_MAX: usize = 64 << 10;
    /// Most certificates of it.
    pub const LENGTH_MAX: usize = 8;

    /// Reads a PEM file. The first certificate is the one that signs.
    ///
    /// # Errors
    /// Where there is none, or its key is no RSA key of 2048 to 8192 bits.
    pub fn read(pem: &[u8]) -> Result<Self, String> {
        let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem)
            .take(Self::LENGTH_MAX)
            .collect();
        let all = all.map_err(|_| "no certificates in PEM")?;
        let first = all.first().ok_or("no certificate in PEM")?;
        let (_, parsed) = X509Certificate::from_der(first).map_err(|_| "no X.509 certificate")?;
        let (certificate, issuer) = (Certificate::new(&parsed)?, issuer(&parsed));
        Ok(Self {
            certificate,
            all,
            issuer,
            trusted: OnceLock::new(),
        })
    }

    /// Reads the certificate of an issuer, DER.
    ///
    /// # Errors
    /// Where it is not the certificate of an authority, and nothing else.
    pub fn read_issuer(der: &[u8]) -> Result<Vec<u8>, String> {
        let (rest, parsed) = X509Certificate::from_der(der).map_err(|_| "no X.509 certificate")?;
        match rest.is_empty() && parsed.is_ca() {
            true => Ok(der.to_vec()),
            false => Err("no certificate of an authority".into()),
        }
    }

    /// Whether the certificate itself is neither expired nor of the future.
    pub fn is_valid(&self, now: SystemTime) -> bool {
        self.certificate.valid.contains(&now)
    }

    /// Where the certificate says that its issuer's lies. Nobody vouches for that yet.
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// The certificate, where one of these authorities has issued it for a server, over others that lay beside
    /// it, or `more`. A path that was found is remembered while all of it is valid: one chain is always judged
    /// by the same authorities.
    ///
    /// # Errors
    /// Where it is not valid now, or there is no path.
    pub fn trusted(
        &self,
        authorities: &Authorities,
        more: Option<&[u8]>,
        now: SystemTime,
    ) -> Result<&Certificate, Fault> {
        if !self.is_valid(now) {
            let reason = "the certificate is expired, or not valid yet";
            return Err(Cause::UnknownKey.because(reason));
        }
        let known = self.trusted.get();
        if known.is_none_or(|window| !window.contains(&now)) {
            let (first, others) = self.all.split_first().unwrap_or((&EMPTY, &[]));
            let mut others = others.to_vec();
            others.extend(more.map(|der| CertificateDer::from(der.to_vec())));
            let path = authorities.path(first, &others, now)?;
            let windows = path.iter().filter_map(|der| {
                let (_, parsed) = X509Certificate::from_der(der).ok()?;
                Some(validity(&parsed))
            });
            let window = windows.fold(self.certificate.valid.clone(), |all, one| {
                *all.start().max(one.start())..=*all.end().min(one.end())
            });
            // One path is enough; another moment may need another.
            self.trusted.get_or_init(|| window);
        }
        Ok(&self.certificate)
    }
}

static EMPTY: CertificateDer<'static> = CertificateDer::from_slice(&[]);

impl Certificate {
    fn new(certificate: &X509Certificate<'_>) -> Result<Self, String> {
        let spki = certificate.public_key().raw;
        let refuse = |_| "the certificate has no RSA key of 2048 to 8192 bits";
        let common = certificate.subject().iter_common_name();
        let mut names: Vec<String> = common
            .filter_map(|name| name.as_str().ok())
            .map(str::to_ascii_lowercase)
            .collect();
        let others = certificate.subject_alternative_name().ok().flatten();
        for name in others.into_iter().flat_map(|e| &e.value.general_names) {
            if let GeneralName::DNSName(name) = name {
                names.push(name.to_ascii_lowercase());
            }
        }
        Ok(Self {
            sha1: ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, spki)
                .map_err(refuse)?,
            sha256: ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, spki).map_err(refuse)?,
            valid: validity(certificate),
            names,
        })
    }

    /// Whether one of its names is this domain or below it.
    pub(crate) fn names(&self, domain: &str) -> bool {
        self.names.iter().any(|name| {
            let before = name.strip_suffix(domain);
            before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
        })
    }

    /// Whether one of its names is one of these.
    pub(crate) fn is_any_of(&self, hosts: &[String]) -> bool {
        self.names.iter().any(|name| hosts.contains(name))
    }

    pub(crate) fn verifies(&self, digest: Digest, message: &[u8], signature: &[u8]) -> bool {
        let key = match digest {
            Digest::Sha1 => &self.sha1,
            Digest::Sha256 => &self.sha256,
        };
        key.verify_sig(message, signature).is_ok()
    }
}

fn validity(certificate: &X509Certificate<'_>) -> RangeInclusive<SystemTime> {
    let at = |seconds: i64| {
        let seconds = u64::try_from(seconds).unwrap_or_default();
        let end = UNIX_EPOCH + Duration::from_secs(u64::from(u32::MAX) * 4);
        UNIX_EPOCH
            .checked_add(Duration::from_secs(seconds))
            .map_or(end, |at| at.min(end))
    };
    let validity = certificate.validity();
    at(validity.not_before.timestamp())..=at(validity.not_after.timestamp())
}

/// RFC 5280, section 4.2.2.1: `caIssuers`.
fn issuer(certificate: &X509Certificate<'_>) -> Option<String> {
    const CA_ISSUERS: &str = "1.3.6.1.5.5.7.48.2";
    let mut extensions = certificate.extensions().iter();
    let access = extensions.find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityInfoAccess(access) => Some(access),
        _ => None,
    })?;
    let mut places = access.accessdescs.iter();
    places.find_map(|place| match &place.access_location {
        GeneralName::URI(url) if place.access_method.to_id_string() == CA_ISSUERS => {
            Some((*url).to_owned())
        }
        _ => None,
    })
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Certificate").field(&self.names).finish()
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Chain").field(&self.certificate).finish()
    }
}
