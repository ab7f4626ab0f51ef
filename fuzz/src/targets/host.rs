//! The platforms of the SDK: what each may hand over, or pass on of what a stranger sent.

use super::handler::{CALLS, count};
use crate::Target;
use crate::input::Cut;
use crate::signing::NOW;
use bytes::Bytes;
use http::{Request, Response};
use serde_json::Value;
use std::time::{Duration, UNIX_EPOCH};
use tradewind::{BatchFailures, Host, Options, handler_fn, testing};

/// A platform and a path, headers and a body.
pub(super) const HOST: Target = Target {
    words: &[
        "lambda /\n",
        "azure /orders\n",
        "google /\n",
        "knative /\n",
        "fn /call\n",
        "openwhisk /run\n",
        "lambda-runtime-aws-request-id: r\n",
        "lambda-runtime-deadline-ms: 1700000009000\n",
        "fn-http-h-",
        "fn-deadline: 2023-11-14T22:13:29Z\n",
        "content-type: application/cloudevents+json\n",
        r#"{"specversion":"1.0","id":"1","source":"/s","type":"t"}"#,
        r#""Records":[{"messageId":"m","eventSource":"aws:sqs","eventSourceARN":"a","body":""#,
        r#""requestContext":{"apiId":"a","stage":"s","requestId":"i"},"httpMethod":"POST""#,
        r#""headers":{"ce-specversion":"1.0"},"isBase64Encoded":true"#,
        r#""Data":{"req":{"Url":"u","Method":"POST","Headers":{}}}"#,
        r#""Metadata":{"sys":{"MethodName":"f"}}"#,
        r#""value":{"__ow_method":"post","__ow_headers":{}}"#,
        r#""deadline":"1700000009000""#,
    ],
    // The table of formats is read when the first payload comes.
    memory: 8 << 20,
    growth: 1024,
    ..Target::new("host", host)
};

fn host(input: &[u8]) {
    let mut input = Cut(input);
    let line = input.line();
    let (name, path) = line.split_once(' ').unwrap_or((line, "/"));
    let Some(host) = Host::named(name) else {
        return;
    };
    let headers = input.headers();
    let body = Bytes::copy_from_slice(input.rest());
    let mut options = Options::default().clock(|| UNIX_EPOCH + Duration::from_secs(NOW));
    options.body_max = 2048;
    options.batch_failures = BatchFailures::Report;
    let Ok(mut request) = Request::post(path).body(body) else {
        return;
    };
    *request.headers_mut() = headers;
    CALLS.set(0);
    let hosted = testing::on(host, handler_fn(count)).options(options);
    let answer = crate::wait(hosted.raw(request));
    judged(host, &answer, CALLS.get());
}

/// The platform can read the answer; and what is refused was not begun, but for one of several that carried
/// something malformed.
fn judged(host: Host, answer: &Response<Bytes>, calls: usize) {
    let status = answer.status().as_u16();
    let document: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let late = document.to_string().contains("not done in time");
    match host {
        Host::Lambda if status == 200 => {
            let read = serde_json::from_slice::<Value>(answer.body());
            assert!(read.is_ok(), "no JSON: {:?}", answer.body());
        }
        Host::Lambda => {
            let kind = document["errorType"].as_str().unwrap();
            let letters = kind.strip_prefix("Function.").unwrap();
            assert!(letters.bytes().all(|b| b.is_ascii_alphabetic()), "{kind}");
            assert!(document["errorMessage"].is_string());
        }
        Host::OpenWhisk if status == 200 => assert!(document.is_object()),
        Host::OpenWhisk => {
            assert!(document["error"].is_string());
        }
        Host::Fn if status == 200 => {
            let told = answer.headers()["fn-http-status"].to_str().unwrap();
            let told: u16 = told.parse().unwrap();
            assert!(matches!(told, 200..600), "{told}");
            assert!(calls == 0 || told < 400 || told == 422 || late, "{told}");
        }
        _ => {
            assert!(matches!(status, 200 | 204 | 400..=504), "{status}");
            if status >= 400 {
                assert_eq!(document["status"], status);
                assert!(calls == 0 || status == 422 || late, "{status}");
            }
        }
    }
}
