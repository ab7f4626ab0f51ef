//! Servers that always give the same answer.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What a server answers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Answer {
    Status(u16, &'static str),
    Never,
    Endless,
}

/// URL of a queue on a server that gives this answer; it serves as long as the test runs.
pub(crate) async fn queue(answer: Answer) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, answer));
        }
    });
    format!("http://{address}/123456789012/orders")
}

/// URL of a queue where nobody listens.
pub(crate) async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    format!("http://{address}/123456789012/orders")
}

async fn serve(mut stream: TcpStream, answer: Answer) {
    let mut buffer = vec![0; 64 << 10];
    if stream.read(&mut buffer).await.is_err() {
        return;
    }
    let head = |status: u16, framing: &str| {
        format!(
            "HTTP/1.1 {status} Canned\r\ncontent-type: application/x-amz-json-1.0\r\n\
             connection: close\r\n{framing}\r\n\r\n"
        )
    };
    match answer {
        Answer::Status(status, body) => {
            let length = format!("content-length: {}", body.len());
            let answer = head(status, &length) + body;
            stream.write_all(answer.as_bytes()).await.ok();
        }
        Answer::Never => std::future::pending().await,
        Answer::Endless => {
            let head = head(200, "transfer-encoding: chunked");
            stream.write_all(head.as_bytes()).await.ok();
            let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
            while stream.write_all(chunk.as_bytes()).await.is_ok() {}
        }
    }
}
