use super::super::troubles::Trouble;
use super::*;
use tradewind_engine::Account;

fn facts() -> Facts {
    Facts {
        now_ms: 1_000_000,
        started_ms: 1,
        generation: 1,
        fingerprint: "a".into(),
        disk_free: Some(10_000),
        backlog: 1000,
        disk_least: 1000,
        ..Facts::default()
    }
}

fn view(name: &str) -> SubscriptionView {
    SubscriptionView {
        name: name.into(),
        stream: "default".into(),
        state: "active".into(),
        circuit: "closed".into(),
        sink: "https://x.example".into(),
        account: Account::default(),
        cursors: Vec::new(),
        in_flight: 0,
        behind_bytes: 0,
        busy_keys: 0,
        filter_errors: 0,
        held_up: None,
        owner: Some("shop".into()),
        why: None,
        space: None,
        shadow: None,
        members: Vec::new(),
    }
}

/// What is told when things come to stand like this.
fn tell(told: &mut Told, facts: &Facts) -> Vec<(&'static str, Value)> {
    let (sayings, next) = compare(told, facts, 100);
    *told = next;
    let again = compare(told, facts, 100);
    assert!(
        again.0.is_empty() && again.1 == *told,
        "told twice: {again:?}"
    );
    // As a restart reads it.
    let bytes = serde_json::to_vec(told).unwrap();
    assert_eq!(serde_json::from_slice::<Told>(&bytes).unwrap(), *told);
    sayings.into_iter().map(|s| (s.ty, s.data)).collect()
}

fn types(told: &mut Told, facts: &Facts) -> Vec<&'static str> {
    tell(told, facts).into_iter().map(|(ty, _)| ty).collect()
}

#[test]
fn a_subscription_is_told_of_when_something_changes() {
    let mut told = Told::default();
    let mut facts = facts();
    facts.subscriptions = vec![view("a")];
    assert_eq!(types(&mut told, &facts), ["tradewind.gateway.started"]);
    type Change = fn(&mut SubscriptionView);
    let steps: [(Change, &[&str]); 14] = [
        (
            |v| v.account.dead_lettered = 3,
            &["tradewind.delivery.dead-lettered"],
        ),
        // Purged: they were told of.
        (
            |v| (v.account.dead_lettered, v.account.purged) = (1, 2),
            &[],
        ),
        (|v| v.account.dead_lettered = 0, &[]),
        (
            |v| v.account.dead_lettered = 1,
            &["tradewind.delivery.dead-lettered"],
        ),
        (
            |v| v.circuit = "open".into(),
            &["tradewind.subscription.circuit-opened"],
        ),
        (|v| v.circuit = "half-open".into(), &[]),
        (
            |v| v.circuit = "closed".into(),
            &["tradewind.subscription.circuit-closed"],
        ),
        (
            |v| v.state = "disabled".into(),
            &["tradewind.subscription.disabled"],
        ),
        (
            |v| v.state = "active".into(),
            &["tradewind.subscription.active"],
        ),
        (|v| v.behind_bytes = 999, &[]),
        (
            |v| v.behind_bytes = 1000,
            &["tradewind.subscription.backlog-high"],
        ),
        (|v| v.behind_bytes = 500, &[]),
        (
            |v| v.behind_bytes = 499,
            &["tradewind.subscription.backlog-normal"],
        ),
        (
            |v| v.state = "suspended".into(),
            &["tradewind.subscription.suspended"],
        ),
    ];
    for (index, (change, expected)) in steps.into_iter().enumerate() {
        change(&mut facts.subscriptions[0]);
        assert_eq!(types(&mut told, &facts), expected, "step {index}");
    }
    facts.subscriptions[0].account.dead_lettered = 7;
    let (_, data) = tell(&mut told, &facts).remove(0);
    assert_eq!(
        (&data["count"], &data["total"], &data["owner"]),
        (&json!(6), &json!(7), &json!("shop"))
    );
}

#[test]
fn the_gateway_its_configuration_its_disk_and_its_sources() {
    let mut told = Told::default();
    let mut facts = facts();
    assert_eq!(types(&mut told, &facts), ["tradewind.gateway.started"]);
    let trouble = Trouble {
        refused: 2,
        last: "bad-signature".into(),
        handshakes: 1,
        failures: 2,
        failure: "no route".into(),
    };
    facts.sources = BTreeMap::from([("s".to_owned(), trouble)]);
    assert_eq!(
        types(&mut told, &facts),
        [
            "tradewind.source.refusing",
            "tradewind.source.handshake-failed"
        ]
    );
    type Change = fn(&mut Facts);
    let steps: [(Change, &[&str]); 11] = [
        (
            |f| f.refused = Some("line 3".into()),
            &["tradewind.config.refused"],
        ),
        (|f| f.refused = None, &[]),
        (|f| f.fingerprint = "b".into(), &[CHANGED]),
        (|f| f.disk_free = Some(999), &["tradewind.disk.low"]),
        (|f| f.disk_free = Some(1050), &[]),
        (|f| f.disk_free = None, &[]),
        (|f| f.disk_free = Some(1100), &["tradewind.disk.recovered"]),
        (
            |f| f.sources.values_mut().for_each(|t| t.failures = 3),
            &["tradewind.source.failing"],
        ),
        (
            |f| f.sources.values_mut().for_each(|t| t.failures = 0),
            &["tradewind.source.recovered"],
        ),
        // Not more than once a minute.
        (|f| f.sources.values_mut().for_each(|t| t.refused = 9), &[]),
        (|f| f.now_ms += REFUSING_MS, &["tradewind.source.refusing"]),
    ];
    for (index, (change, expected)) in steps.into_iter().enumerate() {
        change(&mut facts);
        assert_eq!(types(&mut told, &facts), expected, "step {index}");
    }
    // Counts of a new process begin at nothing.
    facts.started_ms = 2;
    facts.now_ms += REFUSING_MS;
    facts
        .sources
        .values_mut()
        .for_each(|t| (t.refused, t.handshakes) = (0, 1));
    assert_eq!(
        types(&mut told, &facts),
        [
            "tradewind.gateway.started",
            "tradewind.source.handshake-failed"
        ]
    );
}

#[test]
fn a_storm_is_told_bit_by_bit_and_nothing_is_left_out() {
    let mut facts = facts();
    facts.subscriptions = (0..50).map(|n| view(&format!("s{n}"))).collect();
    for view in &mut facts.subscriptions {
        view.account.dead_lettered = 1;
        view.circuit = "open".into();
    }
    let (mut told, mut all) = (Told::default(), Vec::new());
    loop {
        let (sayings, next) = compare(&told, &facts, 20);
        assert!(sayings.len() <= 20);
        told = next;
        if sayings.is_empty() {
            break;
        }
        all.extend(sayings);
    }
    assert_eq!(all.len(), 1 + 2 * 50);
    let numbers: std::collections::BTreeSet<u64> = all.iter().map(|s| s.number).collect();
    assert_eq!(numbers.len(), all.len());
}

#[test]
fn a_broken_schema_is_told_of_once_a_minute_with_the_count() {
    let mut told = Told::default();
    let mut facts = facts();
    types(&mut told, &facts);
    for (later_ms, violated, expected) in [
        (0, 0, None),
        (0, 2, Some(2)),
        (59_999, 5, None),
        (1, 5, Some(3)),
        (60_000, 5, None),
    ] {
        facts.now_ms += later_ms;
        facts.schemas.insert("order".into(), violated);
        let data = expected.map(|count| {
            let data = json!({ "schema": "order", "count": count });
            ("tradewind.schema.violated", data)
        });
        assert_eq!(tell(&mut told, &facts), Vec::from_iter(data), "{violated}");
    }
    // Counted anew after a restart.
    facts.started_ms += 1;
    facts.now_ms += 60_000;
    facts.schemas.insert("order".into(), 1);
    let types = types(&mut told, &facts);
    assert_eq!(
        types,
        ["tradewind.gateway.started", "tradewind.schema.violated"]
    );
}
