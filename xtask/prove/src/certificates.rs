//! Certificates made here, and TLS by them, seen from the side of a caller and of a target.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, SanType, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::sync::{Arc, Mutex, PoisonError};

/// An authority, and what it has issued.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    keys: Mutex<Vec<String>>,
}

/// A certificate with its key.
pub(crate) struct Issued {
    /// The certificate, followed by its key.
    pub(crate) pem: String,
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Authority {
    pub(crate) fn new() -> Result<Self, String> {
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

    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate for a caller, followed by its key.
    pub(crate) fn caller(&self, expired: bool) -> Result<String, String> {
        let name = SanType::DnsName("gateway.example".try_into().map_err(|_| "no name")?);
        let issued = self.issue(name, ExtendedKeyUsagePurpose::ClientAuth, expired)?;
        Ok(issued.pem)
    }

    /// A certificate for a caller with this URI.
    pub(crate) fn named(&self, uri: &str) -> Result<Issued, String> {
        let name = SanType::URI(uri.try_into().map_err(|_| "no name")?);
        self.issue(name, ExtendedKeyUsagePurpose::ClientAuth, false)
    }

    /// A certificate for a server on this machine.
    pub(crate) fn server(&self) -> Result<Issued, String> {
        let name = SanType::IpAddress(std::net::Ipv4Addr::LOCALHOST.into());
        self.issue(name, ExtendedKeyUsagePurpose::ServerAuth, false)
    }

    fn issue(
        &self,
        name: SanType,
        usage: ExtendedKeyUsagePurpose,
        expired: bool,
    ) -> Result<Issued, String> {
        let make = || {
            let key = KeyPair::generate()?;
            let mut params = CertificateParams::default();
            params.subject_alt_names = vec![name];
            params.extended_key_usages = vec![usage];
            if expired {
                params.not_after = date_time_ymd(2020, 1, 1);
            }
            let certificate = params.signed_by(&key, &self.issuer)?;
            Ok::<_, rcgen::Error>((certificate, key))
        };
        let (certificate, key) = make().map_err(|e| e.to_string())?;
        let pem = key.serialize_pem();
        let lines = pem.lines().filter(|line| !line.starts_with("-----"));
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.extend(lines.map(str::to_owned));
        Ok(Issued {
            pem: certificate.pem() + &pem,
            certificate: certificate.der().clone(),
            key: PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        })
    }

    /// Lines of the keys that were issued.
    pub(crate) fn keys(&self) -> Vec<String> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.iter()
            .filter(|line| line.len() > 20)
            .cloned()
            .collect()
    }

    /// What a caller speaks by who trusts nobody else, and shows this, or nothing.
    pub(crate) fn client(
        &self,
        shown: Option<&Issued>,
        protocol: Option<&str>,
    ) -> Result<Arc<ClientConfig>, String> {
        let text = |e: rustls::Error| e.to_string();
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).map_err(text)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(text)?
            .with_root_certificates(roots);
        let mut config = match shown {
            None => builder.with_no_client_auth(),
            Some(Issued {
                certificate, key, ..
            }) => builder
                .with_client_auth_cert(vec![certificate.clone()], key.clone_key())
                .map_err(text)?,
        };
        config.alpn_protocols = protocol.into_iter().map(|name| name.into()).collect();
        Ok(Arc::new(config))
    }
}

impl Issued {
    /// What a server speaks by that asks callers for nothing.
    pub(crate) fn serving(&self) -> Result<Arc<ServerConfig>, String> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| e.to_string())?
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], self.key.clone_key())
            .map_err(|e| e.to_string())?;
        Ok(Arc::new(config))
    }
}
