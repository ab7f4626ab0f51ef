//! Which schema an event is held against.

use tradewind_event::Event;
use tradewind_schema::{Action, Binding, Compatibility, Definition, Pattern, Registered, Schemas};

/// A schema that nothing passes, so that its name is told.
fn registered(ids: &[Option<&str>], bindings: &[(&str, Option<&str>, Action)]) -> Registered {
    let mut schema = Registered::new("json-schema", Compatibility::None, Action::Annotate).unwrap();
    for id in ids {
        let definition = Definition {
            text: "false".into(),
            ..Definition::default()
        };
        schema.add(definition, id.map(str::to_owned)).unwrap();
    }
    schema.bindings = bindings
        .iter()
        .map(|(ty, source, on_failure)| Binding {
            ty: Pattern::read(ty),
            source: source.map(Pattern::read),
            on_failure: *on_failure,
        })
        .collect();
    schema
}

#[test]
fn the_narrowest_binding_counts_and_dataschema_chooses_the_version() {
    use Action::{Annotate, DeadLetter, Off, Reject};
    let all = [
        (
            "a".to_string(),
            registered(
                &[Some("urn:a:1"), Some("urn:a:2")],
                &[("shop.order", None, Reject)],
            ),
        ),
        (
            "b".to_string(),
            registered(
                &[None],
                &[
                    ("shop.order", Some("/eu/*"), DeadLetter),
                    ("shop.*", None, Reject),
                ],
            ),
        ),
        (
            "c".to_string(),
            registered(
                &[Some("urn:c:1")],
                &[("shop.order.*", None, Reject), ("off", None, Off)],
            ),
        ),
        ("d".to_string(), registered(&[], &[("none", None, Reject)])),
    ];
    let schemas = Schemas::new(all.iter().map(|(name, schema)| (name, schema)));
    for (ty, source, dataschema, expected) in [
        ("shop.order", "/us", None, Some(("a", 2, Reject))),
        ("shop.order", "/us", Some("urn:a:1"), Some(("a", 1, Reject))),
        (
            "shop.order",
            "/us",
            Some("urn:other"),
            Some(("a", 2, Reject)),
        ),
        ("shop.order", "/us", Some("urn:c:1"), Some(("a", 2, Reject))),
        ("shop.order", "/eu/berlin", None, Some(("b", 1, DeadLetter))),
        (
            "shop.order.placed",
            "/eu/berlin",
            None,
            Some(("c", 1, Reject)),
        ),
        ("shop.refund", "/us", None, Some(("b", 1, Reject))),
        ("other", "/us", Some("urn:c:1"), Some(("c", 1, Annotate))),
        ("other", "/us", Some("urn:other"), None),
        ("other", "/us", None, None),
        ("off", "/us", None, None),
        ("none", "/us", None, None),
    ] {
        let mut event = Event::builder("1", source, ty).data("application/json", "1");
        if let Some(id) = dataschema {
            event = event.data_schema(id);
        }
        let said = schemas.judge(&event.build().unwrap());
        let said = said
            .as_ref()
            .map(|said| (&*said.schema, said.version, said.action));
        assert_eq!(said, expected, "{ty} {source} {dataschema:?}");
    }
}

#[test]
fn what_is_demanded_of_everybody_comes_before_what_a_space_says() {
    use Action::{Annotate, Off, Reject};
    let of = |space: Option<&str>, mut schema: Registered| {
        schema.space = space.map(str::to_owned);
        schema
    };
    let order = &[("order", None, Reject)][..];
    let all = [
        ("a".to_string(), of(None, registered(&[None], order))),
        (
            "b".to_string(),
            of(
                None,
                registered(&[Some("urn:all")], &[("quiet", None, Off)]),
            ),
        ),
        (
            "a".to_string(),
            of(
                Some("shop"),
                registered(
                    &[Some("urn:shop")],
                    &[
                        ("order", None, Off),
                        ("refund", None, Reject),
                        ("quiet", None, Reject),
                    ],
                ),
            ),
        ),
        (
            "a".to_string(),
            of(
                Some("bank"),
                registered(&[None], &[("refund", None, Annotate)]),
            ),
        ),
    ];
    let schemas = Schemas::new(all.iter().map(|(name, schema)| (name, schema)));
    for (space, ty, dataschema, expected) in [
        ("shop", "order", None, Some(("a", Reject))),
        ("shop", "refund", None, Some(("shop/a", Reject))),
        ("shop", "quiet", None, None),
        (
            "shop",
            "other",
            Some("urn:shop"),
            Some(("shop/a", Annotate)),
        ),
        ("bank", "other", Some("urn:shop"), None),
        // The event says that itself, and is not let off by it.
        ("shop", "refund", Some("urn:all"), Some(("shop/a", Reject))),
        ("shop", "other", Some("urn:all"), Some(("b", Annotate))),
        ("bank", "refund", None, Some(("bank/a", Annotate))),
        ("else", "refund", None, None),
        ("else", "order", None, Some(("a", Reject))),
    ] {
        let mut event = Event::builder("1", "/s", ty).data("application/json", "1");
        if let Some(id) = dataschema {
            event = event.data_schema(id);
        }
        let said = schemas.judge_in(space, &event.build().unwrap());
        let said = said.as_ref().map(|said| (&*said.schema, said.action));
        assert_eq!(said, expected, "{space} {ty}");
    }
}

#[test]
fn versions_keep_their_numbers_and_all_that_is_owed_is_told() {
    let mut schema = Registered::new("json-schema", Compatibility::Full, Action::Reject).unwrap();
    let definition = |text: &str| Definition {
        text: text.into(),
        ..Definition::default()
    };
    // 1, 2 and 4 were removed; what is put back is not held against the others.
    schema
        .restore(3, definition(r#"{"type":"string"}"#), None)
        .unwrap();
    schema
        .restore(5, definition(r#"{"type":"boolean"}"#), None)
        .unwrap();
    let owed = schema.violations(&definition(r#"{"type":"integer"}"#));
    let begin: Vec<&str> = owed
        .iter()
        .map(|owed| owed.split(':').next().unwrap())
        .collect();
    assert_eq!(
        begin,
        [
            "it is not backward compatible with version 3",
            "it is not forward compatible with version 3",
            "it is not backward compatible with version 5",
            "it is not forward compatible with version 5",
        ]
    );
    let refused = schema
        .add(definition(r#"{"type":"integer"}"#), None)
        .unwrap_err();
    assert_eq!(refused.reason, owed[0]);
    schema.compatibility = Compatibility::None;
    schema
        .add(definition(r#"{"type":"integer"}"#), None)
        .unwrap();
    let numbers: Vec<u32> = schema.versions.iter().map(|v| v.number).collect();
    assert_eq!(numbers, [3, 5, 6]);
    assert!(schema.compiles(&definition("{")).is_err());
}
