//! A target that misbehaves in every way that TCP and HTTP/1.1 allow, and counts what it meets.

use crate::oracle::Oracle;
use crate::watch::Watch;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;

/// Nobody sends as much in an honest request.
const HEAD_MAX: u64 = 64 << 10;
/// Send buffer of its connections: what is written was read by the peer, but for about this and the
/// peer's receive buffer.
const BUFFER: u32 = 16 << 10;

/// What it does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    Good,
    /// Reads the request and never answers.
    Hole,
    /// One byte of the answer a second.
    Drip,
    /// Headers that never end, as fast as they are taken.
    EndlessHead,
    /// 200, and a body that never ends.
    EndlessBody,
    /// An answer with this status; 429 carries `Retry-After` in seconds, 3xx a location.
    Status(u16, u64),
    /// Closes the connection in place of an answer.
    Hangup,
    /// Holds requests of this subject for ever, answers the others.
    HoldSubject(&'static str),
}

/// One request that it took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    /// When it had arrived, microseconds of the watch.
    pub(crate) at_us: u64,
    /// When it was answered, or the peer gave up.
    pub(crate) until_us: u64,
    /// Bytes that the peer let itself be sent.
    pub(crate) sent: u64,
}

#[derive(Debug)]
struct State {
    manner: Manner,
    /// Types that are treated otherwise, whatever the manner.
    types: HashMap<String, Manner>,
    /// Where redirects lead.
    elsewhere: Option<SocketAddr>,
    open: usize,
    most: usize,
    taken: Vec<Taken>,
}

/// The target.
pub(crate) struct Target {
    name: String,
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
    oracle: Oracle,
    watch: Watch,
    listening: Option<JoinHandle<()>>,
}

struct Asked {
    id: String,
    ty: String,
    subject: String,
    due: Option<u64>,
    body: Vec<u8>,
}

impl Target {
    /// Starts a good one.
    pub(crate) async fn start(name: &str, oracle: &Oracle, watch: &Watch) -> Result<Self, String> {
        let listener = listen(([127, 0, 0, 1], 0).into())?;
        let mut target = Self {
            name: name.to_owned(),
            address: listener.local_addr().map_err(|e| e.to_string())?,
            state: Arc::new(Mutex::new(State {
                manner: Manner::Good,
                types: HashMap::new(),
                elsewhere: None,
                open: 0,
                most: 0,
                taken: Vec::new(),
            })),
            oracle: oracle.clone(),
            watch: watch.clone(),
            listening: None,
        };
        target.listen(listener);
        Ok(target)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Behaves so from now on.
    pub(crate) fn behave(&self, manner: Manner) {
        self.state().manner = manner;
    }

    /// Treats a type otherwise.
    pub(crate) fn treat(&self, ty: &str, manner: Manner) {
        self.state().types.insert(ty.to_owned(), manner);
    }

    /// Where redirects lead.
    pub(crate) fn redirect_to(&self, address: SocketAddr) {
        self.state().elsewhere = Some(address);
    }

    /// Refuses connections, and ends those that are idle.
    pub(crate) fn leave(&mut self) {
        if let Some(listening) = self.listening.take() {
            listening.abort();
        }
    }

    /// Takes connections again, at the same address.
    pub(crate) async fn come_back(&mut self) -> Result<(), String> {
        for _ in 0..100 {
            match listen(self.address) {
                Ok(listener) => {
                    self.listen(listener);
                    return Ok(());
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
        Err("the address of the target is taken".into())
    }

    /// What it met since it was asked last, and how many requests were under way at most.
    pub(crate) fn met(&self) -> (Vec<Taken>, usize) {
        let mut state = self.state();
        let open = state.open;
        let most = std::mem::replace(&mut state.most, open);
        (std::mem::take(&mut state.taken), most)
    }

    fn listen(&mut self, listener: TcpListener) {
        let (name, state) = (self.name.clone(), Arc::clone(&self.state));
        let (oracle, watch) = (self.oracle.clone(), self.watch.clone());
        // Connections end with the task.
        self.listening = Some(tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                while connections.try_join_next().is_some() {}
                let visit = Visit {
                    name: name.clone(),
                    state: Arc::clone(&state),
                    oracle: oracle.clone(),
                    watch: watch.clone(),
                };
                connections.spawn(async move { visit.serve(stream).await });
            }
        }));
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn listen(address: SocketAddr) -> Result<TcpListener, String> {
    let bind = || {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.set_send_buffer_size(BUFFER)?;
        socket.bind(address)?;
        socket.listen(1024)
    };
    bind().map_err(|e: std::io::Error| e.to_string())
}

/// One connection.
struct Visit {
    name: String,
    state: Arc<Mutex<State>>,
    oracle: Oracle,
    watch: Watch,
}

/// Counts a request out, also when its task is ended.
struct Open<'a> {
    visit: &'a Visit,
    at_us: u64,
    sent: u64,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.visit.state);
        state.open -= 1;
        let until_us = self.visit.watch.now_us();
        state.taken.push(Taken {
            at_us: self.at_us,
            until_us,
            sent: self.sent,
        });
    }
}

impl Visit {
    async fn serve(self, stream: TcpStream) {
        stream.set_nodelay(true).ok();
        let (read, mut write) = stream.into_split();
        let mut read = BufReader::new(read);
        while let Some(asked) = request(&mut read).await {
            let (manner, elsewhere) = {
                let mut state = lock(&self.state);
                state.open += 1;
                state.most = state.most.max(state.open);
                let special = state.types.get(&asked.ty).copied();
                (special.unwrap_or(state.manner), state.elsewhere)
            };
            let mut open = Open {
                visit: &self,
                at_us: self.watch.now_us(),
                sent: 0,
            };
            // Whatever it does, it ends when the peer gives up.
            let on = tokio::select! {
                on = self.answer(manner, elsewhere, &asked, &mut write, &mut open.sent) => on,
                _ = read.fill_buf() => false,
            };
            if !on {
                return;
            }
        }
    }

    /// Answers in its manner; false when the connection is to be closed.
    async fn answer(
        &self,
        manner: Manner,
        elsewhere: Option<SocketAddr>,
        asked: &Asked,
        write: &mut OwnedWriteHalf,
        sent: &mut u64,
    ) -> bool {
        const GOOD: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";
        let accept = || {
            if let Some(due) = asked.due {
                self.watch.arrived(&self.name, due);
            }
            self.oracle
                .arrived(&self.name, &asked.id, &asked.ty, &asked.body);
        };
        match manner {
            Manner::HoldSubject(held) if asked.subject == held => std::future::pending().await,
            Manner::Good | Manner::HoldSubject(_) => {
                accept();
                write.write_all(GOOD).await.is_ok()
            }
            Manner::Hole => std::future::pending().await,
            Manner::Hangup => false,
            Manner::Drip => {
                for byte in GOOD.iter().cycle() {
                    if write.write_all(&[*byte]).await.is_err() {
                        break;
                    }
                    *sent += 1;
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                false
            }
            Manner::EndlessHead => {
                let begun = write.write_all(b"HTTP/1.1 200 OK\r\n").await;
                begun.is_ok() && flood(write, &b"x-more: and more\r\n".repeat(64), sent).await
            }
            Manner::EndlessBody => {
                let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
                // Whatever follows, the status says that it was accepted.
                accept();
                let begun = write.write_all(head).await;
                let chunk = [b"400\r\n".as_slice(), &[b'x'; 0x400], b"\r\n"].concat();
                begun.is_ok() && flood(write, &chunk, sent).await
            }
            Manner::Status(status, pause) => {
                let extra = match (status, elsewhere) {
                    (429, _) => format!("retry-after: {pause}\r\n"),
                    (300..=399, Some(other)) => format!("location: http://{other}/\r\n"),
                    _ => String::new(),
                };
                let head = format!("HTTP/1.1 {status} So\r\ncontent-length: 0\r\n{extra}\r\n");
                write.write_all(head.as_bytes()).await.is_ok()
            }
        }
    }
}

/// Writes for as long as it is taken.
async fn flood(write: &mut OwnedWriteHalf, piece: &[u8], sent: &mut u64) -> bool {
    while write.write_all(piece).await.is_ok() {
        *sent += piece.len() as u64;
        // A flood alone would keep this thread from everything else.
        tokio::task::yield_now().await;
    }
    false
}

/// The next request; `None` when there is none, or none that an honest client sends.
async fn request(read: &mut BufReader<OwnedReadHalf>) -> Option<Asked> {
    let mut head = String::new();
    let mut limited = (&mut *read).take(HEAD_MAX);
    loop {
        let n = limited.read_line(&mut head).await.ok()?;
        if n == 0 {
            return None;
        }
        if head.ends_with("\r\n\r\n") {
            break;
        }
    }
    let header = |name: &str| {
        head.lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim().to_owned())
            .unwrap_or_default()
    };
    let mut body = vec![0; header("content-length").parse().ok()?];
    read.read_exact(&mut body).await.ok()?;
    Some(Asked {
        id: header("ce-id"),
        ty: header("ce-type"),
        subject: header("ce-subject"),
        due: header("ce-due").parse().ok(),
        body,
    })
}
