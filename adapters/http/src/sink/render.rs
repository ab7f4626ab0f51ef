//! Events in providers' own envelopes.

use super::config::{Config, Mode, Render, RenderWith};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use tradewind_adapter::{Error, ErrorKind, Reason};
use tradewind_event::Event;
use tradewind_formats::outward::{TARGETS, Target};

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
        let refuse = |why: String| Err(Error::new(ErrorKind::ConfigInvalid, "render", why));
        let (name, resource) = match &config.render {
            None => return Ok(None),
            Some(Render::As(name)) => (name, None),
            Some(Render::With(RenderWith { to, resource })) => (to, resource.clone()),
        };
        let Some(target) = Target::named(name) else {
            let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            return refuse(format!(
                "unknown envelope `{name}` (there are: {})",
                names.join(", ")
            ));
        };
        if config.mode != Mode::Binary {
            return refuse(
                "`mode` says how a CloudEvent is sent, and none is: keep one of the two".into(),
            );
        }
        if resource.is_some() && target.resource.is_empty() {
            return refuse(format!("`{name}` takes no `resource`: the event names it"));
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
