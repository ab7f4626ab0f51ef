//! Settings that are refused.

use serde_json::{Value, json};
use tradewind_adapter::Build;

#[test]
fn says_where_and_why() {
    let registry = crate::web::registry(Default::default());
    let generic = |signature: Value, rest: Value| {
        let mut settings = json!({ "secrets": ["s"], "signature": signature });
        for (key, value) in rest.as_object().unwrap() {
            settings[key] = value.clone();
        }
        settings
    };
    let auto = || json!({ "format": "auto" });
    let table = [
        (
            "stripe",
            json!({ "secrets": [""] }),
            "secrets[0]",
            "a secret must not be empty",
        ),
        (
            "twilio",
            json!({ "secrets": ["s"] }),
            "",
            "missing field `public-url`",
        ),
        (
            "twilio",
            json!({ "secrets": ["s"], "public-url": "/in/twilio" }),
            "",
            "`public-url`: `/in/twilio` is no absolute http or https URL",
        ),
        (
            "stripe",
            json!({ "secrets": ["s"], "public-url": "https://example.com/" }),
            "public-url",
            "unknown field `public-url`, expected `secrets` or `tolerance`",
        ),
        (
            "stripe",
            json!({ "secrets": ["s"], "tolerance": "2h" }),
            "tolerance",
            "`2h` is more than the longest tolerance, 1h",
        ),
        (
            "discord",
            json!({ "secrets": ["s"] }),
            "",
            "`secrets[0]`: a secret must be hexadecimal, as the sender shows it",
        ),
        (
            "gitlab",
            json!({ "secrets": ["s"], "scheme": "none" }),
            "scheme",
            "unknown variant `none`, expected `secret-token` or `signing-token`",
        ),
        (
            "gitlab",
            json!({ "secrets": ["s"], "tolerance": "10s" }),
            "",
            "`tolerance` has no use with a secret token, which has no time",
        ),
        (
            "standard-webhooks",
            json!({ "source": "/s", "secrets": ["whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"] }),
            "",
            "`secrets[1]`: a secret must be `whpk_` and standard base64, as the sender shows it",
        ),
        (
            "webhook",
            generic(json!({ "header": "x-a" }), json!({})),
            "",
            "nothing says how bodies are read; hint: `format: auto`, or a `mapping` with `source` and `type`",
        ),
        (
            "webhook",
            generic(json!({ "header": "x-a", "signed": "{bdy}" }), auto()),
            "",
            "`signed`: `{bdy}` is unknown (there are: body, form, timestamp, url, @header)",
        ),
        (
            "webhook",
            generic(json!({ "header": "x-a", "signed": "{@x-b}{body}" }), auto()),
            "",
            "between two parts of `signed` there must be a text, or bytes could move from one to the other",
        ),
        (
            "webhook",
            generic(
                json!({ "header": "x-a", "timestamp-header": "x-t" }),
                auto(),
            ),
            "",
            "the timestamp is not signed, so it shows nothing",
        ),
        (
            "webhook",
            generic(json!({ "header": "x-a", "signed": "{url}{body}" }), auto()),
            "",
            "`public-url` is missing: the sender signs the address that it was given",
        ),
        (
            "webhook",
            generic(
                json!({ "header": "x-a" }),
                json!({ "format": "auto", "tolerance": "10s" }),
            ),
            "",
            "`tolerance` has no use: no timestamp is signed",
        ),
        (
            "webhook",
            generic(json!({ "header": "x a" }), auto()),
            "",
            "`x a` is no name of a header",
        ),
    ];
    for (kind, settings, path, message) in table {
        let failure = registry
            .build_source(kind, &settings, &Build::default())
            .unwrap_err();
        assert_eq!(
            (failure.path.trim_matches('.'), failure.error.message()),
            (path, message),
            "{kind} {settings}"
        );
    }
}
