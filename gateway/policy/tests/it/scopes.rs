//! What heads of policies leave open.

use crate::policies;
use tradewind_policy::{Action, Role};

#[test]
fn two_of_who_what_and_where_are_a_wildcard() {
    for (text, wildcard, only) in [
        ("permit(principal, action, resource);", true, None),
        (
            r#"permit(principal, action == Action::"publish", resource);"#,
            true,
            None,
        ),
        (
            r#"permit(principal == Key::"ops", action, resource);"#,
            true,
            Some("api-key:ops"),
        ),
        (
            r#"permit(principal, action, resource == Stream::"a");"#,
            true,
            None,
        ),
        (
            r#"permit(principal in Role::"ops", action, resource);"#,
            true,
            None,
        ),
        (
            r#"permit(principal == Key::"ops", action == Action::"publish", resource);"#,
            false,
            Some("api-key:ops"),
        ),
        (
            r#"permit(principal, action == Action::"invoke", resource == Route::"ask");"#,
            false,
            None,
        ),
        (
            r#"permit(principal, action == Action::"publish", resource) when { context.type == "a" };"#,
            false,
            None,
        ),
        ("forbid(principal, action, resource);", false, None),
    ] {
        let scopes = policies(text).scopes();
        let told: Vec<_> = scopes
            .iter()
            .map(|scope| (scope.wildcard, scope.only.as_ref().map(ToString::to_string)))
            .collect();
        assert_eq!(told, [(wildcard, only.map(str::to_owned))], "{text}");
    }
}

#[test]
fn roles_are_measured_alike() {
    let role =
        |members: &[&str], may: &[Action], streams: Option<&str>, types: Option<&str>| Role {
            members: members.iter().map(|member| (*member).to_owned()).collect(),
            may: may.to_vec(),
            streams: streams.map(|stream| vec![stream.to_owned()]),
            types: types.map(|ty| vec![ty.to_owned()]),
            ..Role::default()
        };
    let publish = [Action::Publish];
    for (role, wildcard) in [
        (role(&["api-key:*"], &publish, None, None), true),
        (role(&["anonymous"], &publish, None, None), true),
        (role(&["api-key:ops"], &Action::ALL, None, None), true),
        (role(&["api-key:ops"], &publish, None, None), false),
        (
            role(&["jwt:https://id.example#*"], &publish, None, None),
            false,
        ),
        (role(&["api-key:*"], &publish, Some("orders"), None), false),
        (
            role(&["api-key:*"], &publish, None, Some("com.acme.*")),
            false,
        ),
    ] {
        assert_eq!(role.wildcard(), wildcard, "{role:?}");
    }
}
