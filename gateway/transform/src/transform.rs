//! A transform: steps, one after the other.

use crate::attributes::{Remove, Set};
use crate::event_bridge::{InputPath, InputTransformer};
use crate::read::{InvalidTransform, Node};
use crate::step::{About, Failed, Step};
use crate::template::Template;
use serde_json::Value;
use tradewind_event::Event;

/// Most steps of a transform.
pub const STEPS_MAX: usize = 16;

type Read = fn(&Node<'_>) -> Result<Box<dyn Step>, InvalidTransform>;

/// Every kind of step, and what reads its definition.
const KINDS: &[(&str, Read)] = &[
    ("set", |node| Ok(Box::new(Set::read(node)?))),
    ("remove", |node| Ok(Box::new(Remove::read(node)?))),
    ("template", |node| Ok(Box::new(Template::read(node)?))),
    ("input-path", |node| Ok(Box::new(InputPath::read(node)?))),
    ("input-transformer", |node| {
        Ok(Box::new(InputTransformer::read(node)?))
    }),
];

/// The names of the kinds of step.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|(name, _)| *name)
}

/// A compiled transform.
#[derive(Debug)]
pub struct Transform {
    steps: Vec<(&'static str, Box<dyn Step>)>,
}

impl Transform {
    /// What becomes of the event; the event itself stays as it is.
    ///
    /// # Errors
    /// That it cannot be made of this event, which is so whenever it is tried.
    pub fn apply(&self, event: &Event, about: &About<'_>) -> Result<Event, Failed> {
        let mut event = event.clone();
        for (at, (kind, step)) in self.steps.iter().enumerate() {
            event = step.apply(&event, about).map_err(|reason| Failed {
                step: (self.steps.len() > 1).then_some(at + 1),
                kind,
                reason: reason.0,
            })?;
        }
        Ok(event)
    }
}

/// Compiles a definition as written in configuration: a step, or a list of steps.
///
/// # Errors
/// What is wrong with it, and where.
pub fn compile(definition: &Value) -> Result<Transform, InvalidTransform> {
    let root = Node::root(definition);
    let steps = match definition {
        Value::Array(steps) if steps.is_empty() => Err(root.refusal("a transform needs a step")),
        Value::Array(steps) if steps.len() > STEPS_MAX => Err(root.refusal(format!(
            "a transform has at most {STEPS_MAX} steps, found {}",
            steps.len()
        ))),
        Value::Array(steps) => {
            let nodes = steps.iter().enumerate();
            nodes
                .map(|(at, value)| step(&root.child(at, value)))
                .collect()
        }
        _ => step(&root).map(|step| vec![step]),
    };
    Ok(Transform { steps: steps? })
}

fn step(node: &Node<'_>) -> Result<(&'static str, Box<dyn Step>), InvalidTransform> {
    let names: Vec<&str> = kinds().collect();
    let mut keys = node.map()?.iter();
    let (Some((name, value)), None) = (keys.next(), keys.next()) else {
        let refusal = node.refusal("a step has one key, its kind");
        return Err(refusal.hint(format!(
            "kinds: {}; a list has several steps",
            names.join(", ")
        )));
    };
    let inner = node.child(name, value);
    match KINDS.iter().find(|(known, _)| known == name) {
        Some((kind, read)) => Ok((kind, read(&inner)?)),
        None => Err(inner.unknown("kind of step", name, &names).key()),
    }
}
