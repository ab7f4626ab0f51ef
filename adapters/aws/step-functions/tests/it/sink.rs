//! The sink.

use async_trait::async_trait;
use aws_sdk_sfn::Client;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tradewind_adapter::{Outcome, Sink};
use tradewind_aws::testkit::{
    self as aws, Answer, Moto, Service, Wire, attempt, canned, delivery, event, one, told,
};
use tradewind_event::{Event, json};
use tradewind_step_functions::StepFunctionsSink;

const ORDERS: &str = "arn:aws:states:eu-west-1:123456789012:stateMachine:orders";

fn sink(endpoint: &str, more: &Value) -> StepFunctionsSink {
    let config = json!({ "state-machine": ORDERS, "aws": aws::access(endpoint) });
    StepFunctionsSink::new(aws::settings(config, more)).unwrap()
}

/// A new state machine.
async fn machine(endpoint: &str) -> String {
    let client = Client::new(&aws::config(endpoint).await);
    let definition = json!({ "StartAt": "a", "States": { "a": { "Type": "Pass", "End": true } } });
    let create = client
        .create_state_machine()
        .name(aws::fresh("machine"))
        .definition(definition.to_string())
        .role_arn("arn:aws:iam::123456789012:role/states");
    create.send().await.unwrap().state_machine_arn
}

/// What executions were given, by name.
async fn inputs(endpoint: &str, machine: &str) -> Vec<(String, String)> {
    let client = Client::new(&aws::config(endpoint).await);
    let listed = client.list_executions().state_machine_arn(machine);
    let mut all = Vec::new();
    for execution in listed.send().await.unwrap().executions {
        let arn = execution.execution_arn;
        let told = client.describe_execution().execution_arn(arn).send().await;
        let told = told.unwrap();
        all.push((execution.name, told.input.unwrap_or_default()));
    }
    all
}

#[derive(Default)]
struct StepFunctions(Mutex<String>);

#[async_trait]
impl Service for StepFunctions {
    const WIRE: Wire = Wire::Json;

    fn sink(&self, endpoint: &str) -> Arc<dyn Sink> {
        Arc::new(sink(endpoint, &json!({})))
    }

    async fn target(&self, endpoint: &str) -> Arc<dyn Sink> {
        let arn = machine(endpoint).await;
        self.0.lock().unwrap().clone_from(&arn);
        Arc::new(sink(endpoint, &json!({ "state-machine": arn })))
    }

    async fn received(&self, endpoint: &str) -> Vec<Event> {
        let machine = self.0.lock().unwrap().clone();
        let inputs = inputs(endpoint, &machine).await.into_iter();
        inputs
            .map(|(_, input)| json::decode(input.into()).unwrap())
            .collect()
    }
}

#[tokio::test]
async fn conformance() {
    let skipped = ["takes_a_whole_batch", "returns_the_reply"];
    aws::conformance(StepFunctions::default(), &skipped).await;
}

#[tokio::test]
async fn refusals_say_which_permission_or_setting_is_missing() {
    for (execution, action) in [("start", "StartExecution"), ("sync", "StartSyncExecution")] {
        let permission = format!("states:{action} on {ORDERS}");
        aws::refusals(Wire::Json, &permission, |origin| {
            Arc::new(sink(origin, &json!({ "execution": execution })))
        })
        .await;
    }
}

/// A delivery that is tried again runs once, and one whose execution has ended already is done.
#[tokio::test]
async fn a_delivery_is_one_execution() {
    let moto = Moto::start().await;
    let arn = machine(&moto.endpoint).await;
    let to = sink(&moto.endpoint, &json!({ "state-machine": arn }));
    // After a restore another event has the same id.
    for (id, number) in [("d-1", "1"), ("d-1", "1"), ("d-1", "2"), ("0/7 é", "1")] {
        let outcome = attempt(&to, vec![delivery(id, event(number, 1))]).await;
        assert_eq!(told(&outcome[0]), "accepted", "{outcome:?}");
    }
    let mut names: Vec<String> = inputs(&moto.endpoint, &arn)
        .await
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    names.sort();
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(
        names[0].starts_with("0-7---") && names[1].starts_with("d-1-"),
        "{names:?}"
    );

    let exists = Answer::Failure(400, "ExecutionAlreadyExists", "there");
    let ended = canned(Wire::Json, exists).await;
    assert_eq!(
        told(&Some(one(&sink(&ended, &json!({})), event("1", 1)).await)),
        "accepted"
    );
}

#[tokio::test]
async fn the_end_of_an_express_workflow() {
    let reply = r#"{"specversion":"1.0","id":"r","source":"/f","type":"t"}"#;
    let answer = |status: &str, more: Value| {
        let mut answer =
            json!({ "executionArn": "arn:x", "startDate": 1.0, "stopDate": 2.0, "status": status });
        for (key, value) in more.as_object().unwrap() {
            answer[key] = value.clone();
        }
        Answer::Success(answer.to_string())
    };
    for (answer, expected) in [
        (answer("SUCCEEDED", json!({ "output": reply })), "accepted"),
        (
            answer(
                "SUCCEEDED",
                json!({ "output": "{\"specversion\":\"1.0\"}" }),
            ),
            "never invalid-reply",
        ),
        (answer("SUCCEEDED", json!({ "output": "7" })), "accepted"),
        (
            answer(
                "FAILED",
                json!({ "error": "OutOfStock", "cause": "none left" }),
            ),
            "again execution-failed",
        ),
        (answer("TIMED_OUT", json!({})), "again execution-failed"),
    ] {
        let origin = canned(Wire::Json, answer).await;
        let to = sink(&origin, &json!({ "execution": "sync" }));
        let outcome = one(&to, event("1", 1)).await;
        assert_eq!(told(&Some(outcome.clone())), expected);
        match outcome {
            Outcome::Accepted {
                reply: Some(event), ..
            } => assert_eq!(event.id(), "r"),
            Outcome::Retry { reason, .. } => {
                let told = ["OutOfStock: none left", "TIMED_OUT"];
                assert!(told.contains(&&*reason.detail), "{reason}");
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn large_inputs() {
    let moto = Moto::start().await;
    let arn = machine(&moto.endpoint).await;
    aws::bucket(&moto.endpoint, "acme-claims").await;
    let claims = json!({ "bucket": "acme-claims", "endpoint": moto.endpoint });
    for (more, expected) in [
        (json!({ "state-machine": arn }), "never too-large"),
        (
            json!({ "state-machine": arn, "claim-check": claims }),
            "accepted",
        ),
    ] {
        let outcome = one(&sink(&moto.endpoint, &more), event("1", 256 << 10)).await;
        assert_eq!(told(&Some(outcome)), expected);
    }
    let (_, input) = inputs(&moto.endpoint, &arn).await.remove(0);
    let event = json::decode(input.into()).unwrap();
    assert_eq!(
        event.attribute("dataref").unwrap().to_canonical(),
        format!(
            "s3://acme-claims/{}",
            aws::claim(&delivery("1", event.clone()))
        )
    );
}

#[tokio::test]
async fn what_is_well_says_so_and_what_is_not_there_does_not() {
    let moto = Moto::start().await;
    let arn = machine(&moto.endpoint).await;
    let at = |arn: &str| sink(&moto.endpoint, &json!({ "state-machine": arn }));
    aws::health(&at(&arn), &at(&format!("{arn}-none"))).await;
}
