//! Hears of pushes to repositories. The gateway has verified who sent them.

use serde::Deserialize;
use tradewind::{Ack, Context, Data, Declare, Error, HandlerExt};

#[derive(Deserialize)]
struct Push {
    #[serde(rename = "ref")]
    reference: String,
    repository: Repository,
}

#[derive(Deserialize)]
struct Repository {
    full_name: String,
}

#[tradewind::handler]
async fn handle(Data(push): Data<Push>, cx: Context) -> Result<Ack, Error> {
    let Some(branch) = push.reference.strip_prefix("refs/heads/") else {
        return Err(Error::reject("a push of something else than a branch"));
    };
    eprintln!(
        "{} was pushed to {branch}, attempt {}",
        push.repository.full_name,
        cx.attempt()
    );
    Ok(Ack)
}

fn main() -> tradewind::Exit {
    // The gateway calls it by its address: `package` makes one, and refuses a host that has none.
    tradewind::run(handle.declare(Declare::new().http()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tradewind::testing;

    fn push(reference: &str) -> tradewind::Event {
        let data = json!({ "ref": reference, "repository": { "full_name": "octo/cat" } });
        testing::event("com.github.push", data)
    }

    #[tokio::test]
    async fn a_push_is_taken_on_every_host() {
        let hosts = testing::on_every_host(handle);
        hosts.send(&push("refs/heads/main")).await.taken();
        hosts.send(&push("refs/tags/v1")).await.rejected();
    }
}
