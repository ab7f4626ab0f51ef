//! Just enough HTTP/1.1: one event as bytes on the wire, and where a message ends.

use std::net::SocketAddr;

/// A key that the gateway under test knows, and its SHA-256.
const KEY: &str = "tw_bench_0123456789abcdef0123456789abcdef0123456789abcdef";
pub(crate) const KEY_SHA256: &str =
    "1beb9e987b1af44e6eae1327c04dfbf429978f50917b19bd44e26b07cc173362";

/// Nanoseconds of sending, then a number that makes it unique.
const ID: &str = "00000000000000000000-00000000";
/// A whole event in structured mode.
const EVENT: usize = 1024;

/// A request whose id is written anew for each event.
pub(crate) struct Template {
    bytes: Vec<u8>,
    id: usize,
}

impl Template {
    /// A structured event of 1 KiB with ten attributes and nested data.
    pub(crate) fn new(host: SocketAddr, path: &str) -> Self {
        let body = event();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\nuser-agent: bench\r\naccept: */*\r\n\
             authorization: Bearer {KEY}\r\n\
             content-type: application/cloudevents+json; charset=utf-8\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        let text = head + &body;
        Self {
            id: text.find(ID).unwrap_or_default(),
            bytes: text.into_bytes(),
        }
    }

    /// The bytes of the event that is sent, or was to be sent, at this moment.
    pub(crate) fn request(&mut self, sent: u64, number: u64) -> &[u8] {
        let id = id(sent, number);
        if let Some(place) = self.bytes.get_mut(self.id..self.id + ID.len()) {
            place.copy_from_slice(id.as_bytes());
        }
        &self.bytes
    }
}

/// What the id of an event is that is sent, or was to be sent, at this moment.
fn id(sent: u64, number: u64) -> String {
    format!("{sent:020}-{:08}", number % 100_000_000)
}

/// One event, on its own.
#[cfg(feature = "kafka")]
pub(crate) fn single(sent: u64, number: u64) -> String {
    event().replace(ID, &id(sent, number))
}

/// The body.
pub(crate) fn event() -> String {
    let around = |fill: &str| {
        format!(
            "{{\"specversion\":\"1.0\",\"id\":\"{ID}\",\"source\":\"/shop/checkout/eu-west-1\",\
             \"type\":\"com.example.shop.order.placed.v1\",\"subject\":\"orders/2026/11/4711\",\
             \"time\":\"2026-11-22T08:15:30.123456Z\",\"datacontenttype\":\"application/json\",\
             \"dataschema\":\"https://schemas.example.com/shop/order/placed/v1.json\",\
             \"traceparent\":\"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\",\
             \"partitionkey\":\"customer-0042\",\"data\":{{\"order\":{{\"id\":4711,\
             \"currency\":\"EUR\",\"total\":129.95,\"express\":true,\"items\":[{{\"sku\":\"A-1001\",\
             \"quantity\":2,\"price\":39.95}},{{\"sku\":\"B-2002\",\"quantity\":1,\"price\":50.05}}]}},\
             \"customer\":{{\"id\":42,\"name\":\"Ada Example\",\"country\":\"DE\"}},\
             \"note\":\"{fill}\"}}}}"
        )
    };
    let bare = around("").len();
    around(&"x".repeat(EVENT.saturating_sub(bare)))
}

/// Lengths of a message that is whole.
pub(crate) struct Message {
    pub(crate) head: usize,
    pub(crate) whole: usize,
}

/// The message at the start of `buffer`, once all of it is there. Bodies have a length.
pub(crate) fn message(buffer: &[u8]) -> Option<Message> {
    let head = 4 + buffer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let body = header(buffer.get(..head)?, b"content-length")
        .and_then(|value| std::str::from_utf8(value).ok()?.parse::<usize>().ok());
    let whole = head + body.unwrap_or(0);
    (buffer.len() >= whole).then_some(Message { head, whole })
}

/// The value of a header; `name` in lower case.
pub(crate) fn header<'a>(head: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    head.split(|byte| *byte == b'\n').find_map(|line| {
        let (found, rest) = line.split_at_checked(name.len())?;
        let value = rest.strip_prefix(b":")?;
        found.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
    })
}

/// The status of an answer.
pub(crate) fn status(buffer: &[u8]) -> Option<u16> {
    std::str::from_utf8(buffer.get(9..12)?).ok()?.parse().ok()
}

/// The moment that an id names.
pub(crate) fn sent(id: &[u8]) -> Option<u64> {
    let digits = id.split(|byte| *byte == b'-').next()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_one_message_of_a_kibibyte() {
        let mut template = Template::new(([127, 0, 0, 1], 80).into(), "/events");
        let bytes = template.request(1234, 7).to_vec();
        let found = message(&bytes).unwrap();
        assert_eq!(found.whole, bytes.len());
        assert_eq!(found.whole - found.head, EVENT);
        let event: serde_json::Value = serde_json::from_slice(&bytes[found.head..]).unwrap();
        assert_eq!(sent(event["id"].as_str().unwrap().as_bytes()), Some(1234));
    }

    #[test]
    fn messages_end_where_they_say() {
        let cases: [(&[u8], Option<usize>); 5] = [
            (b"HTTP/1.1 204 No Content\r\n\r\n", Some(27)),
            (b"HTTP/1.1 204 No Content\r\n\r", None),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok+", Some(40)),
            (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no", None),
            (b"HTTP/1.1 200 OK\r\nx-content-length: 2\r\n\r\n", Some(40)),
        ];
        for (bytes, whole) in cases {
            assert_eq!(
                message(bytes).map(|m| m.whole),
                whole,
                "{}",
                bytes.escape_ascii()
            );
        }
        assert_eq!(status(b"HTTP/1.1 202 Accepted\r\n"), Some(202));
    }
}
