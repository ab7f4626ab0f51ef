//! Expressions as formulas of two values.
//!
//! Of each condition two formulas are made: it is true, and it is false, both without a failure. `&&` and
//! `||` do not ask in which order, and what settles the matter counts whatever failed beside it, so that
//! two formulas are enough. What only the evaluator knows is a leaf, guarded by what must be there.

use super::ast::{Expr, Literal, Node, Operator};
use super::evaluate::Evaluator;
use super::functions::Function;
use crate::View;
use crate::ir::{self, Arrays, Bound, Fault, Formula, Number, Opaque, Path, Range, Test, Text};
use std::sync::Arc;

/// Most predicates that an expression becomes; beyond it, parts of it stay whole.
const SIZE_MAX: usize = 2000;
/// What a leaf counts as: each may take as many steps as a whole expression.
const LEAF_SIZE: usize = 100;
/// Whole numbers below this are told apart by doubles too.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Attributes that every event has.
pub(super) const ALWAYS: [&str; 4] = ["specversion", "id", "source", "type"];

/// A condition.
struct Lowered {
    yes: Formula,
    no: Formula,
    /// Neither, in a form that the index finds ways to.
    fault: Formula,
    size: usize,
    fault_size: usize,
}

/// The formulas that hold where the expression is true, and where it fails.
pub(super) fn lower(root: &Node, source: &str) -> (Formula, Formula) {
    let lower = Lower { source };
    let lowered = lower.condition(root);
    match lowered.fault_size > SIZE_MAX {
        true => (lowered.yes, lower.leaf(root).fault),
        false => (lowered.yes, lowered.fault),
    }
}

struct Lower<'s> {
    source: &'s str,
}

impl Lower<'_> {
    fn condition(&self, node: &Node) -> Lowered {
        let lowered = match &node.expr {
            Expr::Literal(Literal::Bool(true)) => total(Formula::yes()),
            Expr::Literal(Literal::Bool(false)) => total(Formula::no()),
            Expr::HasAttribute(name) => total(exists(name)),
            Expr::HasData => total(there(&place(&[]))),
            Expr::Not(one) => self.condition(one).negated(),
            Expr::All(members) | Expr::Any(members) => {
                let all = matches!(node.expr, Expr::All(_));
                let members = members.iter().map(|member| self.condition(member));
                Lowered::joined(members.collect(), all)
            }
            Expr::Choice(parts) => {
                let [condition, one, other] = &**parts;
                let condition = self.condition(condition);
                let (one, other) = (self.condition(one), self.condition(other));
                condition.chooses(one, other)
            }
            _ => self.comparison(node).unwrap_or_else(|| self.leaf(node)),
        };
        match lowered.size > SIZE_MAX {
            true => self.leaf(node),
            false => lowered,
        }
    }

    /// What compares a place with literals.
    fn comparison(&self, node: &Node) -> Option<Lowered> {
        match &node.expr {
            Expr::Binary(Operator::In, left, right) => {
                let Expr::List(members) = &right.expr else {
                    return None;
                };
                let path = path(left)?;
                let tests: Option<Vec<_>> =
                    members.iter().map(|m| equal(&path, literal(m)?)).collect();
                let tests = tests?.into_iter().flatten();
                let any = tests
                    .map(|test| Formula::test(path.clone(), test))
                    .collect();
                Some(Lowered::where_there(&path, Formula::any(any)))
            }
            Expr::Binary(operator, left, right) => {
                let (path, operator, literal) = match (path(left), literal(right)) {
                    (Some(path), Some(literal)) => (path, *operator, literal),
                    _ => (path(right)?, operator.mirrored()?, literal(left)?),
                };
                match operator {
                    Operator::Equal | Operator::Unequal => {
                        let test = equal(&path, literal)?;
                        let yes =
                            test.map_or_else(Formula::no, |test| Formula::test(path.clone(), test));
                        let equal = Lowered::where_there(&path, yes);
                        Some(match operator {
                            Operator::Equal => equal,
                            _ => equal.negated(),
                        })
                    }
                    _ => ordered(path, operator, literal),
                }
            }
            Expr::Call(function, arguments) => {
                let how = match function {
                    Function::StartsWith => ir::How::Prefix,
                    Function::EndsWith => ir::How::Suffix,
                    Function::Contains => ir::How::Contains,
                    _ => return None,
                };
                let [of, part] = &arguments[..] else {
                    return None;
                };
                let (path, Literal::Text(part)) = (path(of)?, literal(part)?) else {
                    return None;
                };
                let test = |how, text: &Arc<str>| {
                    Formula::test(path.clone(), Test::Text(Text::new(how, Arc::clone(text))))
                };
                Some(Lowered::among(
                    test(ir::How::Prefix, &"".into()),
                    test(how, part),
                ))
            }
            Expr::Has(of, name) => {
                let mut keys = keys(of)?;
                keys.push(Arc::clone(name));
                let yes = there(&place(&keys));
                Some(Lowered {
                    yes,
                    size: 1,
                    fault_size: 1,
                    ..self.leaf(node)
                })
            }
            _ => {
                let path = path(node).filter(|path| matches!(path, Path::Data { .. }))?;
                let is = |value| Formula::test(path.clone(), Test::Bool(value));
                let fault = is(true).contrary().and(is(false).contrary());
                Some(Lowered::new(is(true), is(false), fault))
            }
        }
    }

    /// A part that only its evaluator knows.
    fn leaf(&self, node: &Node) -> Lowered {
        let part: Arc<dyn ir::Expression> = Arc::new(Part {
            text: self.source[node.span.clone()].to_owned(),
            node: node.clone(),
        });
        let mut guards = Vec::new();
        needs(node, &mut guards);
        let guard = guards.into_iter().fold(Formula::yes(), Formula::and);
        let answer = |wanted| {
            let expression = Arc::clone(&part);
            guard
                .clone()
                .and(Formula::Opaque(Opaque { expression, wanted }))
        };
        let fails = Opaque {
            expression: Arc::clone(&part),
            wanted: true,
        };
        let fault = guard
            .clone()
            .contrary()
            .or(guard.clone().and(fails.fails()));
        Lowered {
            size: LEAF_SIZE,
            fault_size: LEAF_SIZE,
            ..Lowered::new(answer(true), answer(false), fault)
        }
    }
}

impl Lowered {
    fn new(yes: Formula, no: Formula, fault: Formula) -> Self {
        Self {
            yes,
            no,
            fault,
            size: 1,
            fault_size: 1,
        }
    }

    fn negated(self) -> Self {
        Self {
            yes: self.no,
            no: self.yes,
            ..self
        }
    }

    /// Fails where nothing is at the path.
    fn where_there(path: &Path, yes: Formula) -> Self {
        Self::among(there(path), yes)
    }

    /// Fails where `sure` does not hold.
    fn among(sure: Formula, yes: Formula) -> Self {
        let fault = sure.clone().contrary();
        Self::new(yes.clone(), sure.and(yes.contrary()), fault)
    }

    /// Fails where a member does and none settles the matter.
    fn joined(members: Vec<Self>, all: bool) -> Self {
        let size = members.iter().map(|member| member.size).sum();
        let fault_size = members
            .iter()
            .map(|member| member.fault_size)
            .sum::<usize>()
            + size;
        let (mut fails, mut both, mut either) = (Formula::no(), Formula::yes(), Formula::no());
        for Lowered { yes, no, fault, .. } in members {
            let (goes_on, settles) = if all { (yes, no) } else { (no, yes) };
            fails = fails.or(fault);
            both = both.and(goes_on);
            either = either.or(settles);
        }
        let fault = fails.and(either.clone().contrary());
        let (yes, no) = if all { (both, either) } else { (either, both) };
        Self {
            yes,
            no,
            fault,
            size,
            fault_size,
        }
    }

    fn chooses(self, one: Self, other: Self) -> Self {
        let either =
            |one: Formula, other: Formula| self.yes.clone().and(one).or(self.no.clone().and(other));
        Self {
            size: 2 * self.size + one.size + other.size,
            fault_size: 2 * self.size + self.fault_size + one.fault_size + other.fault_size,
            fault: either(one.fault, other.fault).or(self.fault.clone()),
            yes: either(one.yes, other.yes),
            no: either(one.no, other.no),
        }
    }
}

fn total(yes: Formula) -> Lowered {
    Lowered::new(yes.clone(), yes.contrary(), Formula::no())
}

fn exists(name: &str) -> Formula {
    match ALWAYS.contains(&name) {
        true => Formula::yes(),
        false => Formula::test(Path::attribute(name), Test::Exists),
    }
}

/// Something is at the path, whatever it is.
fn there(path: &Path) -> Formula {
    match path {
        Path::Attribute(name) => exists(name),
        data => {
            let test = |test| Formula::test(data.clone(), test);
            Formula::any(vec![test(Test::Exists), test(Test::Composite)])
        }
    }
}

fn place(keys: &[Arc<str>]) -> Path {
    Path::data(Arrays::Never, keys.iter().cloned())
}

/// The way into `data`, where that is all that the expression is.
fn keys(node: &Node) -> Option<Vec<Arc<str>>> {
    match &node.expr {
        Expr::Data => Some(Vec::new()),
        Expr::Member(of, name) => {
            let mut keys = keys(of)?;
            keys.push(Arc::clone(name));
            Some(keys)
        }
        _ => None,
    }
}

/// The place that the expression is. `time` is no text to CEL.
fn path(node: &Node) -> Option<Path> {
    match &node.expr {
        Expr::Attribute(name) if &**name != "time" => Some(Path::Attribute(Arc::clone(name))),
        _ => keys(node).map(|keys| place(&keys)),
    }
}

fn literal(node: &Node) -> Option<&Literal> {
    match &node.expr {
        Expr::Literal(literal) => Some(literal),
        _ => None,
    }
}

/// The test for being equal to the literal; an inner `None` where nothing at the path ever is, an outer
/// one where no test says it.
fn equal(path: &Path, literal: &Literal) -> Option<Option<Test>> {
    let attribute = matches!(path, Path::Attribute(_));
    Some(match literal {
        Literal::Text(text) => Some(Test::exact(Arc::clone(text))),
        _ if attribute => None,
        Literal::Null => Some(Test::Null),
        Literal::Bool(value) => Some(Test::Bool(*value)),
        Literal::Bytes(_) | Literal::Type(_) => None,
        number => Some(Test::Number(Range::exactly(exact(number)?))),
    })
}

fn exact(literal: &Literal) -> Option<Number> {
    let value = match literal {
        Literal::Int(value) => *value as f64,
        Literal::Uint(value) => *value as f64,
        Literal::Double(value) => *value,
        _ => return None,
    };
    Number::new(value).filter(|_| value.abs() < EXACT)
}

fn ordered(path: Path, operator: Operator, literal: &Literal) -> Option<Lowered> {
    let at = exact(literal).filter(|_| matches!(path, Path::Data { .. }))?;
    let bound = |inclusive| Some(Bound { at, inclusive });
    let (low, high) = match operator {
        Operator::Less => (None, bound(false)),
        Operator::LessOrEqual => (None, bound(true)),
        Operator::More => (bound(false), None),
        Operator::MoreOrEqual => (bound(true), None),
        _ => return None,
    };
    let number = |low, high| Formula::test(path.clone(), Test::Number(Range { low, high }));
    Some(Lowered::among(number(None, None), number(low, high)))
}

/// What must be there, or the expression fails.
fn needs(node: &Node, guards: &mut Vec<Formula>) {
    if let Some(keys) = keys(node) {
        return guards.push(there(&place(&keys)));
    }
    match &node.expr {
        Expr::Attribute(name) => guards.push(exists(name)),
        Expr::Member(of, _)
        | Expr::Has(of, _)
        | Expr::Not(of)
        | Expr::Minus(of)
        | Expr::Matches(of, _) => {
            needs(of, guards);
        }
        Expr::Choice(parts) => needs(&parts[0], guards),
        Expr::Index(left, right) | Expr::Binary(_, left, right) => {
            needs(left, guards);
            needs(right, guards);
        }
        Expr::Call(_, all) | Expr::List(all) => all.iter().for_each(|one| needs(one, guards)),
        Expr::Each(each) => needs(&each.over, guards),
        _ => {}
    }
}

/// A part of an expression behind a leaf.
#[derive(Debug)]
struct Part {
    node: Node,
    text: String,
}

impl ir::Expression for Part {
    fn dialect(&self) -> &'static str {
        "cel"
    }

    fn text(&self) -> &str {
        &self.text
    }

    fn evaluate(&self, view: &View<'_>) -> Result<bool, Fault> {
        let holds = Evaluator::new(view).holds(&self.node);
        holds.map_err(|failure| Fault(failure.to_string()))
    }
}

/// What the expression is, or why it has no answer, and the values that it looks at.
pub(super) fn seen(node: &Node, source: &str) -> Formula {
    let Lowered { yes, no, .. } = Lower { source }.condition(node);
    yes.or(no)
}
