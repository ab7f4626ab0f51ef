//! The archive for OpenWhisk, unpacked by another program and run as the proxy of OpenWhisk's image runs it.

use super::Ground;
use crate::hosts::action_loop::ActionLoop;
use serde_json::{Value, json};

pub(super) async fn run(ground: &Ground<'_>) -> Result<String, String> {
    let (folder, commands) = ground.pack("openwhisk", &[]).await?;
    let unpacked = ground.folder.path().join("action");
    super::unzip(&folder.join("action.zip"), &unpacked).await?;
    let plain = |command: &mut tokio::process::Command| {
        command.env_clear();
    };
    let (_program, told) = ActionLoop::start(&unpacked.join("exec"), plain).await?;
    let activation = |card: &str| {
        json!({ "value": super::placed(card), "activation_id": card, "namespace": "_", "action_name": "/_/orders" })
            .to_string()
    };
    let answer = told.ask(activation("tok_visa").as_bytes()).await?;
    let reply: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    if reply["type"] != "shop.order.charged" {
        return Err(format!("the action answers {reply}"));
    }
    let answer = told.ask(activation("tok_declined").as_bytes()).await?;
    if answer.status().is_success() {
        return Err("a rejected order is no failure of the action".into());
    }
    let made = |what: &str| commands.iter().filter(|one| one.starts_with(what)).count();
    match (made("wsk action "), made("wsk trigger create ")) {
        (1, 1) => Ok("openwhisk: the action in the archive called in its loop".into()),
        _ => Err(format!(
            "not one action and one alarm are made: {commands:?}"
        )),
    }
}
