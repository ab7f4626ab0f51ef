//! Messages that are forms.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use tradewind_formats::{Error, Format, Message};

fn decode(name: &str, body: &'static str) -> Result<(String, String, Option<String>), Error> {
    let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
    let headers = HeaderMap::from_iter([(http::header::CONTENT_TYPE, kind.clone())]);
    let body = Bytes::from(body);
    let message = Message {
        headers: &headers,
        body: &body,
    };
    let events = Format::named(name).unwrap().decode(&message)?;
    assert_eq!(events.len(), 1);
    let event = &events[0];
    // What arrived, under the name that it arrived with.
    assert_eq!(event.data().unwrap().bytes, body);
    assert_eq!(event.data_content_type(), kind.to_str().ok());
    Ok((
        event.ty().to_owned(),
        event.source().to_owned(),
        event.subject().map(str::to_owned),
    ))
}

#[test]
fn are_read_by_their_fields() {
    let twilio = "https://api.twilio.com/2010-04-01/Accounts/AC1";
    for (body, ty, subject) in [
        (
            "AccountSid=AC1&MessageSid=SM1&MessageStatus=sent",
            "com.twilio.message.sent",
            Some("SM1"),
        ),
        (
            "AccountSid=AC1&SmsSid=SM1&SmsStatus=received&Body=a%26b",
            "com.twilio.message.received",
            Some("SM1"),
        ),
        (
            "AccountSid=AC1&CallSid=CA1&CallStatus=in-progress",
            "com.twilio.call.in-progress",
            Some("CA1"),
        ),
        ("AccountSid=AC1&AccountSid=AC2", "com.twilio.webhook", None),
    ] {
        let (seen_ty, source, seen_subject) = decode("twilio", body).unwrap();
        assert_eq!((seen_ty.as_str(), source.as_str()), (ty, twilio), "{body}");
        assert_eq!(seen_subject.as_deref(), subject, "{body}");
    }
}

#[test]
fn with_a_payload_are_that_payload() {
    let body = "payload=%7B%22id%22%3A%22evt_1%22%2C%22type%22%3A%22invoice.paid%22%7D";
    let (ty, ..) = decode("stripe", body).unwrap();
    assert_eq!(ty, "com.stripe.invoice.paid");
    let beside = "payload=%7B%22id%22%3A%221%22%7D&type=invoice.paid";
    assert!(decode("stripe", beside).is_err(), "two fields are fields");
}

#[test]
fn that_are_anything_are_no_panic() {
    for body in [
        "",
        "&&&",
        "=",
        "%",
        "a=%ff",
        "payload",
        "payload=",
        "payload=[[[",
        "a=\u{0}",
    ] {
        assert!(decode("twilio", body).is_err(), "{body:?}");
    }
}
