//! The platforms: each reads what it is called with into work, and tells the ends in the platform's words.

mod azure;
mod dapr;
mod fn_project;
pub(crate) mod foreign;
mod google;
mod knative;
pub(crate) mod lambda;
pub(crate) mod openwhisk;
mod proxy;
pub(crate) mod stdin;
pub(crate) mod timer;

pub(crate) use fn_project::listen;

use crate::describe::Description;
use crate::http::{CloudEvents, Dialect};
use crate::{Host, InvalidOptions};
use std::sync::Arc;

/// How a platform calls over HTTP; nothing for one that is asked, or that is no platform.
pub(crate) fn dialect(
    host: Host,
    get: impl Fn(&str) -> Option<String>,
    declared: &[Description],
) -> Result<Option<Arc<dyn Dialect>>, InvalidOptions> {
    Ok(Some(match host {
        Host::Lambda | Host::Stdin | Host::Worker(_) => return Ok(None),
        Host::Http => Arc::new(CloudEvents),
        Host::Azure => Arc::new(azure::Azure::new(get, declared)),
        Host::Google => Arc::new(google::Google::new(get)?),
        Host::Knative => Arc::new(knative::Knative),
        Host::Fn => Arc::new(fn_project::FnProject::new(get)),
        Host::OpenWhisk => Arc::new(openwhisk::OpenWhisk::new(get, declared)),
        Host::Dapr => Arc::new(dapr::Dapr::new(get, declared)?),
    }))
}
