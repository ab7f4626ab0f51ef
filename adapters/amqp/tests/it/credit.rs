//! A peer that takes nothing, or does not answer, for a while.

use fe2o3_amqp::acceptor::{
    ConnectionAcceptor, LinkAcceptor, LinkEndpoint, SaslAnonymousMechanism, SessionAcceptor,
};
use fe2o3_amqp::link::Receiver;
use fe2o3_amqp_types::messaging::{Body, MessageId};
use fe2o3_amqp_types::primitives::Value;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{Outcome, Report, Sink};
use tradewind_amqp::AmqpSink;
use tradewind_brokers::testkit::{deliver, delivery};

/// Lets a sender in, and keeps its connection while it is dealt with.
async fn with_sender<T>(listener: &TcpListener, with: impl AsyncFnOnce(&mut Receiver) -> T) -> T {
    let (stream, _) = listener.accept().await.unwrap();
    let acceptor = ConnectionAcceptor::builder()
        .container_id("peer")
        .sasl_acceptor(SaslAnonymousMechanism {})
        .build();
    let mut connection = acceptor.accept(stream).await.unwrap();
    let mut session = SessionAcceptor::new()
        .accept(&mut connection)
        .await
        .unwrap();
    let link = LinkAcceptor::new().accept(&mut session).await.unwrap();
    let LinkEndpoint::Receiver(mut receiver) = link else {
        panic!("it does not send");
    };
    with(&mut receiver).await
}

async fn peer() -> (TcpListener, AmqpSink) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = serde_json::json!({
        "peer": { "server": listener.local_addr().unwrap().to_string() }, "address": "a",
    });
    let sink = AmqpSink::new(serde_json::from_value(config).unwrap());
    (listener, sink.unwrap())
}

async fn give_up(sink: &AmqpSink, id: &str) {
    let mut given_up = delivery(id);
    given_up.timeout = Duration::from_millis(500);
    let (report, mut outcomes) = Report::channel();
    sink.deliver(vec![given_up], report, CancellationToken::new())
        .await;
    let (_, outcome) = outcomes.try_recv().unwrap();
    assert!(matches!(outcome, Outcome::Retry { .. }), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_given_up_is_not_sent_when_the_peer_takes_messages_again() {
    let (listener, sink) = peer().await;
    let done = CancellationToken::new();
    let peer = async {
        // Nothing may be sent, and then the sender goes.
        with_sender(&listener, async |receiver| {
            receiver.set_credit(0).await.unwrap();
            while receiver.recv::<Body<Value>>().await.is_ok() {}
        })
        .await;
        with_sender(&listener, async |receiver| {
            let came = receiver.recv::<Body<Value>>().await.unwrap();
            receiver.accept(&came).await.unwrap();
            done.cancelled().await;
            let properties = came.into_message().properties.unwrap_or_default();
            properties.message_id
        })
        .await
    };
    let sending = async {
        sink.health().await.unwrap();
        give_up(&sink, "1").await;
        let outcome = deliver(&sink, "2").await;
        done.cancel();
        outcome
    };
    let both = async { tokio::join!(peer, sending) };
    let both = tokio::time::timeout(Duration::from_secs(60), both).await;
    let (taken, outcome) = both.expect("the sink never lets go of the peer");
    assert!(
        matches!(outcome, Some(Outcome::Accepted { .. })),
        "{outcome:?}"
    );
    assert_eq!(taken, Some(MessageId::String(delivery("2").identity())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_accepted_late_cuts_nothing_off() {
    let (listener, sink) = peer().await;
    let (came, given_up) = (Notify::new(), Notify::new());
    let done = CancellationToken::new();
    let peer = with_sender(&listener, async |receiver| {
        let late = receiver.recv::<Body<Value>>().await.unwrap();
        came.notify_one();
        let second = receiver.recv::<Body<Value>>().await.unwrap();
        receiver.accept(&second).await.unwrap();
        let third = receiver.recv::<Body<Value>>().await.unwrap();
        given_up.notified().await;
        receiver.accept(&late).await.unwrap();
        receiver.accept(&third).await.unwrap();
        let fourth = receiver.recv::<Body<Value>>().await.unwrap();
        receiver.accept(&fourth).await.unwrap();
        done.cancelled().await;
    });
    let late = async {
        give_up(&sink, "1").await;
        given_up.notify_one();
    };
    let others = async {
        came.notified().await;
        for id in ["2", "3", "4"] {
            let outcome = deliver(&sink, id).await;
            let accepted = matches!(outcome, Some(Outcome::Accepted { .. }));
            assert!(accepted, "{id}: {outcome:?}");
        }
        done.cancel();
    };
    let all = async { tokio::join!(peer, late, others) };
    let all = tokio::time::timeout(Duration::from_secs(60), all).await;
    all.expect("a message never comes");
}
