//! Asking a server of tokens.

use crate::kept::Fresh;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Request, StatusCode};
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tradewind_adapter::{Exchange, Unproved};

/// Most bytes of an answer of a server of tokens.
pub const ANSWER_MAX: usize = 64 << 10;
/// Most bytes of a token: more than servers take in a header.
const TOKEN_MAX: usize = 16 << 10;

/// Whom is asked, and what to look at where there is no token.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) exchange: Arc<dyn Exchange>,
    /// For people: no query, no secret.
    pub(crate) name: String,
    /// What to change where it refuses.
    pub(crate) hint: &'static str,
    /// What to change where it is not reached.
    pub(crate) absent: String,
}

impl Server {
    /// Posts a form.
    pub(crate) async fn post(
        &self,
        url: &str,
        form: &[(&str, &str)],
        authorization: Option<&str>,
    ) -> Result<Bytes, Unproved> {
        let said = form.iter().filter(|(_, value)| !value.is_empty());
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(said)
            .finish();
        let mut request = Request::post(url)
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(value) = authorization {
            request = request.header("authorization", value);
        }
        self.ask(request.body(Bytes::from(body))).await
    }

    /// Gets, with one more header.
    pub(crate) async fn get(&self, url: &str, header: (&str, &str)) -> Result<Bytes, Unproved> {
        let request = Request::get(url).header(header.0, header.1);
        self.ask(request.body(Bytes::new())).await
    }

    async fn ask(&self, request: http::Result<Request<Bytes>>) -> Result<Bytes, Unproved> {
        let name = &self.name;
        let request = request.map_err(|_| {
            Unproved::refused(format!(
                "{name} cannot be asked: a value is no header or URL"
            ))
        })?;
        let answer = self.exchange.ask(request).await.map_err(|why| {
            Unproved::unavailable(format!(
                "{name} was not reached: {why}; hint: {}",
                self.absent
            ))
        })?;
        let status = answer.status();
        match status {
            StatusCode::OK => Ok(answer.into_body()),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => Err(
                Unproved::unavailable(format!("{name} answered {}", status.as_u16())),
            ),
            _ if status.is_server_error() => Err(Unproved::unavailable(format!(
                "{name} answered {}",
                status.as_u16()
            ))),
            _ => Err(Unproved::refused(format!(
                "{name} answered {}{}; hint: {}",
                status.as_u16(),
                said(answer.body()),
                self.hint
            ))),
        }
    }

    /// A member of an answer that is a token, and how long it lasts.
    pub(crate) fn token(
        &self,
        answer: &[u8],
        member: &str,
        now: SystemTime,
    ) -> Result<Fresh<Arc<str>>, Unproved> {
        let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
        let token = answer[member].as_str().unwrap_or_default();
        self.text(token, lasts(&answer, token, now))
    }

    /// A token as it came, and how long it lasts.
    pub(crate) fn text(
        &self,
        token: &str,
        lasts: Option<Duration>,
    ) -> Result<Fresh<Arc<str>>, Unproved> {
        let plain = |b: u8| b.is_ascii_graphic();
        if token.is_empty() || token.len() > TOKEN_MAX || !token.bytes().all(plain) {
            return Err(Unproved::unavailable(format!(
                "{} answered without a token",
                self.name
            )));
        }
        Ok(Fresh {
            value: token.into(),
            lasts,
        })
    }
}

/// What an OAuth 2 error says (RFC 6749, section 5.2): its code, which is a word, and nothing more. What is
/// described in words may repeat what was asked.
fn said(answer: &[u8]) -> String {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let code = answer["error"].as_str().unwrap_or_default();
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    match (1..=60).contains(&code.len()) && code.bytes().all(word) {
        true => format!(" `{code}`"),
        false => String::new(),
    }
}

/// `expires_in`, a number or text; else `expires_on`, seconds of the Unix epoch, as Azure has both; else what
/// the token says itself.
fn lasts(answer: &Value, token: &str, now: SystemTime) -> Option<Duration> {
    let number = |name: &str| match &answer[name] {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number("expires_in")
        .map(Duration::from_secs)
        .or_else(|| Some(until(number("expires_on")?, now)))
        .or_else(|| expiry(token, now))
}

fn until(unix: u64, now: SystemTime) -> Duration {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    Duration::from_secs(unix).saturating_sub(now)
}

/// How long a JWT lasts by its own `exp`. It is not verified: whoever it is for does that.
pub(crate) fn expiry(token: &str, now: SystemTime) -> Option<Duration> {
    use base64::Engine;
    let claims = token.split('.').nth(1)?;
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims);
    let claims: Value = serde_json::from_slice(&claims.ok()?).ok()?;
    Some(until(claims["exp"].as_u64()?, now))
}

/// What times of tokens are compared with.
#[allow(
    clippy::disallowed_methods,
    reason = "tokens bear times of day; no decision of the engine hangs on it"
)]
pub(crate) fn wall_clock() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn times_are_read_in_every_form() {
        use base64::Engine;
        let now = UNIX_EPOCH + Duration::from_secs(1_000);
        let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(r#"{"exp":1600}"#);
        let token = format!("h.{claims}.s");
        for (answer, expected) in [
            (json!({"expires_in": 3599}), Some(3599)),
            (json!({"expires_in": "3599"}), Some(3599)),
            (json!({"expires_on": "1500"}), Some(500)),
            (json!({"expires_on": 1500, "expires_in": 9}), Some(9)),
            (json!({"expires_on": 1}), Some(0)),
            (json!({"expires_in": -1}), Some(600)),
            (json!({}), Some(600)),
        ] {
            let got = lasts(&answer, &token, now).map(|lasts| lasts.as_secs());
            assert_eq!(got, expected, "{answer}");
        }
        for none in ["", "a.b", "a.!.c", "opaque"] {
            assert_eq!(lasts(&json!({}), none, now), None, "{none}");
        }
    }

    #[test]
    fn an_error_is_a_word_or_nothing() {
        assert_eq!(said(br#"{"error":"invalid_client"}"#), " `invalid_client`");
        for answer in [
            "",
            "no",
            r#"{"error":"the secret is hunter2"}"#,
            r#"{"error":{"code":1}}"#,
            r#"{"error_description":"hunter2"}"#,
        ] {
            assert_eq!(said(answer.as_bytes()), "", "{answer}");
        }
    }
}
