//! What the configuration says at `auth` of a sink.

use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;
use tradewind_adapter::Secret;
use tradewind_adapter::aws::Sigv4;

/// How the gateway proves to a target who calls.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Auth {
    /// Nothing is shown. Since 0.1.
    None,
    /// An ID token of Google, for Cloud Run, Cloud Functions and what stands behind IAP: of the machine that the
    /// gateway runs on, or of the key of a service account. Since 0.1.
    IdToken(IdToken),
    /// A token of Microsoft Entra ID: of a managed identity, of a federated workload, or by a client secret.
    /// Since 0.1.
    Entra(Entra),
    /// A signature of AWS by the identity of the machine, or by keys. Since 0.1.
    Sigv4(Sigv4),
    /// A token by the grant of client credentials (RFC 6749, section 4.4). Since 0.1.
    Oauth2(OAuth2),
    /// A key of a function of Azure, as `x-functions-key: <key>`. Since 0.1.
    FunctionKey(Secret),
    /// A key, in a header or in the query. Since 0.1.
    ApiKey(Keyed),
    /// `authorization: Basic <user:password>`. Since 0.1.
    Basic(Basic),
    /// `authorization: Bearer <token>`, always the same one. Since 0.1.
    Bearer(Secret),
}

/// User and password.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Basic {
    /// User name, without a colon.
    pub username: String,
    /// Password.
    pub password: Secret,
}

/// A key, and where it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Keyed {
    /// The key.
    pub key: Secret,
    /// Name of the header. Default `x-api-key`, where `query` is not set. Since 0.1.
    #[serde(default)]
    pub header: Option<String>,
    /// Name in the query instead. Queries end up in the logs of many servers; a header is better. Since 0.1.
    #[serde(default)]
    pub query: Option<String>,
}

/// An ID token of Google.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct IdToken {
    /// What the token is for (`aud`). Default: scheme and host of the sink's URL, as Cloud Run has it. Since 0.1.
    pub audience: Option<String>,
    /// The key of a service account, the JSON file as Google gives it. Default: the metadata server of the
    /// machine, which needs no secret. Since 0.1.
    pub service_account: Option<Secret>,
    /// The metadata server. Default: `http://` and the variable `GCE_METADATA_HOST`, else
    /// `http://169.254.169.254`. Since 0.1.
    pub metadata: Option<String>,
    /// Where the key of a service account is exchanged for tokens. Default: what the key says. Since 0.1.
    pub token_url: Option<String>,
    /// PEM file with the certificate authorities to trust for it instead of the system's. Since 0.1.
    pub ca: Option<PathBuf>,
}

/// A token of Microsoft Entra ID.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Entra {
    /// The application that the token is for: its id, or its App ID URI such as `api://<id>`. Since 0.1.
    pub resource: String,
    /// The application or user-assigned identity that the gateway is. Default: `AZURE_CLIENT_ID`, else the
    /// system-assigned identity of the machine. Since 0.1.
    #[serde(default)]
    pub client_id: Option<String>,
    /// The tenant of the application. Default: `AZURE_TENANT_ID`. Since 0.1.
    #[serde(default)]
    pub tenant: Option<String>,
    /// File with the token of a workload that Entra federates with; it is read for each token. Default:
    /// `AZURE_FEDERATED_TOKEN_FILE`, which Kubernetes sets. Since 0.1.
    #[serde(default)]
    pub federated_token_file: Option<PathBuf>,
    /// A client secret, where there is no identity of the machine. Since 0.1.
    #[serde(default)]
    pub client_secret: Option<Secret>,
    /// Where tokens are asked for. Default: `AZURE_AUTHORITY_HOST`, else `https://login.microsoftonline.com`.
    /// Since 0.1.
    #[serde(default)]
    pub authority: Option<String>,
    /// The metadata server of managed identities. Default: `IDENTITY_ENDPOINT` (App Service, Functions,
    /// Container Apps), else `http://169.254.169.254`. Since 0.1.
    #[serde(default)]
    pub metadata: Option<String>,
    /// PEM file with the certificate authorities to trust for it instead of the system's. Since 0.1.
    #[serde(default)]
    pub ca: Option<PathBuf>,
}

/// A token by the grant of client credentials.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OAuth2 {
    /// Where tokens are asked for: an `https` URL. Since 0.1.
    pub token_url: String,
    /// The client that the gateway is. Since 0.1.
    pub client_id: String,
    /// Its secret. Since 0.1.
    pub client_secret: Secret,
    /// How the secret is shown. Default: basic. Since 0.1.
    #[serde(default)]
    pub method: ClientMethod,
    /// Scopes to ask for. Default: those that the server gives unasked. Since 0.1.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Asks for a token for this audience, as Auth0 and others have it. Default: none is asked for. Since 0.1.
    #[serde(default)]
    pub audience: Option<String>,
    /// Asks for a token for this resource (RFC 8707). Default: none is asked for. Since 0.1.
    #[serde(default)]
    pub resource: Option<String>,
    /// PEM file with the certificate authorities to trust for it instead of the system's. Since 0.1.
    #[serde(default)]
    pub ca: Option<PathBuf>,
}

/// How a client shows its secret to a server of tokens (RFC 6749, section 2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ClientMethod {
    /// By HTTP Basic (`client_secret_basic`).
    #[default]
    Basic,
    /// In the body (`client_secret_post`).
    Post,
}
