//! Tokens of Microsoft Entra ID: of a managed identity, of a federated workload, by a client secret.

use crate::bearer::Bearer;
use crate::config::Entra;
use crate::exchange::{Server, wall_clock};
use crate::kept::{Fresh, Origin};
use crate::{Place, invalid, server_alone};
use async_trait::async_trait;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tradewind_adapter::{Error, Identity, Secret, Unproved};

const AUTHORITY: &str = "https://login.microsoftonline.com";
const METADATA: &str = "http://169.254.169.254";
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Longest token of a workload.
const FILE_MAX: u64 = 64 << 10;
const HINT: &str = "`auth.entra.resource` must name an application of the tenant that this identity has a role in, and `client-id` one that exists";

pub(crate) fn identity(settings: &Entra, place: &Place<'_>) -> Result<Arc<dyn Identity>, Error> {
    let exchange = place.reach.exchange(settings.ca.as_deref())?;
    let variable = |name| (place.environment)(name).filter(|value| !value.is_empty());
    let client = settings.client_id.clone();
    let client = client.or_else(|| variable("AZURE_CLIENT_ID"));
    let secret = settings.client_secret.clone();
    let file = settings.federated_token_file.clone();
    if secret.is_some() && file.is_some() {
        return Err(invalid(
            "`client-secret` or `federated-token-file`: not both",
        ));
    }
    // What is written here stands above what the surroundings say.
    let surroundings = secret.is_none() && settings.metadata.is_none();
    let file = file.or_else(|| {
        let file = surroundings.then(|| variable("AZURE_FEDERATED_TOKEN_FILE"));
        file.flatten().map(PathBuf::from)
    });
    let proof = match (secret, file) {
        (None, None) => return managed(settings, place, exchange, client),
        (Some(secret), _) => Proof::Secret(secret),
        (None, Some(file)) => Proof::File(file),
    };
    let tenant = settings.tenant.clone();
    let tenant = tenant.or_else(|| variable("AZURE_TENANT_ID"));
    let (Some(client), Some(tenant)) = (client, tenant) else {
        let hint =
            "`entra` needs `client-id` and `tenant` (hint: or AZURE_CLIENT_ID and AZURE_TENANT_ID)";
        return Err(invalid(hint));
    };
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
    if tenant.is_empty() || !tenant.bytes().all(plain) {
        return Err(invalid("`tenant` is neither an id nor a domain"));
    }
    let authority = settings.authority.clone();
    let authority = authority.or_else(|| variable("AZURE_AUTHORITY_HOST"));
    let authority = authority.unwrap_or_else(|| AUTHORITY.into());
    if !authority.starts_with("https://") {
        return Err(invalid("`authority` is no https:// URL"));
    }
    let authority = authority.trim_end_matches('/');
    let server = Server {
        exchange,
        name: "the token server of Entra".into(),
        hint: match proof {
            Proof::Secret(_) => {
                "check `client-id`, `tenant`, whether `client-secret` has ended, and `resource`"
            }
            Proof::File(_) => {
                "the application needs a federated credential for issuer and subject of this workload; check `client-id`, `tenant` and `resource`"
            }
        },
        absent: "check the network, or set `auth.entra.authority`".into(),
    };
    Ok(Bearer::of(
        "application of Entra",
        Application {
            url: format!("{authority}/{tenant}/oauth2/v2.0/token"),
            scope: format!("{}/.default", settings.resource.trim_end_matches('/')),
            server,
            client,
            proof,
        },
    ))
}

/// The identity of the machine: App Service and its like have an address and a secret of their own for each
/// process, virtual machines one address for all.
fn managed(
    settings: &Entra,
    place: &Place<'_>,
    exchange: Arc<dyn crate::Exchange>,
    client: Option<String>,
) -> Result<Arc<dyn Identity>, Error> {
    let variable = |name| (place.environment)(name).filter(|value| !value.is_empty());
    let service = match &settings.metadata {
        Some(_) => None,
        None => variable("IDENTITY_ENDPOINT").zip(variable("IDENTITY_HEADER")),
    };
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("resource", &settings.resource);
    if let Some(client) = &client {
        query.append_pair("client_id", client);
    }
    let (base, header) = match service {
        Some((endpoint, secret)) => {
            query.append_pair("api-version", "2019-08-01");
            (endpoint, ("x-identity-header", Secret::new(secret)))
        }
        None => {
            query.append_pair("api-version", "2018-02-01");
            let base = settings.metadata.as_deref().unwrap_or(METADATA);
            server_alone(base)?;
            let base = format!(
                "{}/metadata/identity/oauth2/token",
                base.trim_end_matches('/')
            );
            (base, ("metadata", Secret::new("true")))
        }
    };
    let server = Server {
        exchange,
        name: "the metadata server of Azure".into(),
        hint: HINT,
        absent: "outside of Azure set `auth.entra.federated-token-file` or `client-secret`; within it the machine needs a managed identity".into(),
    };
    Ok(Bearer::of(
        "managed identity of Azure",
        Managed {
            server,
            url: format!("{base}?{}", query.finish()),
            header,
        },
    ))
}

struct Managed {
    server: Server,
    url: String,
    header: (&'static str, Secret),
}

#[async_trait]
impl Origin<Arc<str>> for Managed {
    async fn obtain(&self) -> Result<Fresh<Arc<str>>, Unproved> {
        let (name, value) = &self.header;
        let answer = self.server.get(&self.url, (name, value.expose())).await?;
        self.server.token(&answer, "access_token", wall_clock())
    }
}

enum Proof {
    Secret(Secret),
    File(PathBuf),
}

struct Application {
    server: Server,
    url: String,
    client: String,
    scope: String,
    proof: Proof,
}

#[async_trait]
impl Origin<Arc<str>> for Application {
    async fn obtain(&self) -> Result<Fresh<Arc<str>>, Unproved> {
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("client_id", self.client.as_str()),
            ("scope", self.scope.as_str()),
        ];
        let assertion;
        match &self.proof {
            Proof::Secret(secret) => form.push(("client_secret", secret.expose())),
            Proof::File(file) => {
                assertion = read(file)?;
                form.push(("client_assertion_type", ASSERTION_TYPE));
                form.push(("client_assertion", &assertion));
            }
        }
        let answer = self.server.post(&self.url, &form, None).await?;
        self.server.token(&answer, "access_token", wall_clock())
    }
}

/// Kubernetes replaces the file about every hour.
fn read(path: &Path) -> Result<String, Unproved> {
    let shown = path.display();
    let mut text = String::new();
    let read = std::fs::File::open(path)
        .and_then(|file| file.take(FILE_MAX).read_to_string(&mut text))
        .map_err(|e| {
            Unproved::refused(format!(
                "the token of this workload cannot be read from {shown}: {e}; hint: `auth.entra.federated-token-file`"
            ))
        });
    read.map(|_| text.trim().to_owned())
}
