//! The bytes that are signed.

use crate::fault::{Because, Fault};
use crate::plan::{Part, Plan, Set, Spot};
use crate::{SIGNATURE_BYTES_MAX, url};
use http::HeaderName;
use std::borrow::Cow;
use tradewind_adapter::{Cause, Parts};

/// A request taken apart, for one set of places.
pub(crate) struct Content<'a> {
    pub(crate) id: Option<&'a str>,
    /// What the sender appends to its address.
    suffix: String,
    form: String,
    parts: &'a Parts,
    body: &'a [u8],
}

impl<'a> Content<'a> {
    pub(crate) fn new(
        plan: &Plan,
        set: &Set,
        parts: &'a Parts,
        body: &'a [u8],
    ) -> Result<Self, Fault> {
        let (mut id, mut form) = (None, Default::default());
        for part in &plan.signed {
            match (part, &set.id) {
                (Part::Id(end), Some(name)) => id = Some(value(parts, name, end)?),
                (Part::Header(name, end), _) => value(parts, name, end).map(drop)?,
                (Part::Form, _) => form = url::form(parts, body)?,
                _ => {}
            }
        }
        let (suffix, form) = form;
        Ok(Self {
            id,
            suffix,
            form,
            parts,
            body,
        })
    }

    /// The parts in order, for this timestamp and address.
    pub(crate) fn pieces<'p>(
        &'p self,
        plan: &'p Plan,
        timestamp: &'p str,
        url: &'p str,
    ) -> Vec<Cow<'p, [u8]>> {
        let text = |text: &'p str| Cow::Borrowed(text.as_bytes());
        let piece = |part: &'p Part| match part {
            Part::Text(fixed) => text(fixed),
            Part::Id(_) => text(self.id.unwrap_or_default()),
            Part::Header(name, _) => match self.parts.headers.get(name) {
                Some(value) => Cow::Borrowed(value.as_bytes()),
                None => text(""),
            },
            Part::Timestamp(_) => text(timestamp),
            Part::Url if self.suffix.is_empty() => text(url),
            Part::Url => {
                let link = if url.contains('?') { '&' } else { '?' };
                Cow::Owned(format!("{url}{link}{}", self.suffix).into_bytes())
            }
            Part::Form => text(&self.form),
            Part::Body => Cow::Borrowed(self.body),
        };
        plan.signed.iter().map(piece).collect()
    }
}

/// A signed header. Where `end` follows it must not contain that, or bytes could move between it and
/// what comes behind.
pub(crate) fn value<'a>(parts: &'a Parts, name: &HeaderName, end: &str) -> Result<&'a str, Fault> {
    let text = single(parts, name)?;
    if text.is_empty() || !end.is_empty() && text.contains(end) {
        return Err(format!("the header `{name}` is empty or contains `{end}`").into());
    }
    Ok(text)
}

/// The one value of a header. Two would let whoever comes between choose the one we look at.
pub(crate) fn single<'a>(parts: &'a Parts, name: &HeaderName) -> Result<&'a str, Fault> {
    let mut values = parts.headers.get_all(name).iter();
    let value = values
        .next()
        .ok_or_else(|| Cause::Missing.because(format!("the header `{name}` is missing")))?;
    if values.next().is_some() {
        return Err(format!("the header `{name}` is repeated").into());
    }
    if value.len() > SIGNATURE_BYTES_MAX {
        let reason = format!("the header `{name}` is longer than {SIGNATURE_BYTES_MAX} bytes");
        return Err(reason.into());
    }
    value
        .to_str()
        .map_err(|_| format!("the header `{name}` holds more than visible ASCII").into())
}

impl Spot {
    pub(crate) fn is_in(&self, parts: &Parts) -> bool {
        match self {
            Spot::Header(name) => parts.headers.contains_key(name),
            Spot::Query(name) => !matches!(url::query(&parts.uri, name), Ok(None)),
        }
    }

    pub(crate) fn value<'a>(&self, parts: &'a Parts) -> Result<Cow<'a, str>, Fault> {
        match self {
            Spot::Header(name) => single(parts, name).map(Cow::Borrowed),
            Spot::Query(name) => {
                let missing = || Cause::Missing.because(format!("{self} is missing"));
                url::query(&parts.uri, name)?.ok_or_else(missing)
            }
        }
    }
}

impl std::fmt::Display for Spot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Spot::Header(name) => write!(f, "the header `{name}`"),
            Spot::Query(name) => write!(f, "the parameter `{name}` of the query"),
        }
    }
}
