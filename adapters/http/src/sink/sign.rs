//! Signing deliveries by Standard Webhooks 1.0, symmetric scheme `v1`.

use http::HeaderValue;
use tradewind_adapter::{Error, ErrorKind, Secret};
use tradewind_signatures::{Key, standard_webhooks};

/// Signs with every configured secret, so that a receiver can be moved from one to the next.
#[derive(Clone)]
pub(crate) struct Signer {
    keys: Vec<Key>,
}

impl Signer {
    /// Reads secrets (`whsec_` and the base64 of 24 to 64 bytes); the first is the current one.
    pub(crate) fn new(secrets: &[Secret]) -> Result<Self, Error> {
        if secrets.is_empty() {
            return Err(Error::new(
                ErrorKind::ConfigInvalid,
                "signing",
                "`signing` names no secret (hint: leave it out)",
            ));
        }
        let keys = secrets.iter().map(standard_webhooks::key);
        Ok(Self {
            keys: keys.collect::<Result<_, _>>()?,
        })
    }

    /// The value of `webhook-signature` over `<id>.<timestamp>.<body>`.
    pub(crate) fn sign(&self, id: &str, timestamp: u64, body: &[u8]) -> Option<HeaderValue> {
        let sign = |key| standard_webhooks::sign(key, id, timestamp, body);
        let all: Vec<String> = self.keys.iter().map(sign).collect();
        HeaderValue::try_from(all.join(" ")).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_signatures() {
        let table = [
            (
                "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
                "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
                1_649_367_553,
                r#"{"email":"test@example.com","username":"test_user"}"#,
                "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
            ),
            (
                "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                1_614_265_330,
                r#"{"test": 2432232314}"#,
                "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            ),
        ];
        for (secret, id, timestamp, body, expected) in table {
            let signer = Signer::new(&[Secret::new(secret)]).unwrap();
            let signature = signer.sign(id, timestamp, body.as_bytes()).unwrap();
            assert_eq!(signature, expected, "{id}");
        }
        let both = table.map(|(secret, ..)| Secret::new(secret));
        let (_, id, timestamp, body, first) = table[0];
        let signature = Signer::new(&both)
            .unwrap()
            .sign(id, timestamp, body.as_bytes());
        let signature = signature.unwrap();
        let (current, next) = signature.to_str().unwrap().split_once(' ').unwrap();
        assert_eq!(current, first);
        assert!(next.starts_with("v1,") && next != first);
    }

    #[test]
    fn secrets_are_checked_when_they_are_read() {
        let short = "whsec_c2hvcnQ=";
        let list: [&[Secret]; 2] = [&[], &[Secret::new(short)]];
        for secrets in list {
            let error = Signer::new(secrets).err().unwrap().to_string();
            assert!(!error.contains(short), "{error}");
        }
    }
}
