//! Signing deliveries by Standard Webhooks 1.0, symmetric scheme `v1`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderValue;
use sha2::Sha256;
use tradewind_adapter::{Error, ErrorKind, Secret};

/// Signs with every configured secret, so that a receiver can be moved from one to the next.
#[derive(Clone)]
pub(crate) struct Signer {
    keys: Vec<Hmac<Sha256>>,
}

impl Signer {
    /// Reads secrets of the form `whsec_<base64 of 24 to 64 bytes>`; the first is the current one.
    pub(crate) fn new(secrets: &[Secret]) -> Result<Self, Error> {
        let keys: Option<Vec<_>> = secrets.iter().map(key).collect();
        match keys {
            Some(keys) if !keys.is_empty() => Ok(Self { keys }),
            Some(_) => Err(invalid("`signing` names no secret (hint: leave it out)")),
            None => Err(invalid(
                "a secret of `signing` is not whsec_ and the base64 of 24 to 64 bytes",
            )),
        }
    }

    /// The value of `webhook-signature` over `<id>.<timestamp>.<body>`.
    pub(crate) fn sign(&self, id: &str, timestamp: u64, body: &[u8]) -> Option<HeaderValue> {
        let sign = |key: &Hmac<Sha256>| {
            let mut mac = key.clone();
            mac.update(format!("{id}.{timestamp}.").as_bytes());
            mac.update(body);
            format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
        };
        let all: Vec<String> = self.keys.iter().map(sign).collect();
        HeaderValue::try_from(all.join(" ")).ok()
    }
}

fn key(secret: &Secret) -> Option<Hmac<Sha256>> {
    let encoded = secret.expose().strip_prefix("whsec_")?;
    let bytes = STANDARD.decode(encoded).ok()?;
    if !(24..=64).contains(&bytes.len()) {
        return None;
    }
    Hmac::new_from_slice(&bytes).ok()
}

fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::ConfigInvalid, "signing", message)
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
    fn secrets_of_the_wrong_shape() {
        let short = format!("whsec_{}", STANDARD.encode([0; 23]));
        let long = format!("whsec_{}", STANDARD.encode([0; 65]));
        for secret in [
            "",
            "whsec_",
            "plain",
            "whsec_%%%%",
            "C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            &short,
            &long,
        ] {
            let error = Signer::new(&[Secret::new(secret)])
                .err()
                .unwrap()
                .to_string();
            assert!(error.contains("24 to 64 bytes"), "{secret}: {error}");
        }
        assert!(Signer::new(&[]).is_err());
        for bytes in [24, 64] {
            let secret = format!("whsec_{}", STANDARD.encode(vec![7; bytes]));
            assert!(Signer::new(&[Secret::new(secret)]).is_ok());
        }
    }
}
