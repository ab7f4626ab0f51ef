//! The verifier of signatures, with every scheme that there is.

use super::senders;
use crate::Target;
use crate::input::Cut;
use crate::signing::{self, Kind, NOW, SECRETS, SVIX, WEBHOOK, fill, signed};
use http::{Method, Uri};
use std::time::{Duration, UNIX_EPOCH};
use tradewind_adapter::{Parts, Secret};
use tradewind_signatures::schemes::{ALL, GITHUB, STANDARD_WEBHOOKS};
use tradewind_signatures::{SIGNATURE_BYTES_MAX, SIGNATURES_MAX, Verifier};

/// A line that names the scheme, headers and a body.
pub(super) const SIGNATURE: Target = Target {
    words: signing::WORDS,
    // Certificates are read once.
    memory: 512 << 10,
    ..Target::new("signature", verify)
};

fn verify(input: &[u8]) {
    let mut input = Cut(input);
    let (scheme, kind) = match input.line() {
        "sns" => return senders::notification(input.rest()),
        "paypal" => return senders::transmission(input),
        "token" => return senders::token(input.rest()),
        "certificates" => return senders::certificates(input.rest()),
        name if name != "github" && name != "standard" => {
            let scheme = ALL.iter().find(|scheme| scheme.name == name);
            return senders::scheme(scheme.unwrap_or(&ALL[1]), input);
        }
        "github" => (&GITHUB, Kind::GitHub),
        _ => (&STANDARD_WEBHOOKS, WEBHOOK),
    };
    let mut headers = input.headers();
    let body = input.rest();
    // Whose headers count: the first set whose signature is there.
    let kind = match kind {
        WEBHOOK if !headers.contains_key("webhook-signature") => SVIX,
        kind => kind,
    };
    fill(kind, &mut headers, body);
    let verifier = Verifier::new(scheme, &SECRETS.map(Secret::new)).unwrap();
    let now = UNIX_EPOCH + Duration::from_secs(NOW);
    let parts = Parts {
        method: Method::POST,
        uri: Uri::from_static("/"),
        headers,
        peer: None,
    };
    let headers = &parts.headers;
    let found = verifier.verify(&parts, body, now);
    let large = headers.values().any(|value| {
        value.len() > SIGNATURE_BYTES_MAX
            || value.as_bytes().split(|b| *b == b' ').count() > SIGNATURES_MAX
    });
    match found {
        Ok(proof) => {
            assert!(signed(kind, headers, body), "taken without a signature");
            assert!(proof.secret < SECRETS.len());
            assert_eq!(proof.id, verifier.message_id(&parts));
            // The same signature is no proof for anybody else, nor for another body.
            let stranger = Verifier::new(scheme, &[Secret::new(signing::STRANGER)]).unwrap();
            let claims = format!("{headers:?}");
            let theirs = kind.write(&kind.digest(signing::STRANGER, headers, body));
            assert!(stranger.verify(&parts, body, now).is_err() || claims.contains(&theirs));
            let other = [body, b"\0"].concat();
            assert!(verifier.verify(&parts, &other, now).is_err());
        }
        Err(refusal) => {
            assert_eq!((refusal.status.as_u16(), &refusal.detail), (401, &None));
            assert!(large || !signed(kind, headers, body), "{}", refusal.reason);
        }
    }
}
