//! Standard Webhooks, the receiving side: `v1` signatures, HMAC-SHA256.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName, HeaderValue};
use sha2::Sha256;
use std::fmt;
use std::time::{Duration, SystemTime};

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// Largest difference between the clocks, either way.
const TOLERANCE: Duration = Duration::from_secs(300);
/// Most signatures looked at in one header; senders in rotation send two.
const SIGNATURES_MAX: usize = 8;

/// A shared secret.
#[derive(Clone)]
pub(crate) struct Secret(Vec<u8>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl Secret {
    /// Reads `whsec_` and base64; the prefix may be missing.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let key = STANDARD
            .decode(text.strip_prefix("whsec_").unwrap_or(text))
            .map_err(|_| "is not whsec_ followed by base64")?;
        if !(24..=64).contains(&key.len()) {
            return Err("decodes to fewer than 24 or more than 64 bytes");
        }
        Ok(Self(key))
    }

    fn signs(&self, id: &[u8], timestamp: &[u8], body: &[u8], signature: &[u8]) -> bool {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else {
            return false;
        };
        for part in [id, b".", timestamp, b".", body] {
            mac.update(part);
        }
        // Checks the length, then compares in constant time.
        mac.verify_slice(signature).is_ok()
    }
}

/// Whether one of the secrets signed this. The reason of a failure is for the log only.
pub(crate) fn verify(
    secrets: &[Secret],
    headers: &HeaderMap,
    body: &[u8],
    now: SystemTime,
) -> Result<(), &'static str> {
    let id = single(headers, &ID)?;
    let timestamp = single(headers, &TIMESTAMP)?;
    let signatures = single(headers, &SIGNATURE)?;
    // As the gateway reads it: a dot would let bytes move between the id and what follows it.
    let plain = |id: &str| !id.is_empty() && !id.contains('.');
    if !id.to_str().is_ok_and(plain) {
        return Err("webhook-id is empty, holds a dot, or is not ASCII");
    }
    fresh(timestamp, now)?;
    let signatures = signatures.to_str().map_err(|_| "signature is not ASCII")?;
    let signed = signatures
        .split(' ')
        .take(SIGNATURES_MAX)
        .filter_map(|signature| STANDARD.decode(signature.strip_prefix("v1,")?).ok())
        .any(|signature| {
            secrets
                .iter()
                .any(|s| s.signs(id.as_bytes(), timestamp.as_bytes(), body, &signature))
        });
    if signed {
        Ok(())
    } else {
        Err("no signature fits")
    }
}

fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<&'a HeaderValue, &'static str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value),
        (None, _) => Err("a webhook- header is missing"),
        (Some(_), Some(_)) => Err("a webhook- header occurs twice"),
    }
}

/// The text itself is signed, so only digits will do.
fn fresh(timestamp: &HeaderValue, now: SystemTime) -> Result<(), &'static str> {
    let text = timestamp.to_str().unwrap_or_default();
    let seconds = Some(text)
        .filter(|t| t.bytes().all(|b| b.is_ascii_digit()))
        .and_then(|t| t.parse::<u32>().ok())
        .ok_or("webhook-timestamp is no number of seconds")?;
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.into());
    let apart = match now.duration_since(then) {
        Ok(past) => past,
        Err(future) => future.duration(),
    };
    if apart > TOLERANCE {
        return Err("webhook-timestamp is more than 300 s away");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    const OTHER: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const TIME: u64 = 1_649_367_553;
    const BODY: &[u8] = br#"{"email":"test@example.com","username":"test_user"}"#;
    const SIGNATURE: &str = "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=";

    fn head(fields: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn message<'a>(time: &'a str, signature: &'a str) -> [(&'static str, &'a str); 3] {
        [
            ("webhook-id", "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk"),
            ("webhook-timestamp", time),
            ("webhook-signature", signature),
        ]
    }

    fn passes(secrets: &[&str], headers: &HeaderMap, body: &[u8], now: u64) -> bool {
        let secrets: Vec<_> = secrets.iter().map(|s| Secret::parse(s).unwrap()).collect();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(now);
        verify(&secrets, headers, body, now).is_ok()
    }

    #[test]
    fn published_vectors_pass() {
        let headers = head(&message("1649367553", SIGNATURE));
        assert!(passes(&[SECRET], &headers, BODY, TIME));
        // Either clock may be ahead, and secrets and signatures are in rotation.
        assert!(passes(&[OTHER, SECRET], &headers, BODY, TIME + 300));
        assert!(passes(&[SECRET, OTHER], &headers, BODY, TIME - 300));
        let rotated = format!("v1,AAAA v1a,{} {SIGNATURE}", "A".repeat(88));
        assert!(passes(
            &[SECRET],
            &head(&message("1649367553", &rotated)),
            BODY,
            TIME
        ));

        let svix = head(&[
            ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
            ("webhook-timestamp", "1614265330"),
            (
                "webhook-signature",
                "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            ),
        ]);
        assert!(passes(
            &[OTHER],
            &svix,
            br#"{"test": 2432232314}"#,
            1_614_265_330
        ));
    }

    #[test]
    fn nothing_else_passes() {
        let good = SIGNATURE.strip_prefix("v1,").unwrap();
        let signatures = [
            String::new(),
            "v1,".into(),
            format!("v1,{}", &good[..12]),
            format!("v1,{}", good.trim_end_matches('=')),
            format!("v1,{}", good.replace('+', "-").replace('/', "_")),
            format!("v0,{good}"),
            format!("v1a,{good}"),
            good.to_owned(),
            format!("{}{SIGNATURE}", "v1,AAAA ".repeat(SIGNATURES_MAX)),
        ];
        for signature in &signatures {
            let headers = head(&message("1649367553", signature));
            assert!(!passes(&[SECRET], &headers, BODY, TIME), "{signature:?}");
        }
        for time in [
            "",
            "+1649367553",
            "-1",
            "1649367553.0",
            "x",
            "99999999999999999999",
        ] {
            let headers = head(&message(time, SIGNATURE));
            assert!(!passes(&[SECRET], &headers, BODY, TIME), "{time:?}");
        }
        for id in [&b""[..], b"a.b", b"a\xffb"] {
            let mut mac =
                Hmac::<Sha256>::new_from_slice(&Secret::parse(SECRET).unwrap().0).unwrap();
            mac.update(&[id, b".1649367553.", BODY].concat());
            let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
            let mut headers = head(&message("1649367553", &signature));
            headers.insert(ID, HeaderValue::from_bytes(id).unwrap());
            assert!(!passes(&[SECRET], &headers, BODY, TIME), "{id:?}");
        }
        let headers = head(&message("1649367553", SIGNATURE));
        assert!(!passes(&[SECRET], &headers, BODY, TIME + 301));
        assert!(!passes(&[SECRET], &headers, BODY, TIME - 301));
        assert!(!passes(&[OTHER], &headers, BODY, TIME));
        let mut flipped = BODY.to_vec();
        flipped[3] ^= 1;
        assert!(!passes(&[SECRET], &headers, &flipped, TIME));
        for (name, value) in message("1649367553", SIGNATURE) {
            let mut missing = headers.clone();
            missing.remove(name);
            assert!(!passes(&[SECRET], &missing, BODY, TIME), "{name} missing");
            let mut twice = headers.clone();
            twice.append(name, HeaderValue::from_str(value).unwrap());
            assert!(!passes(&[SECRET], &twice, BODY, TIME), "{name} twice");
        }
    }
}
