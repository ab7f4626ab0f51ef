//! A server that ends and comes back with what it had, while messages go through the gateway from one of its queues to
//! another.

use super::{Figures, catch_up, collect, nothing_is_left, send, text};
use crate::Options;
use crate::gateway::Gateway;
use crate::ministack::MiniStack;
use crate::moto::Calls;
use serde_json::json;
use std::time::Duration;

/// Messages sent before each restart.
const ROUND: usize = 40;

pub(super) async fn run(options: &Options) -> Result<String, String> {
    let rounds = if options.short { 2 } else { 10 };
    let state = tempfile::tempdir().map_err(|e| e.to_string())?;
    let mut server = MiniStack::keeping(&options.gateway, state.path()).await?;
    let mut queues = Vec::new();
    for name in ["from", "to"] {
        let made = server
            .sqs("CreateQueue", &json!({ "QueueName": name }))
            .await?;
        queues.push(made["QueueUrl"].as_str().ok_or("no queue")?.to_owned());
    }
    let [from, to] = &queues[..] else {
        return Err("no queues".into());
    };
    let aws = "aws: { region: us-east-1, keys: { id: test, secret: test } }";
    let subscription = format!("  move: {{ sink: {{ kind: aws-sqs, queue: \"{to}\", {aws} }} }}\n");
    let mut gateway = Gateway::new(&options.gateway, &subscription)?;
    gateway.sources =
        format!("  queue: {{ kind: aws-sqs, queue: \"{from}\", visibility-timeout: 2, {aws} }}\n");
    gateway.configure(&subscription)?;
    gateway.start().await?;
    let mut figures = Figures::default();
    for _ in 0..rounds {
        send(&server, from, figures.sent..figures.sent + ROUND).await?;
        figures.sent += ROUND;
        tokio::time::sleep(Duration::from_millis(fastrand::u64(0..400))).await;
        server.restart().await?;
    }
    catch_up(&server, to, &mut figures, 0).await?;
    while collect(&server, to, &mut figures).await? > 0 {}
    let missing = (0..figures.sent).filter(|n| !figures.arrived.contains_key(&text(*n)));
    let (missing, sent) = (missing.count(), figures.sent);
    if missing > 0 || figures.arrived.len() > sent {
        let arrived = figures.arrived.len();
        return Err(format!(
            "{rounds} restarts of the server: {missing} of {sent} are missing, {arrived} arrived"
        ));
    }
    nothing_is_left(&server, from).await?;
    gateway.said_no_panic()?;
    Ok(format!(
        "{rounds} restarts of a server of SQS, {sent} sent, {sent} arrived, {} of them again",
        figures.again
    ))
}
