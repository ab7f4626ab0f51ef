//! The rules of CloudEvents 1.0 (core §2 to §4) for names and values.

use super::{Attribute, Core, TextType, Timestamp, media_type, uri};
use crate::InvalidEvent;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;

type Reason = Cow<'static, str>;

/// The only version there is.
pub(crate) const SPEC_VERSION: &str = "1.0";

/// Names are `[a-z0-9]+` and never `data`.
pub(crate) fn name(name: &str) -> Result<(), InvalidEvent> {
    let reason = if name.is_empty() {
        "has an empty name; names consist of a-z and 0-9"
    } else if !name
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    {
        "is no valid attribute name; names consist of a-z and 0-9 only"
    } else if name == "data" {
        "is no attribute name: `data` is reserved for the payload"
    } else {
        return Ok(());
    };
    Err(InvalidEvent::new(name, reason))
}

pub(crate) fn spec_version(value: &str) -> Result<(), InvalidEvent> {
    if value == SPEC_VERSION {
        return Ok(());
    }
    let reason = format!("is {value:?}; only \"1.0\" is supported");
    Err(InvalidEvent::new("specversion", reason))
}

/// The value of a core attribute.
pub(crate) fn core(core: Core, value: &str) -> Result<(), InvalidEvent> {
    let checked: Result<(), Reason> = if value.is_empty() {
        Err("is empty; leave it out or give it a value".into())
    } else {
        match core {
            Core::Id | Core::Type | Core::Subject => string(value),
            Core::Source => uri::check_reference(value).map_err(Reason::from),
            Core::DataSchema => uri::check_absolute(value).map_err(Reason::from),
            Core::DataContentType => media_type::check(value).map_err(Reason::from),
            Core::Time => timestamp(value),
        }
    };
    checked.map_err(|reason| InvalidEvent::new(core.name(), reason))
}

/// The value of an extension attribute; its name is checked by [`name`].
pub(crate) fn text(name: &str, ty: TextType, value: &str) -> Result<(), InvalidEvent> {
    let checked: Result<(), Reason> = match ty {
        TextType::String => string(value),
        TextType::Binary => binary(value),
        TextType::Uri => uri::check_absolute(value).map_err(Reason::from),
        TextType::UriReference => uri::check_reference(value).map_err(Reason::from),
        TextType::Timestamp => timestamp(value),
    };
    checked.map_err(|reason| InvalidEvent::new(name, reason))
}

/// Any attribute by name.
pub(crate) fn attribute(name: &str, value: Attribute<'_>) -> Result<(), InvalidEvent> {
    let core_named = Core::named(name);
    match (value.as_text(), core_named) {
        (Some((_, text)), _) if name == "specversion" => spec_version(text),
        (Some((ty, text)), Some(attribute)) => {
            if ty != TextType::String && ty != attribute.text_type() {
                return Err(wrong_type(name));
            }
            core(attribute, text)
        }
        (None, Some(_)) => Err(wrong_type(name)),
        (None, None) if name == "specversion" => Err(wrong_type(name)),
        (text_value, None) => {
            self::name(name)?;
            match text_value {
                Some((ty, value)) => text(name, ty, value),
                None => Ok(()),
            }
        }
    }
}

fn wrong_type(name: &str) -> InvalidEvent {
    let expected = match Core::named(name).map(Core::text_type) {
        Some(TextType::Timestamp) => "a timestamp",
        Some(TextType::Uri) => "a URI",
        Some(TextType::UriReference) => "a URI-reference",
        _ => "a string",
    };
    InvalidEvent::new(name, format!("has the wrong type; it must be {expected}"))
}

fn timestamp(value: &str) -> Result<(), Reason> {
    Timestamp::parse(value)
        .map(drop)
        .map_err(|e| e.to_string().into())
}

fn binary(value: &str) -> Result<(), Reason> {
    STANDARD
        .decode(value)
        .map(drop)
        .map_err(|_| "is no canonical base64 (RFC 4648 §4, with padding)".into())
}

/// `String`: no control characters and no noncharacters.
fn string(value: &str) -> Result<(), Reason> {
    // No early exit, so that the compiler can take many bytes at once.
    let plain = |all: bool, b: u8| all & (b' '..=b'~').contains(&b);
    if value.bytes().fold(true, plain) {
        return Ok(());
    }
    match value.chars().find(|c| !allowed(*c)) {
        None => Ok(()),
        Some(c) => Err(format!(
            "has the character U+{:04X}, which a string may not hold",
            u32::from(c)
        )
        .into()),
    }
}

fn allowed(c: char) -> bool {
    !matches!(c, '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fdd0}'..='\u{fdef}')
        && u32::from(c) & 0xfffe != 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_hold_no_controls_and_no_noncharacters() {
        for good in ["", "a", "é€😀", "\u{a0}", "\u{fdf0}", "~ "] {
            assert!(string(good).is_ok(), "{good:?}");
        }
        for bad in [
            "\0",
            "a\n",
            "\u{7f}",
            "\u{80}",
            "\u{9f}",
            "\u{fdd0}",
            "\u{ffff}",
            "\u{1fffe}",
        ] {
            assert!(string(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_error_names_the_attribute_and_the_rule() {
        let table: [(&str, Attribute<'_>, &str); 9] = [
            (
                "id",
                Attribute::String(""),
                "attribute `id`: is empty; leave it out or give it a value",
            ),
            (
                "specversion",
                Attribute::String("0.3"),
                "attribute `specversion`: is \"0.3\"; only \"1.0\" is supported",
            ),
            (
                "MyExt",
                Attribute::String("a"),
                "attribute `MyExt`: is no valid attribute name; names consist of a-z and 0-9 only",
            ),
            (
                "data",
                Attribute::String("a"),
                "attribute `data`: is no attribute name: `data` is reserved for the payload",
            ),
            (
                "time",
                Attribute::Integer(5),
                "attribute `time`: has the wrong type; it must be a timestamp",
            ),
            (
                "subject",
                Attribute::Boolean(true),
                "attribute `subject`: has the wrong type; it must be a string",
            ),
            (
                "specversion",
                Attribute::Integer(1),
                "attribute `specversion`: has the wrong type; it must be a string",
            ),
            (
                "ext",
                Attribute::String("\u{7}"),
                "attribute `ext`: has the character U+0007, which a string may not hold",
            ),
            (
                "ext",
                Attribute::Binary("TWF"),
                "attribute `ext`: is no canonical base64 (RFC 4648 §4, with padding)",
            ),
        ];
        for (name, value, message) in table {
            let error = attribute(name, value).map_err(|e| e.to_string());
            assert_eq!(error, Err(message.to_owned()));
        }
    }
}
