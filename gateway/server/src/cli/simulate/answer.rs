//! Whether an answer is what the provider would want to hear.

use super::providers::{Asks, Event};
use super::request::Made;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::Value;

/// What came back.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answered {
    /// What there is to say of it, good or bad.
    pub(super) fn judge(
        &self,
        event: &Event,
        made: &Made,
        tampered: bool,
    ) -> Result<String, String> {
        if tampered {
            // Who asks without a proof by OPTIONS is told what everybody is told.
            let asked = matches!(event.asks, Some(Asks::Header(..)));
            return match self.status {
                StatusCode::UNAUTHORIZED => Ok("refused, as it should be".into()),
                status if asked && !status.is_success() => {
                    Ok("not answered, as it should be".into())
                }
                status => Err(format!(
                    "a spoiled request must be answered 401, not {status}"
                )),
            };
        }
        if !self.status.is_success() {
            let told: Value = serde_json::from_slice(&self.body).unwrap_or_default();
            let of = |key: &str| told[key].as_str().map(str::to_owned);
            let why = of("detail").or_else(|| of("title"));
            return Err(why.unwrap_or_else(|| self.status.to_string()));
        }
        match event.asks {
            None => Ok(self.taken()),
            Some(asks) => self.hears(asks, made),
        }
    }

    fn taken(&self) -> String {
        let told: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let events = told["events"].as_array().into_iter().flatten();
        let ids: Vec<&str> = events.filter_map(|event| event["id"].as_str()).collect();
        ids.join(" ")
    }

    fn hears(&self, asks: Asks, made: &Made) -> Result<String, String> {
        let told: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let member = |name: &str| match &told[name] {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        };
        let (what, wanted, heard) = match asks {
            Asks::Body(text) => (
                "body",
                text.to_owned(),
                String::from_utf8_lossy(&self.body).into_owned(),
            ),
            Asks::Nothing => (
                "status",
                StatusCode::NO_CONTENT.to_string(),
                self.status.to_string(),
            ),
            Asks::Member(name, value) => (name, value.to_owned(), member(name)),
            Asks::Signature(name, prefix, _) => {
                let signature = made.signature.as_deref().unwrap_or_default();
                (name, format!("{prefix}{signature}"), member(name))
            }
            Asks::Header(name, value) => {
                let heard = self
                    .headers
                    .get(name)
                    .map(|v| v.as_bytes())
                    .unwrap_or_default();
                (
                    name,
                    value.to_owned(),
                    String::from_utf8_lossy(heard).into_owned(),
                )
            }
        };
        match heard == wanted {
            true => Ok("the handshake is answered".into()),
            false => Err(format!(
                "the handshake wants `{wanted}` as `{what}`, and heard `{heard}`"
            )),
        }
    }
}
