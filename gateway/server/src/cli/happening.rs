//! One happening as a line.

use super::term::{now_ms, plain, time};
use tradewind_engine::Happening;

pub(super) fn line(happening: &Happening) -> String {
    let mut line = format!(
        "{}  {:<13}",
        time(happening.at_ms, now_ms()),
        happening.what
    );
    let at = match (&happening.stream, &happening.position) {
        (Some(stream), Some(position)) => Some(format!("{stream}@{position}")),
        (Some(one), None) | (None, Some(one)) => Some(one.clone()),
        (None, None) => None,
    };
    let parts = [
        happening.name.clone(),
        at,
        happening.id.clone(),
        happening.ty.clone(),
        Some(happening.detail.clone()),
    ];
    for part in parts.into_iter().flatten().filter(|part| !part.is_empty()) {
        line.push_str("  ");
        line.push_str(&plain(&part));
    }
    line
}
