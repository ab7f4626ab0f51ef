//! Whatever the file holds, the loader answers: no panic, nothing unbounded, no secret in sight.

use crate::adapters::{Fake, registry};
use proptest::prelude::*;
use std::collections::BTreeMap;
use tradewind_config::load_str;

/// Pieces of configuration, put together at random: nearer to the edge than random bytes.
fn piece() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "sources:",
        "subscriptions:",
        "streams:",
        "listen:",
        "log:",
        "kind:",
        "sink:",
        "retry:",
        "pauses:",
        "filter:",
        "hook",
        "pile",
        "15s",
        "[",
        "]",
        "{",
        "}",
        ",",
        ": ",
        "- ",
        "\n",
        "\n  ",
        "\n    ",
        "&a ",
        "*a",
        "${env:HOOK}",
        "${",
        "$${",
        "}",
        "\"",
        "'",
        "|",
        ">",
        "? ",
        "!!str ",
        "#",
        "---",
        "%YAML 1.2",
        "\t",
        "=",
        "[[a]]",
        "é",
        "\u{feff}",
        "0x1f",
        "1e999",
        "~",
    ]);
    prop_oneof![8 => known.prop_map(String::from), 1 => any::<char>().prop_map(String::from)]
}

fn env(secret: &'static str) -> Fake {
    Fake {
        vars: BTreeMap::from([("HOOK", secret)]),
        ..Fake::default()
    }
}

/// Users and queries of addresses, and what stands around references, in findings about the line that they are in.
#[test]
fn no_part_of_a_secret_is_shown_with_its_line() {
    for address in [
        "https://swordfish@a.example/x",
        "https://u:swordfish@a.example/x",
        "https://a.example/x?swordfish",
        "https://a.example/x?a=swordfish#b",
        "u:swordfish@a.example",
        "/x?swordfish",
        "https://a.example/x?key=swordfish&tenant=${env:HOOK}",
        "https://swordfish@${env:HOOK}",
        "https://a.example/x?key=${env:NOBODY:-swordfish}",
    ] {
        for settings in [
            format!("kind: post, url: \"{address}\", zzz: 1"),
            format!("kind: psot, url: \"{address}\""),
            format!("kind: post, url: {{ a: \"{address}\" }}"),
            format!("kind: post, url: [\"{address}\"]"),
            format!("kind: post, ulr: \"{address}\""),
            format!("kind: post, url: \"{address}"),
            format!("kind: post, url: \"{address}\" }}"),
            format!(
                "kind: post, url: \"https://b.example\", headers: {{ authorization: \"{address}\", x: 5 }}"
            ),
        ] {
            let text = format!("subscriptions:\n  b: {{ sink: {{ {settings} }} }}\n");
            let found = match load_str("a.yaml", &text, &registry(), &env("7731-7731")) {
                Err(found) => found,
                Ok(checked) => checked.warnings,
            };
            let said = [
                found.render_all(false),
                found.to_string(),
                serde_json::to_string(&found).unwrap(),
                tradewind_config::sarif(&found, "0").to_string(),
            ]
            .concat();
            assert!(
                !said.contains("swordfish") && !said.contains("7731"),
                "{text}{said}"
            );
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_answered(pieces in prop::collection::vec(piece(), 0..40), toml: bool) {
        let name = if toml { "a.toml" } else { "a.yaml" };
        let text = pieces.concat();
        if let Err(found) = load_str(name, &text, &registry(), &env("swordfish-7731")) {
            prop_assert!(!found.is_empty());
            for one in &found {
                let lines = text.lines().count().max(1);
                prop_assert!((1..=lines + 1).contains(&one.line), "{one}");
                prop_assert!(!one.message.contains("swordfish"), "{one}");
                prop_assert!(!one.render(true).is_empty());
            }
        }
    }

    /// A reference at any place of a whole file: at most its name is told.
    #[test]
    fn no_reference_is_ever_shown(line in 0usize..17) {
        let lines = [
            "listen: 127.0.0.1:80", "durability: fsync", "shutdown-grace: 5s",
            "log: { level: info }", "limits: { body: 1MiB, batch: 5 }",
            "api-keys: { shop: { sha256: aa } }", "streams: { orders: { order-by: subject } }",
            "sources:", "  a:", "    kind: hook", "    path: /a", "    secrets: [abcdefgh]",
            "    tolerance: 5", "subscriptions:", "  b:",
            "    sink: { kind: post, url: \"https://a.example\", headers: { x: 5 } }",
            "    filter: { exact: { type: a } }",
        ];
        let text = |value: &str| -> String {
            lines.iter().enumerate().map(|(i, text)| match text.rsplit_once(": ") {
                Some((key, _)) if i == line => {
                    format!("{key}: {value}{}\n", "}".repeat(text.matches('{').count()))
                }
                _ => format!("{text}\n"),
            }).collect()
        };
        let secret = "swordfish-7731-\"\\quoted";
        if let Err(found) = load_str("a.yaml", &text("\"${env:HOOK}\""), &registry(), &env(secret)) {
            let all = found.render_all(false) + &found.to_string() + &serde_json::to_string(&found).unwrap();
            prop_assert!(!all.contains("swordfish") && !all.contains("7731"), "{all}");
        }
    }
}
