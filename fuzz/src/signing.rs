//! Signatures that a fuzzer cannot guess, put in where an input asks for them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderValue};
use sha2::Sha256;

/// Configured secrets, the current one first, and one that is not configured.
pub(crate) const SECRETS: [&str; 2] = [
    "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "whsec_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB",
];
pub(crate) const STRANGER: &str = "whsec_AgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC";
/// What time it is, in seconds since the Unix epoch.
pub(crate) const NOW: u64 = 1_700_000_000;

/// Marks that [`fill`] replaces: signatures by each secret, and the time.
pub(crate) const WORDS: &[&str] = &[
    "{first}",
    "{second}",
    "{stranger}",
    "{now}",
    "v1,",
    "v1,{first}",
    "sha256=",
    "sha256={first}",
];

/// How the bytes of a signature come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Base64 over `id.timestamp.body`, with these header names.
    StandardWebhooks([&'static str; 3]),
    /// Hexadecimal over the body.
    GitHub,
}

pub(crate) const WEBHOOK: Kind =
    Kind::StandardWebhooks(["webhook-id", "webhook-timestamp", "webhook-signature"]);
pub(crate) const SVIX: Kind =
    Kind::StandardWebhooks(["svix-id", "svix-timestamp", "svix-signature"]);

impl Kind {
    /// The digest that a holder of `secret` would put on this request.
    pub(crate) fn digest(self, secret: &str, headers: &HeaderMap, body: &[u8]) -> [u8; 32] {
        let (key, signed) = match self {
            Kind::GitHub => (secret.as_bytes().to_vec(), body.to_vec()),
            Kind::StandardWebhooks([id, timestamp, _]) => {
                let key = STANDARD
                    .decode(secret.trim_start_matches("whsec_"))
                    .unwrap();
                let value = |name: &str| headers.get(name).map_or(&[][..], HeaderValue::as_bytes);
                let signed = [value(id), b".", value(timestamp), b".", body].concat();
                (key, signed)
            }
        };
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(&signed);
        mac.finalize().into_bytes().into()
    }

    pub(crate) fn write(self, digest: &[u8; 32]) -> String {
        match self {
            Kind::StandardWebhooks(_) => STANDARD.encode(digest),
            Kind::GitHub => digest.iter().map(|b| format!("{b:02x}")).collect(),
        }
    }
}

/// Replaces the marks: first the time, which is signed, then the signatures.
pub(crate) fn fill(kind: Kind, headers: &mut HeaderMap, body: &[u8]) {
    replace(headers, "{now}", &NOW.to_string());
    let marks = [
        ("{first}", SECRETS[0]),
        ("{second}", SECRETS[1]),
        ("{stranger}", STRANGER),
    ];
    for (mark, secret) in marks {
        let digest = kind.digest(secret, headers, body);
        replace(headers, mark, &kind.write(&digest));
    }
}

/// Replaces a mark in all values, and gives up on values that grow past what HTTP would take.
pub(crate) fn replace(headers: &mut HeaderMap, mark: &str, with: &str) {
    for value in headers.values_mut() {
        let Ok(text) = value.to_str() else { continue };
        if text.contains(mark)
            && let Ok(filled) = HeaderValue::from_str(&text.replace(mark, with))
        {
            *value = filled;
        }
    }
}

/// Whether this request is signed by one of [`SECRETS`], by the letter of the specification.
pub(crate) fn signed(kind: Kind, headers: &HeaderMap, body: &[u8]) -> bool {
    let Kind::StandardWebhooks([id, timestamp, signature]) = kind else {
        let Some(claim) = one(headers, "x-hub-signature-256") else {
            return false;
        };
        return SECRETS.iter().any(|secret| {
            let digest = kind.write(&kind.digest(secret, headers, body));
            claim
                .strip_prefix("sha256=")
                .is_some_and(|claim| claim.eq_ignore_ascii_case(&digest))
        });
    };
    let (Some(id), Some(timestamp), Some(claims)) = (
        one(headers, id),
        one(headers, timestamp),
        one(headers, signature),
    ) else {
        return false;
    };
    let fresh = timestamp.bytes().all(|b| b.is_ascii_digit())
        && timestamp
            .parse()
            .is_ok_and(|at: u64| at.abs_diff(NOW) <= 300);
    let right = SECRETS.map(|secret| {
        let digest = kind.digest(secret, headers, body);
        format!("v1,{}", kind.write(&digest))
    });
    fresh
        && !id.is_empty()
        && !id.contains('.')
        && claims
            .split(' ')
            .any(|claim| right.iter().any(|right| right == claim))
}

/// The value of a header that is there once, in visible ASCII.
pub(crate) fn one<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}
