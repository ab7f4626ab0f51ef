//! A broker of one's own, that writes down what it keeps.

use std::sync::atomic::{AtomicU32, Ordering};
use tradewind_brokers::testkit::Server;
use tradewind_mqtt::{MqttSink, MqttSource};

static TOPICS: AtomicU32 = AtomicU32::new(0);

pub(crate) async fn start() -> Option<Server> {
    start_with("allow_anonymous true", |_| String::new()).await
}

/// With these settings, and what `more` writes, which knows the folder.
pub(crate) async fn start_with(
    settings: &'static str,
    more: impl Fn(&std::path::Path) -> String + Send + Sync + 'static,
) -> Option<Server> {
    Server::start("mosquitto", "mosquitto", move |command, folder, port| {
        let shown = folder.display();
        let config = format!(
            "listener {port} 127.0.0.1\n{settings}\n{}\nuser root\npersistence true\npersistence_location {shown}/\n\
             autosave_interval 1\nautosave_on_changes true\nmax_queued_messages 0\n",
            more(folder)
        );
        let path = folder.join("mosquitto.conf");
        std::fs::write(&path, config).unwrap();
        command.arg("-c").arg(path);
    })
    .await
}

pub(crate) fn topic() -> String {
    format!("topic/{}", TOPICS.fetch_add(1, Ordering::Relaxed))
}

pub(crate) fn source(address: &str, topic: &str, version: &str) -> MqttSource {
    let config = serde_json::json!({
        "broker": { "server": address, "version": version },
        "topics": [topic], "client-id": format!("suite-{topic}"),
    });
    MqttSource::new("suite", serde_json::from_value(config).unwrap()).unwrap()
}

pub(crate) fn sink(address: &str, topic: &str, version: &str, mode: Option<&str>) -> MqttSink {
    let config = serde_json::json!({
        "broker": { "server": address, "version": version }, "topic": topic, "mode": mode,
    });
    MqttSink::new(serde_json::from_value(config).unwrap()).unwrap()
}
