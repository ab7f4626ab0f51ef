//! Signed requests as published by the providers (or, where marked own, computed independently).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName, HeaderValue};
use sha2::Sha256;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tradewind_adapter::{Refusal, Secret};
use tradewind_signatures::{
    Encoding, Headers, KeyFormat, Piece, Proof, Scheme, Verifier, github, standard_webhooks,
};

/// Schemes that no adapter uses yet: each is a value and no code.
pub(crate) const SLACK: Scheme = Scheme {
    name: "slack",
    headers: &[Headers {
        signature: "x-slack-signature",
        id: None,
        timestamp: Some("x-slack-request-timestamp"),
    }],
    prefix: "v0=",
    separator: None,
    encoding: Encoding::Hex,
    key: KeyFormat::Text,
    signed: &[
        Piece::Text("v0:"),
        Piece::Timestamp,
        Piece::Text(":"),
        Piece::Body,
    ],
    tolerance: Duration::from_secs(300),
};
pub(crate) const ZOOM: Scheme = Scheme {
    name: "zoom",
    headers: &[Headers {
        signature: "x-zm-signature",
        id: None,
        timestamp: Some("x-zm-request-timestamp"),
    }],
    ..SLACK
};
pub(crate) const SHOPIFY: Scheme = Scheme {
    name: "shopify",
    headers: &[Headers {
        signature: "x-shopify-hmac-sha256",
        id: None,
        timestamp: None,
    }],
    prefix: "",
    separator: None,
    encoding: Encoding::Base64,
    key: KeyFormat::Text,
    signed: &[Piece::Body],
    tolerance: Duration::ZERO,
};

/// One signed request.
#[derive(Debug, Clone)]
pub(crate) struct Vector {
    pub(crate) scheme: &'static Scheme,
    /// Which of the scheme's header sets it uses.
    pub(crate) headers: usize,
    pub(crate) secret: &'static str,
    pub(crate) id: Option<String>,
    pub(crate) timestamp: Option<String>,
    pub(crate) body: Vec<u8>,
    pub(crate) signature: String,
}

pub(crate) fn vectors() -> Vec<Vector> {
    let vector =
        |scheme, headers, secret, (id, timestamp): (&str, &str), body: &str, signature: &str| {
            let some = |text: &str| Some(text.to_owned()).filter(|t| !t.is_empty());
            Vector {
                scheme,
                headers,
                secret,
                id: some(id),
                timestamp: some(timestamp),
                body: body.into(),
                signature: signature.into(),
            }
        };
    vec![
        vector(
            &github::SCHEME,
            0,
            "It's a Secret to Everybody",
            ("", ""),
            "Hello, World!",
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        ),
        vector(
            &standard_webhooks::SCHEME,
            0,
            "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            ("msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", "1649367553"),
            r#"{"email":"test@example.com","username":"test_user"}"#,
            "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
        ),
        vector(
            &standard_webhooks::SCHEME,
            1,
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            ("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330"),
            r#"{"test": 2432232314}"#,
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ),
        vector(
            &SLACK,
            0,
            "8f742231b10e8888abcd99yyyzzz85a5",
            ("", "1531420618"),
            "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow\
             &channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner\
             &command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands\
             %2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN\
             &trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
            "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        ),
        // Own.
        vector(
            &ZOOM,
            0,
            "hush",
            ("", "1739923528"),
            r#"{"id":1}"#,
            "v0=b340c837934f504354c32a0db8d8b5f8bba4d167f26d3f676cd689a675480bdc",
        ),
        // Own.
        vector(
            &SHOPIFY,
            0,
            "hush",
            ("", ""),
            r#"{"id":1}"#,
            "VnKUjZsLuN5iZWjn5EntcBVCF9kMN43LglzCE1/GSeY=",
        ),
    ]
}

impl Vector {
    /// The headers as they would arrive.
    pub(crate) fn request(&self) -> HeaderMap {
        let names = &self.scheme.headers[self.headers];
        let value = |text: &str| HeaderValue::from_str(text).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(self.signature_name(), value(&self.signature));
        for (name, text) in [(names.id, &self.id), (names.timestamp, &self.timestamp)] {
            if let (Some(name), Some(text)) = (name, text) {
                headers.insert(HeaderName::from_static(name), value(text));
            }
        }
        headers
    }

    pub(crate) fn signature_name(&self) -> HeaderName {
        HeaderName::from_static(self.scheme.headers[self.headers].signature)
    }

    /// A moment at which the request is fresh.
    pub(crate) fn now(&self) -> SystemTime {
        let seconds = self.timestamp.as_ref().and_then(|t| t.parse().ok());
        UNIX_EPOCH + Duration::from_secs(seconds.unwrap_or(1_600_000_000))
    }

    /// Verifies it with its own secret, and forgets the borrowed parts.
    pub(crate) fn verify(&self, headers: &HeaderMap, now: SystemTime) -> Result<usize, Refusal> {
        let verifier = Verifier::new(self.scheme, &[Secret::new(self.secret)]).unwrap();
        verifier
            .verify(headers, &self.body, now)
            .map(|Proof { secret, .. }| secret)
    }

    /// The digest, by the textbook: one concatenation, one hash.
    pub(crate) fn digest(&self) -> Vec<u8> {
        let mut signed = Vec::new();
        for piece in self.scheme.signed {
            match piece {
                Piece::Text(text) => signed.extend_from_slice(text.as_bytes()),
                Piece::Id => signed.extend_from_slice(self.id.as_ref().unwrap().as_bytes()),
                Piece::Timestamp => {
                    signed.extend_from_slice(self.timestamp.as_ref().unwrap().as_bytes());
                }
                Piece::Body => signed.extend_from_slice(&self.body),
            }
        }
        let key = match self.scheme.key {
            KeyFormat::Text => self.secret.as_bytes().to_vec(),
            KeyFormat::Base64 { prefix } => STANDARD
                .decode(self.secret.trim_start_matches(prefix))
                .unwrap(),
        };
        let mut hmac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        hmac.update(&signed);
        hmac.finalize().into_bytes().to_vec()
    }

    /// These bytes as a signature of the scheme.
    pub(crate) fn written(&self, digest: &[u8]) -> String {
        let digest = match self.scheme.encoding {
            Encoding::Hex => digest.iter().map(|byte| format!("{byte:02x}")).collect(),
            Encoding::Base64 => STANDARD.encode(digest),
        };
        format!("{}{digest}", self.scheme.prefix)
    }

    /// The same request after a change, signed again by someone who knows the secret.
    pub(crate) fn changed(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut vector = self.clone();
        change(&mut vector);
        vector.signature = vector.written(&vector.digest());
        vector
    }
}
