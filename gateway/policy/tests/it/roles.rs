//! Roles, and the policies that they stand for.

use crate::{event, publish};
use tradewind_policy::{Action, Facts, Policies, Principal, Resource, Role};

fn list(items: &[&str]) -> Option<Vec<String>> {
    Some(items.iter().map(|item| (*item).to_owned()).collect())
}

fn shop() -> Role {
    Role {
        members: vec![
            "api-key:shop".into(),
            "certificate:uri:spiffe://acme/*".into(),
        ],
        may: vec![Action::Publish],
        streams: list(&["orders"]),
        types: list(&["com.acme.order.*", "ping"]),
        ..Role::default()
    }
}

#[test]
fn a_role_is_a_policy() {
    let cedar = shop().cedar("shop").unwrap();
    assert_eq!(
        cedar,
        "permit (\n  principal in Role::\"shop\",\n  action in [Action::\"publish\"],\n  resource\n)\n\
         when { resource in [Stream::\"orders\"] }\n\
         when { [\"ping\"].contains(context.type) || context.type like \"com.acme.order.*\" };\n"
    );
    let policies = Policies::new(Vec::new(), &[("shop".into(), shop())]).unwrap();
    let order = event("com.acme.order.placed", "/s", None);
    let ping = event("ping", "/s", None);
    let pings = event("pings", "/s", None);
    for (who, stream, event, told) in [
        (
            "api-key:shop",
            "orders",
            &order,
            "permitted by policy role shop",
        ),
        (
            "api-key:shop",
            "orders",
            &ping,
            "permitted by policy role shop",
        ),
        ("api-key:shop", "orders", &pings, "no policy permits it"),
        ("api-key:shop", "others", &order, "no policy permits it"),
        ("api-key:shops", "orders", &order, "no policy permits it"),
        (
            "certificate:uri:spiffe://acme/a",
            "orders",
            &order,
            "permitted by policy role shop",
        ),
        (
            "certificate:uri:spiffe://acme.evil/a",
            "orders",
            &order,
            "no policy permits it",
        ),
        ("jwt:shop", "orders", &order, "no policy permits it"),
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
fn places_of_several_kinds() {
    let role = Role {
        members: vec!["api-key:oncall".into()],
        may: vec![Action::Redrive, Action::Replay],
        streams: list(&["orders"]),
        subscriptions: list(&["mail"]),
        ..Role::default()
    };
    let policies = Policies::new(Vec::new(), &[("oncall".into(), role)]).unwrap();
    let oncall: Principal = "api-key:oncall".parse().unwrap();
    for (name, stream, allowed) in [
        ("charge", "orders", true),
        ("mail", "letters", true),
        ("spam", "letters", false),
    ] {
        let resource = Resource::Subscription { name, stream };
        let decision = policies.decide(&oncall, Action::Redrive, resource, Facts::default());
        assert_eq!(decision.allowed(), allowed, "{name} {stream}");
    }
}

#[test]
fn texts_of_roles_are_texts_and_no_cedar() {
    let hostile = "a\" || true || \"\\\u{1}*";
    let role = Role {
        types: list(&[hostile]),
        ..shop()
    };
    let policies = Policies::new(Vec::new(), &[("shop".into(), role)]).unwrap();
    let order = event("com.acme.order.placed", "/s", None);
    assert!(!publish(&policies, "api-key:shop", "orders", &order).allowed());
}

#[test]
fn what_is_wrong_with_a_role() {
    for (role, key, said) in [
        (
            Role {
                members: vec![],
                ..shop()
            },
            "members",
            "nobody",
        ),
        (
            Role {
                members: vec!["shop".into()],
                ..shop()
            },
            "members/0",
            "no principal",
        ),
        (
            Role {
                members: vec!["*".into()],
                ..shop()
            },
            "members/0",
            "no principal",
        ),
        (
            Role {
                members: vec!["operator".into()],
                ..shop()
            },
            "members/0",
            "no principal",
        ),
        (
            Role {
                members: vec!["api-key:a*b".into()],
                ..shop()
            },
            "",
            "",
        ),
        (
            Role {
                may: vec![],
                ..shop()
            },
            "may",
            "nothing",
        ),
        (
            Role {
                may: vec![Action::Publish, Action::Redrive],
                ..shop()
            },
            "types",
            "no event",
        ),
        (
            Role {
                types: list(&[]),
                ..shop()
            },
            "types",
            "empty",
        ),
        (
            Role {
                types: list(&["a*b*"]),
                ..shop()
            },
            "types/0",
            "end only",
        ),
        (
            Role {
                streams: list(&[]),
                ..shop()
            },
            "streams",
            "empty",
        ),
        (
            Role {
                streams: None,
                routes: list(&["r"]),
                ..shop()
            },
            "may/0",
            "none of the places",
        ),
    ] {
        match role.cedar("r") {
            Ok(_) => assert_eq!(key, "", "{role:?}"),
            Err(wrong) => {
                assert_eq!(wrong.key, key, "{wrong}");
                assert!(wrong.reason.contains(said), "{wrong}");
            }
        }
    }
}

#[test]
fn roles_of_every_shape_are_sound() {
    for may in Action::ALL {
        for places in 0..8 {
            let some = |bit: usize, names: &[&str]| list(names).filter(|_| places & bit != 0);
            let role = Role {
                members: vec!["api-key:*".into()],
                may: vec![may],
                streams: some(1, &["a", "b"]),
                subscriptions: some(2, &["a", "b"]),
                routes: some(4, &["a"]),
                types: list(&["t", "u*"]).filter(|_| may.has_event()),
                subjects: list(&["s*"]).filter(|_| may.has_event()),
                ..Role::default()
            };
            match Policies::new(Vec::new(), &[("r".into(), role.clone())]) {
                Ok(_) => {}
                Err(wrong) => assert!(
                    wrong.to_string().contains("none of the places"),
                    "{role:?} {wrong}"
                ),
            }
        }
    }
}
