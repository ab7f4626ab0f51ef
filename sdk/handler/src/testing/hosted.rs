//! A handler on a platform, in process.

use super::ways::{TIMERS, WAYS, Way, due};
use crate::crew::Crew;
use crate::hosts::stdin::{self, Unit};
use crate::http::answer::problem;
use crate::http::{Dialect, Service, stream};
use crate::{Event, Handler, Host, Options};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What the platform understood of an answer.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Told {
    /// The event is dealt with.
    Taken,
    /// It is, and this is the answer to it.
    Replied(Box<Event>),
    /// It is to come again.
    Again {
        /// No sooner than this.
        after: Option<Duration>,
        /// Why.
        reason: String,
    },
    /// It is not to come again.
    Never {
        /// Why.
        reason: String,
    },
    /// It failed, and this platform makes no difference between again and never.
    Failed {
        /// Why, where the platform is told.
        reason: String,
    },
}

impl Told {
    /// Whether the event is dealt with.
    pub fn is_taken(&self) -> bool {
        matches!(self, Told::Taken | Told::Replied(_))
    }
}

/// A handler on one platform: called in the platform's own words, without sockets.
pub struct Hosted {
    host: Host,
    crew: Crew,
    options: Options,
    variables: Vec<(String, String)>,
}

impl fmt::Debug for Hosted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hosted")
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

/// Puts a handler on a platform.
pub fn on(host: Host, handler: impl Handler) -> Hosted {
    with(host, Arc::new(handler), Options::default())
}

fn with(host: Host, handler: Arc<dyn Handler>, options: Options) -> Hosted {
    let crew = Crew::new(handler, host, &options);
    let options = Options {
        requests: crew.requests,
        ..options
    };
    Hosted {
        crew,
        host,
        options,
        variables: Vec::new(),
    }
}

impl Hosted {
    /// Settings other than the default ones.
    #[must_use]
    pub fn options(self, options: Options) -> Self {
        let variables = self.variables;
        Hosted {
            variables,
            ..with(self.host, self.crew.handler(), options)
        }
    }

    /// A variable that the platform sets, such as `FUNCTION_SIGNATURE_TYPE`.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Hands over what the platform would, and gives what it would be answered. On AWS Lambda the request's
    /// body is the payload and its headers are those of the Runtime API; an invocation that fails is 500 and
    /// what is posted to `/error`. On standard input the body is what is read, and the answer what is written.
    pub async fn raw(&self, request: Request<Bytes>) -> Response<Bytes> {
        let get = |name: &str| {
            let found = self.variables.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.clone())
        };
        let declared = self.crew.handler().describe();
        match crate::hosts::dialect(self.host, get, &declared) {
            Ok(Some(dialect)) => self.over_http(dialect, request).await,
            Err(invalid) => problem(StatusCode::INTERNAL_SERVER_ERROR, &invalid.to_string()),
            Ok(None) if self.host == Host::Stdin => {
                let unit = match Unit::of(get) {
                    Ok(unit) => unit,
                    Err(invalid) => {
                        let status = StatusCode::INTERNAL_SERVER_ERROR;
                        return problem(status, &invalid.to_string());
                    }
                };
                let told = stdin::fed(&self.crew, &self.options, unit, request.body()).await;
                Response::new(told.into())
            }
            Ok(None) => {
                let (head, body) = request.into_parts();
                crate::hosts::lambda::posted(&self.crew, &self.options, &head.headers, body).await
            }
        }
    }

    async fn over_http(
        &self,
        dialect: Arc<dyn Dialect>,
        request: Request<Bytes>,
    ) -> Response<Bytes> {
        let service = Service::new(self.crew.clone(), self.options.clone(), dialect);
        let answer = service.answer(request.map(Full::new)).await;
        let broken = || problem(StatusCode::BAD_GATEWAY, "the stream broke off");
        stream::whole(answer).await.unwrap_or_else(broken)
    }

    /// Brings an event in every way that the platform has for it, and gives what it is told each time.
    pub async fn send(&self, event: &Event) -> Vec<(&'static Way, Told)> {
        self.bring(WAYS, event).await
    }

    /// Lets a timer be due that the handler [declares](crate::Declare::timer), by every clock that the platform has.
    pub async fn fire(&self, timer: &str) -> Vec<(&'static Way, Told)> {
        self.bring(TIMERS, &due(timer)).await
    }

    async fn bring(&self, ways: &'static [Way], event: &Event) -> Vec<(&'static Way, Told)> {
        let mut told = Vec::new();
        for way in ways.iter().filter(|way| way.host == self.host) {
            let answer = self.raw(way.bring(event)).await;
            told.push((way, way.hear(&answer)));
        }
        told
    }
}

/// A handler on every platform.
pub struct EveryHost {
    handler: Arc<dyn Handler>,
    options: Options,
}

impl fmt::Debug for EveryHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EveryHost").finish_non_exhaustive()
    }
}

/// Puts a handler on every platform.
pub fn on_every_host(handler: impl Handler) -> EveryHost {
    EveryHost {
        handler: Arc::new(handler),
        options: Options::default(),
    }
}

impl EveryHost {
    /// Settings other than the default ones.
    #[must_use]
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Brings an event in every way that there is.
    pub async fn send(&self, event: &Event) -> Everywhere {
        let mut told = Vec::new();
        for hosted in self.each() {
            told.extend(hosted.send(event).await);
        }
        Everywhere(told)
    }

    /// Lets a timer be due that the handler [declares](crate::Declare::timer), by every clock that there is.
    pub async fn fire(&self, timer: &str) -> Everywhere {
        let mut told = Vec::new();
        for hosted in self.each() {
            told.extend(hosted.fire(timer).await);
        }
        Everywhere(told)
    }

    fn each(&self) -> impl Iterator<Item = Hosted> {
        let on = |host| with(host, self.handler.clone(), self.options.clone());
        Host::ALL.into_iter().map(on)
    }
}

/// What every platform was told of one event.
#[derive(Debug)]
pub struct Everywhere(pub Vec<(&'static Way, Told)>);

impl Everywhere {
    /// Every platform knows that the event is dealt with.
    ///
    /// # Panics
    /// Where one does not.
    pub fn taken(&self) -> &Self {
        self.all("taken", |_, told| told.is_taken())
    }

    /// Every platform on which somebody waits got a reply of this type.
    ///
    /// # Panics
    /// Where one did not.
    pub fn replied(&self, ty: &str) -> &Self {
        self.all("replied to", |way, told| match told {
            Told::Replied(reply) => reply.ty() == ty,
            told => way.one_way && told.is_taken(),
        })
    }

    /// Every platform will bring the event again, or cannot tell that from a rejection.
    ///
    /// # Panics
    /// Where one will not.
    pub fn retried(&self) -> &Self {
        self.all("to come again", |_, told| {
            matches!(told, Told::Again { .. } | Told::Failed { .. })
        })
    }

    /// Every platform knows that the event failed for good, or cannot tell that from a failure.
    ///
    /// # Panics
    /// Where one does not.
    pub fn rejected(&self) -> &Self {
        self.all("rejected", |_, told| {
            matches!(told, Told::Never { .. } | Told::Failed { .. })
        })
    }

    #[allow(clippy::panic)]
    fn all(&self, what: &str, holds: impl Fn(&Way, &Told) -> bool) -> &Self {
        let wrong: Vec<String> = self
            .0
            .iter()
            .filter(|(way, told)| !holds(way, told))
            .map(|(way, told)| format!("{way}: {told:?}"))
            .collect();
        if !wrong.is_empty() {
            panic!("the event is not {what} on\n  {}", wrong.join("\n  "));
        }
        self
    }
}
