//! What is remembered is what Cedar says when it is given everything.

use crate::event;
use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityUid, PolicySet, Request,
    RestrictedExpression,
};
use proptest::prelude::*;
use std::collections::{HashMap, HashSet};
use tradewind_policy::{Action, Facts, Policies, Principal, Resource, Text};

const TYPES: [&str; 4] = ["a", "ab", "b", "type"];
const SOURCES: [&str; 3] = ["/a", "/b", "/a/b"];
const SUBJECTS: [Option<&str>; 3] = [None, Some("a"), Some("type")];
const VIAS: [&str; 2] = ["a", "door"];
const STREAMS: [&str; 2] = ["a", "b"];
const KEYS: [&str; 3] = ["a", "b", "ab"];

fn condition() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        (prop::sample::select(&TYPES[..])).prop_map(|t| format!("context.type == \"{t}\"")),
        (prop::sample::select(&TYPES[..])).prop_map(|t| format!("context[\"type\"] like \"{t}*\"")),
        (prop::sample::select(&SOURCES[..])).prop_map(|s| format!("context.source like \"{s}*\"")),
        Just("context has subject".to_owned()),
        Just("context has subject && context.subject == \"type\"".to_owned()),
        Just("context.via == \"door\"".to_owned()),
        Just("principal == Key::\"a\"".to_owned()),
        Just("resource == Stream::\"a\"".to_owned()),
        Just("[context.type, context.source].contains(\"a\")".to_owned()),
        Just("{x: context}.x.type == \"a\"".to_owned()),
        Just("(if context has subject then context else context).via == \"a\"".to_owned()),
        Just("{Var: \"context\"}.Var == \"context\"".to_owned()),
    ];
    leaf.prop_recursive(3, 8, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) && ({b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) || ({b})")),
            inner.prop_map(|a| format!("!({a})")),
        ]
    })
}

fn policy() -> impl Strategy<Value = String> {
    (prop::bool::weighted(0.7), condition()).prop_map(|(permits, condition)| {
        let effect = if permits { "permit" } else { "forbid" };
        format!("{effect} (principal, action == Action::\"publish\", resource) when {{ {condition} }};\n")
    })
}

/// What Cedar says with all that is known of the event.
fn told(
    set: &PolicySet,
    key: &str,
    stream: &str,
    event: &tradewind_event::Event,
    via: &str,
) -> bool {
    let uid = |text: String| -> EntityUid { text.parse().unwrap() };
    let string = |text: &str| RestrictedExpression::new_string(text.to_owned());
    let (principal, resource) = (
        uid(format!("Key::\"{key}\"")),
        uid(format!("Stream::\"{stream}\"")),
    );
    let mut context = vec![
        ("type".to_owned(), string(event.ty())),
        ("source".to_owned(), string(event.source())),
        ("via".to_owned(), string(via)),
    ];
    context.extend(event.subject().map(|s| ("subject".to_owned(), string(s))));
    let entity = |uid: &EntityUid, id: &str| {
        let id = HashMap::from([("id".to_owned(), string(id))]);
        Entity::new(uid.clone(), id, HashSet::new()).unwrap()
    };
    let entities =
        Entities::from_entities([entity(&principal, key), entity(&resource, stream)], None)
            .unwrap();
    let context = Context::from_pairs(context).unwrap();
    let request = Request::new(
        principal,
        uid("Action::\"publish\"".into()),
        resource,
        context,
        None,
    )
    .unwrap();
    let response = Authorizer::new().is_authorized(&request, set, &entities);
    assert_eq!(response.diagnostics().errors().count(), 0, "{set}");
    response.decision() == Decision::Allow
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Every question is asked twice, in one memory, among all the others that differ in one thing.
    #[test]
    fn what_is_remembered_is_what_everything_known_decides(all in prop::collection::vec(policy(), 1..5)) {
        let text = all.concat();
        // The schema refuses some conditions as impossible; those are no policies.
        let Ok(read) = Text::read("p", &text) else { return Ok(()) };
        let policies = Policies::new(vec![read], &[]).unwrap();
        let set: PolicySet = text.parse().unwrap();
        for _ in 0..2 {
            for (ty, source) in TYPES.iter().flat_map(|t| SOURCES.iter().map(move |s| (t, s))) {
                for (subject, via) in SUBJECTS.iter().flat_map(|s| VIAS.iter().map(move |v| (s, v))) {
                    let event = event(ty, source, *subject);
                    for (key, stream) in KEYS.iter().flat_map(|k| STREAMS.iter().map(move |s| (k, s))) {
                        let who: Principal = format!("api-key:{key}").parse().unwrap();
                        let facts = Facts::of(&event).via(via);
                        let decision = policies.decide(&who, Action::Publish, Resource::Stream(stream), facts);
                        let afresh = policies.decide_afresh(&who, Action::Publish, Resource::Stream(stream), facts);
                        prop_assert_eq!(&decision, &afresh);
                        prop_assert_eq!(
                            decision.allowed(),
                            told(&set, key, stream, &event, via),
                            "{} {} {} {:?}", text, key, stream, event
                        );
                    }
                }
            }
        }
    }
}
