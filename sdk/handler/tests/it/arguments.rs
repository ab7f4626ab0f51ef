use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};
use tradewind::testing::{self, Call};
use tradewind::{Bytes, Context, Data, Delivery, Error, Event, FromEvent, Outcome, State, event};

fn delivery(content_type: &str, data: impl Into<Bytes>) -> Delivery {
    Delivery {
        event: Event::builder("1", "/s", "t")
            .data(content_type, data)
            .build()
            .unwrap(),
        context: Context::new("d"),
    }
}

fn without_data() -> Delivery {
    Delivery {
        event: Event::builder("1", "/s", "t").build().unwrap(),
        context: Context::new("d"),
    }
}

#[derive(Debug, Deserialize, PartialEq)]
struct Order {
    total: u64,
}

#[test]
fn data_that_does_not_fit_is_rejected_with_the_place() {
    for (delivery, reason) in [
        (
            delivery("application/json", r#"{"total":-1}"#),
            "data of t does not fit the handler at `total`: invalid value: integer, \
             expected u64 at line 1 column 11",
        ),
        (
            delivery("application/json", "{}"),
            "data of t does not fit the handler: missing field `total` at line 1 column 2",
        ),
        (
            delivery("application/json", r#"{"total":1} x"#),
            "data of t does not fit the handler: trailing characters at line 1 column 13",
        ),
        (
            delivery("text/plain", r#"{"total":1}"#),
            "the handler takes JSON data; datacontenttype is text/plain",
        ),
        (without_data(), "the handler takes data; the event has none"),
    ] {
        let error = Data::<Order>::from_event(&delivery, &()).unwrap_err();
        assert!(!error.is_retryable());
        assert_eq!(error.to_string(), reason);
    }
}

#[test]
fn data_that_fits_is_read() {
    for content_type in ["application/json", "application/vnd.shop+json; v=2"] {
        let delivery = delivery(content_type, r#" {"total":1, "more":[]} "#);
        let Data(order) = Data::<Order>::from_event(&delivery, &()).unwrap();
        assert_eq!(order, Order { total: 1 });
    }
    let Data(none) = Data::<Option<Order>>::from_event(&without_data(), &()).unwrap();
    assert_eq!(none, None);
}

#[test]
fn types_of_ones_own_are_arguments_too() {
    struct Tenant(String);
    impl<S> FromEvent<S> for Tenant {
        fn from_event(delivery: &Delivery, _: &S) -> Result<Self, Error> {
            delivery
                .event
                .attribute("tenant")
                .map(|value| Tenant(value.to_canonical().into_owned()))
                .ok_or_else(|| Error::reject("no tenant"))
        }
    }
    let given = testing::event("t", ())
        .with_attribute("tenant", event::Attribute::String("acme"))
        .unwrap();
    for (event, tenant) in [(given, Some("acme")), (testing::event("t", ()), None)] {
        let found = Tenant::from_event(
            &Delivery {
                event,
                context: Context::new("d"),
            },
            &(),
        );
        assert_eq!(found.ok().map(|t| t.0).as_deref(), tenant);
    }
}

#[tokio::test]
async fn tests_choose_the_circumstances() {
    let handler = tradewind::handler_fn(|cx: Context, State(limit): State<u32>| async move {
        assert_eq!(cx.subscription(), Some("charge"));
        assert_eq!(cx.replay(), Some("r-1"));
        assert!(cx.is_cancelled());
        assert!(cx.remaining().is_zero());
        match cx.attempt() > limit {
            true => Error::reject("given up"),
            false => Error::retry(None),
        }
    })
    .with_state(2);
    for (attempt, retried) in [(2, true), (3, false)] {
        let outcome = Call::new(testing::event("t", ()))
            .attempt(attempt)
            .subscription("charge")
            .replay("r-1")
            .remaining(std::time::Duration::ZERO)
            .stopping()
            .run(&handler)
            .await;
        assert_eq!(matches!(outcome, Outcome::Retry { .. }), retried);
    }
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(".*", inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

proptest! {
    #[test]
    fn json_data_arrives_as_it_was_sent(value in json_value()) {
        let delivery = delivery("application/json", value.to_string());
        let Data(read) = Data::<Value>::from_event(&delivery, &()).unwrap();
        prop_assert_eq!(read, value);
    }

    #[test]
    fn any_bytes_are_taken_or_rejected_never_retried(
        content_type in prop_oneof![Just("application/json"), Just("text/plain"), Just("image/png")],
        bytes: Vec<u8>,
    ) {
        let delivery = delivery(content_type, bytes.clone());
        let taken = Bytes::from_event(&delivery, &()).unwrap();
        prop_assert_eq!(&taken[..], &bytes[..]);
        if let Err(error) = Data::<Order>::from_event(&delivery, &()) {
            prop_assert!(!error.is_retryable());
        }
    }
}
