//! One address for whichever handler is the present one: connections are passed on byte by byte, new ones to
//! the newest. So a reload has no moment at which nobody answers.

use crate::failure::Failure;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The port that is asked for first, so that it stays the same from day to day.
const PORT: u16 = 8090;
/// Pause when the system gives no more connections.
const PAUSE: Duration = Duration::from_millis(50);

/// Passes connections on until it is dropped.
#[derive(Debug)]
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    present: watch::Sender<Option<SocketAddr>>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Relay {
    pub(crate) async fn start() -> Result<Self, Failure> {
        let address = super::free(Some(PORT))?;
        let listener = TcpListener::bind(address)
            .await
            .map_err(|e| Failure::new(format!("{address}: {e}")))?;
        let (present, seen) = watch::channel(None);
        let accepting = tokio::spawn(accept(listener, seen));
        Ok(Self {
            address,
            present,
            accepting,
        })
    }

    /// New connections go there.
    pub(crate) fn to(&self, handler: SocketAddr) {
        self.present.send_replace(Some(handler));
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, present: watch::Receiver<Option<SocketAddr>>) {
    loop {
        let Ok((mut caller, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let handler = *present.borrow();
        tokio::spawn(async move {
            caller.set_nodelay(true).ok();
            // Without a handler the connection is closed, and the caller tries again.
            let Some(handler) = handler else { return };
            let Ok(mut handler) = TcpStream::connect(handler).await else {
                return;
            };
            handler.set_nodelay(true).ok();
            tokio::io::copy_bidirectional(&mut caller, &mut handler)
                .await
                .ok();
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn server(says: &'static str) -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut byte = [0];
                    while stream.read_exact(&mut byte).await.is_ok() {
                        stream.write_all(says.as_bytes()).await.ok();
                    }
                });
            }
        });
        address
    }

    async fn ask(stream: &mut TcpStream) -> String {
        let mut said = [0; 3];
        stream.write_all(b"?").await.unwrap();
        match stream.read_exact(&mut said).await {
            Ok(_) => String::from_utf8_lossy(&said).into_owned(),
            Err(_) => String::new(),
        }
    }

    #[tokio::test]
    async fn open_connections_stay_and_new_ones_go_to_the_newest() {
        let relay = Relay::start().await.unwrap();
        let connect = || async { TcpStream::connect(relay.address).await.unwrap() };
        assert_eq!(ask(&mut connect().await).await, "");
        relay.to(server("old").await);
        let mut open = connect().await;
        assert_eq!(ask(&mut open).await, "old");
        relay.to(server("new").await);
        assert_eq!(ask(&mut connect().await).await, "new");
        assert_eq!(ask(&mut open).await, "old");
    }
}
