//! Answers to requests that were taken.

use super::{Door, Problem, Site, Unmatched};
use crate::routes::Streamed;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderName, Response, StatusCode};
use http_body_util::{Either, Full};
use serde::Serialize;
use tradewind_engine::Receipt;

/// The gateway's own answers are whole; those of functions are streamed.
pub type AnswerBody = Either<Full<Bytes>, Streamed>;

/// Position of the event, `stream@shard/offset`; only where the request held one event.
pub(crate) const POSITION: HeaderName = HeaderName::from_static("tradewind-position");
/// What the answer promises: `fsync`, `os` or `ephemeral`, of a stream on Kafka `replicated` or `unreplicated`; `none`
/// for routes.
pub(crate) const DURABILITY: HeaderName = HeaderName::from_static("tradewind-durability");

/// Headers of an answer, with those that the connection adds.
const HEADERS: usize = 6;
/// Bytes that an item of a usual answer takes, and what stands around all.
const ROOM: usize = 128;

/// Body of a 2xx: one item per event, in the order of the request.
#[derive(Debug, Serialize)]
pub struct Reply<'a> {
    /// Stream.
    pub stream: &'a str,
    /// One item per event.
    pub events: Vec<Item<'a>>,
}

/// What became of one event.
#[derive(Debug, Serialize)]
pub struct Item<'a> {
    /// The event's id.
    pub id: &'a str,
    /// Position, `shard/offset`; the original one for duplicates.
    pub position: &'a str,
    /// Whether the event was there already.
    pub duplicate: bool,
    /// It is durable, and another node decides whether it was there already; it has no position here.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub undecided: bool,
    /// Subscriptions that it goes to.
    pub matched: usize,
    /// When it will be appended, where it was published for later; it has no position yet.
    #[serde(rename = "due-ms", skip_serializing_if = "Option::is_none")]
    pub due_ms: Option<u64>,
}

/// 202 once all is durable, 200 where nothing new was stored.
pub(crate) fn taken(
    site: &Site,
    door: &Door,
    ids: &[String],
    receipts: &[Receipt],
) -> Result<Response<Full<Bytes>>, Problem> {
    let none = |r: &Receipt| r.matched == 0 && r.due_ms.is_none();
    let unmatched = !receipts.is_empty() && receipts.iter().all(none);
    if unmatched && door.unmatched == Unmatched::Reject {
        let mut problem = Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "unmatched",
            "no subscription wants this; the gateway has recorded it",
        )
        .hint("add a subscription whose filter it passes, then replay");
        problem.reason = receipts
            .first()
            .map(|r| format!("no subscription matches {}@{}", door.stream, r.position));
        return Err(problem);
    }
    let reply = Reply {
        stream: &door.stream,
        events: ids
            .iter()
            .zip(receipts)
            .map(|(id, receipt)| Item {
                id,
                position: &receipt.position,
                duplicate: receipt.duplicate,
                undecided: receipt.is_undecided(),
                matched: receipt.matched,
                due_ms: receipt.due_ms,
            })
            .collect(),
    };
    let mut body = Vec::with_capacity(ROOM * (1 + reply.events.len()));
    // Writing to memory cannot fail.
    serde_json::to_writer(&mut body, &reply).ok();
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = if receipts.iter().all(|r| r.duplicate) {
        StatusCode::OK
    } else {
        StatusCode::ACCEPTED
    };
    let headers = response.headers_mut();
    headers.reserve(HEADERS);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(
        DURABILITY,
        HeaderValue::from_static(site.durability(&door.stream)),
    );
    if let [receipt @ Receipt { due_ms: None, .. }] = receipts
        && !receipt.position.is_empty()
    {
        let position = [&*door.stream, "@", &receipt.position].concat();
        if let Ok(value) = HeaderValue::try_from(position) {
            headers.insert(POSITION, value);
        }
    }
    Ok(response)
}
