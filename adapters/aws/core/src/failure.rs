//! What a failure of AWS means.

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use tradewind_adapter::{Error, ErrorKind, Outcome, Reason};

/// Codes with which services ask for less, as the SDKs know them, and those of SQS.
const THROTTLING: &[&str] = &[
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "ExecutionLimitExceeded",
    "KMSThrottling",
    "KMSThrottlingException",
    "KmsThrottled",
    "LimitExceededException",
    "OverLimit",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "Throttled",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
];

/// Codes of what passes by itself, whatever status they come with.
const PASSING: &[&str] = &[
    // Of S3: the body did not come in time.
    "RequestTimeout",
    "RequestTimeoutException",
];

/// What codes that tell of a key of KMS begin with; what follows is the key's state, or what may not be done with it.
const KEY: [&str; 2] = ["KMS", "Kms"];

/// Codes of identities that are unknown, wrong, expired, or may not. Most come with 403, some with 400.
const DENIED: &[&str] = &[
    "AccessDenied",
    "AccessDeniedException",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSecurity",
    "InvalidSignatureException",
    "InvalidToken",
    "MissingAuthenticationToken",
    "NotAuthorized",
    "NotAuthorizedForDetailTypeException",
    "NotAuthorizedForSourceException",
    "OptInRequired",
    "RequestExpired",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

/// Those of them that say that the identity itself is none.
const UNKNOWN: &[&str] = &[
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "InvalidToken",
    "MissingAuthenticationToken",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

/// What to do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// Ask for less.
    Throttled,
    /// An identity or permission is missing.
    Denied,
    /// What was named is not there.
    Missing,
    /// What was sent will never be taken.
    Refused,
    /// AWS was not reached, or did not answer.
    Unreachable,
    /// It failed over there.
    Failed,
}

/// A failure, in one form for all services.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What to do about it.
    pub meaning: Meaning,
    /// AWS's code where it gave one.
    pub code: Option<String>,
    /// HTTP status where there was an answer.
    pub status: Option<u16>,
    /// What AWS said.
    pub detail: String,
    /// It was said by STS, of the role that is to be assumed: the service itself was not asked.
    pub of_role: bool,
}

impl Failure {
    /// Of a call.
    pub fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        Self::answered(error)
            .or_else(|| Self::by_sts(error))
            .unwrap_or_else(|| Self::unreachable(DisplayErrorContext(error).to_string()))
    }

    /// Where there are no credentials to call with.
    pub(crate) fn of_credentials(error: &CredentialsError) -> Self {
        Self::by_sts(error).unwrap_or_else(|| {
            let why = DisplayErrorContext(error);
            Self::unreachable(format!("no credentials of AWS: {why}"))
        })
    }

    /// What a service answered.
    fn answered<E>(error: &SdkError<E, HttpResponse>) -> Option<Self>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let answer = error.raw_response()?;
        let status = answer.status().as_u16();
        let said = error.as_service_error();
        let code = said.and_then(|said| said.code());
        Some(Self {
            meaning: Self::meaning(code, status),
            code: code.map(str::to_owned),
            status: Some(status),
            detail: match said.and_then(|said| said.message()) {
                Some(message) => summary(message).to_owned(),
                // Not with what was answered: a proxy may say back what it was sent.
                None => in_short(error),
            },
            of_role: false,
        })
    }

    /// What STS answered, where a role was to be assumed before the call.
    fn by_sts(error: &(dyn std::error::Error + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(cause) = next {
            let role = cause.downcast_ref::<SdkError<AssumeRoleError, HttpResponse>>();
            let web =
                cause.downcast_ref::<SdkError<AssumeRoleWithWebIdentityError, HttpResponse>>();
            let said = role
                .and_then(Self::answered)
                .or_else(|| web.and_then(Self::answered));
            if let Some(mut failure) = said {
                failure.of_role = true;
                // Nothing is wrong with the event.
                if matches!(failure.meaning, Meaning::Refused | Meaning::Missing) {
                    failure.meaning = Meaning::Denied;
                }
                return Some(failure);
            }
            next = cause.source();
        }
        None
    }

    /// Where nothing was asked, or nobody answered.
    pub fn unreachable(detail: impl Into<String>) -> Self {
        Self {
            meaning: Meaning::Unreachable,
            code: None,
            status: None,
            detail: detail.into(),
            of_role: false,
        }
    }

    /// Of one entry of a batch, which has a code and no status.
    pub fn of_entry(code: &str, sender_fault: bool, message: Option<&str>) -> Self {
        Self {
            meaning: Self::meaning(Some(code), if sender_fault { 400 } else { 500 }),
            code: Some(code.to_owned()),
            status: None,
            detail: summary(message.unwrap_or_default()).to_owned(),
            of_role: false,
        }
    }

    /// Whether AWS gave this code, whatever stands before it.
    pub fn is(&self, code: &str) -> bool {
        self.code.as_deref().is_some_and(|said| short(said) == code)
    }

    /// Whether nobody is known by the credentials that it was asked with.
    pub(crate) fn is_of_credentials(&self) -> bool {
        let code = self.code.as_deref().unwrap_or_default();
        !self.of_role && UNKNOWN.contains(&short(code))
    }

    fn meaning(code: Option<&str>, status: u16) -> Meaning {
        let said = code.unwrap_or_default();
        let code = short(said);
        if THROTTLING.contains(&code) || status == 429 {
            return Meaning::Throttled;
        }
        // The function's own file system or snapshot: nothing about the event, nor about who calls.
        let own = ["EFS", "S3Files", "SnapStart"];
        if own.iter().any(|begin| code.starts_with(begin)) {
            return Meaning::Failed;
        }
        if PASSING.contains(&code) {
            return Meaning::Failed;
        }
        // A key that is disabled, on its way out, or somebody else's: an operator's matter, and none of the event.
        if is_of_key(said) && status < 500 {
            return Meaning::Denied;
        }
        if DENIED.contains(&code) || matches!(status, 401 | 403) {
            return Meaning::Denied;
        }
        let missing = ["NonExistent", "DoesNotExist", "NotFound"];
        let missing = missing.iter().any(|word| code.contains(word));
        if (missing && status < 500) || status == 404 {
            return Meaning::Missing;
        }
        match status {
            // It took too long, or something is just being made or changed.
            408 | 409 => Meaning::Failed,
            400..=499 => Meaning::Refused,
            _ => Meaning::Failed,
        }
    }

    fn is_skewed(&self) -> bool {
        let code = self.code.as_deref().map_or("", short);
        let says = ["Signature expired", "Signature not yet current"];
        matches!(code, "RequestExpired" | "RequestTimeTooSkewed")
            || says.iter().any(|said| self.detail.contains(said))
    }

    /// What an operator can do about it; `permission` is what the call needs.
    fn hint(&self, permission: &str) -> String {
        let code = self.code.as_deref().unwrap_or_default();
        match self.meaning {
            Meaning::Denied if self.is_skewed() => {
                "; hint: the clock of this machine is wrong".into()
            }
            // Nobody that AWS knows: no permission helps.
            Meaning::Denied if UNKNOWN.contains(&short(code)) => {
                "; hint: the credentials are wrong or have expired: see `aws.keys`, `aws.profile` and `aws.role`, or the \
                 environment's AWS_ variables"
                    .into()
            }
            Meaning::Denied if self.of_role => {
                "; hint: who assumes the role of `aws.role`, or of a web identity, needs sts:AssumeRole on it, and the role \
                 must trust who asks, with the external id"
                    .into()
            }
            Meaning::Denied if is_of_key(code) => {
                "; hint: the key of KMS must be enabled, and its policy let this identity use it".into()
            }
            Meaning::Denied => format!("; hint: this identity needs {permission}"),
            Meaning::Missing => "; hint: check name, account and region".into(),
            Meaning::Unreachable if self.detail.contains("redentials") => {
                "; hint: set `aws.profile`, `aws.keys` or the environment's AWS_ variables".into()
            }
            _ => String::new(),
        }
    }

    fn code(&self) -> &'static str {
        match self.meaning {
            Meaning::Throttled => "throttled",
            Meaning::Denied => "access-denied",
            Meaning::Missing => "not-found",
            Meaning::Refused => "refused",
            Meaning::Unreachable => "connect",
            Meaning::Failed => "aws-failed",
        }
    }

    fn told(&self, permission: &str) -> String {
        let code = self
            .code
            .as_deref()
            .map_or(String::new(), |code| format!("{code}: "));
        let whose = if self.of_role { "of the role, " } else { "" };
        format!("{whose}{code}{}{}", self.detail, self.hint(permission))
    }

    /// What becomes of a delivery.
    pub fn outcome(&self, permission: &str) -> Outcome {
        let mut reason = Reason::new(self.code(), self.told(permission));
        reason.status = self.status.filter(|_| !self.of_role);
        let (patience, throttled) = match self.meaning {
            Meaning::Refused => {
                return Outcome::Reject {
                    disable: false,
                    reason,
                };
            }
            Meaning::Denied | Meaning::Missing => (Some(Outcome::PATIENCE), false),
            Meaning::Throttled => (None, true),
            Meaning::Unreachable | Meaning::Failed => (None, false),
        };
        Outcome::Retry {
            after: None,
            patience,
            throttled,
            reason,
        }
    }

    /// What a source says.
    pub fn error(&self, operation: &'static str, permission: &str) -> Error {
        let kind = match self.meaning {
            Meaning::Throttled => ErrorKind::Throttled,
            Meaning::Denied => ErrorKind::PermissionDenied,
            Meaning::Missing => ErrorKind::NotFound,
            Meaning::Refused => ErrorKind::Unexpected,
            Meaning::Unreachable | Meaning::Failed => ErrorKind::Unavailable,
        };
        Error::new(kind, operation, self.told(permission))
    }
}

/// A message without what was signed, headers with the session token among it, which AWS tells of wrong signatures.
fn summary(message: &str) -> &str {
    let line = message.split('\n').next().unwrap_or_default();
    let canonical = line.find("The Canonical String");
    line[..canonical.unwrap_or(line.len())].trim_end()
}

/// The code itself of `com.amazonaws.sqs#QueueDoesNotExist` or `AWS.SimpleQueueService.NonExistentQueue`.
fn short(code: &str) -> &str {
    code.rsplit(['#', '.']).next().unwrap_or_default()
}

/// Whether a code tells of a key of KMS: `KmsDisabled`, `KMSInvalidStateException`, `KMS.DisabledException`.
fn is_of_key(code: &str) -> bool {
    let code = code.rsplit('#').next().unwrap_or_default();
    KEY.iter().any(|begin| code.starts_with(begin))
}

/// What it is and why, each in one's own words, without what they hold.
fn in_short(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_signed_is_not_told() {
        for (message, told) in [
            ("no such queue", "no such queue"),
            (
                "The signature does not match. The Canonical String for this request should have been\n'POST\n/\nx-amz-security-token:hunter2'",
                "The signature does not match.",
            ),
            (
                "does not match\nx-amz-security-token:hunter2",
                "does not match",
            ),
        ] {
            assert_eq!(summary(message), told);
            assert_eq!(Failure::of_entry("a", true, Some(message)).detail, told);
        }
    }

    #[test]
    fn codes_and_statuses_are_classified() {
        use Meaning::*;
        for (code, status, expected) in [
            ("com.amazonaws.sqs#RequestThrottled", 403, Throttled),
            ("ThrottlingException", 400, Throttled),
            ("Whatever", 429, Throttled),
            ("AccessDenied", 403, Denied),
            ("InvalidClientTokenId", 403, Denied),
            ("ExpiredToken", 400, Denied),
            ("RequestTimeTooSkewed", 403, Denied),
            ("", 403, Denied),
            ("InvalidToken", 400, Denied),
            ("ExpiredTokenException", 400, Denied),
            ("RequestTimeout", 400, Failed),
            ("KmsThrottled", 400, Throttled),
            ("KMSThrottlingException", 400, Throttled),
            ("KMS.ThrottlingException", 400, Throttled),
            ("KmsDisabled", 400, Denied),
            ("KMSDisabledException", 400, Denied),
            ("KMS.DisabledException", 400, Denied),
            ("com.amazonaws.sqs#KmsInvalidState", 400, Denied),
            ("KMSInvalidStateException", 400, Denied),
            ("KMS.KMSInvalidStateException", 400, Denied),
            ("KMS.InvalidStateException", 400, Denied),
            ("KmsAccessDenied", 400, Denied),
            ("KMSAccessDeniedException", 400, Denied),
            ("KmsNotFound", 400, Denied),
            ("KMS.NotFoundException", 400, Denied),
            ("KmsOptInRequired", 403, Denied),
            ("AWS.SimpleQueueService.NonExistentQueue", 400, Missing),
            ("com.amazonaws.sqs#QueueDoesNotExist", 400, Missing),
            ("ResourceNotFoundException", 400, Missing),
            ("InvalidMessageContents", 400, Refused),
            ("ResourceConflictException", 409, Failed),
            ("KMSNotFoundException", 502, Failed),
            ("InternalFailure", 500, Failed),
            ("ServiceUnavailable", 503, Failed),
            ("", 302, Failed),
        ] {
            let code = (!code.is_empty()).then_some(code);
            assert_eq!(
                Failure::meaning(code, status),
                expected,
                "{code:?} {status}"
            );
        }
    }

    #[test]
    fn hints_name_what_is_missing() {
        let of = |code: &str, detail: &str| {
            Failure::of_entry(code, true, Some(detail)).told("sqs:SendMessage on arn")
        };
        assert_eq!(
            of("AccessDenied", "no"),
            "AccessDenied: no; hint: this identity needs sqs:SendMessage on arn"
        );
        assert!(
            of("InvalidSignatureException", "Signature expired: x")
                .ends_with("clock of this machine is wrong")
        );
        assert!(of("KmsDisabled", "no").contains("the key of KMS"));
        assert_eq!(
            of("InvalidMessageContents", "no"),
            "InvalidMessageContents: no"
        );
    }
}
