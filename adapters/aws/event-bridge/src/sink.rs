//! The sink.

use crate::KIND;
use crate::config::{Bus, SinkConfig};
use async_trait::async_trait;
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use std::sync::Arc;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use tradewind_adapter::{
    Build, Capability, Delivery, Error, ErrorKind, Outcome, Payload, Permission, Report, Sink,
    SinkAdapter,
};
use tradewind_aws::{Access, Batched, Claims, Entry, Failure, Limits, Unfit, deliver, retry};
use tradewind_event::{Attribute, Event};
use tradewind_formats::outward::PutEvent;

const PUT: &str = "events:PutEvents";
const LOOK: &str = "events:DescribeEventBus";
const WITHHELD: &[(&str, &str)] = &[(LOOK, "only a check of the bus asks for it, never `serve`")];
/// Most entries of one call.
const BATCH: usize = 10;
/// Entries together must be smaller than 1 MB (EventBridge API reference, `PutEvents`).
const BYTES_MAX: usize = 1_000_000 - 1;
/// What the service counts for a time.
const TIME: usize = 14;

/// Puts events on a bus.
#[derive(Debug)]
pub struct EventBridgeSink {
    bus: Bus,
    source: Option<String>,
    detail_type: Option<String>,
    claims: Option<Claims>,
    access: Access,
    client: OnceCell<Ready>,
}

#[derive(Debug)]
struct Ready {
    client: Client,
    /// What a policy names.
    resource: String,
}

impl EventBridgeSink {
    /// A sink with these settings.
    ///
    /// # Errors
    /// Settings that EventBridge refuses.
    pub fn new(config: SinkConfig) -> Result<Self, Error> {
        for (key, value, max) in [
            ("source", &config.source, 256),
            ("detail-type", &config.detail_type, 128),
        ] {
            let invalid = |why: String| Err(Error::new(ErrorKind::ConfigInvalid, "config", why));
            let Some(value) = value else { continue };
            if value.is_empty() || value.len() > max {
                return invalid(format!("`{key}` must be 1 to {max} bytes long"));
            }
            if key == "source" && value.starts_with("aws.") {
                return invalid(format!("AWS keeps sources such as `{value}` for itself"));
            }
        }
        let (settings, aws) = (config.claim_check.as_ref(), config.aws);
        Ok(Self {
            claims: Claims::new(settings, Payload::Event, &aws, config.bus.region())?,
            bus: config.bus,
            source: config.source,
            detail_type: config.detail_type,
            access: aws,
            client: OnceCell::new(),
        })
    }

    async fn ready(&self) -> Result<&Ready, Error> {
        let make = async || {
            let config = tradewind_aws::load(&self.access, self.bus.region()).await?;
            let region = config.region().map(ToString::to_string).unwrap_or_default();
            Ok(Ready {
                client: Client::new(&config),
                resource: self.bus.resource(&region),
            })
        };
        self.client.get_or_try_init(make).await
    }

    /// The event with the source and type that are configured.
    fn renamed(&self, event: &Event) -> Result<Event, Unfit> {
        let mut event = event.clone();
        for (name, value) in [("source", &self.source), ("type", &self.detail_type)] {
            if let Some(value) = value {
                let renamed = event.with_attribute(name, Attribute::String(value));
                event = renamed.map_err(|why| Unfit::refused("render-failed", why.to_string()))?;
            }
        }
        Ok(event)
    }
}

#[async_trait]
impl Batched for EventBridgeSink {
    type Request = PutEventsRequestEntry;
    const SERVICE: &'static str = "EventBridge";

    fn limits(&self) -> Limits {
        Limits {
            count: BATCH,
            bytes: BYTES_MAX,
        }
    }

    fn claims(&self) -> Option<&Claims> {
        self.claims.as_ref()
    }

    fn entry(&self, delivery: &Delivery) -> Result<Entry<PutEventsRequestEntry>, Unfit> {
        let event = self.renamed(&delivery.event)?;
        // Data of this size is no entry, whatever it is.
        let data = event.data().map_or(0, |data| data.bytes.len());
        if data > BYTES_MAX {
            let (bytes, max) = (data, BYTES_MAX);
            return Err(Unfit::TooLarge { bytes, max });
        }
        let made = PutEvent::of(&event);
        let made = made.map_err(|why| Unfit::refused("render-failed", why.to_string()))?;
        let resource = made.resource.as_deref().unwrap_or_default();
        let texts = [&made.source, &made.detail_type, &made.detail, resource];
        let bytes = texts.map(str::len).iter().sum::<usize>() + TIME;
        if bytes > BYTES_MAX {
            let max = BYTES_MAX;
            return Err(Unfit::TooLarge { bytes, max });
        }
        let request = PutEventsRequestEntry::builder()
            .event_bus_name(self.bus.as_str())
            .source(made.source)
            .detail_type(made.detail_type)
            .detail(made.detail)
            .set_time(made.unix_ms.map(DateTime::from_millis))
            .set_resources(made.resource.map(|resource| vec![resource]))
            .build();
        Ok(Entry { request, bytes })
    }

    async fn call(
        &self,
        requests: Vec<PutEventsRequestEntry>,
    ) -> Result<Vec<Option<Outcome>>, Outcome> {
        let ready = self.ready().await;
        let Ready { client, resource } = ready.map_err(|e| retry("config", e.to_string()))?;
        let permission = format!("{PUT} on {resource}");
        let sent = client.put_events().set_entries(Some(requests)).send();
        let answer = sent.await;
        let answer = answer.map_err(|error| Failure::of(&error).outcome(&permission))?;
        let outcome = |entry: &aws_sdk_eventbridge::types::PutEventsResultEntry| {
            let Some(code) = entry.error_code() else {
                return entry.event_id().map(|id| Outcome::Accepted {
                    receipt: Some(id.to_owned()),
                    reply: None,
                });
            };
            // The codes that pass by themselves, by the API reference; the others are the sender's.
            let ours = !code.starts_with("Internal") && code != "RedactionFailure";
            let failure = Failure::of_entry(code, ours, entry.error_message());
            Some(failure.outcome(&permission))
        };
        Ok(answer.entries().iter().map(outcome).collect())
    }
}

#[async_trait]
impl Sink for EventBridgeSink {
    async fn deliver(&self, batch: Vec<Delivery>, report: Report, cancel: CancellationToken) {
        deliver(self, &batch, &report, &cancel).await;
    }

    fn capability(&self) -> Capability {
        let mut capability = Capability::default();
        capability.deliver_batch_max = Some(BATCH);
        if self.claims.is_none() {
            capability.deliver_bytes_max = Some(BYTES_MAX);
        }
        capability
    }

    fn permissions(&self) -> Vec<Permission> {
        let put = Permission {
            cloud: "aws",
            actions: vec![PUT],
            resource: self
                .bus
                .resource(self.access.region.as_deref().unwrap_or("*")),
            why: "each event is an entry",
            caller: self.access.caller(),
            withheld: WITHHELD,
        };
        let claims = self.claims.as_ref().map(Claims::permission);
        std::iter::once(put).chain(claims).collect()
    }

    fn describe(&self) -> String {
        format!("EventBridge bus {}", self.bus.as_str())
    }

    /// Asks what the bus is.
    async fn health(&self) -> Result<(), Error> {
        let Ready { client, resource } = self.ready().await?;
        let asked = client.describe_event_bus().name(self.bus.as_str()).send();
        let permission = format!("{LOOK} on {resource}");
        match asked.await {
            Ok(_) => Ok(()),
            Err(error) => Err(Failure::of(&error).error("look at the bus", &permission)),
        }
    }
}

impl SinkAdapter for EventBridgeSink {
    const KIND: &'static str = KIND;
    type Config = SinkConfig;

    fn build(config: SinkConfig, _: &Build) -> Result<Arc<dyn Sink>, Error> {
        Ok(Arc::new(Self::new(config)?))
    }
}
