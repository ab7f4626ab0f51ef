//! The action loop: what the proxy of OpenWhisk's own images says to a program that lies in an archive as `exec`.
//! An activation a line on standard input, a result a line on descriptor 3.

use super::{OpenWhisk, error};
use crate::Options;
use crate::crew::Crew;
use crate::http::Service;
use crate::run::Exit;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use serde_json::Value;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{BufReader, Write};
use std::sync::Arc;
use tokio::sync::mpsc::channel;

/// What the proxy tells every program that it starts.
pub(crate) const SIGN: &str = "__OW_PROXY_VERSION";
/// Where it wants to hear that the program has started.
const ACK: &str = "__OW_WAIT_FOR_ACK";
/// Descriptor 3 by its name: what the proxy reads results from.
const RESULTS: &str = "/dev/fd/3";

/// Nobody reads results.
#[derive(Debug)]
struct NoResults(std::io::Error);

impl fmt::Display for NoResults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(error) = self;
        write!(
            f,
            "descriptor 3 cannot be written: {error} ({SIGN} says that OpenWhisk's action loop reads it)"
        )
    }
}

impl std::error::Error for NoResults {}

/// Handles one activation after the other, until the proxy closes the input or the process is to stop.
pub(crate) async fn run(
    crew: Crew,
    options: Options,
    get: impl Fn(&str) -> Option<String>,
    asked: impl Future<Output = ()>,
) -> Exit {
    let opened = OpenOptions::new().write(true).open(RESULTS);
    let mut results = opened.map_err(NoResults)?;
    if get(ACK).is_some_and(|value| !value.is_empty()) {
        say(&mut results, br#"{"ok":true}"#)?;
    }
    let max = options.body_max;
    let stopping = crew.stopping.clone();
    let whisk = OpenWhisk::in_loop(&crew.handler().describe());
    let service = Service::new(crew, options, Arc::new(whisk));
    let (sender, mut lines) = channel(1);
    // A thread of its own: nothing can wake it from a read, and the process does not wait for it.
    std::thread::spawn(move || {
        let input = BufReader::new(std::io::stdin().lock());
        let send = |line| sender.blocking_send(line).is_ok();
        crate::hosts::stdin::lines(input, max, send);
    });
    let mut asked = std::pin::pin!(asked);
    loop {
        let line = tokio::select! {
            line = lines.recv() => line,
            () = &mut asked => None,
        };
        let Some(line) = line else { break };
        say(&mut results, &activated(&service, line).await)?;
    }
    stopping.cancel();
    Ok(())
}

/// The result of one activation. The proxy answers 200 whatever it is: OpenWhisk knows a failure by its `error`.
async fn activated(service: &Service, line: Result<Bytes, String>) -> Vec<u8> {
    let answer = match line {
        Ok(line) => {
            let mut request = Request::new(Full::new(line));
            *request.method_mut() = http::Method::POST;
            *request.uri_mut() = http::Uri::from_static("/run");
            service.clone().answer(request).await
        }
        Err(why) => error(StatusCode::PAYLOAD_TOO_LARGE, &why),
    };
    let told = answer.status().is_success() || names_error(answer.body());
    let answer = match told {
        true => answer,
        false => error(answer.status(), "the activation failed"),
    };
    one_line(answer.into_body().to_vec())
}

fn names_error(document: &[u8]) -> bool {
    let document: Value = serde_json::from_slice(document).unwrap_or_default();
    document["error"].is_string()
}

/// Data goes as its sender wrote it, which may be on several lines; between the parts of a document a space says the
/// same, and within a text there are none.
fn one_line(mut document: Vec<u8>) -> Vec<u8> {
    for byte in &mut document {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    document
}

fn say(results: &mut File, document: &[u8]) -> std::io::Result<()> {
    results.write_all(&[document, b"\n"].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Error, Event, Host, Reply, handler_fn};
    use serde_json::json;

    /// Replies with the data as it came, unless the event says otherwise.
    async fn handle(event: Event) -> Result<Reply, Error> {
        assert_ne!(event.ty(), "panic");
        match event.ty() {
            "done" => Ok(Reply::ack()),
            "again" => Err(Error::retry(None).because("busy")),
            _ => Ok(Reply::bytes(
                "told",
                "application/json",
                event.data().unwrap().bytes.clone(),
            )),
        }
    }

    fn service(options: Options) -> Service {
        let crew = Crew::new(Arc::new(handler_fn(handle)), Host::OpenWhisk, &options);
        Service::new(crew, options, Arc::new(OpenWhisk::default()))
    }

    async fn result(service: &Service, line: &str) -> Value {
        let line = Bytes::copy_from_slice(line.as_bytes());
        let told = activated(service, Ok(line)).await;
        assert!(!told.contains(&b'\n'), "{told:?}");
        let told: Value = serde_json::from_slice(&told).unwrap();
        assert!(told.is_object(), "{told}");
        told
    }

    #[tokio::test]
    async fn every_activation_is_one_line_with_an_object_and_a_failure_names_its_error() {
        let service = service(Options::default());
        for (value, error) in [
            (event("done", "{}"), None),
            (event("reply", "{\n \"a\": 1 }"), None),
            (event("again", "{}"), Some("busy")),
            (event("panic", "{}"), Some("the handler panicked")),
            ("[]".into(), None),
        ] {
            let line = format!(r#"{{"value":{value},"activation_id":"a"}}"#);
            let told = result(&service, &line).await;
            match error {
                Some(error) => assert!(told["error"].as_str().unwrap().contains(error), "{told}"),
                None => assert!(told["error"].is_null(), "{told}"),
            }
        }
        for malformed in ["", "{", "[]", "7", "{\"value\":"] {
            let told = result(&service, malformed).await;
            assert!(told["error"].is_string(), "{malformed}: {told}");
        }
        let late = r#"{"value":{},"deadline":1}"#;
        // What is that far in the past is a clock that is wrong, not a deadline.
        assert!(result(&service, late).await["error"].is_null());
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_told_and_the_next_one_handled() {
        let mut lines = Vec::new();
        let long = format!("{}\n{}\n", "x".repeat(20), json!({ "value": {} }));
        crate::hosts::stdin::lines(long.as_bytes(), 15, |line| {
            lines.push(line);
            true
        });
        let service = service(Options::default());
        let told = activated(&service, lines.remove(0)).await;
        assert!(
            String::from_utf8(told)
                .unwrap()
                .contains("TRADEWIND_BODY_MAX")
        );
        let told = activated(&service, lines.remove(0)).await;
        assert!(!names_error(&told), "{told:?}");
    }

    fn event(ty: &str, data: &str) -> String {
        format!(r#"{{"specversion":"1.0","id":"1","source":"/s","type":"{ty}","data":{data}}}"#)
    }
}
