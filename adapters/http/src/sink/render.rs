//! Events in providers' own envelopes.

use super::config::{Config, Mode};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use tradewind_adapter::{Error, ErrorKind, Reason};
use tradewind_event::Event;
use tradewind_formats::outward::Target;

const EVENT_GRID: HeaderName = HeaderName::from_static("aeg-event-type");

/// A target, and what events are said to come from.
#[derive(Debug)]
pub(crate) struct Rendering {
    target: &'static Target,
    resource: Option<String>,
}

impl Rendering {
    /// What the settings say; `None` where they say nothing.
    pub(crate) fn of(config: &Config) -> Result<Option<Self>, Error> {
        let Some(render) = &config.render else {
            return Ok(None);
        };
        let (target, resource) = render.target()?;
        if config.mode != Mode::Binary {
            return Err(Error::new(
                ErrorKind::ConfigInvalid,
                "render",
                "`mode` says how a CloudEvent is sent, and none is: keep one of the two",
            ));
        }
        Ok(Some(Self { target, resource }))
    }

    pub(crate) fn encode(&self, event: &Event, headers: &mut HeaderMap) -> Result<Bytes, Reason> {
        let target = self.target;
        let body = target
            .render(event, self.resource.as_deref())
            .map_err(|why| Reason::new("render-failed", format!("{}: {why}", target.name)))?;
        let kind = HeaderValue::from_static(target.content_type);
        headers.insert(CONTENT_TYPE, kind);
        if target.name == "azure-event-grid" {
            headers.insert(EVENT_GRID, HeaderValue::from_static("Notification"));
        }
        Ok(body)
    }
}
