//! What an adapter must be allowed to do at its provider.

/// Calls that an adapter makes of one resource, and who makes them.
///
/// Declared by whoever makes the calls, beside them: policies and docs are written from it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Permission {
    /// Whose permissions these are, as `--cloud` names it.
    pub cloud: &'static str,
    /// Actions, as policies of that cloud name them.
    pub actions: Vec<&'static str>,
    /// The resource, as policies name it; `*` for a part that the settings do not tell.
    pub resource: String,
    /// What for.
    pub why: &'static str,
    /// Who calls.
    pub caller: Caller,
    /// Actions that are not needed, or only at times, and when.
    pub withheld: &'static [(&'static str, &'static str)],
}

/// Who makes a call.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Caller {
    /// Where its credentials come from.
    pub credentials: String,
    /// The role that it assumes with them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Whether it shows an external id with that.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub external_id: bool,
}
