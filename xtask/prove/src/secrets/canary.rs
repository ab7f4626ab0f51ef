//! Secrets that are like no other text, and where they show: as they are, and as encodings write them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// How every secret begins, by which it is found in whatever encoding.
const SECRET: &str = "TwCanary7Zq";
/// How everything begins that is data of events, which may be where events are.
const PAYLOAD: &str = "TwPayload5Xk";

/// All that were made.
#[derive(Default)]
pub(super) struct Canaries {
    slots: Vec<String>,
    /// Lines of private keys.
    keys: Vec<String>,
}

impl Canaries {
    /// A secret for this place.
    pub(super) fn secret(&mut self, slot: impl Into<String>) -> String {
        self.slots.push(slot.into());
        let more: String = (0..9).map(|_| fastrand::lowercase()).collect();
        format!("{SECRET}{:04}{more}", self.slots.len() - 1)
    }

    /// A secret as API keys have it: 24 bytes in hex.
    pub(super) fn key(&mut self, slot: impl Into<String>) -> String {
        hex(&self.secret(slot))
    }

    /// A text that stands for the data of an event.
    pub(super) fn payload() -> String {
        let more: String = (0..10).map(|_| fastrand::lowercase()).collect();
        format!("{PAYLOAD}{more}")
    }

    pub(super) fn keys(&mut self, lines: Vec<String>) {
        self.keys.extend(lines);
    }

    /// How many places there are.
    pub(super) fn count(&self) -> usize {
        self.slots.len() + self.keys.len()
    }

    /// What of it stands in a text, and where.
    pub(super) fn shown(&self, text: &str, payloads: bool) -> Option<String> {
        let around = |at: usize| {
            let from = text.floor_char_boundary(at.saturating_sub(160));
            let to = text.ceil_char_boundary((at + 120).min(text.len()));
            text[from..to].replace(['\n', '\r'], " ")
        };
        if let Some(key) = self.keys.iter().find(|key| text.contains(key.as_str())) {
            return Some(format!("a private key: {key:.12}..."));
        }
        let prefixes = [SECRET.to_owned(), hex(SECRET), PAYLOAD.to_owned()];
        for prefix in prefixes.iter().take(if payloads { 2 } else { 3 }) {
            for (how, needle) in needles(prefix) {
                let Some(at) = text.find(&needle) else {
                    continue;
                };
                let number = text.get(at + needle.len()..at + needle.len() + 4);
                let slot = number.and_then(|number| self.slots.get(number.parse::<usize>().ok()?));
                let slot = slot.map_or("one of them", String::as_str);
                return Some(format!("{slot}, {how}: ...{}...", around(at)));
            }
        }
        None
    }
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// A text in the ways in which logs write texts and bytes.
fn needles(text: &str) -> Vec<(&'static str, String)> {
    let bytes = text.as_bytes();
    let numbers: Vec<String> = bytes.iter().map(u8::to_string).collect();
    let mut all = vec![
        ("as it is", text.to_owned()),
        ("in small letters", text.to_lowercase()),
        ("in capitals", text.to_uppercase()),
        ("in hex", hex(text)),
        ("in hex", hex(text).to_uppercase()),
        (
            "url-encoded",
            bytes.iter().map(|b| format!("%{b:02X}")).collect(),
        ),
        ("as numbers", numbers.join(", ")),
        ("as numbers", numbers.join(",")),
    ];
    // Wherever it begins among the groups of three bytes.
    for skipped in 0..3 {
        let whole = (bytes.len() - skipped) / 3 * 3;
        let inner = &bytes[skipped..skipped + whole];
        all.push(("in base64", STANDARD_NO_PAD.encode(inner)));
    }
    all
}

/// What would prove nothing if it were not found.
pub(super) fn self_test() -> Result<(), String> {
    let mut canaries = Canaries::default();
    let secret = canaries.secret("a slot");
    let key = canaries.key("a key");
    for (before, secret) in [
        ("", &secret),
        ("a", &secret),
        ("ab", &secret),
        ("x:tw_a_", &key),
    ] {
        let text = format!("{before}{secret}:x");
        for hidden in [
            text.clone(),
            STANDARD_NO_PAD.encode(&text),
            format!("{:?}", text.as_bytes()),
            text.bytes().map(|byte| format!("{byte:02x}")).collect(),
            text.bytes().map(|byte| format!("%{byte:02X}")).collect(),
        ] {
            if canaries.shown(&hidden, true).is_none() {
                return Err(format!("a secret is not seen in {hidden}"));
            }
        }
    }
    match canaries.shown(&Canaries::payload(), true) {
        None => Ok(()),
        Some(_) => Err("data of events is taken for a secret".into()),
    }
}
