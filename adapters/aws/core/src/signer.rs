//! Signatures (SigV4) for requests that something else sends.

use crate::access::load;
use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use http::HeaderName;
use http::request::Parts;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::OnceCell;
use tradewind_adapter::aws::{Access, Sigv4};
use tradewind_adapter::{Credential, Error, ErrorKind, Identity, Signers, Unproved};
use tradewind_identity::{Fresh, Kept, Origin};

/// Signs with the credentials that the settings name, or that the SDK's chain finds.
#[derive(Debug, Default)]
pub struct Signer;

impl Signers for Signer {
    fn signer(&self, settings: &Sigv4, host: &str) -> Result<Arc<dyn Identity>, Error> {
        let (named, region) = service_of(host);
        let service = settings
            .service
            .clone()
            .or_else(|| named.map(str::to_owned));
        let Some(service) = service else {
            return Err(Error::new(
                ErrorKind::ConfigInvalid,
                "auth",
                "`sigv4.service` is not set, and the host does not tell (hint: for instance `lambda` or `execute-api`)",
            ));
        };
        Ok(Arc::new(Signature {
            kept: Kept::new(Chain {
                access: settings.aws.clone(),
                region: region.map(str::to_owned),
                loaded: OnceCell::new(),
            }),
            service,
        }))
    }
}

/// Service and region, where a host of AWS tells them.
fn service_of(host: &str) -> (Option<&'static str>, Option<&str>) {
    let parts: Vec<&str> = host.split('.').collect();
    match parts.as_slice() {
        [_, "lambda-url", region, "on", "aws"] => (Some("lambda"), Some(region)),
        [_, "execute-api", region, "amazonaws", "com"]
        | [_, "execute-api", region, "amazonaws", "com", "cn"] => {
            (Some("execute-api"), Some(region))
        }
        [service, region, "amazonaws", "com"] if *service == "lambda" => {
            (Some("lambda"), Some(region))
        }
        _ => (None, None),
    }
}

/// Who signs, and where.
#[derive(Clone, PartialEq)]
pub(crate) struct Signatory {
    pub(crate) credentials: Credentials,
    pub(crate) region: String,
}

/// The chain of credentials of the SDK.
struct Chain {
    access: Access,
    region: Option<String>,
    loaded: OnceCell<crate::SdkConfig>,
}

#[async_trait]
impl Origin<Signatory> for Chain {
    async fn obtain(&self) -> Result<Fresh<Signatory>, Unproved> {
        let make = || load(&self.access, self.region.as_deref());
        let config = self.loaded.get_or_try_init(make).await;
        let config = config.map_err(|e| Unproved::refused(e.to_string()))?;
        let hint = "hint: give the machine a role, or set `auth.sigv4.aws.profile`, `keys` or the environment's AWS_ variables";
        let Some(provider) = config.credentials_provider() else {
            return Err(Unproved::refused(format!(
                "there are no credentials of AWS; {hint}"
            )));
        };
        let found = provider.provide_credentials().await;
        let credentials = found.map_err(|e| {
            let why = aws_smithy_types::error::display::DisplayErrorContext(&e);
            Unproved::unavailable(format!("no credentials of AWS: {why}; {hint}"))
        })?;
        Ok(Fresh {
            lasts: lasts(&credentials),
            value: Signatory {
                credentials,
                region: config.region().map(ToString::to_string).unwrap_or_default(),
            },
        })
    }
}

/// How long they are good, where they say so.
pub(crate) fn lasts(credentials: &Credentials) -> Option<Duration> {
    let end = credentials.expiry();
    end.map(|end| end.duration_since(wall_clock()).unwrap_or_default())
}

struct Signature {
    kept: Kept<Signatory>,
    service: String,
}

impl std::fmt::Debug for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Signature").field(&self.service).finish()
    }
}

#[async_trait]
impl Identity for Signature {
    async fn prove(&self, request: &mut Parts, body: &[u8]) -> Result<Credential, Unproved> {
        let signatory = self.kept.get().await?;
        let settings = SigningSettings::default();
        signed(
            request,
            body,
            &signatory,
            &self.service,
            settings,
            wall_clock(),
        )?;
        let token = signatory.credentials.session_token();
        Ok(Credential::new(token.map(Arc::from)))
    }

    fn covers_body(&self) -> bool {
        true
    }
}

pub(crate) fn signed(
    request: &mut Parts,
    body: &[u8],
    signatory: &Signatory,
    service: &str,
    settings: SigningSettings,
    time: SystemTime,
) -> Result<(), Unproved> {
    let failed = |what: &str| Unproved::refused(format!("the request cannot be signed: {what}"));
    let identity = signatory.credentials.clone().into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region(&signatory.region)
        .name(service)
        .time(time)
        .settings(settings)
        .build()
        .map_err(|e| failed(&e.to_string()))?;
    let mut headers = Vec::with_capacity(request.headers.len());
    for (name, value) in &request.headers {
        let value = value.to_str();
        let value = value.map_err(|_| failed(&format!("`{name}` is no text")))?;
        headers.push((name.as_str(), value));
    }
    let uri = request.uri.to_string();
    let signable = SignableRequest::new(
        request.method.as_str(),
        &uri,
        headers.into_iter(),
        SignableBody::Bytes(body),
    )
    .map_err(|e| failed(&e.to_string()))?;
    let output = sign(signable, &params.into()).map_err(|e| failed(&e.to_string()))?;
    let (instructions, _) = output.into_parts();
    let (signed, _) = instructions.into_parts();
    for header in signed {
        let mut value: http::HeaderValue = header
            .value()
            .parse()
            .map_err(|_| failed("the signature is no header"))?;
        value.set_sensitive(header.sensitive() || header.name() == "authorization");
        request
            .headers
            .insert(HeaderName::from_static(header.name()), value);
    }
    Ok(())
}

/// What signatures are dated by, and what the end of credentials is compared with.
#[allow(
    clippy::disallowed_methods,
    reason = "a signature bears the time of the real exchange; no decision of the engine hangs on it"
)]
pub(crate) fn wall_clock() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The signatory of AWS's published suite (2015-08-30 12:36:00 UTC, region us-east-1, service `service`).
    fn published(token: Option<&str>) -> (Signatory, SystemTime) {
        let credentials = Credentials::new(
            "AKIDEXAMPLE",
            "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            token.map(str::to_owned),
            None,
            "published",
        );
        let region = "us-east-1".into();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_440_938_160);
        (
            Signatory {
                credentials,
                region,
            },
            time,
        )
    }

    /// Vectors of the suite that AWS publishes for SigV4 (get-vanilla, post-vanilla and so on).
    #[test]
    fn published_requests_are_signed_as_published() {
        let base = "https://example.amazonaws.com";
        let token = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267";
        type Headers = &'static [(&'static str, &'static str)];
        let none: Headers = &[];
        for (method, path, headers, token, names, signature) in [
            (
                "GET",
                "/",
                none,
                None,
                "host;x-amz-date",
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            ),
            (
                "POST",
                "/",
                none,
                None,
                "host;x-amz-date",
                "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            ),
            (
                "GET",
                "/?Param2=value2&Param1=value1",
                none,
                None,
                "host;x-amz-date",
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ),
            (
                "GET",
                "/",
                &[("my-header1", " value1"), ("my-header2", " \"a   b   c\"")],
                None,
                "host;my-header1;my-header2;x-amz-date",
                "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
            ),
            (
                "GET",
                "/",
                none,
                Some(token),
                "host;x-amz-date;x-amz-security-token",
                "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
            ),
        ] {
            let mut request = http::Request::builder()
                .method(method)
                .uri(format!("{base}{path}"));
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let (mut head, ()) = request.body(()).unwrap().into_parts();
            let (signatory, time) = published(token);
            signed(
                &mut head,
                b"",
                &signatory,
                "service",
                SigningSettings::default(),
                time,
            )
            .unwrap();
            let expected = format!(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
                 SignedHeaders={names}, Signature={signature}"
            );
            assert_eq!(head.headers["authorization"], expected, "{method} {path}");
            assert!(head.headers["authorization"].is_sensitive());
            assert_eq!(head.headers["x-amz-date"], "20150830T123600Z");
        }
    }

    #[test]
    fn the_body_is_signed() {
        let with = |body: &[u8]| {
            let request = http::Request::post("https://example.amazonaws.com/").body(());
            let (mut head, ()) = request.unwrap().into_parts();
            let (signatory, time) = published(None);
            signed(
                &mut head,
                body,
                &signatory,
                "service",
                SigningSettings::default(),
                time,
            )
            .unwrap();
            head.headers["authorization"].clone()
        };
        assert_ne!(with(b"a"), with(b"b"));
    }

    #[tokio::test]
    async fn keys_of_the_settings_sign_and_do_not_show() {
        let settings = r#"{"aws":{"keys":{"id":"AKIDEXAMPLE","secret":"hunter2hunter2","token":"hunter3hunter3"}}}"#;
        let settings: Sigv4 = serde_json::from_str(settings).unwrap();
        let host = "abc.lambda-url.eu-west-1.on.aws";
        let signer = Signer.signer(&settings, host).unwrap();
        let request = http::Request::post(format!("https://{host}/")).body(());
        let (mut head, ()) = request.unwrap().into_parts();
        let shown = signer.prove(&mut head, b"{}").await.unwrap();
        let authorization = head.headers["authorization"].to_str().unwrap();
        assert!(
            authorization.contains("/eu-west-1/lambda/aws4_request"),
            "{authorization}"
        );
        assert_eq!(shown.secrets().collect::<Vec<_>>(), ["hunter3hunter3"]);
        assert!(signer.covers_body());
        let debug = format!("{signer:?} {shown:?}");
        assert!(!debug.contains("hunter"), "{debug}");
    }

    #[test]
    fn hosts_tell_service_and_region() {
        for (host, expected) in [
            (
                "abc.lambda-url.eu-west-1.on.aws",
                (Some("lambda"), Some("eu-west-1")),
            ),
            (
                "abc.execute-api.us-east-1.amazonaws.com",
                (Some("execute-api"), Some("us-east-1")),
            ),
            (
                "lambda.us-east-1.amazonaws.com",
                (Some("lambda"), Some("us-east-1")),
            ),
            ("example.com", (None, None)),
            ("abc.lambda-url.eu-west-1.on.aws.evil.example", (None, None)),
        ] {
            assert_eq!(service_of(host), expected, "{host}");
        }
        let error = Signer.signer(&Sigv4::default(), "example.com").unwrap_err();
        assert!(error.to_string().contains("sigv4.service"), "{error}");
    }
}
