//! The server.

use super::opening::Opening;
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
use tokio::sync::Semaphore;

/// Connections beside those whose requests are being handled.
const CONNECTIONS: usize = 512;
/// How often a connection of HTTP/2 is asked whether somebody is there, and the time for an answer.
const PING: Duration = Duration::from_secs(30);
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
    let most = options.concurrency.saturating_add(CONNECTIONS);
    let places = Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
    let service = Service::new(crew.clone(), options, dialect);
    let mut server = auto::Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT);
    server
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .keep_alive_timeout(HEAD_TIMEOUT);
    let connections = GracefulShutdown::new();
    let mut shutdown = pin!(shutdown);

    loop {
        let accepting = async {
            let place = places.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            accepted = accepting => accepted,
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
            .serve_connection(TokioIo::new(Opening::new(stream, HEAD_TIMEOUT)), answering)
            .into_owned();
        let connection = connections.watch(connection);
        // How a connection ends is the sender's affair: what counts is answered by then or not.
        tokio::spawn(async move {
            connection.await.ok();
            drop(place);
        });
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Event, Reply, handler_fn};
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::time::{sleep, timeout};

    /// Clients that send this and then nothing; at most so many, and how many were let in.
    #[derive(Clone)]
    struct Clients {
        says: &'static [u8],
        most: usize,
        count: Arc<AtomicUsize>,
        held: Arc<Mutex<Vec<DuplexStream>>>,
    }

    impl Accept for Clients {
        type Stream = DuplexStream;
        async fn accept(&self) -> std::io::Result<DuplexStream> {
            if self.count.fetch_add(1, Ordering::Relaxed) >= self.most {
                return std::future::pending().await;
            }
            let (mut client, served) = duplex(1 << 16);
            client.write_all(self.says).await?;
            self.held.lock().unwrap().push(client);
            Ok(served)
        }
    }

    async fn handle(_: Event) -> Reply {
        Reply::ack()
    }

    fn served(says: &'static [u8], most: usize) -> Clients {
        let clients = Clients {
            says,
            most,
            count: Arc::default(),
            held: Arc::default(),
        };
        let options = Options {
            concurrency: 1,
            ..Options::default()
        };
        let crew = Crew::new(Arc::new(handler_fn(handle)), Host::Http, &options);
        let (listener, never) = (clients.clone(), std::future::pending());
        tokio::spawn(serve_dialect(
            crew,
            listener,
            options,
            Arc::new(CloudEvents),
            never,
        ));
        clients
    }

    #[tokio::test(start_paused = true)]
    async fn who_says_nothing_is_let_go() {
        for says in [
            &b""[..],
            b"PRI * HT",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"POST / HT",
        ] {
            let clients = served(says, 1);
            sleep(Duration::from_millis(1)).await;
            let mut client = clients.held.lock().unwrap().pop().unwrap();
            let mut told = Vec::new();
            let closed = client.read_to_end(&mut told);
            let closed = timeout(Duration::from_secs(3600), closed).await;
            assert!(closed.is_ok(), "{says:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_are_let_in_until_some_have_gone() {
        let clients = served(b"", usize::MAX);
        sleep(Duration::from_millis(1)).await;
        let let_in = || clients.count.load(Ordering::Relaxed);
        assert_eq!(let_in(), CONNECTIONS + 1);
        sleep(HEAD_TIMEOUT).await;
        assert!(let_in() > CONNECTIONS + 1);
    }
}
