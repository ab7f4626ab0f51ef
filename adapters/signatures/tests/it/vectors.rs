//! Signed requests as published by the providers or, where marked own, made by other libraries.

use http::{HeaderName, HeaderValue, Method};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tradewind_adapter::{Parts, Refusal, Secret};
use tradewind_signatures::{Algorithm, Encoding, Piece, Place, Places, Scheme, Signer, Verifier};
use tradewind_signatures::{Stamp, schemes as s};

/// As a configuration would say it: there is no such sender.
const CONVOY: Scheme<'static> = Scheme {
    name: "generic sha-512",
    places: &[Places::header("x-signature")],
    algorithm: Algorithm::HmacSha512,
    ..Scheme::BODY
};
const GENERIC: Scheme<'static> = Scheme {
    name: "generic url-safe",
    places: &[Places::header("x-signature").at("x-time")],
    encoding: Encoding::Base64Url,
    signed: &[
        Piece::Header("x-topic"),
        Piece::Text("|"),
        Piece::Timestamp,
        Piece::Text("|"),
        Piece::Body,
    ],
    tolerance: Duration::from_secs(60),
    ..Scheme::BODY
};

/// One signed request.
#[derive(Debug, Clone)]
pub(crate) struct Vector {
    pub(crate) scheme: Scheme<'static>,
    pub(crate) published: bool,
    pub(crate) secret: &'static str,
    /// What the sender has, where it is not the same; empty where only the sender knows it.
    pub(crate) private: Option<&'static str>,
    pub(crate) url: Option<&'static str>,
    pub(crate) timestamp: Option<String>,
    pub(crate) parts: Parts,
    pub(crate) body: Vec<u8>,
}

const DISCORD_SEED: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const SENDGRID_PRIVATE: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgcjGVRXkeiTJrnMqELFpCBM9yjlv9hwbYZTJnmPXjC76hRANCAARiNDFwqmka6IP/nmyeJjdZm566CqDOp1vs8cgNB8JRgcFHDeIoUdoXeBdUNBEt099M8SINC4uXT3h7uuAHlSjE";

#[rustfmt::skip]
pub(crate) fn vectors() -> Vec<Vector> {
    let published = |scheme, secret, headers, body| vector(scheme, secret, headers, body, true);
    let own = |scheme, secret, headers, body| vector(scheme, secret, headers, body, false);
    let mut slack = published(s::SLACK, "8f742231b10e8888abcd99yyyzzz85a5",
        "x-slack-request-timestamp: 1531420618
         x-slack-signature: v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow\
         &channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner\
         &command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands\
         %2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN\
         &trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c");
    slack.timestamp = Some("1531420618".into());
    vec![
        published(s::GITHUB, "It's a Secret to Everybody",
            "x-hub-signature-256: sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
            "Hello, World!"),
        published(s::STANDARD_WEBHOOKS, "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            "webhook-id: msg_27UH4WbU6Z5A5EzD8u03UvzRbpk
             webhook-timestamp: 1649367553
             webhook-signature: v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
            r#"{"email":"test@example.com","username":"test_user"}"#),
        published(s::STANDARD_WEBHOOKS, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "svix-id: msg_p5jXN8AQM9LWM0D4loKWxJek
             svix-timestamp: 1614265330
             svix-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            r#"{"test": 2432232314}"#),
        published(s::STANDARD_WEBHOOKS_ASYMMETRIC, "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=",
            "webhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek
             webhook-timestamp: 1614265330
             webhook-signature: v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==",
            r#"{"test": 2432232314}"#)
            .private("whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="),
        own(s::STRIPE, "whsec_test_secret",
            "stripe-signature: t=1492774577,v1=88a022085c6bdb887b02cb26ff76dd681234d9675c0f22844059f55552a8883a",
            r#"{"id":"evt_test_webhook","object":"event"}"#),
        slack,
        own(s::ZOOM, "hush",
            "x-zm-request-timestamp: 1739923528
             x-zm-signature: v0=b340c837934f504354c32a0db8d8b5f8bba4d167f26d3f676cd689a675480bdc",
            r#"{"id":1}"#),
        own(s::SHOPIFY, "hush",
            "x-shopify-hmac-sha256: VnKUjZsLuN5iZWjn5EntcBVCF9kMN43LglzCE1/GSeY=",
            r#"{"id":1}"#),
        published(s::BITBUCKET, "It's a Secret to Everybody",
            "x-hub-signature: sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9",
            "Hello World!"),
        own(s::GITLAB_TOKEN, "hush-4711", "x-gitlab-token: hush-4711", r#"{"id":1}"#),
        published(s::TWILIO, "12345",
            "content-type: application/x-www-form-urlencoded
             x-twilio-signature: RSOYDt4T1cUTdK1PDd93/VVr8B8=",
            "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212")
            .at("https://mycompany.com/myapp.php?foo=1&bar=2"),
        own(s::TWILIO, "12345",
            "content-type: application/json
             x-twilio-signature: mAzqIx1MO3JChHh/HAQXEmzt0O8=",
            r#"{"id":1}"#)
            .at("https://example.com/hook")
            .called("/in/twilio?bodySHA256=037c9214eef74cc3887f3a4f085b4e17d76280dafd273b0ee160c09c4ba1cfd4"),
        own(s::SQUARE, "hush",
            "x-square-hmacsha256-signature: 5EeLjmd/7eZ8mxNMpco3TxofgneAL75omTE0sofj4Ok=",
            r#"{"id":1}"#)
            .at("https://example.com/hook"),
        published(s::SENDGRID, "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==",
            "x-twilio-email-event-webhook-timestamp: 1600112502
             x-twilio-email-event-webhook-signature: MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM=",
            "[{\"email\":\"hello@world.com\",\"event\":\"dropped\",\"reason\":\"Bounced Address\",\
             \"sg_event_id\":\"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA\",\
             \"sg_message_id\":\"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0\",\
             \"smtp-id\":\"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>\",\"timestamp\":1600112492}]\r\n")
            .private(""),
        own(s::SENDGRID, "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYjQxcKppGuiD/55sniY3WZueugqgzqdb7PHIDQfCUYHBRw3iKFHaF3gXVDQRLdPfTPEiDQuLl094e7rgB5UoxA==",
            "x-twilio-email-event-webhook-timestamp: 1739923528
             x-twilio-email-event-webhook-signature: MEQCIAFP4OZpGRNe7pJfSeR+EaaYlK8b5cLL8+ss6/TKmfmKAiB3TWKg1v/WqFtBMVapqzO4DnxMKRTsh7XrSe7Ku1Vdmw==",
            "[{\"event\":\"open\"}]\r\n")
            .private(SENDGRID_PRIVATE),
        own(s::DISCORD, "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8",
            "x-signature-timestamp: 1739923528
             x-signature-ed25519: 34ce8b150d3d0fd587fc81fe67b9dc02c0832e0a9caabfca785a12b4e5899cd6000e278610c9b430c757d6edb815b657c4f90d1ce99c918c355dc438dbb62502",
            r#"{"type":1}"#)
            .private(DISCORD_SEED),
        own(s::TWITTER, "hush",
            "x-twitter-webhooks-signature: sha256=ijarnwykyrX12x07aLX0rJjFSyfEbHrWO8camMB1VdY=",
            r#"{"for_user_id":"1"}"#),
        own(s::EVENT_GRID, "hush+4711", "", r#"[{"id":"1"}]"#).called("/in/grid?a=b&code=hush%2B4711"),
        published(CONVOY, "Convoy",
            "x-signature: 83306382f5361d35351d6de45998f23b52f40bcf96befe4e92f137c0f1bf4a7119388b238d8f9d502ac77e6f1a8849a4778272667ed88d530cac8050bd1fee2d",
            "Test Payload Body"),
        own(GENERIC, "hush",
            "x-topic: orders
             x-time: 1739923528
             x-signature: O-D3P4IXn4YomzToNybvg8TU4ll80mP7gMREKkYLr7E",
            r#"{"id":1}"#),
    ]
}

fn vector(
    scheme: Scheme<'static>,
    secret: &'static str,
    headers: &str,
    body: &str,
    published: bool,
) -> Vector {
    let mut parts = Parts {
        method: Method::POST,
        uri: "/in/hook".parse().unwrap(),
        headers: Default::default(),
        peer: None,
    };
    for line in headers.lines() {
        let (name, value) = line.trim().split_once(": ").unwrap();
        let value = HeaderValue::from_str(value).unwrap();
        let name: HeaderName = name.parse().unwrap();
        parts.headers.insert(name, value);
    }
    let set = scheme.places.iter().find(|set| match set.signature {
        Place::Header(name) => parts.headers.contains_key(name),
        Place::Query(_) => true,
    });
    let timestamp = set.unwrap().timestamp.map(|stamp| match stamp {
        Stamp::Header(name) => parts.headers[name].to_str().unwrap().to_owned(),
        Stamp::Part(tag) => {
            let header = parts.headers["stripe-signature"].to_str().unwrap();
            let part = header.split(',').find_map(|part| part.strip_prefix(tag));
            part.unwrap().to_owned()
        }
    });
    Vector {
        scheme,
        published,
        secret,
        private: None,
        url: None,
        timestamp,
        parts,
        body: body.into(),
    }
}

impl Vector {
    fn private(mut self, key: &'static str) -> Self {
        self.private = Some(key);
        self
    }

    fn at(mut self, url: &'static str) -> Self {
        self.url = Some(url);
        self
    }

    fn called(mut self, uri: &str) -> Self {
        self.parts.uri = uri.parse().unwrap();
        self
    }

    /// The set of places that it uses.
    pub(crate) fn places(&self) -> Places<'static> {
        let mut sets = self.scheme.places.iter();
        let set = sets.find(|set| match set.signature {
            Place::Header(name) => self.parts.headers.contains_key(name),
            Place::Query(_) => true,
        });
        *set.unwrap()
    }

    /// The value that carries the signature.
    pub(crate) fn signature(&self) -> String {
        match self.places().signature {
            Place::Header(name) => self.parts.headers[name].to_str().unwrap().to_owned(),
            Place::Query(name) => {
                let query = self.parts.uri.query().unwrap().as_bytes();
                let mut pairs = form_urlencoded::parse(query);
                pairs.find(|(key, _)| key == name).unwrap().1.into_owned()
            }
        }
    }

    /// The same with another value there.
    pub(crate) fn with_signature(&self, text: &str) -> Self {
        let mut vector = self.clone();
        match self.places().signature {
            Place::Header(name) => {
                let value = HeaderValue::from_str(text).unwrap();
                vector.parts.headers.insert(name, value);
            }
            Place::Query(name) => {
                let text: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
                vector.parts.uri = format!("/in/grid?{name}={text}").parse().unwrap();
            }
        }
        vector
    }

    /// Where the signature itself begins in its value.
    pub(crate) fn start(&self) -> usize {
        let prefix = self.scheme.prefix;
        self.signature().find(prefix).unwrap() + prefix.len()
    }

    /// A moment at which the request is fresh.
    pub(crate) fn now(&self) -> SystemTime {
        let seconds = self.timestamp.as_ref().and_then(|t| t.parse().ok());
        UNIX_EPOCH + Duration::from_secs(seconds.unwrap_or(1_600_000_000))
    }

    pub(crate) fn verifier(&self, secrets: &[&str]) -> Verifier {
        let secrets: Vec<Secret> = secrets.iter().copied().map(Secret::new).collect();
        Verifier::at(&self.scheme, &secrets, self.url).unwrap()
    }

    /// Verifies it with its own secret.
    pub(crate) fn verify(&self, now: SystemTime) -> Result<usize, Refusal> {
        let verifier = self.verifier(&[self.secret]);
        let proof = verifier.verify(&self.parts, &self.body, now)?;
        Ok(proof.secret)
    }

    /// Whether the test can sign as the sender does.
    pub(crate) fn signs(&self) -> bool {
        self.private != Some("")
    }

    /// The same request after a change, signed again by someone who knows the secret.
    pub(crate) fn changed(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut vector = self.clone();
        change(&mut vector);
        let secret = Secret::new(vector.private.unwrap_or(vector.secret));
        let signer = Signer::new(&vector.scheme, &secret, vector.url.unwrap_or_default()).unwrap();
        let timestamp = vector.timestamp.as_ref().map_or(0, |t| t.parse().unwrap());
        if let Place::Query(_) = vector.places().signature {
            vector.parts.uri = "/in/grid".parse().unwrap();
        }
        signer
            .sign(&mut vector.parts, timestamp, &vector.body)
            .unwrap();
        vector
    }
}
