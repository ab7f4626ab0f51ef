//! The kinds of step that EventBridge knows, over its view of an event.
//!
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html>

mod input_path;
mod path;
mod template;
mod transformer;
mod view;

pub(crate) use input_path::InputPath;
pub(crate) use transformer::InputTransformer;

const JSON: &str = "application/json";
