//! MQTT 3.1.1, whose packets call it version 4. There is no word on why a message is refused.

use crate::access::Access;
use crate::wire::{
    Ack, Client, Driver, Happening, Incoming, KEEP_ALIVE, PACKET_MAX, REQUESTS, Session, Wire,
};
use async_trait::async_trait;
use rumqttc_v4::mqttbytes::v4::Packet;
use rumqttc_v4::{
    AckMode, AsyncClient, Broker, ConnectionError, Event, EventLoop, MqttOptions, PublishOptions,
    QoS, SubscribeFilter, TlsConfiguration, Transport,
};
use rustls::ClientConfig;
use std::sync::Arc;
use tradewind_adapter::{Error, Outcome};
use tradewind_brokers::{invalid, retry};
use tradewind_event::broker;

pub(crate) fn wire(
    access: &Access,
    tls: Option<Arc<ClientConfig>>,
    session: &Session,
) -> Result<Wire, Error> {
    let broker = Broker::tcp(access.server.host(), access.server.port());
    let mut options = MqttOptions::new(&session.client_id, broker);
    options
        .set_keep_alive(KEEP_ALIVE)
        .set_ack_mode(AckMode::Manual)
        .set_clean_session(!session.kept)
        .set_max_packet_size(PACKET_MAX as usize, PACKET_MAX as usize);
    if let Some(config) = tls {
        options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(config)));
    }
    match (&access.username, &access.password) {
        (Some(username), Some(password)) => {
            options.set_credentials(username, password.expose().to_owned());
        }
        (Some(username), None) => {
            options.set_username(username);
        }
        _ => {}
    }
    let made = AsyncClient::builder(options).capacity(REQUESTS).try_build();
    let (client, events) = made.map_err(|error| invalid(error.to_string()))?;
    Ok((Arc::new(Sender(client)), Box::new(Loop(events))))
}

#[derive(Debug)]
struct Sender(AsyncClient);

#[async_trait]
impl Client for Sender {
    async fn subscribe(&self, filters: &[String]) -> Result<(), String> {
        let filter = |filter: &String| SubscribeFilter::new(filter.clone(), QoS::AtLeastOnce);
        let asked = self
            .0
            .subscribe_many_tracked(filters.iter().map(filter))
            .await;
        let notice = asked.map_err(|error| error.to_string())?;
        let granted = notice.wait_completion_async().await;
        granted.map_err(|error| error.to_string())
    }

    async fn publish(&self, topic: &str, message: broker::Message, retain: bool) -> Outcome {
        let options = PublishOptions::at_least_once().retain(retain);
        let body = message.body.unwrap_or_default();
        let notice = match self.0.publish_tracked(topic, body, options).await {
            Ok(notice) => notice,
            Err(error) => return retry("mqtt", error.to_string()),
        };
        match notice.wait_completion_async().await {
            Ok(()) => Outcome::Accepted {
                receipt: None,
                reply: None,
            },
            Err(error) => retry("mqtt", error.to_string()),
        }
    }

    async fn ack(&self, ack: Ack) -> Result<(), String> {
        let Ack::V4(publish) = ack else {
            return Ok(());
        };
        let asked = self.0.ack(&publish).await;
        asked.map_err(|error| error.to_string())
    }
}

/// Packets are not shown: what a broker says back may be what it was sent, a password with it.
fn broken(error: &ConnectionError) -> String {
    match error {
        ConnectionError::NotConnAck(_) => {
            "the broker answers CONNECT with something else than CONNACK".into()
        }
        error => error.to_string(),
    }
}

struct Loop(EventLoop);

#[async_trait]
impl Driver for Loop {
    async fn next(&mut self) -> Result<Happening, String> {
        let event = self.0.poll().await.map_err(|error| broken(&error))?;
        let Event::Incoming(packet) = event else {
            return Ok(Happening::Other);
        };
        Ok(match packet {
            Packet::ConnAck(_) => Happening::Up(None),
            Packet::Publish(publish) => Happening::Message(Incoming {
                topic: String::from_utf8_lossy(&publish.topic).into_owned(),
                user: Vec::new(),
                content_type: None,
                body: publish.payload.clone(),
                ack: (publish.qos != QoS::AtMostOnce).then(|| Ack::V4(Box::new(publish))),
            }),
            _ => Happening::Other,
        })
    }
}
