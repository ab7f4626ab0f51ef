//! What is signed of the address, and of a form.

use crate::fault::{Because, Fault};
use http::header::CONTENT_TYPE;
use http::uri::Scheme;
use http::{Uri, header::HeaderMap};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use subtle::ConstantTimeEq;
use tradewind_adapter::{Cause, Parts};

const BODY_DIGEST: &str = "bodySHA256";

/// The address that the sender was given, as senders write it: some add the default port, some take any
/// port away.
pub(crate) fn variants(url: &str) -> Result<Vec<String>, String> {
    let refuse = || format!("`{url}` is no absolute http or https URL");
    let uri: Uri = url.parse().map_err(|_| refuse())?;
    let port = match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS => 443,
        Some(scheme) if *scheme == Scheme::HTTP => 80,
        _ => return Err(refuse()),
    };
    let authority = uri.authority().ok_or_else(refuse)?;
    let (before, behind) = url.split_once(authority.as_str()).ok_or_else(refuse)?;
    let bare = match authority.port() {
        None => authority.as_str(),
        Some(port) => authority
            .as_str()
            .strip_suffix(port.as_str())
            .and_then(|rest| rest.strip_suffix(':'))
            .ok_or_else(refuse)?,
    };
    let mut all = vec![url.to_owned(), format!("{before}{bare}{behind}")];
    if authority.port().is_none() {
        all.push(format!("{before}{bare}:{port}{behind}"));
    }
    all.dedup();
    Ok(all)
}

/// What the sender appends to its address, and the text of the form.
pub(crate) fn form(parts: &Parts, body: &[u8]) -> Result<(String, String), Fault> {
    if is_form(&parts.headers) {
        return Ok((String::new(), fields(body)?));
    }
    let claim = query(&parts.uri, BODY_DIGEST)?.ok_or_else(|| {
        Cause::Missing.because("the body is no form, and the query has no `bodySHA256`")
    })?;
    let digest = Sha256::digest(body);
    match crate::encoding::hex(claim.as_bytes()) {
        Some(claimed) if bool::from(digest.ct_eq(&claimed)) => {
            Ok((format!("{BODY_DIGEST}={claim}"), String::new()))
        }
        _ => Err(Cause::Mismatch.because("`bodySHA256` is not the digest of the body")),
    }
}

/// The one value of a parameter of the query.
pub(crate) fn query<'a>(uri: &'a Uri, name: &str) -> Result<Option<Cow<'a, str>>, String> {
    let pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let mut values = pairs.filter(|(key, _)| key == name).map(|(_, value)| value);
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        _ => Err(format!("the parameter `{name}` is repeated")),
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let essence = value.unwrap_or_default().split(';').next();
    essence
        .unwrap_or_default()
        .trim()
        .eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// Names and values in order, without repetitions. Nothing marks where a name ends: that is how the
/// scheme is.
fn fields(body: &[u8]) -> Result<String, String> {
    let mut fields: Vec<(Cow<'_, str>, Cow<'_, str>)> = form_urlencoded::parse(body).collect();
    let replaced = |text: &str| text.contains(char::REPLACEMENT_CHARACTER);
    if fields.iter().any(|(k, v)| replaced(k) || replaced(v)) {
        // Many bytes become this one character, so the signature would not tell them apart.
        return Err("the form is not UTF-8".into());
    }
    fields.sort();
    fields.dedup();
    Ok(fields
        .iter()
        .flat_map(|(k, v)| [k.as_ref(), v.as_ref()])
        .collect())
}
