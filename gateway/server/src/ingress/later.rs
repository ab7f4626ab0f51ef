//! Headers that ask for a later append: the same as the attributes of that meaning, for all events of
//! a request.

use super::Problem;
use crate::run::{DELIVER_AFTER, DELIVER_AT};
use http::{HeaderMap, HeaderName, StatusCode};
use tradewind_event::{Attribute, Event};

/// Header and the attribute that it stands for.
static HEADERS: [(HeaderName, &str); 2] = [
    (HeaderName::from_static("deliver-at"), DELIVER_AT),
    (HeaderName::from_static("deliver-after"), DELIVER_AFTER),
];

/// Gives the events the attributes that the headers stand for; an event's own goes before.
pub(super) fn ask(headers: &HeaderMap, events: &mut [Event]) -> Result<(), Problem> {
    let asked = HEADERS.each_ref().map(|(header, _)| headers.get(header));
    if asked.iter().all(Option::is_some) {
        return Err(refused(
            "`deliver-at` and `deliver-after`: leave one out".into(),
        ));
    }
    for ((header, attribute), value) in HEADERS.iter().zip(asked) {
        let Some(value) = value else { continue };
        let value = value
            .to_str()
            .map_err(|_| refused(format!("`{header}` is no text")))?;
        for event in events.iter_mut() {
            let own = [DELIVER_AT, DELIVER_AFTER]
                .iter()
                .any(|n| event.attribute(n).is_some());
            if !own {
                *event = event
                    .with_attribute(attribute, Attribute::String(value))
                    .map_err(|error| refused(format!("`{header}`: {error}")))?;
            }
        }
    }
    Ok(())
}

fn refused(detail: String) -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "invalid-time",
        "the time that the request asks for cannot be; nothing was stored",
    )
    .detail(detail)
}
