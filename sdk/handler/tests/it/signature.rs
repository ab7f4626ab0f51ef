use crate::server::Server;
use std::time::{Duration, SystemTime};
use tradewind::{Bytes, Options, Reply};

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// What else is no signature is tried beside the code; here, that the service asks before it reads.
#[tokio::test]
async fn only_signed_requests_are_read() {
    #[tradewind::handler]
    async fn note(bytes: Bytes) -> Reply {
        Reply::bytes("t2", "application/json", bytes)
    }
    let options = Options::default().signing_secrets(SECRET).unwrap();
    let options = options.clock(|| SystemTime::UNIX_EPOCH + Duration::from_secs(1_649_367_600));
    let server = Server::start(note, options).await;
    let signed = [
        ("webhook-id", "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk"),
        ("webhook-timestamp", "1649367553"),
        (
            "webhook-signature",
            "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
        ),
    ];
    let body = r#"{"email":"test@example.com","username":"test_user"}"#;
    let answer = server.event(body, &signed).await;
    assert_eq!(answer.status.as_u16(), 200);
    assert_eq!(answer.body, body);
    assert_eq!(
        answer.header("ce-id"),
        Some("msg_27UH4WbU6Z5A5EzD8u03UvzRbpk.reply")
    );

    for (headers, body) in [(&[][..], body), (&signed, "{}"), (&signed, "no json")] {
        let answer = server.event(body, headers).await;
        assert_eq!(answer.status.as_u16(), 401);
        assert_eq!(answer.detail(), "a valid signature is required");
    }
}
