//! Answers to requests that came together leave together: hyper writes each by itself, and a thousand pipelined
//! requests would be a thousand writes.

use std::io::IoSlice;

/// The most that waits, on each connection.
const MOST: usize = 4 << 10;

#[derive(Debug, Default)]
pub(super) struct Bundle {
    /// Requests that had begun when bytes were read last.
    before: u32,
    answers: Vec<u8>,
    /// What was written of it.
    sent: usize,
    /// An answer came since it was last to go.
    grew: bool,
}

impl Bundle {
    /// Bytes were read while so many requests had begun.
    pub(super) fn read(&mut self, begun: u32) {
        self.before = begun;
    }

    /// Takes this in, if it answers not the first of the requests that came together, and there is room for it.
    pub(super) fn take(&mut self, begun: u32, bufs: &[IoSlice<'_>]) -> bool {
        let size: usize = bufs.iter().map(|buf| buf.len()).sum();
        let first = begun.wrapping_sub(self.before) < 2;
        if first || self.sent > 0 || self.answers.len() + size > MOST {
            return false;
        }
        bufs.iter()
            .for_each(|buf| self.answers.extend_from_slice(buf));
        self.grew = true;
        true
    }

    /// Whether an answer came since this was last asked.
    pub(super) fn grows(&mut self) -> bool {
        std::mem::take(&mut self.grew)
    }

    /// What is to be written.
    pub(super) fn waiting(&self) -> Option<&[u8]> {
        self.answers
            .get(self.sent..)
            .filter(|rest| !rest.is_empty())
    }

    /// So many bytes of it were.
    pub(super) fn written(&mut self, bytes: usize) {
        self.sent += bytes;
        if self.sent >= self.answers.len() {
            // Connections are many, and few of them need this.
            (self.answers, self.sent) = (Vec::new(), 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::activity::Activity;
    use super::super::budget::Budget;
    use super::super::wire::Wire;
    use bytes::Bytes;
    use http_body_util::Full;
    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use std::convert::Infallible;
    use std::io::Result;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll};
    use tokio::io::{
        AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex,
    };
    use tokio::sync::Notify;

    struct Counted(DuplexStream, Arc<AtomicUsize>);

    impl AsyncRead for Counted {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<Result<()>> {
            Pin::new(&mut self.0).poll_read(cx, buf)
        }
    }

    impl AsyncWrite for Counted {
        fn poll_write(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &[u8],
        ) -> Poll<Result<usize>> {
            self.1.fetch_add(1, Ordering::Relaxed);
            Pin::new(&mut self.0).poll_write(cx, buf)
        }
        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
            Pin::new(&mut self.0).poll_flush(cx)
        }
        fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
            Pin::new(&mut self.0).poll_shutdown(cx)
        }
    }

    /// A connection to a server that answers each request with its path, `/slow` once it is told to.
    fn connect() -> (DuplexStream, Arc<AtomicUsize>, Arc<Notify>) {
        let (theirs, ours) = duplex(1 << 20);
        let (writes, goes_on) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let activity = Activity::new();
        let ours = Counted(ours, writes.clone());
        let wire = Wire::new(ours, activity.clone(), Budget::new(1 << 20));
        let slow = goes_on.clone();
        let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
            let (under_way, _) = activity.begin(request.version());
            let slow = slow.clone();
            async move {
                let path = request.uri().path().to_owned();
                if path == "/slow" {
                    slow.notified().await;
                }
                under_way.answered();
                Ok::<_, Infallible>(http::Response::new(Full::new(Bytes::from(path))))
            }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(wire), service));
        (theirs, writes, goes_on)
    }

    fn requests(paths: &[&str]) -> String {
        paths
            .iter()
            .map(|path| format!("GET {path} HTTP/1.1\r\nhost: g\r\n\r\n"))
            .collect()
    }

    /// The paths of so many answers.
    async fn answers(stream: &mut DuplexStream, count: usize) -> Vec<String> {
        let mut read = String::new();
        loop {
            let paths: Vec<_> = read
                .split("HTTP/1.1 200 OK")
                .filter_map(|answer| Some(answer.split_once("\r\n\r\n")?.1.to_owned()))
                .collect();
            if paths.len() >= count {
                return paths;
            }
            let mut some = [0; 4096];
            let bytes = stream.read(&mut some).await.unwrap();
            assert!(bytes > 0, "{read}");
            read += std::str::from_utf8(&some[..bytes]).unwrap();
        }
    }

    #[tokio::test]
    async fn answers_to_requests_that_came_together_leave_together_and_in_order() {
        let (mut stream, writes, _) = connect();
        let paths: Vec<_> = (0..200).map(|n| format!("/{n:03}")).collect();
        let paths: Vec<_> = paths.iter().map(String::as_str).collect();
        stream.write_all(requests(&paths).as_bytes()).await.unwrap();
        assert_eq!(answers(&mut stream, 200).await, paths);
        let writes = writes.load(Ordering::Relaxed);
        assert!(writes < 30, "{writes}");
    }

    #[tokio::test]
    async fn no_answer_waits_for_a_request_that_is_not_whole_or_not_done() {
        let (mut stream, _, goes_on) = connect();
        let begun = requests(&["/a", "/b", "/c"]) + "GET /d HT";
        stream.write_all(begun.as_bytes()).await.unwrap();
        assert_eq!(answers(&mut stream, 3).await, ["/a", "/b", "/c"]);
        let rest = "TP/1.1\r\nhost: g\r\n\r\n".to_owned();
        let rest = rest + &requests(&["/e", "/f", "/slow", "/g"]);
        stream.write_all(rest.as_bytes()).await.unwrap();
        assert_eq!(answers(&mut stream, 3).await, ["/d", "/e", "/f"]);
        goes_on.notify_one();
        assert_eq!(answers(&mut stream, 2).await, ["/slow", "/g"]);
    }
}
