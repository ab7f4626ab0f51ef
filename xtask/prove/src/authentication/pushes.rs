//! Senders that show a token of Google or of Microsoft Entra: the same issuer's program under their names. Their
//! own addresses are out of reach, so that the gateway has their keys from a mirror, `keys-from`: the program's own.

use super::oidc::{Ground, Oidc};
use super::{Door, ROTATED, attacks, bearer};
use serde_json::json;
use std::time::{Duration, Instant};

const ACCOUNT: &str = "push@p.iam.gserviceaccount.com";
const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
const APPLICATION: &str = "4962773b-9cdb-44cf-a8bf-237846a00ab7";
const GOOGLE: &str = "https://accounts.google.com";
const PATHS: [&str; 2] = ["/push", "/grid"];
const GOOD: &str = "client=shop&scope=publish";

/// Both issuers: Google, Entra.
pub(super) struct Pushes {
    issuers: [Oidc; 2],
    /// Where the keys lie, as the configuration says it.
    from: [String; 2],
}

/// What they call themselves, and what stands in their tokens.
fn names() -> [(String, String); 2] {
    let google = json!({ "email": ACCOUNT, "email_verified": true });
    let entra = json!({ "azp": APPLICATION, "tid": TENANT });
    [
        (GOOGLE.to_owned(), google.to_string()),
        (
            format!("https://login.microsoftonline.com/{TENANT}/v2.0"),
            entra.to_string(),
        ),
    ]
}

impl Pushes {
    pub(super) async fn start(ground: &Ground) -> Result<Self, String> {
        let [(google, of_google), (entra, of_entra)] = names();
        let issuers = [
            ground.start_as("g1", &google, &of_google).await?,
            ground.start_as("e1", &entra, &of_entra).await?,
        ];
        let from = issuers.each_ref().map(|issuer| {
            format!(
                "keys-from: {{ url: \"{}\", ca: \"{}\", allow-private: [127.0.0.0/8] }}",
                issuer.keys_url(),
                ground.ca().display()
            )
        });
        Ok(Self { issuers, from })
    }

    /// The sources.
    pub(super) fn sources(&self) -> String {
        let [google, entra] = &self.from;
        format!(
            "  push: {{ kind: google-pubsub-push, path: /push, audiences: [\"urn:tradewind\"], \
             service-accounts: [{ACCOUNT}], {google} }}\n  grid: {{ kind: azure-event-grid, path: /grid, \
             entra: {{ tenant: {TENANT}, audiences: [\"urn:tradewind\"], {entra} }} }}\n",
        )
    }

    pub(super) async fn judge(
        self,
        door: &mut Door<'_>,
        ground: &Ground,
        shown: &mut Vec<String>,
    ) -> Result<(), String> {
        let [google, entra] = &self.issuers;
        let tokens = [google.token(GOOD).await?, entra.token(GOOD).await?];
        for (own, path) in PATHS.into_iter().enumerate() {
            door.passes(path, &bearer(&tokens[own])).await?;
            door.refuses("the other issuer's token", path, &bearer(&tokens[1 - own]))
                .await?;
            for (what, proof) in attacks::altered(&tokens[own]) {
                door.refuses(&what, path, &proof).await?;
            }
        }
        let other = format!("{GOOD}&resource=urn:other");
        let other = bearer(&google.token(&other).await?);
        door.refuses("another audience", "/push", &other).await?;
        // Who is right in name, and has other keys.
        let [(_, claims), _] = names();
        for (what, kid) in [("other keys of the same name", "g1"), ("other keys", "g2")] {
            let stranger = ground.start_as(kid, GOOGLE, &claims).await?;
            let token = bearer(&stranger.token(GOOD).await?);
            door.refuses(what, "/push", &token).await?;
            stranger.stop().await?;
        }
        self.rotated(door, ground, &tokens).await?;
        shown.extend(tokens);
        Ok(())
    }

    /// Both have other keys from now on: those count after the cool-down at the latest, and the old ones no more.
    #[allow(
        clippy::disallowed_methods,
        reason = "measures the process from outside"
    )]
    async fn rotated(
        self,
        door: &mut Door<'_>,
        ground: &Ground,
        old: &[String; 2],
    ) -> Result<(), String> {
        let mut issuers = Vec::new();
        for ((issuer, (name, claims)), kid) in
            self.issuers.into_iter().zip(names()).zip(["g9", "e9"])
        {
            issuers.push(ground.follow(issuer, kid, &name, &claims).await?);
        }
        let began = Instant::now();
        for ((issuer, path), old) in issuers.iter().zip(PATHS).zip(old) {
            let token = bearer(&issuer.token(GOOD).await?);
            while door.show(path, &token).await?.status() != 202 {
                if began.elapsed() > ROTATED {
                    return Err(format!(
                        "a rotated key is unknown at {path} after {ROTATED:?}"
                    ));
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            door.figures.passed += 1;
            door.refuses("a key taken back", path, &bearer(old)).await?;
        }
        for issuer in issuers {
            issuer.stop().await?;
        }
        Ok(())
    }
}
