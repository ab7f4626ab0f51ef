//! Texts that are refused, where, and with which hint.

use tradewind_policy::{Policies, Text};

/// The part of the text behind the place of the first finding, and what is said.
fn refused(text: &str) -> (String, String) {
    let wrong = Text::read("p", text).unwrap_err();
    let first = &wrong[0];
    let rest = first.offset.map(|at| text[at..].chars().take(12).collect());
    (rest.unwrap_or_default(), first.to_string())
}

#[test]
fn what_is_wrong_and_where() {
    for (text, at, said) in [
        (
            "permit (principal, action, resource)",
            "",
            "unexpected end of input",
        ),
        (
            "permit (principal, action, resorce);",
            "resorce);",
            "resorce",
        ),
        (
            "allow (principal, action, resource);",
            "allow (princ",
            "invalid policy effect: allow",
        ),
        (
            "permit (principal, action == Action::\"publsh\", resource);",
            "",
            "unrecognized action `Action::\"publsh\"`",
        ),
        (
            "permit (principal == Kay::\"shop\", action, resource);",
            "",
            "unrecognized entity type `Kay`",
        ),
        (
            "permit (principal, action == Action::\"publish\", resource) when { context.typ == \"t\" };",
            "",
            "attribute `typ`",
        ),
        (
            "permit (principal, action == Action::\"publish\", resource) when { context.subject == \"t\" };",
            "",
            "subject",
        ),
        (
            "permit (principal, action == Action::\"publish\", resource) when { context.type == 1 };",
            "",
            "types",
        ),
        (
            "permit (principal, action == Action::\"redrive\", resource) when { context.type == \"t\" };",
            "",
            "type",
        ),
        (
            "permit (principal == ?principal, action, resource);",
            "permit (prin",
            "templates",
        ),
        (
            "@id(\"a\") permit (principal, action, resource);\n@id(\"a\") forbid (principal, action, resource);",
            "@id(\"a\") for",
            "a policy before this one is called `a`",
        ),
    ] {
        let (rest, message) = refused(text);
        assert!(message.contains(said), "{text}\n{message}");
        assert!(rest.starts_with(at), "{text}\n{rest}\n{message}");
        let wrong = Text::read("p", text).unwrap_err();
        assert!(wrong.iter().all(|w| w.offset.is_some()), "{text} {wrong:?}");
        assert!(!message.contains('\n'), "{message}");
    }
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let text = r#"
        permit (principal == Kay::"a", action, resource);
        permit (principal, action == Action::"fly", resource);
    "#;
    assert!(Text::read("p", text).unwrap_err().len() >= 2);
}

#[test]
fn a_thousand_policies_and_no_more() {
    let one = "permit (principal, action, resource);";
    let text = |count: usize| Text::read("p", &one.repeat(count));
    let policies = Policies::new(vec![text(1000).unwrap()], &[]).unwrap();
    assert_eq!(policies.len(), 1000);
    let wrong = text(1001).unwrap_err();
    assert!(
        wrong[0].to_string().contains("more than 1000 policies"),
        "{wrong:?}"
    );
    let both = vec![
        Text::read("a", &one.repeat(600)).unwrap(),
        Text::read("b", &one.repeat(600)).unwrap(),
    ];
    let wrong = Policies::new(both, &[]).unwrap_err().to_string();
    assert!(wrong.contains("1200 policies and roles"), "{wrong}");
}

#[test]
fn what_is_named_is_known() {
    let text =
        r#"permit (principal in Role::"a", action == Action::"publish", resource == Stream::"s");"#;
    let policies = Policies::new(vec![Text::read("p", text).unwrap()], &[]).unwrap();
    let named: Vec<_> = policies
        .named()
        .into_iter()
        .map(|n| format!("{} {} {}", n.kind, n.id, n.policy))
        .collect();
    assert_eq!(named, ["Action publish p/1", "Role a p/1", "Stream s p/1"]);
}
