//! A compiled filter.

use crate::eval::{Check, Paths, Scratch, Slots, View};
use crate::explain::{Explanation, explain};
use crate::ir::Formula;
use std::sync::Arc;
use tradewind_event::Event;

/// A compiled filter. Pure: the answer depends on the event alone.
#[derive(Debug)]
pub struct Filter {
    formula: Formula,
    paths: Paths,
    check: Check,
    faults: Check,
}

impl Filter {
    /// Compiles a formula.
    pub fn new(formula: Formula) -> Self {
        let mut paths = Paths::default();
        let check = Check::new(&formula, &mut paths, &mut Arc::new);
        let faults = Check::new(&formula.faults(), &mut paths, &mut Arc::new);
        Self {
            formula,
            paths,
            check,
            faults,
        }
    }

    /// Matches everything.
    pub fn everything() -> Self {
        Self::new(Formula::yes())
    }

    /// Whether the event passes.
    pub fn matches(&self, event: &Event) -> bool {
        self.evaluate(&View::new(event), &mut Scratch::default())
    }

    /// Whether the event passes; `view` counts evaluations that met an error of an expression.
    pub fn evaluate(&self, view: &View<'_>, scratch: &mut Scratch) -> bool {
        let slots = Slots::read(&self.paths, view, scratch);
        if self.faults.holds(&slots) {
            view.fault();
        }
        self.check.holds(&slots)
    }

    /// What every predicate says, in order, and which of them decided.
    pub fn explain(&self, event: &Event) -> Explanation {
        explain(&self.formula, &View::new(event), false)
    }

    /// What the filter lowered to.
    pub fn formula(&self) -> &Formula {
        &self.formula
    }
}
