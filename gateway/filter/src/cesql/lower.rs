//! Expressions as formulas of two values.
//!
//! Of each boolean part three formulas are made: it is true without an error, it is false without an
//! error, and either of the two. What operators make of errors is then said by formulas alone, and the
//! index sees the comparisons within.

use super::Expression;
use super::ast::{Node, Operator};
use super::value::{Type, Value};
use crate::ir::{Fault, Formula, Opaque, Path, Range, Test};
use crate::{View, ir};
use std::sync::Arc;

/// Most predicates that an expression becomes; beyond it, it stays whole.
const SIZE_MAX: usize = crate::PREDICATES_MAX;
/// What a leaf counts as: each may take as many steps as a whole expression.
const LEAF_SIZE: usize = 100;
/// Deepest formula that an expression becomes.
const DEPTH_MAX: usize = 100;

/// Attributes that every event has.
const ALWAYS: [&str; 4] = ["specversion", "id", "source", "type"];
/// Attributes that are text in every event.
const TEXTS: [&str; 8] = [
    "specversion",
    "id",
    "source",
    "type",
    "subject",
    "time",
    "datacontenttype",
    "dataschema",
];

/// A boolean part.
struct Lowered {
    yes: Formula,
    no: Formula,
    /// No error comes up.
    sure: Formula,
    /// An error comes up: the contrary of `sure`, in a form that the index finds ways to.
    fault: Formula,
    size: usize,
    depth: usize,
    fault_depth: usize,
}

/// The formulas that hold where the expression is true and no error comes up, and where one does.
pub(super) fn lower(expression: &Arc<Expression>) -> (Formula, Formula) {
    let lowered = part(&expression.root, expression, false);
    match lowered.fits() && lowered.fault_depth <= DEPTH_MAX {
        true => (lowered.yes, lowered.fault),
        false => {
            let whole = leaf(&expression.root, expression, false);
            let fits = lowered.fits();
            (if fits { lowered.yes } else { whole.yes }, whole.fault)
        }
    }
}

/// `cast`: an operator takes the part for a boolean; otherwise it has to be one.
fn part(node: &Node, whole: &Arc<Expression>, cast: bool) -> Lowered {
    match node {
        Node::Literal(Value::Boolean(value), _) => Lowered::constant(*value),
        Node::Exists(name) => {
            let exists = exists(name);
            Lowered::total(exists)
        }
        Node::Not(one) => part(one, whole, true).negated(),
        Node::Logic(operator, members) => {
            let parts = members.iter().map(|member| part(member, whole, true));
            let parts: Vec<_> = parts.collect();
            if parts.iter().map(|part| part.size).sum::<usize>() > SIZE_MAX {
                return leaf(node, whole, cast);
            }
            let joined = parts
                .into_iter()
                .rev()
                .reduce(|right, left| match operator {
                    Operator::And => left.negated().or(right.negated()).negated(),
                    Operator::Or => left.or(right),
                    _ => left.xor(right),
                });
            match joined {
                Some(joined) if joined.fits() => joined,
                _ => leaf(node, whole, cast),
            }
        }
        Node::Binary(operator @ (Operator::Equal | Operator::Unequal), left, right) => {
            match (&**left, &**right) {
                (Node::Attribute(name), Node::Literal(Value::String(text), _)) => {
                    let equal = test(name, Test::exact(text.as_str()));
                    if *operator == Operator::Equal {
                        equal
                    } else {
                        equal.negated()
                    }
                }
                _ => leaf(node, whole, cast),
            }
        }
        Node::Like {
            value,
            negated,
            pattern,
        } => match (&**value, pattern.as_test()) {
            (Node::Attribute(name), Some(pattern)) => {
                let like = test(name, pattern);
                if *negated { like.negated() } else { like }
            }
            _ => leaf(node, whole, cast),
        },
        Node::In {
            value,
            negated,
            set,
        } => match &**value {
            Node::Attribute(name) => is_in(name, *negated, set, node, whole),
            _ => leaf(node, whole, cast),
        },
        _ => leaf(node, whole, cast),
    }
}

fn test(name: &str, test: Test) -> Lowered {
    Lowered::on(name, Formula::test(Path::attribute(name), test))
}

/// An attribute that is text is compared with texts; one that is not takes the set for its own type,
/// which only the evaluator knows.
fn is_in(name: &str, negated: bool, set: &[Node], node: &Node, whole: &Arc<Expression>) -> Lowered {
    let texts: Option<Vec<Test>> = set
        .iter()
        .map(|member| match member {
            Node::Literal(value, _) => Some(Test::exact(value.text().as_ref())),
            _ => None,
        })
        .collect();
    let Some(texts) = texts else {
        return leaf(node, whole, false);
    };
    let path = || Path::attribute(name);
    let any = |tests: Vec<Test>| {
        Formula::any(
            tests
                .into_iter()
                .map(|test| Formula::test(path(), test))
                .collect(),
        )
    };
    if TEXTS.contains(&name) {
        let found = Lowered::on(name, any(texts));
        return if negated { found.negated() } else { found };
    }
    let number = Test::Number(Range {
        low: None,
        high: None,
    });
    let typed = [number, Test::Bool(true), Test::Bool(false)];
    let perhaps = any(texts.into_iter().chain(typed).collect());
    let mut whole = leaf(node, whole, false);
    // Needed, not enough: it leads the index to the events in question.
    let needed = if negated {
        &mut whole.no
    } else {
        &mut whole.yes
    };
    *needed = perhaps.and(std::mem::replace(needed, Formula::yes()));
    whole
}

/// A part that only its evaluator knows.
fn leaf(node: &Node, whole: &Arc<Expression>, cast: bool) -> Lowered {
    let part: Arc<Part> = Arc::new(Part {
        text: node.to_string(),
        node: node.clone(),
        whole: Arc::clone(whole),
        cast,
    });
    let answer = |wanted| {
        let leaf = Formula::Opaque(Opaque {
            expression: Arc::clone(&part) as Arc<dyn ir::Expression>,
            wanted,
        });
        needs(node).and(leaf)
    };
    let fails = Opaque {
        expression: Arc::clone(&part) as Arc<dyn ir::Expression>,
        wanted: true,
    };
    let needs = needs(node);
    Lowered {
        yes: answer(true),
        no: answer(false),
        sure: answer(true).or(answer(false)),
        fault: needs.clone().contrary().or(needs.and(fails.fails())),
        size: LEAF_SIZE,
        depth: 0,
        fault_depth: 0,
    }
}

/// What must exist, or there is an error: attributes that are looked at whatever the event.
fn needs(node: &Node) -> Formula {
    let mut names = Vec::new();
    needed(node, &mut names);
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .fold(Formula::yes(), |all, name| all.and(exists(name)))
}

fn needed<'n>(node: &'n Node, names: &mut Vec<&'n str>) {
    match node {
        Node::Literal(..) | Node::Exists(_) => {}
        Node::Attribute(name) => names.push(name),
        Node::Not(one) | Node::Minus(one) => needed(one, names),
        Node::Logic(Operator::Xor, members) => members.iter().for_each(|m| needed(m, names)),
        Node::Logic(_, members) => members.iter().take(1).for_each(|m| needed(m, names)),
        Node::Binary(_, left, right) => {
            needed(left, names);
            needed(right, names);
        }
        Node::Like { value, .. } | Node::In { value, .. } => needed(value, names),
        Node::Call(_, arguments) => arguments.iter().for_each(|a| needed(a, names)),
    }
}

fn exists(name: &str) -> Formula {
    if ALWAYS.contains(&name) {
        return Formula::yes();
    }
    Formula::test(Path::attribute(name), Test::Exists)
}

impl Lowered {
    fn constant(value: bool) -> Self {
        let (yes, no) = (Formula::yes(), Formula::no());
        let (yes, no) = if value { (yes, no) } else { (no, yes) };
        Self {
            yes,
            no,
            sure: Formula::yes(),
            fault: Formula::no(),
            size: 0,
            depth: 0,
            fault_depth: 0,
        }
    }

    fn total(yes: Formula) -> Self {
        Self {
            no: yes.clone().contrary(),
            yes,
            sure: Formula::yes(),
            fault: Formula::no(),
            size: 1,
            depth: 0,
            fault_depth: 0,
        }
    }

    /// A test of an attribute, which is an error where it is absent.
    fn on(name: &str, yes: Formula) -> Self {
        Self {
            no: exists(name).and(yes.clone().contrary()),
            yes,
            sure: exists(name),
            fault: exists(name).contrary(),
            size: 1,
            depth: 0,
            fault_depth: 0,
        }
    }

    fn fits(&self) -> bool {
        self.size <= SIZE_MAX && self.depth <= DEPTH_MAX
    }

    fn negated(self) -> Self {
        Self {
            yes: self.no,
            no: self.yes,
            ..self
        }
    }

    /// The right side counts where the left one is false without error.
    fn or(self, right: Lowered) -> Self {
        Self {
            size: 2 * self.size + right.size,
            depth: self.depth.max(right.depth) + usize::from(self.sure != Formula::yes()),
            fault_depth: self.fault_depth.max(right.fault_depth)
                + usize::from(right.fault != Formula::no()),
            fault: self.fault.or(self.no.clone().and(right.fault)),
            sure: self.yes.clone().or(self.no.clone().and(right.sure)),
            yes: self.yes.or(self.sure.and(right.yes)),
            no: self.no.and(right.no),
        }
    }

    fn xor(self, right: Lowered) -> Self {
        let cross = |a: &Formula, b: &Formula, c: &Formula, d: &Formula| {
            (a.clone().and(b.clone())).or(c.clone().and(d.clone()))
        };
        Self {
            yes: cross(&self.yes, &right.no, &self.no, &right.yes),
            no: cross(&self.yes, &right.yes, &self.no, &right.no),
            sure: self.sure.and(right.sure),
            fault: self.fault.or(right.fault),
            fault_depth: self.fault_depth.max(right.fault_depth) + 1,
            size: 2 * (self.size + right.size),
            depth: self.depth.max(right.depth) + 1,
        }
    }
}

pub(super) fn no_boolean(text: &str, value: &Value) -> String {
    let (ty, wanted) = (value.ty(), Type::Boolean);
    format!("`{text}` is a value of type {ty}, not {wanted}")
}

/// A part of an expression behind a leaf.
#[derive(Debug)]
struct Part {
    node: Node,
    text: String,
    whole: Arc<Expression>,
    cast: bool,
}

impl ir::Expression for Part {
    fn dialect(&self) -> &'static str {
        "sql"
    }

    fn text(&self) -> &str {
        &self.text
    }

    fn evaluate(&self, view: &View<'_>) -> Result<bool, Fault> {
        let mut evaluator = self.whole.evaluator(view.event());
        let value = match self.cast {
            true => evaluator.boolean(&self.node).map(Value::Boolean),
            false => Some(evaluator.value(&self.node).value),
        };
        match (evaluator.errors.into_iter().next(), value) {
            (Some(error), _) => Err(Fault(error.to_string())),
            (None, Some(Value::Boolean(value))) => Ok(value),
            (None, Some(other)) => Err(Fault(no_boolean(&self.text, &other))),
            (None, None) => Err(Fault(format!("`{}` has no value", self.text))),
        }
    }
}
