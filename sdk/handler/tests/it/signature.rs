use crate::server::Server;
use tradewind::{Event, Options};

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// What the clock and the signature say is tried beside the code, with published vectors; here, that
/// the service asks at all.
#[tokio::test]
async fn unsigned_requests_are_refused_before_anything_is_read() {
    #[tradewind::handler]
    async fn unreachable(_event: Event) {
        panic!("reached");
    }
    let server = Server::start(
        unreachable,
        Options::default().signing_secrets(SECRET).unwrap(),
    )
    .await;
    let old = [
        ("webhook-id", "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk"),
        ("webhook-timestamp", "1649367553"),
        (
            "webhook-signature",
            "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
        ),
    ];
    for headers in [&[][..], &old] {
        for body in ["{}", "no json"] {
            let answer = server.event(body, headers).await;
            assert_eq!(answer.status.as_u16(), 401);
            assert_eq!(answer.detail(), "a valid signature is required");
        }
    }
}
