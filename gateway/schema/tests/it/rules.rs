//! Which schema an event is held against.

use tradewind_event::Event;
use tradewind_schema::{Action, Binding, Compatibility, Definition, Pattern, Registered, Schemas};

/// A schema that nothing passes, so that its name is told.
fn registered(ids: &[Option<&str>], bindings: &[(&str, Option<&str>, Action)]) -> Registered {
    let mut schema = Registered::new("json-schema", Compatibility::None, Action::Annotate).unwrap();
    for id in ids {
        let definition = Definition {
            text: "false".into(),
            message: None,
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
