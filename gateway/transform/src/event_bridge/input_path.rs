//! `input-path`: a part of the event in place of all of it.

use super::JSON;
use super::path::{Path, Work};
use super::view::View;
use crate::read::{InvalidTransform, Node};
use crate::step::{About, Reason, Step, reshaped};
use tradewind_event::Event;

#[derive(Debug)]
pub(crate) struct InputPath {
    path: Path,
    written: String,
}

impl InputPath {
    pub(crate) fn read(node: &Node<'_>) -> Result<Self, InvalidTransform> {
        let path = Path::read(node)?;
        let written = node.value.as_str().unwrap_or_default().to_owned();
        Ok(Self { path, written })
    }
}

impl Step for InputPath {
    fn apply(&self, event: &Event, _: &About<'_>) -> Result<Event, Reason> {
        let view = View::of(event)?;
        let found = self.path.select(view.json(), &mut Work::default())?;
        let Some(json) = found else {
            let reason = format!("the event has nothing at `{}`", self.written);
            return Err(Reason::new(reason));
        };
        reshaped(event, JSON, json.into_bytes())
    }
}
