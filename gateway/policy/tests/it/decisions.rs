//! Principals, actions, resources and events, and what is said of them.

use crate::{event, policies, publish};
use tradewind_policy::{Action, Facts, Policies, Principal, Resource, SCHEMA, Verdict};

#[test]
fn without_policies_nobody_is_asked() {
    let order = event("t", "/s", None);
    assert!(publish(&Policies::off(), "anonymous", "orders", &order).allowed());
    assert!(!Policies::off().in_force());
}

#[test]
fn with_none_that_permits_everybody_is_denied_but_the_operator() {
    let none = policies("");
    let order = event("t", "/s", None);
    assert!(none.in_force());
    assert_eq!(
        publish(&none, "api-key:shop", "orders", &order).verdict,
        Verdict::NotPermitted
    );
    assert_eq!(
        publish(&none, "operator", "orders", &order).verdict,
        Verdict::Operator
    );
}

#[test]
fn publishing() {
    let policies = policies(
        r#"
        @id("shop") permit (principal == Key::"shop", action == Action::"publish", resource == Stream::"orders")
        when { context.type like "com.acme.order.*" && context.source like "/shop/*" };
        @id("eu") permit (principal is Token, action == Action::"publish", resource)
        when { principal.id like "https://id.example#*" && context has subject && context.subject == "eu" };
        permit (principal is Source, action == Action::"publish", resource) when { context.via == "door" };
        @id("payroll") forbid (principal, action == Action::"publish", resource)
        when { context.type like "com.acme.payroll.*" };
        "#,
    );
    let order = event("com.acme.order.placed", "/shop/1", None);
    let eu = event("any", "/any", Some("eu"));
    let payroll = event("com.acme.payroll.run", "/shop/1", Some("eu"));
    for (who, stream, event, told) in [
        (
            "api-key:shop",
            "orders",
            &order,
            "permitted by policy p/shop",
        ),
        ("api-key:shop", "payments", &order, "no policy permits it"),
        ("api-key:Shop", "orders", &order, "no policy permits it"),
        ("api-key:shop", "orders", &eu, "no policy permits it"),
        ("sender:shop", "orders", &order, "no policy permits it"),
        ("certificate:shop", "orders", &order, "no policy permits it"),
        ("anonymous", "orders", &order, "no policy permits it"),
        (
            "jwt:https://id.example#a",
            "orders",
            &eu,
            "permitted by policy p/eu",
        ),
        (
            "jwt:https://id.example.evil#a",
            "orders",
            &eu,
            "no policy permits it",
        ),
        (
            "jwt:https://id.example#a",
            "orders",
            &order,
            "no policy permits it",
        ),
        (
            "jwt:https://id.example#a",
            "orders",
            &payroll,
            "forbidden by policy p/payroll",
        ),
        ("source:queue", "orders", &order, "permitted by policy p/3"),
        (
            "source:queue",
            "orders",
            &payroll,
            "forbidden by policy p/payroll",
        ),
    ] {
        assert_eq!(
            publish(&policies, who, stream, event).to_string(),
            told,
            "{who} {stream} {}",
            event.ty()
        );
    }
}

#[test]
fn a_stream_holds_its_subscriptions() {
    let policies = policies(
        r#"
        permit (principal == Key::"oncall", action, resource);
        forbid (principal, action, resource in Stream::"payroll");
        "#,
    );
    let oncall: Principal = "api-key:oncall".parse().unwrap();
    let charge = |stream| Resource::Subscription {
        name: "charge",
        stream,
    };
    for (action, resource, allowed) in [
        (Action::Redrive, charge("orders"), true),
        (Action::Redrive, charge("payroll"), false),
        (Action::Replay, charge("payroll"), false),
        (Action::Configure, Resource::Gateway, true),
        (Action::Configure, charge("payroll"), false),
        (Action::Invoke, Resource::Route("orders"), true),
        (Action::ReadPayload, Resource::Stream("payroll"), false),
        (Action::ReadPayload, Resource::Stream("orders"), true),
    ] {
        let event = event("t", "/s", None);
        let decision = policies.decide(&oncall, action, resource, Facts::of(&event));
        assert_eq!(decision.allowed(), allowed, "{action:?} {resource:?}");
    }
}

#[test]
fn what_fails_is_denied_whatever_permits() {
    // Adding to a number that is too large fails at run time.
    let policies = policies(
        r#"
        permit (principal, action, resource);
        @id("sum") forbid (principal, action == Action::"publish", resource)
        when { 9223372036854775807 + 1 == 0 && context.type == "t" };
        "#,
    );
    let decision = publish(&policies, "api-key:shop", "orders", &event("t", "/s", None));
    assert_eq!(decision.to_string(), "policy p/sum could not be evaluated");
    assert!(!decision.allowed());
}

#[test]
fn what_is_too_long_is_denied_where_it_matters() {
    let long = "s".repeat(5000);
    let event = event("t", "/s", Some(&long));
    let blind = policies(r#"permit (principal, action, resource) when { true };"#);
    assert!(publish(&blind, "api-key:shop", "orders", &event).allowed());
    let reads = policies(
        r#"permit (principal, action == Action::"publish", resource);
           forbid (principal, action == Action::"publish", resource)
           when { context has subject && context.subject like "*x" };"#,
    );
    assert_eq!(
        publish(&reads, "api-key:shop", "orders", &event).verdict,
        Verdict::TooLong
    );
}

#[test]
fn the_schema_names_every_action_and_kind() {
    for action in Action::ALL {
        let quoted = format!("\"{}\"", action.name());
        assert!(
            SCHEMA.contains(&quoted) || SCHEMA.contains(action.name()),
            "{action:?}"
        );
        let any = format!(
            r#"permit (principal, action == Action::"{}", resource);"#,
            action.name()
        );
        policies(&any);
    }
    for text in [
        "api-key:a",
        "jwt:a#b",
        "certificate:uri:a",
        "sender:a",
        "source:a",
        "subscription:a",
        "identity:a",
        "anonymous",
        "operator",
    ] {
        let who: Principal = text.parse().unwrap();
        assert_eq!(who.to_string(), text);
    }
    for text in [
        "",
        "shop",
        "api-key",
        "api-key:",
        "anonymous:a",
        "key:shop",
        "API-KEY:shop",
    ] {
        assert!(text.parse::<Principal>().is_err(), "{text}");
    }
}
