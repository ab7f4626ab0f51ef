//! Senders that show a token of Google or of Microsoft Entra: the same issuer's program under their names. Their
//! own addresses are out of reach, so that the gateway has the keys from a file.

use super::oidc::{Ground, Oidc};
use super::{Door, attacks, bearer};
use serde_json::json;
use std::path::PathBuf;

const ACCOUNT: &str = "push@p.iam.gserviceaccount.com";
const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
const APPLICATION: &str = "4962773b-9cdb-44cf-a8bf-237846a00ab7";

/// Both issuers, and where their keys lie.
pub(super) struct Pushes {
    google: Oidc,
    entra: Oidc,
    files: [PathBuf; 2],
}

impl Pushes {
    pub(super) async fn start(ground: &Ground) -> Result<Self, String> {
        let claims = json!({ "email": ACCOUNT, "email_verified": true }).to_string();
        let google = ground.start_as("g1", "https://accounts.google.com", &claims);
        let claims = json!({ "azp": APPLICATION, "tid": TENANT }).to_string();
        let name = format!("https://login.microsoftonline.com/{TENANT}/v2.0");
        let entra = ground.start_as("e1", &name, &claims);
        let (google, entra) = (google.await?, entra.await?);
        let files = ["google.json", "entra.json"].map(|name| ground.beside(name));
        for (issuer, file) in [(&google, &files[0]), (&entra, &files[1])] {
            std::fs::write(file, issuer.keys().await?).map_err(|e| e.to_string())?;
        }
        Ok(Self {
            google,
            entra,
            files,
        })
    }

    /// The sources.
    pub(super) fn sources(&self) -> String {
        let [google, entra] = &self.files;
        format!(
            "  push: {{ kind: google-pubsub-push, path: /push, audiences: [\"urn:tradewind\"], \
             service-accounts: [{ACCOUNT}], keys-file: \"{}\" }}\n  grid: {{ kind: azure-event-grid, path: /grid, \
             entra: {{ tenant: {TENANT}, audiences: [\"urn:tradewind\"], keys-file: \"{}\" }} }}\n",
            google.display(),
            entra.display()
        )
    }

    pub(super) async fn judge(
        self,
        door: &mut Door<'_>,
        ground: &Ground,
        shown: &mut Vec<String>,
    ) -> Result<(), String> {
        let good = "client=shop&scope=publish";
        let tokens = [
            self.google.token(good).await?,
            self.entra.token(good).await?,
        ];
        let paths = ["/push", "/grid"];
        for (own, path) in paths.into_iter().enumerate() {
            door.passes(path, &bearer(&tokens[own])).await?;
            door.refuses("the other issuer's token", path, &bearer(&tokens[1 - own]))
                .await?;
            for (what, proof) in attacks::altered(&tokens[own]) {
                door.refuses(&what, path, &proof).await?;
            }
        }
        let other = "client=shop&scope=publish&resource=urn:other";
        let other = bearer(&self.google.token(other).await?);
        door.refuses("another audience", "/push", &other).await?;
        shown.extend(tokens);
        // Who is right in name, and has other keys or says other things of itself.
        let google = "https://accounts.google.com";
        self.google.stop().await?;
        self.entra.stop().await?;
        for (what, kid, claims) in [
            (
                "other keys of the same name",
                "g1",
                json!({ "email": ACCOUNT, "email_verified": true }),
            ),
            (
                "other keys",
                "g2",
                json!({ "email": ACCOUNT, "email_verified": true }),
            ),
        ] {
            let stranger = ground.start_as(kid, google, &claims.to_string()).await?;
            let token = bearer(&stranger.token(good).await?);
            door.refuses(what, "/push", &token).await?;
            stranger.stop().await?;
        }
        Ok(())
    }
}
