//! What the host passes on as it came: `host.json`.

use super::bindings::FILE_MAX;
use crate::hosts::foreign::object;
use serde::Deserialize;
use std::path::Path;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    #[serde(default)]
    custom_handler: Handler,
    #[serde(default)]
    extensions: Extensions,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Handler {
    #[serde(default)]
    enable_forwarding_http_request: bool,
    #[serde(default)]
    enable_proxying_http_request: bool,
}

#[derive(Deserialize, Default)]
struct Extensions {
    #[serde(default)]
    http: Http,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Http {
    #[serde(default = "api")]
    route_prefix: String,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            route_prefix: api(),
        }
    }
}

fn api() -> String {
    "api".into()
}

/// Whether what comes to a path of one name is an invocation that the host itself wrote. Requests that are passed on
/// have the path that their caller chose: longer than that, unless routes have no prefix.
pub(super) fn vouches(root: &Path) -> bool {
    let file = root.join("host.json");
    let small = std::fs::metadata(&file).is_ok_and(|file| file.len() <= FILE_MAX);
    let text = small.then(|| std::fs::read(&file).ok()).flatten();
    text.is_some_and(|text| said(&text))
}

fn said(text: &[u8]) -> bool {
    let Ok(file) = object::<File>(text) else {
        return false;
    };
    let handler = file.custom_handler;
    let passes_on = handler.enable_forwarding_http_request || handler.enable_proxying_http_request;
    let prefix = file.extensions.http.route_prefix;
    !passes_on || !prefix.trim_matches('/').is_empty()
}

#[cfg(test)]
mod tests {
    use super::said;

    #[test]
    fn only_what_no_caller_can_reach_is_the_hosts_word() {
        let on = r#"{"enableForwardingHttpRequest":true}"#;
        let newer = r#"{"enableProxyingHttpRequest":true}"#;
        let bare = r#"{"http":{"routePrefix":""}}"#;
        for (text, expected) in [
            (r#"{"version":"2.0"}"#.to_owned(), true),
            (format!(r#"{{"customHandler":{on}}}"#), true),
            (format!(r#"{{"extensions":{bare}}}"#), true),
            (
                format!(r#"{{"customHandler":{on},"extensions":{bare}}}"#),
                false,
            ),
            (
                format!(r#"{{"customHandler":{newer},"extensions":{bare}}}"#),
                false,
            ),
            (
                format!(
                    r#"{{"customHandler":{on},"extensions":{{"http":{{"routePrefix":"/"}}}}}}"#
                ),
                false,
            ),
            (
                format!(r#"{{"customHandler":{on},"extensions":{{"queues":{{}}}}}}"#),
                true,
            ),
            ("{".into(), false),
            ("[]".into(), false),
        ] {
            assert_eq!(said(text.as_bytes()), expected, "{text}");
        }
    }
}
