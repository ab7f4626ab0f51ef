//! Every scheme by its own signer, and the proofs whose keys are fetched: nothing is taken that was not
//! signed, and no address is asked that another parser of URLs would find elsewhere.

use crate::input::Cut;
use crate::signing::NOW;
use crate::wait;
use async_trait::async_trait;
use http::{HeaderMap, Method, Uri};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tradewind_adapter::{Error, Fetch, Fetched, Parts, Secret};
use tradewind_keys::{Issuer, KeysAt};
use tradewind_signatures::sns::{Kind, Message};
use tradewind_signatures::{
    Algorithm, Authorities, Chain, KeyFormat, Piece, Place, Scheme, Signer, Stamp, Verifier,
    paypal, sns,
};
use url::Url;

/// 2030-01-01T00:00:00Z, when the messages of the corpus were signed.
const SIGNED: Duration = Duration::from_secs(1_893_456_000);
const URL: &str = "https://example.com/hook?a=b";

fn parts(headers: HeaderMap) -> Parts {
    Parts {
        method: Method::POST,
        uri: Uri::from_static("/in/hook"),
        headers,
        peer: None,
    }
}

/// What the receiver has, and what the sender has.
fn secrets(scheme: &Scheme<'_>) -> (Secret, Secret) {
    let (receiver, sender) = match (scheme.algorithm, scheme.key) {
        (Algorithm::EcdsaP256, _) => (
            "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYjQxcKppGuiD/55sniY3WZueugqgzqdb7PHIDQfCUYHBRw3iKFHaF3gXVDQRLdPfTPEiDQuLl094e7rgB5UoxA==",
            "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgcjGVRXkeiTJrnMqELFpCBM9yjlv9hwbYZTJnmPXjC76hRANCAARiNDFwqmka6IP/nmyeJjdZm566CqDOp1vs8cgNB8JRgcFHDeIoUdoXeBdUNBEt099M8SINC4uXT3h7uuAHlSjE",
        ),
        (Algorithm::Ed25519, KeyFormat::Hex { .. }) => (
            "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8",
            "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        ),
        (Algorithm::Ed25519, _) => (
            "whpk_A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=",
            "whsk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        ),
        _ => {
            let text = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
            (text, text)
        }
    };
    (Secret::new(receiver), Secret::new(sender))
}

/// A request of any scheme: as it is, and as its sender would sign it.
pub(super) fn scheme(scheme: &Scheme<'static>, mut input: Cut<'_>) {
    let mut request = parts(input.headers());
    let body = input.rest();
    let (receiver, sender) = secrets(scheme);
    let url = scheme.signed.contains(&Piece::Url).then_some(URL);
    let verifier = Verifier::at(scheme, &[receiver], url).unwrap();
    let now = UNIX_EPOCH + Duration::from_secs(NOW);
    if let Err(refusal) = verifier.verify(&request, body, now) {
        assert_eq!((refusal.status.as_u16(), &refusal.detail), (401, &None));
        assert!(refusal.cause.is_some());
    } else {
        assert_eq!(
            scheme.algorithm,
            Algorithm::Token,
            "taken without a signature"
        );
    }
    for places in scheme.places {
        if let Place::Header(name) = places.signature {
            request.headers.remove(name);
        }
        if let Some(Stamp::Header(name)) = places.timestamp {
            request.headers.remove(name);
        }
    }
    let signer = Signer::new(scheme, &sender, url.unwrap_or_default()).unwrap();
    // A signed header may be missing, or hold what would end it.
    if signer.sign(&mut request, NOW, body).is_err() {
        return;
    }
    let timed = scheme.places[0].timestamp.is_some();
    let proof = verifier.verify(&request, body, now);
    assert!(proof.is_ok(), "{}: {proof:?}", scheme.name);
    if timed {
        let late = now + scheme.tolerance + Duration::from_secs(1);
        assert!(verifier.verify(&request, body, late).is_err());
    }
    // The fields of a form may be written in other ways.
    if scheme.signed.contains(&Piece::Body) {
        let other = [body, b"\0"].concat();
        assert!(verifier.verify(&request, &other, now).is_err());
    }
}

fn chain(pem: &str) -> Chain {
    Chain::read(pem.as_bytes()).unwrap()
}

/// Certificates as a sender might publish them: read, and issued by nobody that counts.
pub(super) fn certificates(pem: &[u8]) {
    static AUTHORITIES: OnceLock<Authorities> = OnceLock::new();
    let authorities = AUTHORITIES.get_or_init(|| {
        let pem = include_str!("../../../adapters/signatures/tests/it/paypal.pem");
        Authorities::read(pem.as_bytes()).unwrap()
    });
    drop(Authorities::read(pem));
    let Ok(chain) = Chain::read(pem) else {
        return;
    };
    for now in [Duration::ZERO, SIGNED] {
        assert!(
            chain
                .trusted(authorities, Some(pem), UNIX_EPOCH + now)
                .is_err()
        );
    }
    if let Some(url) = chain.issuer().filter(|url| sns::is_issuer(url)) {
        let url = Url::parse(url).unwrap();
        assert!(url.host_str().unwrap().ends_with(".amazontrust.com"));
        assert_eq!(
            (url.port(), url.query(), url.fragment()),
            (None, None, None)
        );
    }
}

/// The host as another parser of URLs sees it, where nothing else is there to be seen.
fn host(url: &str) -> String {
    let url = Url::parse(url).unwrap();
    assert_eq!(
        (url.scheme(), url.username(), url.password()),
        ("https", "", None)
    );
    assert_eq!((url.port(), url.fragment()), (None, None));
    url.host_str().unwrap().to_owned()
}

/// A message of SNS.
pub(super) fn notification(body: &[u8]) {
    static CHAIN: OnceLock<Chain> = OnceLock::new();
    let pem = include_str!("../../../adapters/signatures/tests/it/sns.pem");
    let chain = CHAIN.get_or_init(|| chain(pem));
    let terms = sns::Terms {
        topics: vec!["arn:aws:sns:us-west-2:123456789012:MyTopic".into()],
        tolerance: Duration::from_secs(3600),
        sha256_only: false,
    };
    let now = UNIX_EPOCH + SIGNED;
    let Ok(message) = Message::read(body, &terms, now) else {
        return;
    };
    let place = "sns.us-west-2.amazonaws.com";
    assert_eq!(host(message.certificate_url()), place);
    if let Ok(url) = message.subscribe_url() {
        assert_eq!(host(url), place);
    }
    let certificate = chain
        .trusted(&Authorities::configured(), None, now)
        .unwrap();
    if message.verify(certificate, &terms).is_ok() {
        let id = match message.kind().unwrap() {
            Kind::Notification => "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
            _ => "165545c9-2a5c-472c-8df2-7ff2be2b3b1b",
        };
        assert_eq!(message.id(), id);
    }
}

/// A transmission of PayPal.
pub(super) fn transmission(mut input: Cut<'_>) {
    static CHAIN: OnceLock<Chain> = OnceLock::new();
    let pem = include_str!("../../../adapters/signatures/tests/it/paypal.pem");
    let chain = CHAIN.get_or_init(|| chain(pem));
    let request = parts(input.headers());
    let body = input.rest();
    let terms = paypal::Terms {
        webhook_id: "8PT597110X687430L".into(),
        sandbox: false,
        tolerance: Duration::from_secs(300),
    };
    let now = UNIX_EPOCH + SIGNED;
    let Ok(claim) = paypal::Claim::read(&request, &terms, now) else {
        return;
    };
    assert_eq!(host(claim.certificate_url()), "api.paypal.com");
    let certificate = chain
        .trusted(&Authorities::configured(), None, now)
        .unwrap();
    if claim.verify(certificate, &terms, body).is_ok() {
        assert_eq!(claim.id(), "69cd13f0-d67a-11e5-baa3-778b53f4ae55");
    }
}

const TOKEN: &str = "eyJhbGciOiJFZERTQSIsImtpZCI6ImsxIn0.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOiJ1cyIsImV4cCI6OTk5OTk5OTk5OX0";

#[derive(Debug)]
struct Keys;

#[async_trait]
impl Fetch for Keys {
    async fn get(&self, url: &str, _: usize) -> Result<Fetched, Error> {
        assert_eq!(url, "https://id.example/keys", "a token says where to ask");
        let body = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k1","x":"A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg"}]}"#;
        Ok(Fetched {
            body: body.into(),
            fresh: None,
        })
    }
}

/// A token.
pub(super) fn token(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let at = KeysAt::Url("https://id.example/keys".into());
    let issuer = Issuer::new("https://id.example", at, Arc::new(Keys));
    if let Some(fetching) = issuer.missing(text) {
        wait(fetching).unwrap();
    }
    let now: SystemTime = UNIX_EPOCH + Duration::from_secs(NOW);
    if issuer.verify(text, &["us".into()], now).is_ok() {
        assert_eq!(text.rsplit_once('.').unwrap().0, TOKEN);
    }
}
