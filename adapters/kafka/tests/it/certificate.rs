//! What a broker shows.

/// A certificate of `localhost` that vouches for itself.
pub(crate) struct Certificate {
    pub(crate) pem: String,
    key: String,
}

impl Certificate {
    pub(crate) fn new() -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(["localhost".to_owned()])
            .and_then(|params| params.self_signed(&key))
            .unwrap();
        Self {
            pem: certificate.pem(),
            key: key.serialize_pem(),
        }
    }

    /// The settings of a listener that shows it.
    pub(crate) fn properties(&self, listener: &str) -> String {
        let line = |pem: &str| pem.trim().replace('\r', "").replace('\n', "\\n");
        format!(
            "{listener}.ssl.keystore.type=PEM\n{listener}.ssl.keystore.certificate.chain={}\n\
             {listener}.ssl.keystore.key={}",
            line(&self.pem),
            line(&self.key)
        )
    }
}
