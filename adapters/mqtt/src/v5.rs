//! MQTT 5.

use crate::access::Access;
use crate::wire::{
    Ack, Client, Driver, Happening, Incoming, KEEP_ALIVE, PACKET_MAX, REQUESTS, Session, Wire,
};
use async_trait::async_trait;
use rumqttc_v5::mqttbytes::v5::{Packet, PubAckReason, PublishProperties};
use rumqttc_v5::{
    AckMode, AsyncClient, Broker, ConnectionError, Event, EventLoop, MqttOptions, PersistedAckMode,
    PersistedSession, PublishNoticeError, PublishOptions, QoS, SessionStore, SessionStoreError,
    SessionStoreKey, SubscribeFilter, TlsConfiguration, Transport,
};
use rustls::ClientConfig;
use std::pin::Pin;
use std::sync::Arc;
use tradewind_adapter::{Error, Outcome, Reason};
use tradewind_brokers::{invalid, reject, retry};
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
        .set_clean_start(!session.kept)
        .set_session_expiry_interval(session.kept.then_some(u32::MAX))
        .set_receive_maximum(Some(session.ahead))
        .set_max_packet_size(Some(PACKET_MAX));
    if session.kept {
        options.set_session_store(NothingUnderWay);
    }
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

/// What we sent in the session that the broker has kept: nothing, since a source only subscribes, and subscribes again.
/// The client wants to know, lest it use a number twice.
#[derive(Debug)]
struct NothingUnderWay;

type Stored<'a, T> = Pin<Box<dyn Future<Output = Result<T, SessionStoreError>> + Send + 'a>>;

impl SessionStore for NothingUnderWay {
    fn load<'a>(&'a self, key: &'a SessionStoreKey) -> Stored<'a, Option<PersistedSession>> {
        Box::pin(std::future::ready(Ok(Some(PersistedSession {
            format_version: 1,
            client_id: key.client_id().to_owned(),
            clean_start: false,
            session_expiry_interval: Some(u32::MAX),
            outgoing_inflight_upper_limit: None,
            ack_mode: PersistedAckMode::Manual,
            last_pkid: 0,
            last_puback: 0,
            replay: Vec::new(),
            incoming_qos2: Vec::new(),
        }))))
    }

    fn save<'a>(&'a self, _: &'a SessionStoreKey, _: &'a PersistedSession) -> Stored<'a, ()> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn clear<'a>(&'a self, _: &'a SessionStoreKey) -> Stored<'a, ()> {
        Box::pin(std::future::ready(Ok(())))
    }
}

#[derive(Debug)]
struct Sender(AsyncClient);

#[async_trait]
impl Client for Sender {
    async fn subscribe(&self, filters: &[String]) -> Result<(), String> {
        let filter = |filter: &String| SubscribeFilter::new(filter, QoS::AtLeastOnce);
        let asked = self
            .0
            .subscribe_many_tracked(filters.iter().map(filter))
            .await;
        let notice = asked.map_err(|error| error.to_string())?;
        let granted = notice.wait_completion_async().await;
        granted.map_err(|error| error.to_string())
    }

    async fn publish(&self, topic: &str, message: broker::Message, retain: bool) -> Outcome {
        let properties = PublishProperties {
            user_properties: message.headers,
            content_type: message.content_type,
            ..PublishProperties::default()
        };
        let options = PublishOptions::at_least_once()
            .retain(retain)
            .properties(properties);
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
            Err(PublishNoticeError::V5PubAck(reason)) => refused(reason),
            Err(error) => retry("mqtt", error.to_string()),
        }
    }

    async fn ack(&self, ack: Ack) -> Result<(), String> {
        let Ack::V5(publish) = ack else {
            return Ok(());
        };
        let asked = self.0.ack(&publish).await;
        asked.map_err(|error| error.to_string())
    }
}

fn refused(reason: PubAckReason) -> Outcome {
    let detail = format!("the broker refuses the message: {reason:?}");
    let later = |code: &str, throttled: bool| Outcome::Retry {
        after: None,
        patience: (!throttled).then_some(Outcome::PATIENCE),
        throttled,
        reason: Reason::new(code, &*detail),
    };
    match reason {
        PubAckReason::NotAuthorized => later("access-denied", false),
        PubAckReason::TopicNameInvalid => later("not-found", false),
        PubAckReason::QuotaExceeded => later("throttled", true),
        PubAckReason::PayloadFormatInvalid => reject("not-carried", detail),
        _ => retry("mqtt", detail),
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
            Packet::ConnAck(greeting) => {
                let limits = greeting.properties;
                Happening::Up(limits.and_then(|limits| limits.max_packet_size))
            }
            Packet::Publish(publish) => {
                let properties = publish.properties.clone().unwrap_or_default();
                Happening::Message(Incoming {
                    topic: String::from_utf8_lossy(&publish.topic).into_owned(),
                    user: properties.user_properties,
                    content_type: properties.content_type,
                    body: publish.payload.clone(),
                    ack: (publish.qos != QoS::AtMostOnce).then(|| Ack::V5(Box::new(publish))),
                })
            }
            _ => Happening::Other,
        })
    }
}
