//! Certificates of senders: fetched from where a request says that they lie, which the sender's module has
//! checked, and trusted where an authority vouches for them.

use crate::keys::{Fixed, Signed};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;
use tradewind_adapter::{Cause, Error, ErrorKind, Fetch, Pending};
use tradewind_keys::Documents;
use tradewind_signatures::{Authorities, Certificate, Chain, Fault};

/// Certificates of one sender, kept.
#[derive(Debug)]
pub(crate) struct Certificates {
    chains: Documents<Chain>,
    /// For certificates that lie without their issuer's.
    issuers: Documents<Vec<u8>>,
    authorities: Authorities,
    /// Whether an issuer's certificate may be fetched from an address.
    is_issuer: fn(&str) -> bool,
}

impl Certificates {
    /// Those that are published, trusted by these authorities.
    pub(crate) fn new(
        fetch: &Arc<dyn Fetch>,
        authorities: Authorities,
        is_issuer: fn(&str) -> bool,
    ) -> Self {
        let signed = Arc::new(Signed(Arc::clone(fetch)));
        Self {
            chains: Documents::new(Arc::clone(fetch), Chain::BYTES_MAX, Chain::read),
            issuers: Documents::new(signed, Chain::BYTES_MAX, Chain::read_issuer),
            authorities,
            is_issuer,
        }
    }

    /// These, or others where a source has authorities (`ca`) or a certificate (`keys-file`) of its own.
    pub(crate) fn or(
        self: &Arc<Self>,
        fetch: &Arc<dyn Fetch>,
        [ca, keys]: [Option<&Path>; 2],
        is_issuer: fn(&str) -> bool,
    ) -> Result<Arc<Self>, Error> {
        let refuse = |reason: String| Error::new(ErrorKind::ConfigInvalid, "config", reason);
        let other = match (ca, keys) {
            (None, None) => return Ok(Arc::clone(self)),
            (Some(_), Some(_)) => {
                return Err(refuse(
                    "`ca` has no use with `keys-file`, whose certificate nobody vouches for: keep one".into(),
                ));
            }
            (Some(ca), None) => {
                let pem = Fixed::read("ca", ca)?;
                let authorities = Authorities::read(&pem.0);
                let authorities = authorities.map_err(|e| refuse(format!("`ca`: {e}")))?;
                Self::new(fetch, authorities, is_issuer)
            }
            (None, Some(keys)) => {
                let pem = Fixed::read("keys-file", keys)?;
                Chain::read(&pem.0).map_err(|e| refuse(format!("`keys-file`: {e}")))?;
                let fetch: Arc<dyn Fetch> = Arc::new(pem);
                Self::new(&fetch, Authorities::configured(), |_| false)
            }
        };
        Ok(Arc::new(other))
    }

    /// What has to be fetched before [`Certificates::vouched`] can judge.
    pub(crate) fn missing<'a>(&'a self, url: &str, now: SystemTime) -> Option<Pending<'a>> {
        if !self.chains.is_due(url) && self.issuer(url, now).is_none() {
            return None;
        }
        let url = url.to_owned();
        Some(Box::pin(async move {
            self.chains.obtain(&url).await?;
            match self.issuer(&url, now) {
                Some(issuer) => self.issuers.obtain(&issuer).await,
                None => Ok(()),
            }
        }))
    }

    /// Where the issuer's certificate lies, where it is due and the certificate is not trusted without it.
    fn issuer(&self, url: &str, now: SystemTime) -> Option<String> {
        let chain = self.chains.get(url)?;
        let issuer = chain.issuer().filter(|url| (self.is_issuer)(url))?;
        let due = || self.issuers.is_due(issuer);
        let alone = || chain.trusted(&self.authorities, None, now).is_ok();
        (due() && !alone()).then(|| issuer.to_owned())
    }

    /// What comes of the certificate at this address, where an authority vouches for it.
    pub(crate) fn vouched<T>(
        &self,
        url: &str,
        now: SystemTime,
        judge: impl FnOnce(&Certificate) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let chain = self.chains.get(url).ok_or_else(|| Fault {
            cause: Cause::Unavailable,
            reason: format!("the certificate {url} is not here"),
        })?;
        let issuer = chain.issuer().filter(|url| (self.is_issuer)(url));
        let der = issuer.and_then(|url| self.issuers.get(url));
        let more = der.as_ref().map(|der| der.as_slice());
        let certificate = chain.trusted(&self.authorities, more, now);
        judge(certificate.map_err(|fault| match issuer {
            // It is not here, or something else was served in its place: the sender should come again.
            Some(url) if chain.is_valid(now) => {
                self.issuers.doubt(url);
                Fault {
                    cause: Cause::Unavailable,
                    reason: format!("{}, with what lies at {url}", fault.reason),
                }
            }
            _ => fault,
        })?)
    }
}
