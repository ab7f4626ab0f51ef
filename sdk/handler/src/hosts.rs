//! The platforms: each reads what it is called with into work, and tells the ends in the platform's words.

mod azure;
mod fn_project;
mod foreign;
mod google;
mod knative;
pub(crate) mod lambda;
mod openwhisk;
mod proxy;

pub(crate) use fn_project::listen;

use crate::http::{CloudEvents, Dialect};
use crate::{Host, InvalidOptions};
use std::sync::Arc;

/// How a platform calls over HTTP; nothing for one that is asked.
pub(crate) fn dialect(
    host: Host,
    get: impl Fn(&str) -> Option<String>,
) -> Result<Option<Arc<dyn Dialect>>, InvalidOptions> {
    Ok(Some(match host {
        Host::Lambda => return Ok(None),
        Host::Http => Arc::new(CloudEvents),
        Host::Azure => Arc::new(azure::Azure::new(get)),
        Host::Google => Arc::new(google::Google::new(get)?),
        Host::Knative => Arc::new(knative::Knative),
        Host::Fn => Arc::new(fn_project::FnProject::new(get)),
        Host::OpenWhisk => Arc::new(openwhisk::OpenWhisk::new(get)),
    }))
}
