//! Texts that are made to hurt: refused or read, on the stack of a worker.

use crate::event;
use tradewind_policy::{Action, Facts, Policies, Principal, Resource, Text, Verdict};

/// Reads a text and, where it is taken, asks it.
fn survives(text: String) {
    let done = std::thread::Builder::new()
        .stack_size(2 << 20)
        .spawn(move || {
            let Ok(read) = Text::read("p", &text) else {
                return;
            };
            let Ok(policies) = Policies::new(vec![read], &[]) else {
                return;
            };
            let event = event("t", "/s", Some(&"a".repeat(4000)));
            let who: Principal = "api-key:shop".parse().unwrap();
            let facts = Facts::of(&event).via("door");
            let decision =
                policies.decide(&who, Action::Publish, Resource::Stream("orders"), facts);
            // Integers may overflow; the stack must not end.
            assert!(
                decision.verdict != Verdict::Failed || text.contains('*'),
                "{text}"
            );
        });
    done.unwrap().join().unwrap();
}

#[test]
fn depth_and_length_end_in_a_refusal_not_in_an_overflow() {
    let when = |condition: String| {
        format!(
            "permit (principal, action == Action::\"publish\", resource) when {{ {condition} }};"
        )
    };
    for n in [10, 31, 100, 250, 1000, 20_000] {
        survives(when(format!("{}true{}", "(".repeat(n), ")".repeat(n))));
        survives(when(format!("{}true", "!".repeat(n))));
        survives(when(format!("{}true", "!!".repeat(n))));
        survives(when(format!("0 == {}1", "-".repeat(n))));
        survives(when(format!("{}true", "true && ".repeat(n))));
        survives(when(format!("{}true", "false || ".repeat(n))));
        survives(when(format!("0 == {}1", "1 + ".repeat(n))));
        survives(when(format!("0 == {}1", "1 * ".repeat(n))));
        survives(when(format!("{}true", "if true then true else ".repeat(n))));
        survives(when(format!(
            "{}true{}",
            "if ".repeat(n),
            " then true else true".repeat(n)
        )));
        survives(when(format!("context{}", ".type".repeat(n))));
        survives(when(format!("{}1{} == 1", "[".repeat(n), "]".repeat(n))));
        survives(when(format!("{}1{} == 1", "{a: ".repeat(n), "}".repeat(n))));
        survives(when(format!("[{}1].contains(1)", "1, ".repeat(n))));
        survives(when(format!("context{} == 1", "[\"type\"]".repeat(n))));
        survives(when(format!("context.type{}", ".contains(1)".repeat(n))));
        survives(format!(
            "{}permit (principal, action, resource);",
            "@a(\"b\") ".repeat(n)
        ));
        survives(format!(
            "permit (principal, action, resource) {};",
            "when { true } ".repeat(n)
        ));
        survives(format!(
            "permit (principal, action, resource{}",
            ",".repeat(n)
        ));
        survives("\"".repeat(n));
        survives("\\".repeat(n));
        survives("/".repeat(n));
    }
}

#[test]
fn patterns_take_time_that_is_bounded() {
    let like = |pattern: &str| {
        format!(
            "permit (principal, action == Action::\"publish\", resource) when {{ context has subject && context.subject like \"{pattern}\" }};"
        )
    };
    // Greedy matching with one step back is quadratic at worst.
    survives(like(&"*a".repeat(2000)));
    survives(like(&format!("{}b", "*aaaaaaaaaaaaaaaa".repeat(200))));
    let text = Text::read("p", &like(&"a".repeat(70_000))).unwrap();
    let wrong = Policies::new(vec![text], &[]).unwrap_err().to_string();
    assert!(wrong.contains("patterns"), "{wrong}");
}

#[test]
fn a_text_beyond_its_size_is_not_parsed() {
    let wrong = Text::read("p", &" ".repeat((256 << 10) + 1)).unwrap_err();
    assert!(wrong[0].to_string().contains("256 KiB"), "{wrong:?}");
}
