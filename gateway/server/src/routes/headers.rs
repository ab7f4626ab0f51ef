//! Headers at the border: what ends here, what is withheld, and what is said about the way.

use super::caller::{Caller, is_claim};
use super::route::Route;
use http::header::{CONNECTION, CONTENT_LENGTH, COOKIE, HOST, HeaderName, TE, VIA};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, Version, response};
use http_body::Body as _;
use http_body_util::{BodyExt, Empty};
use tradewind_adapter::Body;
use tradewind_config::{WITHHELD, WITHHELD_PREFIX};

/// Gateways that a request has passed.
const HOPS: HeaderName = HeaderName::from_static("tradewind-hops");
/// The same of an event in binary mode.
const EVENT_HOPS: HeaderName = HeaderName::from_static("ce-tradewindhops");
/// Headers that only the gateway writes.
const OWN: &str = "tradewind-";

/// Gateways that a request has passed already; a count that cannot be read is taken for too many.
pub(super) fn hops(headers: &HeaderMap) -> u32 {
    let read = |value: &HeaderValue| value.to_str().ok()?.trim().parse().ok();
    let all = [HOPS, EVENT_HOPS];
    let all = all.iter().flat_map(|name| headers.get_all(name));
    all.map(|value| read(value).unwrap_or(u32::MAX))
        .max()
        .unwrap_or_default()
}

/// What concerns one connection only, or is written anew for the next (RFC 9110, section 7.6.1).
fn ends_here(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "http2-settings"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "transfer-encoding"
            | "upgrade"
    ) || name.starts_with(OWN)
}

/// Takes out what matches, and what the header `connection` names.
fn take_out(headers: &mut HeaderMap, matches: impl Fn(&HeaderName) -> bool) {
    let mut gone: Vec<HeaderName> = Vec::new();
    for list in headers.get_all(CONNECTION) {
        let names = list.as_bytes().split(|b| *b == b',');
        gone.extend(names.filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok()));
    }
    gone.extend(headers.keys().filter(|name| matches(name)).cloned());
    for name in gone {
        headers.remove(name);
    }
}

/// Leaves the headers of a request that the function of `route` may see, and tells it who called.
pub(super) fn seen(
    route: &Route,
    caller: &Caller,
    host: Option<HeaderValue>,
    headers: &mut HeaderMap,
) {
    let way = caller.way(headers);
    // What a proxy said is told in the way; its own words are not repeated beside it.
    let believed = caller.is_proxy();
    take_out(headers, |name| {
        let text = name.as_str();
        let withheld = WITHHELD.contains(&text)
            || text.starts_with(WITHHELD_PREFIX)
            || route.callers.credentials().contains(name);
        ends_here(text)
            || matches!(text, "content-length" | "expect" | "host")
            || withheld && !route.forward.contains(name)
            || believed && is_claim(name)
    });
    way.tell(host, headers);
    // HTTP/2 sends crumbs (RFC 9113, section 8.2.3).
    if headers.get_all(COOKIE).iter().nth(1).is_some() {
        let crumbs: Vec<&[u8]> = headers
            .get_all(COOKIE)
            .iter()
            .map(|v| v.as_bytes())
            .collect();
        match HeaderValue::from_bytes(&crumbs.join(&b"; "[..])) {
            Ok(whole) => headers.insert(COOKIE, whole),
            Err(_) => headers.remove(COOKIE),
        };
    }
}

/// The host that a request is for.
pub(super) fn host(parts: &Parts) -> Option<HeaderValue> {
    match parts.uri.authority() {
        Some(authority) => HeaderValue::try_from(authority.as_str()).ok(),
        None => parts.headers.get(HOST).cloned(),
    }
}

/// The headers of a request as they are passed on.
pub(super) fn passed_on(route: &Route, caller: &Caller, parts: &mut Parts, hops: u32) -> HeaderMap {
    let host = host(parts);
    let trailers = parts.headers.get(TE).is_some_and(|te| {
        let mut wishes = te.as_bytes().split(|b| *b == b',');
        wishes.any(|wish| wish.trim_ascii().eq_ignore_ascii_case(b"trailers"))
    });
    let mut headers = std::mem::take(&mut parts.headers);
    seen(route, caller, host, &mut headers);
    if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    headers.append(
        VIA,
        HeaderValue::from_static(match parts.version {
            Version::HTTP_2 => "2 tradewind",
            Version::HTTP_10 => "1.0 tradewind",
            _ => "1.1 tradewind",
        }),
    );
    headers.insert(HOPS, hops.saturating_add(1).into());
    headers
}

/// Leaves the headers of an answer that are the function's to say, and its body where it may have
/// one.
pub(super) fn answered(head: &mut response::Parts, head_only: bool, body: Body) -> Body {
    take_out(&mut head.headers, |name| ends_here(name.as_str()));
    let none = matches!(
        head.status,
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
    );
    let body = match head_only || none {
        true => Empty::new().map_err(|never| match never {}).boxed_unsync(),
        false => body,
    };
    // A length without a body is what the body would have. Otherwise the framing decides: a length
    // that it does not confirm was one of two.
    let unsaid = head.status == StatusCode::NO_CONTENT;
    let unsized_body = !head_only && !none && body.size_hint().exact().is_none();
    if unsaid || unsized_body {
        head.headers.remove(CONTENT_LENGTH);
    }
    body
}
