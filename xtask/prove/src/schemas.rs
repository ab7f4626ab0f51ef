//! Schemas while the gateway runs: what was answered is there after any kill, whole; a registry that others wrote is
//! read, changes and goes away.

mod apicurio;
mod kills;

use crate::gateway::Gateway;
use crate::{Options, Proved, load};

/// The status of an event of this type and data.
async fn publish(gateway: &Gateway, ty: &str, data: &str) -> Result<u16, String> {
    let mut sender = load::connect(gateway.address)
        .await
        .ok_or("the gateway takes no connection")?;
    let request = hyper::Request::post("/events")
        .header("host", "localhost")
        .header("content-type", "application/json")
        .header("ce-specversion", "1.0")
        .header("ce-id", format!("{:x}", fastrand::u128(..)))
        .header("ce-source", "/prove")
        .header("ce-type", ty)
        .body(http_body_util::Full::new(data.to_owned().into()))
        .map_err(|e| e.to_string())?;
    let answer = load::ask(&mut sender, request).await;
    let answer = answer.ok_or("an event is not answered")?;
    Ok(answer.status().as_u16())
}

/// That an event is answered so.
async fn expect(gateway: &Gateway, ty: &str, data: &str, status: u16) -> Result<(), String> {
    match publish(gateway, ty, data).await? {
        found if found == status => Ok(()),
        found => Err(format!(
            "{data} of type {ty} was answered {found} in place of {status}"
        )),
    }
}

pub(crate) async fn run(options: &Options) -> Proved {
    let mut kills = kills::Figures::default();
    let mut read = String::from("not asked");
    let outcome = async {
        kills::prove(options, &mut kills).await?;
        read = apicurio::prove(options).await?;
        Ok::<_, String>(())
    };
    let outcome = outcome.await;
    let line = format!(
        "{} kills, {} changes answered, {} cut off, {} versions compared, {} events judged; registry: {read}",
        kills.kills, kills.answered, kills.cut, kills.compared, kills.judged
    );
    match outcome {
        Ok(()) => Ok(line),
        Err(what) => Err((line, what)),
    }
}
