//! `sql`: CESQL as a filter dialect.

use super::ast::{Node, Operator};
use super::lower::{lower, no_boolean};
use super::render::render;
use super::value::{Error, Value};
use super::{Expression, Functions};
use crate::explain::{Clause, Explanation, Seen, Teller};
use crate::ir::Formula;
use crate::{Dialect, InvalidFilter, Reader, Rendering};
use std::sync::Arc;

/// CESQL 1.0.0.
#[derive(Debug, Default)]
pub(crate) struct Sql {
    functions: Arc<Functions>,
}

impl Sql {
    pub(crate) fn new(functions: Arc<Functions>) -> Self {
        Self { functions }
    }
}

impl Dialect for Sql {
    fn name(&self) -> &'static str {
        "sql"
    }

    fn parse(
        &self,
        body: &serde_json::Value,
        reader: &mut Reader<'_>,
    ) -> Result<Formula, InvalidFilter> {
        let source = reader.expression("sql", body)?;
        let expression = Expression::parse_with(source, Arc::clone(&self.functions))
            .map_err(|error| reader.placed(error))?;
        expression
            .root
            .check_calls(&self.functions)
            .map_err(|reason| reader.refusal(reason))?;
        if let Some(ty) = expression.root.other_type() {
            return reader.refuse(format!(
                "a filter must be true or false, this expression is a value of type {ty}"
            ));
        }
        reader.count(expression.root.leaves())?;
        let expression = Arc::new(expression);
        let (formula, fault) = lower(&expression);
        let told = Told {
            expression,
            source: source.to_owned(),
            fault,
        };
        Ok(Formula::Told(Teller(Arc::new(told)), Box::new(formula)))
    }

    fn render(&self, formula: &Formula) -> Rendering {
        render(formula)
    }
}

/// An expression that explains itself.
#[derive(Debug)]
struct Told {
    expression: Arc<Expression>,
    /// As it is written: what is put together from its parts nests deeper.
    source: String,
    fault: Formula,
}

impl Clause for Told {
    fn explain(&self, seen: &Seen<'_>) -> Explanation {
        let event = seen.view.event();
        let mut whole = self.node(&self.expression.root, seen, seen.negated);
        let evaluated = self.expression.evaluate(event);
        let mut errors: Vec<String> = evaluated.errors.iter().map(Error::to_string).collect();
        if errors.is_empty() && !matches!(evaluated.value, Value::Boolean(_)) {
            errors.push(no_boolean(
                &self.expression.root.to_string(),
                &evaluated.value,
            ));
        }
        let passes = evaluated.value == Value::Boolean(true) && errors.is_empty();
        let holds = passes != seen.negated;
        if whole.holds != holds {
            // An error elsewhere: the first clause that has one decides.
            whole.decisive = whole.verdicts.iter().position(|verdict| {
                verdict
                    .actual
                    .as_ref()
                    .is_some_and(|actual| errors.contains(actual))
            });
        }
        Explanation {
            holds,
            errors,
            ..whole
        }
    }

    fn faults(&self, _: &Formula) -> Formula {
        self.fault.clone()
    }

    fn source(&self) -> Option<(&'static str, String)> {
        Some(("sql", self.source.clone()))
    }
}

impl Told {
    fn node(&self, node: &Node, seen: &Seen<'_>, negated: bool) -> Explanation {
        match node {
            Node::Not(one) => self.node(one, seen, !negated),
            Node::Logic(operator @ (Operator::And | Operator::Or), members) => {
                let all = (*operator == Operator::And) != negated;
                Explanation::joined(members.iter().map(|m| self.node(m, seen, negated)), all)
            }
            leaf => self.leaf(leaf, seen, negated),
        }
    }

    fn leaf(&self, node: &Node, seen: &Seen<'_>, negated: bool) -> Explanation {
        let event = seen.view.event();
        let mut evaluator = self.expression.evaluator(event);
        let value = evaluator.boolean(node);
        let words = match negated {
            true => node.contrary().to_string(),
            false => node.to_string(),
        };
        let mut names = Vec::new();
        node.attributes(&mut names);
        names.dedup();
        let actual: Vec<String> = names
            .iter()
            .filter_map(|name| Some(event.attribute(name)?.to_canonical().into_owned()))
            .collect();
        let error = evaluator.errors.first().map(Error::to_string);
        let actual = error.or_else(|| (!actual.is_empty()).then(|| actual.join(", ")));
        Explanation::of(words, actual, value == Some(!negated))
    }
}
