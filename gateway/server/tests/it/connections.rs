//! Strangers who take their time, or come all at once.

use crate::support::front::{LONG, SHORT, Unable, door, front, http2, open, post, site};
use crate::support::http::raw;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{Either, select};
use http::Request;
use http_body::Frame;
use http_body_util::{Full, StreamBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use std::convert::Infallible;
use std::sync::atomic::Ordering;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_util::sync::CancellationToken;
use tradewind_engine::PublishError;
use tradewind_server::ingress::{Budget, Limits, Listener, Site, accept};

#[tokio::test]
async fn slow_heads_are_hung_up_on_and_slow_bodies_refused() {
    let engine = Unable::new(None);
    let limits = Limits {
        header_timeout: SHORT,
        ..Limits::default()
    };
    let front = front(engine.clone(), limits, SHORT).await;
    // Nothing at all, a part of what could be either protocol, a part of a head.
    for start in ["", "P", "POST /any HTTP/1.1\r\nhost: g\r\na: "] {
        let mut stream = TcpStream::connect(front.address).await.unwrap();
        stream.write_all(start.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        // Ends only because the other side hangs up.
        stream.read_to_end(&mut rest).await.ok();
        assert!(
            rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"),
            "{rest:?}"
        );
    }
    let answer = raw(
        front.address,
        b"POST /any HTTP/1.1\r\nhost: g\r\nconnection: close\r\ncontent-length: 10\r\n\r\nabc",
    )
    .await;
    assert_eq!(answer.status, 408);
    assert_eq!(answer.json()["type"], "urn:tradewind:problem:body-timeout");
    assert_eq!(engine.seen.load(Ordering::Relaxed), 0);
}

/// What a slow body holds comes out of the budget: where it has room for one, the other is told so.
#[tokio::test]
async fn slow_bodies_use_up_the_budget() {
    let engine = Unable::new(None);
    let front = open(
        engine.clone(),
        Site {
            budget: Budget::new(30 << 10),
            ..site(door(), Limits::default())
        },
    )
    .await;
    let slow = || {
        let post =
            b"POST /any HTTP/1.1\r\nhost: g\r\nconnection: close\r\ncontent-length: 10\r\n\r\nabc";
        Box::pin(raw(front.address, post))
    };
    let (answer, other) = match select(slow(), slow()).await {
        Either::Left(ended) | Either::Right(ended) => ended,
    };
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["type"], "urn:tradewind:problem:overloaded");
    assert!(other.now_or_never().is_none(), "the other is waited for");
    assert_eq!(engine.seen.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed_and_counted() {
    let limits = Limits {
        connections: 1,
        ..Limits::default()
    };
    let engine = Unable::new(None);
    let front = front(engine.clone(), limits, LONG).await;
    let first = tokio::spawn(async move { raw(front.address, &post("x")).await });
    engine.waiting.notified().await;
    let mut second = TcpStream::connect(front.address).await.unwrap();
    let mut nothing = Vec::new();
    second.read_to_end(&mut nothing).await.ok();
    assert!(nothing.is_empty());
    assert_eq!(front.refused.load(Ordering::Relaxed), 1);
    engine.release.notify_one();
    assert_eq!(first.await.unwrap().status, 202);
}

#[tokio::test]
async fn a_stop_lets_the_request_under_way_finish_and_takes_no_other() {
    let engine = Unable::new(None);
    let front = front(engine.clone(), Limits::default(), LONG).await;
    let address = front.address;
    let under_way = tokio::spawn(async move { raw(address, &post("x")).await });
    engine.waiting.notified().await;
    let idle = TcpStream::connect(address).await.unwrap();
    front.stop.cancel();
    crate::support::eventually("the listener closes", || async {
        TcpStream::connect(address).await.is_err()
    })
    .await;
    engine.release.notify_one();
    assert_eq!(under_way.await.unwrap().status, 202);
    // The idle one does not hold it up.
    front.done.await.unwrap();
    drop(idle);
}

#[tokio::test]
async fn one_address_cannot_take_all_connections() {
    let limits = Limits {
        connections_per_peer: 1,
        ..Limits::default()
    };
    let engine = Unable::new(None);
    let front = front(engine.clone(), limits, LONG).await;
    let first = tokio::spawn(async move { raw(front.address, &post("x")).await });
    engine.waiting.notified().await;
    let mut second = TcpStream::connect(front.address).await.unwrap();
    let mut nothing = Vec::new();
    second.read_to_end(&mut nothing).await.ok();
    assert!(nothing.is_empty());
    assert_eq!(front.refused.load(Ordering::Relaxed), 1);
    let other = TcpSocket::new_v4().unwrap();
    other.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut other = other.connect(front.address).await.unwrap();
    other.write_all(&post("y")).await.unwrap();
    engine.waiting.notified().await;
    engine.release.notify_waiters();
    assert_eq!(first.await.unwrap().status, 202);
    let mut answer = Vec::new();
    other.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 202"), "{answer:?}");
}

#[tokio::test]
async fn connections_that_only_idle_are_ended() {
    let limits = Limits {
        keep_alive: SHORT,
        header_timeout: SHORT,
        ..Limits::default()
    };
    let engine = Unable::new(Some(|| PublishError::NoStream("gone".into())));
    let front = front(engine, limits, LONG).await;
    let mut first = TcpStream::connect(front.address).await.unwrap();
    first
        .write_all(b"POST /any HTTP/1.1\r\nhost: g\r\ncontent-length: 1\r\n\r\nx")
        .await
        .unwrap();
    let mut sender = http2(front.address).await;
    let request = Request::post(format!("http://{}/any", front.address))
        .body(Full::new(Bytes::from_static(b"x")))
        .unwrap();
    assert_eq!(sender.send_request(request).await.unwrap().status(), 503);
    // Both end only because the other side hangs up.
    let mut answer = Vec::new();
    first.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 503"), "{answer:?}");
    crate::support::eventually("the connection closes", || async { sender.is_closed() }).await;
}

#[tokio::test]
async fn who_has_said_everything_is_still_answered() {
    let engine = Unable::new(None);
    let front = front(engine.clone(), Limits::default(), LONG).await;
    let mut stream = TcpStream::connect(front.address).await.unwrap();
    stream.write_all(&post("x")).await.unwrap();
    stream.shutdown().await.unwrap();
    engine.waiting.notified().await;
    engine.release.notify_one();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 202"), "{answer:?}");
}

#[tokio::test]
async fn who_leaves_is_not_waited_for() {
    let engine = Unable::new(None);
    let front = front(engine.clone(), Limits::default(), LONG).await;
    let mut stream = TcpStream::connect(front.address).await.unwrap();
    stream.set_zero_linger().unwrap();
    stream.write_all(&post("x")).await.unwrap();
    engine.waiting.notified().await;
    drop(stream);
    front.stop.cancel();
    // The engine never answers: this ends only because nobody waits.
    front.done.await.unwrap();
}

#[tokio::test]
async fn an_answer_that_nobody_takes_is_given_up() {
    let limits = Limits {
        answer_timeout: SHORT,
        ..Limits::default()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let endless = |_: Request<Incoming>| async {
        let piece = || Ok::<_, Infallible>(Frame::data(Bytes::from_static(&[0; 1 << 16])));
        let body = StreamBody::new(futures_util::stream::repeat_with(piece));
        Ok::<_, Infallible>(http::Response::new(body))
    };
    let stop = CancellationToken::new();
    let serving = tokio::spawn(accept(
        Listener::Tcp(listener),
        (move || limits.clone(), || None),
        move |_| service_fn(endless),
        stop.clone(),
        |_| (),
    ));
    let mut deaf = TcpStream::connect(address).await.unwrap();
    deaf.write_all(b"GET / HTTP/1.1\r\nhost: g\r\n\r\n")
        .await
        .unwrap();
    deaf.readable().await.unwrap();
    let request = || {
        Request::get(format!("http://{address}/"))
            .body(Full::default())
            .unwrap()
    };
    let mut sender = http2(address).await;
    // Its head is read, its body is not.
    let answer = sender.send_request(request()).await.unwrap();
    stop.cancel();
    serving.await.unwrap();
    drop((deaf, answer));
}
