//! Objects of S3, put by the one call that this needs: signed by the SDK's signer and sent by the SDK's client, without the
//! crate of all the others.

use crate::access::load;
use crate::held::Held;
use crate::signer::{Signatory, signed, wall_clock};
use crate::{Failure, bounded};
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SigningSettings, UriPathNormalizationMode,
};
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::error::metadata::{ErrorMetadata, ProvideErrorMetadata};
use bytes::Bytes;
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt::Write;
use tokio::sync::OnceCell;
use tradewind_adapter::aws::Access;
use tradewind_adapter::{Error, Permission};

const PUT: &str = "s3:PutObject";
const WITHHELD: &[(&str, &str)] = &[
    ("s3:GetObject", "nothing is read back"),
    (
        "kms:GenerateDataKey",
        "needed, on its key, where the bucket has a key of its own (SSE-KMS)",
    ),
];

/// The name of a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct BucketName(String);

impl TryFrom<String> for BucketName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let known = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b);
        match (3..=63).contains(&text.len()) && text.bytes().all(known) && !text.contains("..") {
            true => Ok(Self(text)),
            false => Err(format!(
                "`{text}` is not the name of a bucket; hint: acme-events"
            )),
        }
    }
}

/// An object to be.
#[derive(Debug)]
pub struct Object<'a> {
    /// Its name behind the bucket's prefix.
    pub key: &'a str,
    /// What it holds.
    pub body: Bytes,
    /// `Content-Type`
    pub content_type: &'a str,
    /// `Content-Encoding`
    pub encoding: Option<&'static str>,
}

/// A bucket that objects are put into.
#[derive(Debug)]
pub struct Bucket {
    name: String,
    prefix: String,
    region: Option<String>,
    access: Access,
    ready: OnceCell<Ready>,
}

#[derive(Debug)]
struct Ready {
    /// `None`: the settings name none, and nothing else does.
    held: Option<Held>,
    region: String,
    /// What stands before an object's name in a path.
    path: String,
    origin: String,
    operation: Operation<Call, (), Refused>,
}

/// A signed request.
#[derive(Debug)]
struct Call {
    head: http::request::Parts,
    body: Bytes,
}

impl Bucket {
    /// A bucket, and what the names of its objects begin with; `region` where `access` tells none.
    pub fn new(name: &BucketName, prefix: &str, access: Access, region: Option<&str>) -> Self {
        Self {
            name: name.0.clone(),
            prefix: prefix.to_owned(),
            region: region.map(str::to_owned),
            access,
            ready: OnceCell::new(),
        }
    }

    /// Where an object is.
    pub fn uri(&self, key: &str) -> String {
        format!(
            "s3://{}/{}{}",
            self.name,
            encoded(&self.prefix),
            encoded(key)
        )
    }

    /// For people.
    pub fn describe(&self) -> String {
        format!("S3 bucket {}", self.name)
    }

    fn resource(&self) -> String {
        let region = self.access.region.as_deref().or(self.region.as_deref());
        let partition = crate::partition(region.unwrap_or_default());
        format!("arn:{partition}:s3:::{}/{}*", self.name, self.prefix)
    }

    /// What putting objects needs.
    pub fn permission(&self, why: &'static str) -> Permission {
        Permission {
            cloud: "aws",
            actions: vec![PUT],
            resource: self.resource(),
            why,
            caller: self.access.caller(),
            withheld: WITHHELD,
        }
    }

    /// What the calls need, for failures.
    pub fn needs(&self) -> String {
        format!("{PUT} on {}", self.resource())
    }

    async fn ready(&self) -> Result<&Ready, Error> {
        let make = async || {
            let config = load(&self.access, self.region.as_deref()).await?;
            let region = config.region().map(ToString::to_string).unwrap_or_default();
            let domain = match region.starts_with("cn-") {
                true => "amazonaws.com.cn",
                false => "amazonaws.com",
            };
            // A name with dots is in no certificate.
            let (origin, path) = match &self.access.endpoint {
                Some(endpoint) => (endpoint.trim_end_matches('/').to_owned(), true),
                None if self.name.contains('.') => (format!("https://s3.{region}.{domain}"), true),
                None => (format!("https://{}.s3.{region}.{domain}", self.name), false),
            };
            let path = match path {
                true => format!("/{}/", self.name),
                false => "/".into(),
            };
            let mut operation = Operation::builder()
                .service_name("s3")
                .operation_name("PutObject")
                .behavior_version(BehaviorVersion::latest())
                .http_client(bounded::client())
                .endpoint_url(&origin)
                .no_auth()
                // The gateway retries, by the subscription's policy.
                .no_retry();
            if let Some(timeouts) = config.timeout_config() {
                operation = operation.timeout_config(timeouts.clone());
            }
            let operation = operation
                .serializer(|call: Call| {
                    let body = SdkBody::from(call.body);
                    let request = http::Request::from_parts(call.head, body);
                    Ok(HttpRequest::try_from(request)?)
                })
                .deserializer(answered)
                .build();
            Ok(Ready {
                held: config.credentials_provider().map(Held::new),
                region,
                path,
                origin,
                operation,
            })
        };
        self.ready.get_or_try_init(make).await
    }

    /// Puts an object; one of that name is replaced.
    ///
    /// # Errors
    /// What S3 says, or that it is not reached.
    pub async fn put(&self, object: Object<'_>) -> Result<(), Failure> {
        let ready = self.ready().await;
        let ready = ready.map_err(|error| Failure::unreachable(error.to_string()))?;
        let Some(held) = &ready.held else {
            return Err(Failure::unreachable("there are no credentials"));
        };
        let credentials = held.get().await?;
        let call = self.signed(ready, object, credentials.clone())?;
        let answer = ready.operation.invoke(call).await;
        answer.map_err(|error| {
            let failure = Failure::of(&error);
            if failure.is_of_credentials() {
                held.refused(&credentials);
            }
            failure
        })
    }

    fn signed(
        &self,
        ready: &Ready,
        object: Object<'_>,
        credentials: Credentials,
    ) -> Result<Call, Failure> {
        let path = format!(
            "{}{}{}",
            ready.path,
            encoded(&self.prefix),
            encoded(object.key)
        );
        let mut request = http::Request::put(format!("{}{path}", ready.origin))
            .header(http::header::CONTENT_TYPE, object.content_type);
        if let Some(encoding) = object.encoding {
            request = request.header(http::header::CONTENT_ENCODING, encoding);
        }
        let request = request
            .body(())
            .map_err(|e| Failure::unreachable(e.to_string()))?;
        let (mut head, ()) = request.into_parts();
        let signatory = Signatory {
            credentials,
            region: ready.region.clone(),
        };
        // As S3 has it: the path as it is, and the digest of the body beside.
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        signed(
            &mut head,
            &object.body,
            &signatory,
            "s3",
            settings,
            wall_clock(),
        )
        .map_err(|e| Failure::unreachable(e.reason.detail))?;
        // The client has origin and path of its own.
        head.uri = path
            .parse()
            .map_err(|_| Failure::unreachable("the name makes no path"))?;
        Ok(Call {
            head,
            body: object.body,
        })
    }
}

/// A name as it stands in a path: what a URL has a meaning for is escaped.
fn encoded(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                out.push(byte.into());
            }
            byte => drop(write!(out, "%{byte:02X}")),
        }
    }
    out
}

/// What S3 said against it.
#[derive(Debug)]
struct Refused(ErrorMetadata);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("S3 refused")
    }
}

impl std::error::Error for Refused {}

impl ProvideErrorMetadata for Refused {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

fn answered(answer: &HttpResponse) -> Result<(), OrchestratorError<Refused>> {
    if answer.status().is_success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(answer.body().bytes().unwrap_or_default());
    let mut said = ErrorMetadata::builder();
    if let Some(code) = element(&text, "Code") {
        said = said.code(code);
    }
    if let Some(message) = element(&text, "Message") {
        said = said.message(message);
    }
    Err(OrchestratorError::operation(Refused(said.build())))
}

/// The text of an element that holds no other.
fn element<'t>(xml: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_buckets() {
        for (name, good) in [
            ("acme-events", true),
            ("acme.events", true),
            ("ab", false),
            ("Acme", false),
            ("a..b", false),
            ("a/b", false),
            ("s3://a", false),
        ] {
            assert_eq!(
                BucketName::try_from(name.to_owned()).is_ok(),
                good,
                "{name}"
            );
        }
    }

    #[test]
    fn what_a_path_has_a_meaning_for_is_escaped() {
        let name = BucketName::try_from("acme".to_owned()).unwrap();
        let bucket = Bucket::new(&name, "a b/", Access::default(), None);
        assert_eq!(
            bucket.uri("c?d=é#+"),
            "s3://acme/a%20b/c%3Fd%3D%C3%A9%23%2B"
        );
        assert_eq!(bucket.needs(), "s3:PutObject on arn:aws:s3:::acme/a b/*");
    }

    #[test]
    fn what_s3_says() {
        let xml =
            "<?xml version=\"1.0\"?><Error><Code>SlowDown</Code><Message>less</Message></Error>";
        assert_eq!(element(xml, "Code"), Some("SlowDown"));
        assert_eq!(element(xml, "Key"), None);
    }
}
