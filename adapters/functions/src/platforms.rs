//! The table of platforms.

use crate::Config;
use std::sync::Arc;
use std::time::Duration;
use tradewind_adapter::{Build, Error, Sink};
use tradewind_http::{HttpSink, Platform, SinkConfig};
use tradewind_identity::{Auth, IdToken};

/// A platform, and who the gateway is to it.
#[derive(Debug)]
pub struct Entry {
    /// What is known of it.
    pub platform: Platform,
    /// What the reference says of its settings.
    pub about: &'static str,
    /// Who the gateway is where nothing is said.
    identity: fn() -> Option<Auth>,
    /// What is still missing from what was said, by the URL.
    complete: fn(Auth, &str) -> Auth,
}

const MIB: usize = 1 << 20;

fn nobody() -> Option<Auth> {
    None
}

fn id_token() -> Option<Auth> {
    Some(Auth::IdToken(IdToken::default()))
}

fn as_said(auth: Auth, _: &str) -> Auth {
    auth
}

/// Tokens for a function of the first generation are for its URL, path included.
fn for_the_url(mut auth: Auth, url: &str) -> Auth {
    if let Auth::IdToken(settings) = &mut auth
        && settings.audience.is_none()
    {
        let url = url.split('?').next().unwrap_or_default();
        settings.audience = Some(url.to_owned());
    }
    auth
}

const INVOKER: &str = "the identity needs roles/run.servicesInvoker on the service, and `auth.id-token.audience` must be its URL or a custom audience of it";

/// All of them.
pub const PLATFORMS: &[Entry] = &[
    Entry {
        platform: Platform {
            kind: "gcp-cloud-run",
            bytes_max: Some(32 * MIB),
            time_max: Some(Duration::from_secs(3600)),
            receipt: None,
            overload: &[],
            hints: &[
                (401, INVOKER),
                (403, INVOKER),
                (
                    404,
                    "no service at this URL; `ingress` of the service may keep the gateway out",
                ),
                (
                    503,
                    "the container did not start, or its instances are all taken",
                ),
            ],
        },
        about: "A service of Google Cloud Run. `auth` is `id-token: {}` where nothing is said. It takes requests of at most 32 MiB, and for at most 60 minutes.",
        identity: id_token,
        complete: as_said,
    },
    Entry {
        platform: Platform {
            kind: "gcp-function",
            bytes_max: Some(32 * MIB),
            time_max: Some(Duration::from_secs(3600)),
            receipt: Some("function-execution-id"),
            overload: &[],
            hints: &[
                (
                    401,
                    "the identity needs roles/run.servicesInvoker (first generation: roles/cloudfunctions.invoker) on the function, and the audience must be its URL",
                ),
                (
                    403,
                    "the identity needs roles/run.servicesInvoker (first generation: roles/cloudfunctions.invoker) on the function",
                ),
                (
                    404,
                    "no function at this URL; its ingress settings may keep the gateway out",
                ),
            ],
        },
        about: "A function of Google Cloud. `auth` is `id-token: {}` for the URL of the function where nothing is said. It takes requests of at most 32 MiB, and for at most 60 minutes; functions of the first generation 10 MB and 9 minutes.",
        identity: id_token,
        complete: for_the_url,
    },
    Entry {
        platform: Platform {
            kind: "azure-function",
            bytes_max: Some(100 * MIB),
            time_max: Some(Duration::from_secs(230)),
            receipt: None,
            overload: &[],
            hints: &[
                (
                    401,
                    "`auth.function-key` must be a key of the function or its host, or `auth.entra.resource` the application of its sign-in; a slot that swaps shows this for a moment",
                ),
                (
                    403,
                    "access restrictions of the app, or its sign-in, keep this identity out",
                ),
                (
                    404,
                    "no function at this URL (there is a prefix, `/api` unless host.json says otherwise); a slot that swaps shows this for a moment",
                ),
                (
                    502,
                    "a function that does not answer within 230 s is cut off, whatever functionTimeout says",
                ),
                (503, "the host of the functions is starting or stopped"),
            ],
        },
        about: "A function of Azure with an HTTP trigger. `auth` is best `entra`, else `function-key`; there is no default. It takes requests of at most 100 MiB, and for at most 230 seconds.",
        identity: nobody,
        complete: as_said,
    },
    Entry {
        platform: Platform {
            kind: "knative",
            bytes_max: None,
            time_max: Some(Duration::from_secs(600)),
            receipt: None,
            // The activator and the queue proxy have a limited room for requests that wait.
            overload: &[503],
            hints: &[(
                404,
                "no route for this host: the service may still be becoming ready",
            )],
        },
        about: "A Knative service. There is no default for `auth`. A response that is a CloudEvent is a reply. It runs for at most 600 seconds where `max-revision-timeout-seconds` was not raised.",
        identity: nobody,
        complete: as_said,
    },
    Entry {
        platform: Platform {
            kind: "openfaas",
            bytes_max: None,
            time_max: None,
            receipt: Some("x-call-id"),
            overload: &[],
            hints: &[
                (
                    401,
                    "`auth.basic` or `auth.bearer` as the gateway of OpenFaaS asks for it",
                ),
                (
                    404,
                    "no such function: `/function/NAME` or `/function/NAME.NAMESPACE`",
                ),
                (
                    502,
                    "the function is scaling up, crashed, or took longer than `upstream_timeout` of the gateway",
                ),
            ],
        },
        about: "A function of OpenFaaS, at `/function/NAME` of its gateway, or at `/async-function/NAME`, where 202 means that it is queued there. There is no default for `auth`.",
        identity: nobody,
        complete: as_said,
    },
    Entry {
        platform: Platform {
            kind: "cloudflare-worker",
            bytes_max: Some(100 * MIB),
            time_max: None,
            receipt: Some("cf-ray"),
            // 1102: a limit of its resources.
            overload: &[503],
            hints: &[
                (
                    403,
                    "a rule of the zone, or Cloudflare Access: give it a service token by `headers` and `auth.api-key`",
                ),
                (413, "the plan of the zone says how large a request may be"),
            ],
        },
        about: "A Worker of Cloudflare. There is no default for `auth`: a Worker checks its callers itself, best by `signing`. It takes requests of at most 100 MiB; larger plans take more at a sink of kind `http`.",
        identity: nobody,
        complete: as_said,
    },
    Entry {
        platform: Platform {
            kind: "fn",
            bytes_max: None,
            time_max: Some(Duration::from_secs(300)),
            receipt: Some("fn-call-id"),
            // "Timed out - server too busy".
            overload: &[503],
            hints: &[
                (
                    404,
                    "no such function: `/invoke/FUNCTION-ID`, or `/t/APP/TRIGGER` for one with a trigger",
                ),
                (502, "the function ended or its container did not start"),
                (504, "the function took longer than its `timeout`"),
            ],
        },
        about: "A function of the Fn Project, at `/invoke/ID` or `/t/APP/TRIGGER`. There is no default for `auth`. It runs for at most 300 seconds.",
        identity: nobody,
        complete: as_said,
    },
];

impl Entry {
    /// A sink for one function.
    pub(crate) fn build(
        &'static self,
        mut config: Config,
        build: &Build,
    ) -> Result<Arc<dyn Sink>, Error> {
        let auth = config.auth.or_else(self.identity);
        config.auth = auth.map(|auth| (self.complete)(auth, &config.url));
        let sink = HttpSink::on(&self.platform, &SinkConfig::from(config), build)?;
        Ok(Arc::new(sink))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_for_functions_are_for_their_url() {
        let said = |audience: Option<&str>| {
            Auth::IdToken(IdToken {
                audience: audience.map(Into::into),
                ..IdToken::default()
            })
        };
        let url = "https://r-p.cloudfunctions.net/f?x=1";
        let own = for_the_url(said(None), url);
        assert_eq!(own, said(Some("https://r-p.cloudfunctions.net/f")));
        assert_eq!(for_the_url(said(Some("a")), url), said(Some("a")));
    }
}
