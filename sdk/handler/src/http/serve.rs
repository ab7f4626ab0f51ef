//! The server.

use super::service::Service;
use super::{CloudEvents, Dialect, Options, stream};
use crate::crew::Crew;
use crate::{Handler, Host};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// Longest time for the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Time for the last answers to be read, when the last handlers have ended.
const ANSWER_TIME: Duration = Duration::from_secs(1);
/// Pause when the system gives no more connections.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves a handler over HTTP/1.1 and HTTP/2 on `listener` until `shutdown` completes; then takes no
/// more, waits for what is under way, at most until each one's deadline, and returns.
/// [`run`](crate::run) does this with the process's environment and signals.
pub async fn serve(
    handler: impl Handler,
    listener: TcpListener,
    options: Options,
    shutdown: impl Future<Output = ()>,
) {
    let crew = Crew::new(Arc::new(handler), Host::Http, &options);
    serve_dialect(crew, listener, options, Arc::new(CloudEvents), shutdown).await;
}

/// The same for any platform that calls over HTTP.
pub(crate) async fn serve_dialect(
    crew: Crew,
    listener: impl Accept,
    options: Options,
    dialect: Arc<dyn Dialect>,
    shutdown: impl Future<Output = ()>,
) {
    let grace = options.timeout + ANSWER_TIME;
    let service = Service::new(crew.clone(), options, dialect);
    let mut server = auto::Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT);
    server.http2().timer(TokioTimer::new());
    let connections = GracefulShutdown::new();
    let mut shutdown = pin!(shutdown);

    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => break,
        };
        let Ok(stream) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let service = service.clone();
        let answering = service_fn(move |request| {
            let service = service.clone();
            async move { Ok::<_, Infallible>(stream::body(service.answer(request).await)) }
        });
        let connection = server
            .serve_connection(TokioIo::new(stream), answering)
            .into_owned();
        let connection = connections.watch(connection);
        // How a connection ends is the sender's affair: what counts is answered by then or not.
        tokio::spawn(async move { connection.await.ok() });
    }

    drop(listener);
    crew.stopping.cancel();
    let mut closing = pin!(connections.shutdown());
    let open = tokio::time::timeout(grace, &mut closing).await.is_err();
    // A platform may give its calls longer.
    crew.tasks.close();
    crew.tasks.wait().await;
    if open {
        // Every handler has ended; who does not read the answer now will not.
        tokio::time::timeout(ANSWER_TIME, closing).await.ok();
    }
}

/// What connections come from.
pub(crate) trait Accept {
    type Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static;
    async fn accept(&self) -> std::io::Result<Self::Stream>;
}

impl Accept for TcpListener {
    type Stream = TcpStream;
    async fn accept(&self) -> std::io::Result<TcpStream> {
        let (stream, _) = TcpListener::accept(self).await?;
        // Answers are small and complete: there is nothing to wait for.
        stream.set_nodelay(true).ok();
        Ok(stream)
    }
}

impl Accept for UnixListener {
    type Stream = UnixStream;
    async fn accept(&self) -> std::io::Result<UnixStream> {
        Ok(UnixListener::accept(self).await?.0)
    }
}
