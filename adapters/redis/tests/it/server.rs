//! A server of one's own, which writes to its disk before it answers.

use std::sync::atomic::{AtomicU32, Ordering};
use tradewind_brokers::testkit::Server;
use tradewind_redis::{RedisSink, RedisSource};

static STREAMS: AtomicU32 = AtomicU32::new(0);

pub(crate) async fn start(more: &'static [&'static str]) -> Option<Server> {
    Server::start("redis", "redis-server", move |command, folder, port| {
        command
            .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--dir"])
            .arg(folder)
            .args([
                "--appendonly",
                "yes",
                "--appendfsync",
                "always",
                "--save",
                "",
            ])
            .args(more);
    })
    .await
}

pub(crate) fn stream() -> String {
    format!("stream-{}", STREAMS.fetch_add(1, Ordering::Relaxed))
}

pub(crate) fn source(address: &str, stream: &str) -> RedisSource {
    let config = serde_json::json!({
        "connection": { "server": address }, "key": stream, "ack-wait": 2,
    });
    RedisSource::new("suite", serde_json::from_value(config).unwrap()).unwrap()
}

pub(crate) fn sink(address: &str, stream: &str, mode: &str) -> RedisSink {
    let config = serde_json::json!({
        "connection": { "server": address }, "stream": stream, "mode": mode,
    });
    RedisSink::new(serde_json::from_value(config).unwrap()).unwrap()
}

/// Asks the server as another program.
pub(crate) async fn ask<T: redis::FromRedisValue>(address: &str, command: &redis::Cmd) -> T {
    let client = redis::Client::open(format!("redis://{address}")).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    command.query_async(&mut connection).await.unwrap()
}
