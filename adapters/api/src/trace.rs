//! Trace context: what ties the hops of an event together (W3C Trace Context 1).

use http::HeaderMap;
use std::borrow::Cow;
use std::sync::Arc;
use tradewind_event::Event;

/// Name of the header, and of the CloudEvents extension, that names trace and span.
pub const TRACEPARENT: &str = "traceparent";
/// Name of the header, and of the extension, that carries what vendors add.
pub const TRACESTATE: &str = "tracestate";
/// Longest `tracestate` that is carried (section 3.3.1.5).
const STATE_MAX: usize = 512;

/// The span that a request belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    /// `traceparent`: version, trace, span and flags.
    pub parent: Arc<str>,
    /// `tracestate`, where there is one.
    pub state: Option<Arc<str>>,
}

impl TraceContext {
    /// From what a sender wrote; `None` for what is no `traceparent`. A `tracestate` that is none is
    /// left out.
    pub fn parse(parent: &str, state: Option<&str>) -> Option<Self> {
        let state = state.filter(|state| is_state(state));
        is_parent(parent).then(|| Self {
            parent: parent.into(),
            state: state.map(Into::into),
        })
    }

    /// Of the headers of a request.
    pub fn of_headers(headers: &HeaderMap) -> Option<Self> {
        let one = |name| headers.get(name)?.to_str().ok();
        Self::parse(one(TRACEPARENT)?, one(TRACESTATE))
    }

    /// Of the Distributed Tracing extension of an event: the span in which it began.
    pub fn of_event(event: &Event) -> Option<Self> {
        let (parent, state) = Self::texts_of(event)?;
        Some(Self {
            parent: parent.into(),
            state: state.map(Into::into),
        })
    }

    /// What [`TraceContext::of_event`] has, `traceparent` and `tracestate`, where it lies.
    pub fn texts_of(event: &Event) -> Option<(Cow<'_, str>, Option<Cow<'_, str>>)> {
        let parent = event.attribute(TRACEPARENT)?.to_canonical();
        if !is_parent(&parent) {
            return None;
        }
        let state = event.attribute(TRACESTATE);
        let state = state.map(|state| state.to_canonical());
        Some((parent, state.filter(|state| is_state(state))))
    }
}

/// What is carried as a `tracestate`.
fn is_state(text: &str) -> bool {
    let visible = |b: u8| b == b' ' || b == b'\t' || b.is_ascii_graphic();
    !text.is_empty() && text.len() <= STATE_MAX && text.bytes().all(visible)
}

/// `00-<32 hex>-<16 hex>-<2 hex>`, neither trace nor span zero; a later version may have more behind.
fn is_parent(text: &str) -> bool {
    let Some((known, rest)) = text.as_bytes().split_first_chunk::<55>() else {
        return false;
    };
    let (version, trace, span, flags) = (&known[..2], &known[3..35], &known[36..52], &known[53..]);
    let hex = |part: &[u8]| {
        let mut bytes = part.iter();
        bytes.all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(b))
    };
    let zero = |part: &[u8]| part.iter().all(|b| *b == b'0');
    [2, 35, 52].iter().all(|at| known[*at] == b'-')
        && [version, trace, span, flags].into_iter().all(hex)
        && !zero(trace)
        && !zero(span)
        && match version {
            b"00" => rest.is_empty(),
            b"ff" => false,
            _ => matches!(rest, [] | [b'-', ..]) && text.len() <= 256,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_trace_parent() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let span = "00f067aa0ba902b7";
        for (text, is) in [
            (format!("00-{trace}-{span}-01"), true),
            (format!("00-{trace}-{span}-00"), true),
            (format!("cc-{trace}-{span}-01-what-comes"), true),
            (format!("00-{trace}-{span}-01-what-comes"), false),
            (format!("ff-{trace}-{span}-01"), false),
            (format!("00-{}-{span}-01", trace.to_uppercase()), false),
            (format!("00-{}-{span}-01", "0".repeat(32)), false),
            (format!("00-{trace}-{}-01", "0".repeat(16)), false),
            (format!("00-{trace}-{span}"), false),
            (format!("00-{trace}x-{span}-01"), false),
            (String::new(), false),
            (format!("cc-{trace}-{span}-01-{}", "x".repeat(300)), false),
        ] {
            assert_eq!(TraceContext::parse(&text, None).is_some(), is, "{text}");
        }
        let parent = format!("00-{trace}-{span}-01");
        let state = |state: &str| TraceContext::parse(&parent, Some(state)).unwrap().state;
        assert_eq!(state("a=b,c=d").as_deref(), Some("a=b,c=d"));
        assert_eq!(state("a=\u{1}"), None);
        assert_eq!(state(&"x".repeat(513)), None);
    }
}
