//! What the gateway itself reads of a source; all other keys go to its adapter.

use super::scalar::Size;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::num::NonZero;

/// The keys of [`Common`].
pub(crate) const KEYS: [&str; 10] = [
    "space",
    "kind",
    "path",
    "stream",
    "owner",
    "why",
    "unmatched",
    "max-body",
    "rate-limit",
    "may-claim",
];

/// Keys of every source.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Common {
    /// The adapter. Since 0.1.
    pub kind: String,
    /// Where a source that is called listens, for instance `/in/github`. Required for such
    /// sources, refused for those that pull. Since 0.1.
    pub path: Option<String>,
    /// The space that it belongs to. Default `default`. Since 0.1.
    pub space: Option<String>,
    /// The stream that its events are appended to. Default `default`. Since 0.1.
    #[serde(default = "default_stream")]
    pub stream: String,
    /// Who answers for it. Since 0.1.
    pub owner: Option<String>,
    /// What it is for. Since 0.1.
    pub why: Option<String>,
    /// What the sender of an event is told that matches no subscription. Default `accept`.
    /// Since 0.1.
    #[serde(default)]
    pub unmatched: Unmatched,
    /// Largest request body, if it is to differ from `limits.body`. Since 0.1.
    pub max_body: Option<Size>,
    /// Most events per second of each sender that the source tells apart (of each API key, for
    /// instance); more are answered 429 with `retry-after`. Counted in memory by this process.
    /// Default: no limit. Since 0.1.
    pub rate_limit: Option<RateLimit>,
    /// What events of this source may say that they are; a request with any other is answered 403, and nothing
    /// of it is stored. Default: anything. Since 0.1.
    #[serde(default)]
    pub may_claim: MayClaim,
}

/// What events of a source may say that they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct MayClaim {
    /// Beginnings of `source`, of which one must fit: `/shop/`, `https://shop.example/`. Default: any. Since 0.1.
    #[serde(default)]
    pub source: Option<Vec<String>>,
    /// Beginnings of `type`, of which one must fit: `com.acme.shop.`. Default: any. Since 0.1.
    #[serde(default, rename = "type")]
    pub ty: Option<Vec<String>>,
}

impl MayClaim {
    /// Whether an event may say so; what it may not, where not.
    pub fn admits(&self, source: &str, ty: &str) -> Result<(), &'static str> {
        let fits = |beginnings: &Option<Vec<String>>, value: &str| match beginnings {
            None => true,
            Some(all) => all.iter().any(|start| value.starts_with(start.as_str())),
        };
        match (fits(&self.source, source), fits(&self.ty, ty)) {
            (false, _) => Err("source"),
            (_, false) => Err("type"),
            _ => Ok(()),
        }
    }
}

/// Events per second of one sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RateLimit {
    /// Events per second on the average. Since 0.1.
    pub per_second: NonZero<u32>,
    /// Events at once after a pause. A batch is taken whole, and what it was too large is waited
    /// for afterwards. Default: as many as `per-second`. Since 0.1.
    pub burst: Option<NonZero<u32>>,
}

impl RateLimit {
    /// Events at once.
    pub fn burst(&self) -> NonZero<u32> {
        self.burst.unwrap_or(self.per_second)
    }
}

fn default_stream() -> String {
    "default".into()
}

/// What the sender of an event is told that matches no subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unmatched {
    /// It is kept and answered like any other; the record says that nothing matched.
    #[default]
    Accept,
    /// It is kept too, and recorded as unmatched, but answered 422.
    Reject,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims() {
        let of = |text: &str| serde_json::from_str::<MayClaim>(text).unwrap();
        for (claims, source, ty, told) in [
            ("{}", "/any", "any", Ok(())),
            (
                r#"{"source": ["/shop/", "/till"]}"#,
                "/shop/1",
                "any",
                Ok(()),
            ),
            (r#"{"source": ["/shop/", "/till"]}"#, "/till", "any", Ok(())),
            (r#"{"source": ["/shop/"]}"#, "/shop", "any", Err("source")),
            (r#"{"source": ["/shop/"]}"#, "/Shop/1", "any", Err("source")),
            (
                r#"{"source": ["/shop/"]}"#,
                "//shop/1",
                "any",
                Err("source"),
            ),
            (r#"{"source": []}"#, "/shop/1", "any", Err("source")),
            (
                r#"{"type": ["com.acme."]}"#,
                "/any",
                "com.acme.order",
                Ok(()),
            ),
            (
                r#"{"type": ["com.acme."]}"#,
                "/any",
                "com.acmee.order",
                Err("type"),
            ),
        ] {
            assert_eq!(
                of(claims).admits(source, ty),
                told,
                "{claims} {source} {ty}"
            );
        }
    }

    #[test]
    fn the_keys_are_those_of_the_type() {
        let schema = schemars::schema_for!(Common).to_value();
        let mut keys: Vec<_> = schema["properties"].as_object().unwrap().keys().collect();
        let mut own = KEYS.to_vec();
        keys.sort();
        own.sort_unstable();
        assert_eq!(keys, own);
    }
}
