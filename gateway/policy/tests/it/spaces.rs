//! Policies that speak of spaces.

use crate::event;
use tradewind_policy::{
    Action, Belongings, Facts, Member, Policies, Principal, Resource, Role, Text,
};

fn belongings() -> Belongings {
    let mut all = Belongings::default();
    for (kind, name, space) in [
        ("Stream", "orders", "acme"),
        ("Stream", "parts", "bolt"),
        ("Subscription", "charge", "acme"),
        ("Subscription", "lent", "bolt"),
        ("Route", "ask", "acme"),
        ("Key", "acme", "acme"),
    ] {
        all.insert(kind, name, space);
    }
    all
}

fn allowed(policies: &Policies, who: &str, action: Action, resource: Resource<'_>) -> bool {
    let who: Principal = who.parse().unwrap();
    let event = event("t", "/s", None);
    let facts = Facts::of(&event).via("door");
    policies.decide(&who, action, resource, facts).allowed()
}

fn schema(space: Option<&str>) -> Resource<'_> {
    Resource::Schema {
        name: "order",
        space,
    }
}

#[test]
fn what_belongs_to_a_space_is_in_it() {
    let text = r#"permit (principal in Space::"acme", action, resource in Space::"acme");"#;
    let texts = vec![Text::read("p", text).unwrap()];
    let policies = Policies::new_in(texts, &[], belongings()).unwrap();
    let lent = Resource::Subscription {
        name: "lent",
        stream: "orders",
    };
    let charge = Resource::Subscription {
        name: "charge",
        stream: "orders",
    };
    for (who, action, resource, expected) in [
        (
            "api-key:acme",
            Action::Publish,
            Resource::Stream("orders"),
            true,
        ),
        (
            "api-key:acme",
            Action::Publish,
            Resource::Stream("parts"),
            false,
        ),
        (
            "api-key:acme",
            Action::Publish,
            Resource::Stream("default"),
            false,
        ),
        (
            "api-key:other",
            Action::Publish,
            Resource::Stream("orders"),
            false,
        ),
        (
            "jwt:acme",
            Action::Publish,
            Resource::Stream("orders"),
            false,
        ),
        ("api-key:acme", Action::Redrive, charge, true),
        // It reads a stream of acme, and is not acme's.
        ("api-key:acme", Action::Redrive, lent, false),
        ("api-key:acme", Action::Invoke, Resource::Route("ask"), true),
        ("api-key:acme", Action::Configure, Resource::Gateway, false),
        (
            "api-key:acme",
            Action::Configure,
            schema(Some("acme")),
            true,
        ),
        // The same name elsewhere, and what is for everybody.
        (
            "api-key:acme",
            Action::Configure,
            schema(Some("other")),
            false,
        ),
        ("api-key:acme", Action::Configure, schema(None), false),
    ] {
        let told = allowed(&policies, who, action, resource);
        assert_eq!(told, expected, "{who} {action:?} {resource:?}");
    }
}

#[test]
fn roles_have_spaces() {
    let role = Role {
        members: vec!["jwt:https://id#*".into()],
        may: vec![Action::Redrive, Action::Invoke, Action::Subscribe],
        spaces: Some(vec!["acme".into()]),
        ..Role::default()
    };
    assert!(
        role.cedar("r")
            .unwrap()
            .contains(r#"resource in [Space::"acme"]"#)
    );
    let policies = Policies::new_in(Vec::new(), &[("r".into(), role)], belongings()).unwrap();
    let who = "jwt:https://id#a";
    assert!(allowed(
        &policies,
        who,
        Action::Subscribe,
        Resource::Stream("orders")
    ));
    assert!(!allowed(
        &policies,
        who,
        Action::Subscribe,
        Resource::Stream("parts")
    ));
    assert!(allowed(
        &policies,
        who,
        Action::Invoke,
        Resource::Route("ask")
    ));
    let wrong = Role {
        members: vec!["anonymous".into()],
        may: vec![Action::Publish],
        spaces: Some(Vec::new()),
        ..Role::default()
    };
    assert_eq!(wrong.cedar("r").unwrap_err().key, "spaces");
}

#[test]
fn members_are_principals_and_never_the_operator() {
    let is = |member: &str, who: &str| {
        let who: Principal = who.parse().unwrap();
        Member::read(member).is_some_and(|member| member.is(&who))
    };
    assert!(is("jwt:https://id#*", "jwt:https://id#alice"));
    assert!(!is("jwt:https://id#*", "api-key:https://id#alice"));
    assert!(!is("jwt:https://id#al", "jwt:https://id#alice"));
    assert!(Member::read("operator").is_none() && Member::read("shop").is_none());
}
