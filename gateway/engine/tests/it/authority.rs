//! Policies: what may be appended, by whom, and what subscriptions may see.

use crate::support::*;
use std::sync::Arc;
use tradewind_engine::{Origin, Plan, PublishError, Sight, SubscriptionPlan};
use tradewind_event::Event;
use tradewind_policy::{Kind, Policies, Principal, Text};

fn policies(text: &str) -> Policies {
    Policies::new(vec![Text::read("p", text).unwrap()], &[]).unwrap()
}

fn by(text: &str) -> Origin {
    Origin {
        who: text.parse().unwrap(),
        principal: format!("{text} (test)").into(),
        ..origin()
    }
}

fn of(ty: &str, id: &str) -> Event {
    Event::builder(id, "/shop", ty).build().unwrap()
}

fn plan_with(policies: &Policies, subscriptions: &[(&str, SubscriptionPlan)]) -> Plan {
    let mut all = plan([]);
    all.policies = policies.clone();
    all.subscriptions.extend(
        subscriptions
            .iter()
            .map(|(name, s)| ((*name).to_owned(), s.clone())),
    );
    all
}

const ORDERS: &str = r#"
    @id("shop") permit (principal == Key::"shop", action == Action::"publish", resource == Stream::"default")
    when { context.type like "order.*" };
"#;

#[tokio::test(start_paused = true)]
async fn a_batch_with_one_event_that_is_denied_is_not_appended() {
    let engine = World::new().start(plan_with(&policies(ORDERS), &[])).await;
    let batch = vec![
        of("order.placed", "1"),
        of("payroll.run", "2"),
        of("order.paid", "3"),
    ];
    let error = engine
        .publish("default", &by("api-key:shop"), batch)
        .await
        .unwrap_err();
    let PublishError::Denied(denied) = error else {
        panic!("{error}")
    };
    assert_eq!(denied, [(1, "no policy permits it".to_owned())]);
    assert_eq!(engine.streams().await["default"].appended, 0);

    let batch = vec![of("order.placed", "1")];
    for who in ["api-key:shops", "jwt:shop", "sender:shop", "anonymous"] {
        let denied = engine.publish("default", &by(who), batch.clone()).await;
        assert!(matches!(denied, Err(PublishError::Denied(_))), "{who}");
        let denied = engine.takes("default", &by(who), &batch);
        assert!(matches!(denied, Err(PublishError::Denied(_))), "{who}");
    }
    engine
        .publish("default", &by("api-key:shop"), batch)
        .await
        .unwrap();
    let found = engine.explain("1").await.unwrap();
    assert_eq!(found[0].principal, "api-key:shop (test), by policy p/shop");
    let counted: Vec<_> = engine
        .denied()
        .into_iter()
        .map(|d| (d.action, d.cause, d.count))
        .collect();
    assert_eq!(counted, [("publish", "not-permitted", 9)]);
}

#[tokio::test(start_paused = true)]
async fn another_plan_decides_anew() {
    let engine = World::new().start(plan_with(&policies(ORDERS), &[])).await;
    let publish = |id: &str| {
        let (engine, event) = (engine.clone(), of("order.placed", id));
        async move {
            engine
                .publish("default", &by("api-key:shop"), vec![event])
                .await
        }
    };
    publish("1").await.unwrap();
    engine.apply(plan_with(&policies(""), &[])).await.unwrap();
    assert!(matches!(publish("2").await, Err(PublishError::Denied(_))));
    engine
        .apply(plan_with(&Policies::off(), &[]))
        .await
        .unwrap();
    publish("3").await.unwrap();
    engine
        .apply(plan_with(&policies(ORDERS), &[]))
        .await
        .unwrap();
    publish("4").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn replies_are_published_as_the_subscription() {
    for (permit, kept) in [("ask", 1), ("other", 0)] {
        let text = format!(
            "{ORDERS} permit (principal == Subscription::\"{permit}\", action == Action::\"publish\", resource)
             when {{ context.via == \"reply:ask\" }};"
        );
        let sink = ScriptedSink::new(|_| Act::Reply(of("answer", "reply")));
        let mut ask = filtered(&sink, serde_json::json!({ "prefix": { "type": "order." } }));
        ask.policy.reply_to = Some("default".into());
        let engine = World::new()
            .start(plan_with(&policies(&text), &[("ask", ask)]))
            .await;
        engine
            .publish(
                "default",
                &by("api-key:shop"),
                vec![of("order.placed", "first")],
            )
            .await
            .unwrap();
        engine.quiesced().await;
        assert_eq!(
            engine.streams().await["default"].appended,
            1 + kept,
            "{permit}"
        );
        assert_eq!(account(&engine, "ask").await.accepted, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_an_identity_may_not_see_does_not_match() {
    let text = r#"
        permit (principal == Identity::"billing", action == Action::"subscribe", resource == Stream::"default");
        @id("no-payroll") forbid (principal, action == Action::"subscribe", resource)
        when { context.type like "payroll.*" };
    "#;
    let policies = policies(text);
    let seen_as = |sink: &Arc<ScriptedSink>, identity: &str| SubscriptionPlan {
        sight: Some(Sight {
            who: Principal::new(Kind::Identity, identity),
            policies: policies.clone(),
        }),
        ..subscription(sink)
    };
    let (billing, strangers, open) = (
        ScriptedSink::accepting(),
        ScriptedSink::accepting(),
        ScriptedSink::accepting(),
    );
    let all = [
        ("billing", seen_as(&billing, "billing")),
        ("strangers", seen_as(&strangers, "strangers")),
        ("open", subscription(&open)),
    ];
    let engine = World::new().start(plan_with(&policies, &all)).await;
    publish(
        &engine,
        [of("order.placed", "order"), of("payroll.run", "payroll")],
    )
    .await;
    engine.quiesced().await;
    assert_eq!(billing.ids(), ["order"]);
    assert!(strangers.ids().is_empty());
    assert_eq!(open.ids(), ["order", "payroll"]);
    let account = account(&engine, "billing").await;
    assert_eq!((account.matched, account.filtered), (1, 1));
    let journey = engine.explain("payroll").await.unwrap().remove(0);
    let told = |name: &str| {
        let stop = journey
            .subscriptions
            .iter()
            .find(|s| s.subscription == name)
            .unwrap();
        (stop.state.clone(), stop.reason.clone().unwrap_or_default())
    };
    let reason = "its identity may not subscribe: forbidden by policy p/no-payroll";
    assert_eq!(told("billing"), ("filtered".into(), reason.into()));
    let reason = "its identity may not subscribe: forbidden by policy p/no-payroll";
    assert_eq!(told("strangers"), ("filtered".into(), reason.into()));
    assert_eq!(told("open").0, "accepted");
}

#[test]
fn who_may_not_see_an_event_does_not_see_it_set_aside_either() {
    let policies = policies(
        r#"permit (principal, action == Action::"subscribe", resource);
           forbid (principal, action == Action::"subscribe", resource) when { context.type like "hr.*" };"#,
    );
    let sight = Sight {
        who: Principal::new(Kind::Key, "shop"),
        policies,
    };
    let aside = |within: &str| {
        let data = format!(r#"{{"reason":"r","events":[{within}]}}"#);
        let event = Event::builder("1", "/sources/q", tradewind_engine::SET_ASIDE);
        event.data("application/json", data).build().unwrap()
    };
    let event =
        |ty: &str| format!(r#"{{"specversion":"1.0","id":"1","source":"/s","type":"{ty}"}}"#);
    for (within, seen) in [
        (String::new(), true),
        (event("order.placed"), true),
        (event("hr.salary"), false),
        (
            format!("{},{}", event("order.placed"), event("hr.salary")),
            false,
        ),
    ] {
        let decision = sight.of("default", &aside(&within));
        assert_eq!(decision.allowed(), seen, "{within}: {decision}");
    }
}
