//! Certificates of callers.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, date_time_ymd,
};
use std::sync::{Mutex, PoisonError};

/// An authority, and what it has issued.
pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    keys: Mutex<Vec<String>>,
}

impl Authority {
    pub(super) fn new() -> Result<Self, String> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let name = &mut params.distinguished_name;
        name.push(DnType::CommonName, "authority of callers");
        let key = KeyPair::generate().map_err(|e| e.to_string())?;
        let issuer = CertifiedIssuer::self_signed(params, key).map_err(|e| e.to_string())?;
        Ok(Self {
            issuer,
            keys: Mutex::default(),
        })
    }

    pub(super) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate for a caller, followed by its key.
    pub(super) fn caller(&self, expired: bool) -> Result<String, String> {
        let make = || {
            let key = KeyPair::generate()?;
            let mut params = CertificateParams::new(vec!["gateway.example".to_owned()])?;
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            if expired {
                params.not_after = date_time_ymd(2020, 1, 1);
            }
            let certificate = params.signed_by(&key, &self.issuer)?;
            Ok::<_, rcgen::Error>((certificate.pem(), key.serialize_pem()))
        };
        let (certificate, key) = make().map_err(|e| e.to_string())?;
        let lines = key.lines().filter(|line| !line.starts_with("-----"));
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.extend(lines.map(str::to_owned));
        Ok(certificate + &key)
    }

    /// Lines of the keys that were issued.
    pub(super) fn keys(&self) -> Vec<String> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.iter()
            .filter(|line| line.len() > 20)
            .cloned()
            .collect()
    }
}
