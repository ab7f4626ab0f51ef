//! What senders ask before they send.
//!
//! All but two of these questions are signed like any message, and answered only after that was
//! verified. X asks by `GET` without a proof, and Event Grid by `OPTIONS`.

use http::header::{ALLOW, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;
use std::time::SystemTime;
use tradewind_adapter::{Answer, Parts};
use tradewind_signatures::Verifier;

/// A request that may be a question.
pub(crate) struct Ask<'a> {
    pub(crate) parts: &'a Parts,
    /// Verified where the method is `POST`, else empty.
    pub(crate) body: &'a [u8],
    pub(crate) verifier: Option<&'a Verifier>,
}

/// The answer, where it is one.
pub(crate) type Handshake = fn(&Ask<'_>) -> Option<Answer>;

/// Questions are short; longer bodies are not read twice.
const BYTES_MAX: usize = 8 * 1024;
const TOKEN_MAX: usize = 500;

impl<'a> Ask<'a> {
    fn read<T: Deserialize<'a>>(&self) -> Option<T> {
        let short = self.body.len() <= BYTES_MAX;
        short
            .then(|| serde_json::from_slice(self.body).ok())
            .flatten()
    }
}

/// `url_verification`: the challenge is sent back as it is.
pub(crate) fn slack(ask: &Ask<'_>) -> Option<Answer> {
    #[derive(Deserialize)]
    struct Question {
        #[serde(rename = "type")]
        ty: String,
        challenge: String,
    }
    let question: Question = ask.read()?;
    let plain = (1..=TOKEN_MAX).contains(&question.challenge.len())
        && question.challenge.bytes().all(|b| b.is_ascii_graphic());
    (question.ty == "url_verification" && plain).then(|| Answer {
        headers: content("text/plain; charset=utf-8"),
        body: question.challenge.into(),
        ..Answer::of(StatusCode::OK)
    })
}

/// `endpoint.url_validation`, every 72 hours: the token, and its digest.
pub(crate) fn zoom(ask: &Ask<'_>) -> Option<Answer> {
    #[derive(Deserialize)]
    struct Question {
        event: String,
        payload: Payload,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Payload {
        plain_token: String,
    }
    let question: Question = ask.read()?;
    let token = question.payload.plain_token;
    let verifier = ask.verifier?;
    (question.event == "endpoint.url_validation" && is_token(&token)).then(|| {
        let digest = verifier.respond(token.as_bytes());
        json_answer(&json!({ "plainToken": token, "encryptedToken": digest }))
    })
}

/// A ping: of interactions, which want a pong, or of webhook events, which want nothing.
pub(crate) fn discord(ask: &Ask<'_>) -> Option<Answer> {
    #[derive(Deserialize)]
    struct Question {
        #[serde(rename = "type")]
        ty: u8,
        token: Option<serde::de::IgnoredAny>,
    }
    let question: Question = ask.read()?;
    match (question.ty, question.token) {
        (1, Some(_)) => Some(json_answer(&json!({ "type": 1 }))),
        (0, None) => Some(Answer {
            headers: content("application/json"),
            ..Answer::of(StatusCode::NO_CONTENT)
        }),
        _ => None,
    }
}

/// `crc_token`, asked by anybody: the answer is a signature over the token, by the same secret and
/// algorithm as that of a body. So a token is nothing that could be a body.
pub(crate) fn twitter(ask: &Ask<'_>) -> Option<Answer> {
    if ask.parts.method != Method::GET {
        return None;
    }
    let token = parameter(ask.parts, "crc_token").filter(|token| is_token(token))?;
    let digest = ask.verifier?.respond(token.as_bytes());
    Some(json_answer(
        &json!({ "response_token": format!("sha256={digest}") }),
    ))
}

/// A validation code, or the handshake of CloudEvents webhooks.
pub(crate) fn event_grid(ask: &Ask<'_>) -> Option<Answer> {
    const KIND: &str = "aeg-event-type";
    if ask.parts.method == Method::OPTIONS {
        return consent(ask);
    }
    #[derive(Deserialize)]
    struct Question {
        data: Data,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Data {
        validation_code: String,
    }
    let kind = ask.parts.headers.get(KIND)?;
    if !kind
        .as_bytes()
        .eq_ignore_ascii_case(b"SubscriptionValidation")
    {
        return None;
    }
    let [question]: [Question; 1] = ask.read()?;
    let code = question.data.validation_code;
    is_token(&code).then(|| json_answer(&json!({ "validationResponse": code })))
}

/// CloudEvents webhooks, section 4: Event Grid may send, if it knows the secret. Where a token is what
/// shows that it is Event Grid, each delivery has to show one, and consent opens nothing.
fn consent(ask: &Ask<'_>) -> Option<Answer> {
    const ORIGIN: HeaderName = HeaderName::from_static("webhook-request-origin");
    const ALLOWED_ORIGIN: HeaderName = HeaderName::from_static("webhook-allowed-origin");
    const RATE: HeaderName = HeaderName::from_static("webhook-request-rate");
    const ALLOWED_RATE: HeaderName = HeaderName::from_static("webhook-allowed-rate");
    let origin = ask.parts.headers.get(ORIGIN)?;
    let known = origin
        .as_bytes()
        .eq_ignore_ascii_case(b"eventgrid.azure.net");
    // The secret stands in the query: no time and no body take part.
    let proof = |v: &Verifier| v.verify(ask.parts, &[], SystemTime::UNIX_EPOCH).is_ok();
    if !known || !ask.verifier.is_none_or(proof) {
        return None;
    }
    let mut headers = HeaderMap::new();
    headers.insert(ALLOW, HeaderValue::from_static("POST"));
    headers.insert(ALLOWED_ORIGIN, origin.clone());
    if ask.parts.headers.contains_key(RATE) {
        headers.insert(ALLOWED_RATE, HeaderValue::from_static("*"));
    }
    Some(Answer {
        headers,
        ..Answer::of(StatusCode::OK)
    })
}

/// Letters, digits and what base64 and UUIDs have besides: never JSON, never markup.
fn is_token(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_=+/.".contains(&b);
    (1..=TOKEN_MAX).contains(&text.len()) && text.bytes().all(plain)
}

fn parameter(parts: &Parts, name: &str) -> Option<String> {
    let query = parts.uri.query()?;
    let mut values = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == name);
    let value = values.next()?.1.into_owned();
    values.next().is_none().then_some(value)
}

fn json_answer(value: &serde_json::Value) -> Answer {
    Answer {
        headers: content("application/json"),
        body: value.to_string().into(),
        ..Answer::of(StatusCode::OK)
    }
}

fn content(kind: &'static str) -> HeaderMap {
    [(CONTENT_TYPE, HeaderValue::from_static(kind))]
        .into_iter()
        .collect()
}
