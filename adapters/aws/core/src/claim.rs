//! Claim checks: data that is too large for a message lies in S3, and the message says where.

use crate::batch::reject;
use crate::bucket::{Bucket, BucketName, Object};
use schemars::JsonSchema;
use serde::Deserialize;
use tradewind_adapter::aws::Access;
use tradewind_adapter::{Delivery, Error, ErrorKind, Outcome, Payload, Permission};
use tradewind_event::{Attribute, Event};

/// Where data goes that is too large for the service.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ClaimCheck {
    /// Bucket of S3. Nothing is deleted from it: a lifecycle rule is to do that. Since 0.1.
    pub bucket: BucketName,
    /// What the names of objects begin with. Default: none. Since 0.1.
    #[serde(default)]
    pub prefix: String,
    /// Region of the bucket. Default: that of the target. Since 0.1.
    #[serde(default)]
    pub region: Option<String>,
    /// Another endpoint of S3 than AWS's own: an emulator, or a VPC endpoint. Since 0.1.
    #[serde(default)]
    pub endpoint: Option<String>,
}

/// Puts data into a bucket, with the credentials of the sink.
#[derive(Debug)]
pub struct Claims(Bucket);

impl Claims {
    /// With these settings, where there are any; `region` is that of the target.
    ///
    /// # Errors
    /// Where the message would not say where its data is.
    pub fn new(
        settings: Option<&ClaimCheck>,
        payload: Payload,
        access: &Access,
        region: Option<&str>,
    ) -> Result<Option<Self>, Error> {
        let Some(settings) = settings else {
            return Ok(None);
        };
        if payload == Payload::Data {
            let why = "`claim-check` and `payload: data` cannot both be: where the data is, is told by an attribute";
            return Err(Error::new(ErrorKind::ConfigInvalid, "config", why));
        }
        let access = Access {
            endpoint: settings.endpoint.clone(),
            region: settings.region.clone().or_else(|| access.region.clone()),
            ..access.clone()
        };
        let (name, prefix) = (&settings.bucket, &settings.prefix);
        Ok(Some(Self(Bucket::new(name, prefix, access, region))))
    }

    /// What it needs.
    pub fn permission(&self) -> Permission {
        self.0
            .permission("data that is too large for a message is an object")
    }

    /// The delivery with its data in the bucket, where `dataref` points. The object is named after the delivery and its
    /// event: what is tried again is put there again, and replaces no other's.
    ///
    /// # Errors
    /// What becomes of the delivery where S3 has not taken it.
    pub async fn store(&self, delivery: &Delivery) -> Result<Delivery, Outcome> {
        let Some(data) = delivery.event.data() else {
            return Err(reject(
                "too-large",
                "the attributes alone are more than the service takes",
            ));
        };
        let key = key(delivery);
        let object = Object {
            key: &key,
            body: data.bytes.clone(),
            content_type: delivery
                .event
                .data_content_type()
                .unwrap_or("application/json"),
            encoding: None,
        };
        let put = self.0.put(object).await;
        put.map_err(|failure| failure.outcome(&self.0.needs()))?;
        let event = claimed(&delivery.event, &self.0.uri(&key));
        let event = event.map_err(|why| reject("invalid-dataref", why.to_string()))?;
        Ok(Delivery {
            event,
            ..delivery.clone()
        })
    }
}

/// The name of an object: for people the id, and what tells it from all others.
fn key(delivery: &Delivery) -> String {
    format!("{}-{}", delivery.id, delivery.identity())
}

/// The event without its data.
fn claimed(event: &Event, place: &str) -> Result<Event, tradewind_event::InvalidEvent> {
    let mut bare = Event::builder(event.id(), event.source(), event.ty());
    for (name, value) in event.attributes() {
        if !matches!(name, "specversion" | "id" | "source" | "type") {
            bare = bare.extension(name, value);
        }
    }
    bare.extension("dataref", Attribute::UriReference(place))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_event_under_the_same_id_is_another_object() {
        let delivery = |event: &str, attempt| Delivery {
            id: "default-0-1-orders".into(),
            event: Event::builder(event, "/s", "t").build().unwrap(),
            subscription: "orders".into(),
            stream: "default".into(),
            position: "0/1".into(),
            attempt,
            timeout: std::time::Duration::from_secs(1),
            replay: None,
            trace: None,
        };
        let one = key(&delivery("1", 1));
        assert!(one.starts_with("default-0-1-orders-"), "{one}");
        assert_eq!(key(&delivery("1", 2)), one);
        assert_ne!(key(&delivery("2", 1)), one);
    }

    #[test]
    fn all_but_the_data_stays() {
        let event = Event::builder("1", "/s", "t")
            .subject("x")
            .time("2026-01-01T00:00:00Z")
            .extension("n", Attribute::Integer(7))
            .data("text/plain", "hello")
            .build()
            .unwrap();
        let bare = claimed(&event, "s3://acme/1").unwrap();
        assert!(bare.data().is_none());
        assert_eq!(
            bare.attribute("dataref").unwrap().to_canonical(),
            "s3://acme/1"
        );
        for (name, value) in event.attributes() {
            assert_eq!(bare.attribute(name), Some(value), "{name}");
        }
    }
}
