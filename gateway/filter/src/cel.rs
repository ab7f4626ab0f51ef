//! `cel`: the Common Expression Language over the event, as Eventarc Advanced takes it.
//!
//! A parser and evaluator of our own: what a stranger writes is bounded before and while it is evaluated,
//! a failure knows its place, and comparisons with literals become predicates that the index sees.

mod arithmetic;
mod ast;
mod evaluate;
mod functions;
mod held;
mod lex;
mod lower;
mod parse;
mod render;
mod time;
mod value;

use crate::explain::{Clause, Explanation, Seen, Teller};
use crate::ir::Formula;
use crate::{Dialect, InvalidFilter, Reader, Rendering};
use ast::{Expr, Node};
use evaluate::Evaluator;
use serde_json::Value;
use std::sync::Arc;

/// CEL expressions.
#[derive(Debug)]
pub(crate) struct Cel;

impl Dialect for Cel {
    fn name(&self) -> &'static str {
        "cel"
    }

    fn parse(&self, body: &Value, reader: &mut Reader<'_>) -> Result<Formula, InvalidFilter> {
        let source = reader.expression("cel", body)?;
        let root = parse::parse(source).map_err(|error| reader.placed(error))?;
        if let Some(kind) = root.other_type() {
            let reason = format!(
                "a filter must be true or false, this expression is a value of type {kind}"
            );
            return Err(reader.placed(InvalidFilter::at(root.span.start, reason)));
        }
        reader.count(root.leaves())?;
        let (formula, fault) = lower::lower(&root, source);
        let told = Told {
            root,
            source: source.to_owned(),
            fault,
        };
        Ok(Formula::Told(Teller(Arc::new(told)), Box::new(formula)))
    }

    fn render(&self, formula: &Formula) -> Rendering {
        if let Formula::Told(teller, _) = formula
            && let Some(("cel", text)) = teller.0.source()
        {
            return Rendering::Exact(Value::String(text));
        }
        crate::dialects::render::render(&render::Expressions, formula)
    }
}

/// An expression that explains itself.
#[derive(Debug)]
struct Told {
    root: Node,
    source: String,
    fault: Formula,
}

impl Clause for Told {
    fn explain(&self, seen: &Seen<'_>) -> Explanation {
        let explained = self.node(&self.root, seen, seen.negated);
        let failed = Evaluator::new(seen.view).holds(&self.root).err();
        Explanation {
            holds: seen.holds() != seen.negated,
            errors: failed.iter().map(ToString::to_string).collect(),
            ..explained
        }
    }

    fn faults(&self, _: &Formula) -> Formula {
        self.fault.clone()
    }

    fn source(&self) -> Option<(&'static str, String)> {
        Some(("cel", self.source.clone()))
    }
}

impl Told {
    fn node(&self, node: &Node, seen: &Seen<'_>, negated: bool) -> Explanation {
        match &node.expr {
            Expr::Not(one) => self.node(one, seen, !negated),
            Expr::All(members) | Expr::Any(members) => {
                let all = matches!(node.expr, Expr::All(_)) != negated;
                Explanation::joined(members.iter().map(|m| self.node(m, seen, negated)), all)
            }
            _ => {
                let text = &self.source[node.span.clone()];
                let words = match (negated, &node.expr) {
                    (false, _) => text.to_owned(),
                    (true, Expr::Binary(..) | Expr::Choice(_)) => format!("!({text})"),
                    (true, _) => format!("!{text}"),
                };
                let looked = lower::seen(node, &self.source);
                let actual = Seen {
                    view: seen.view,
                    formula: &looked,
                    negated,
                }
                .actual();
                match Evaluator::new(seen.view).holds(node) {
                    Ok(truth) => Explanation::of(words, actual, truth != negated),
                    Err(failure) => Explanation::of(words, Some(failure.to_string()), false),
                }
            }
        }
    }
}
