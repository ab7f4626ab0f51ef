//! Total evaluation: always a value, and the errors that came up (CESQL 1.0.0 §3.3, §3.6), in a bounded
//! number of steps.

use super::ast::{Node, Operator};
use super::functions::Functions;
use super::value::{Error, ErrorKind, Type, Value};
use tradewind_event::Event;

/// Most errors that one evaluation keeps.
const ERRORS_MAX: usize = 32;
/// How many steps one evaluation takes at most: nodes, and texts by their length.
const STEPS_MAX: usize = 250_000;

pub(super) struct Evaluator<'e> {
    event: &'e Event,
    functions: &'e Functions,
    pub(super) errors: Vec<Error>,
    /// Steps that are left; nothing is evaluated without.
    left: Option<usize>,
}

/// A value; `failed` where an error was on the way to it.
pub(super) struct Got {
    pub(super) value: Value,
    pub(super) failed: bool,
}

impl Got {
    fn sure(value: Value) -> Self {
        Got {
            value,
            failed: false,
        }
    }
}

/// An operator whose operand failed gives the zero value of its type.
fn zero(ty: Type) -> Got {
    Got {
        value: ty.zero(),
        failed: true,
    }
}

/// How many steps it takes to look at all of a value, or to make one like it.
fn steps(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() / 64,
        _ => 0,
    }
}

impl<'e> Evaluator<'e> {
    pub(super) fn new(event: &'e Event, functions: &'e Functions) -> Self {
        Self {
            event,
            functions,
            errors: Vec::new(),
            left: Some(STEPS_MAX),
        }
    }

    /// Whether so many steps were left.
    fn spend(&mut self, steps: usize) -> bool {
        let Some(left) = self.left else {
            return false;
        };
        self.left = left.checked_sub(steps);
        if self.left.is_none() {
            let reason = "the expression takes too many steps with this event";
            self.fail(ErrorKind::FunctionEvaluation, reason);
        }
        self.left.is_some()
    }

    pub(super) fn value(&mut self, node: &Node) -> Got {
        if !self.spend(1) {
            return zero(Type::Boolean);
        }
        match node {
            Node::Literal(value, _) => match self.spend(steps(value)) {
                true => Got::sure(value.clone()),
                false => zero(value.ty()),
            },
            Node::Attribute(name) => match self.event.attribute(name) {
                Some(attribute) => {
                    let value = Value::of(attribute);
                    match self.spend(steps(&value)) {
                        true => Got::sure(value),
                        false => zero(value.ty()),
                    }
                }
                None => {
                    self.fail(
                        ErrorKind::MissingAttribute,
                        format!("the event has no attribute `{name}`"),
                    );
                    zero(Type::Boolean)
                }
            },
            Node::Exists(name) => Got::sure(Value::Boolean(self.event.attribute(name).is_some())),
            Node::Not(one) => match self.boolean(one) {
                Some(value) => Got::sure(Value::Boolean(!value)),
                None => zero(Type::Boolean),
            },
            Node::Minus(one) => match self.cast(one, Type::Integer) {
                Some(Value::Integer(n)) => self.checked(n.checked_neg()),
                _ => zero(Type::Integer),
            },
            Node::Logic(operator, members) => self.logic(*operator, members),
            Node::Binary(operator, left, right) => self.binary(*operator, left, right),
            Node::Like {
                value,
                negated,
                pattern,
            } => match self.cast(value, Type::String) {
                Some(value) if self.spend(pattern.steps(&value.text())) => {
                    Got::sure(Value::Boolean(pattern.matches(&value.text()) != *negated))
                }
                _ => zero(Type::Boolean),
            },
            Node::In {
                value,
                negated,
                set,
            } => match self.is_in(value, set) {
                Some(found) => Got::sure(Value::Boolean(found != *negated)),
                None => zero(Type::Boolean),
            },
            Node::Call(name, arguments) => self.call(name, arguments),
        }
    }

    fn fail(&mut self, kind: ErrorKind, reason: impl Into<String>) {
        if self.errors.len() < ERRORS_MAX {
            self.errors.push(Error::new(kind, reason));
        }
    }

    /// The value, cast; `None` where it failed.
    fn cast(&mut self, node: &Node, to: Type) -> Option<Value> {
        let got = self.value(node);
        match got.failed {
            true => None,
            false => self.cast_value(got.value, to),
        }
    }

    fn cast_value(&mut self, value: Value, to: Type) -> Option<Value> {
        match value.cast(to) {
            Ok(value) => Some(value),
            Err(error) => {
                self.fail(error.kind, error.reason);
                None
            }
        }
    }

    pub(super) fn boolean(&mut self, node: &Node) -> Option<bool> {
        match self.cast(node, Type::Boolean) {
            Some(Value::Boolean(value)) => Some(value),
            _ => None,
        }
    }

    fn logic(&mut self, operator: Operator, members: &[Node]) -> Got {
        let (mut value, mut failed) = (operator == Operator::And, false);
        for member in members {
            let next = self.boolean(member);
            failed |= next.is_none();
            let next = next.unwrap_or(false);
            value = match operator {
                Operator::Xor => value != next,
                _ => next,
            };
            // What failed counts as false on the left of the next operator.
            let decided = match operator {
                Operator::And => !next,
                Operator::Or => next,
                _ => false,
            };
            if decided {
                break;
            }
        }
        if failed {
            return zero(Type::Boolean);
        }
        Got::sure(Value::Boolean(value))
    }

    fn binary(&mut self, operator: Operator, left: &Node, right: &Node) -> Got {
        match operator {
            Operator::Equal | Operator::Unequal => {
                let (left, right) = (self.value(left), self.value(right));
                if left.failed || right.failed {
                    return zero(Type::Boolean);
                }
                match self.cast_value(left.value, right.value.ty()) {
                    Some(left) => {
                        let equal = left == right.value;
                        Got::sure(Value::Boolean(equal == (operator == Operator::Equal)))
                    }
                    None => zero(Type::Boolean),
                }
            }
            Operator::Plus
            | Operator::Minus
            | Operator::Times
            | Operator::Divide
            | Operator::Modulo => match self.integers(left, right) {
                Some((left, right)) => self.arithmetic(operator, left, right),
                None => zero(Type::Integer),
            },
            _ => match self.integers(left, right) {
                Some((left, right)) => Got::sure(Value::Boolean(match operator {
                    Operator::Less => left < right,
                    Operator::LessOrEqual => left <= right,
                    Operator::Greater => left > right,
                    _ => left >= right,
                })),
                None => zero(Type::Boolean),
            },
        }
    }

    /// Both sides, evaluated whatever becomes of the first.
    fn integers(&mut self, left: &Node, right: &Node) -> Option<(i32, i32)> {
        let (left, right) = (
            self.cast(left, Type::Integer),
            self.cast(right, Type::Integer),
        );
        match (left?, right?) {
            (Value::Integer(left), Value::Integer(right)) => Some((left, right)),
            _ => None,
        }
    }

    fn arithmetic(&mut self, operator: Operator, left: i32, right: i32) -> Got {
        if right == 0 && matches!(operator, Operator::Divide | Operator::Modulo) {
            self.fail(ErrorKind::Math, format!("{left} is divided by zero"));
            return zero(Type::Integer);
        }
        self.checked(match operator {
            Operator::Plus => left.checked_add(right),
            Operator::Minus => left.checked_sub(right),
            Operator::Times => left.checked_mul(right),
            Operator::Divide => left.checked_div(right),
            _ => Some(left.wrapping_rem(right)),
        })
    }

    fn checked(&mut self, result: Option<i32>) -> Got {
        match result {
            Some(n) => Got::sure(Value::Integer(n)),
            None => {
                self.fail(ErrorKind::Math, "the result has more than 32 bits");
                zero(Type::Integer)
            }
        }
    }

    /// Members are evaluated up to the first that is equal, cast to the type of the value.
    fn is_in(&mut self, value: &Node, set: &[Node]) -> Option<bool> {
        let value = self.value(value);
        if value.failed {
            return None;
        }
        for member in set {
            let member = self.value(member);
            if member.failed {
                return None;
            }
            if self.cast_value(member.value, value.value.ty())? == value.value {
                return Some(true);
            }
        }
        Some(false)
    }

    fn call(&mut self, name: &str, arguments: &[Node]) -> Got {
        let functions = self.functions;
        let Some(function) = functions.find(name, arguments.len()) else {
            let n = arguments.len();
            self.fail(
                ErrorKind::MissingFunction,
                format!("there is no function `{name}` of {n} arguments"),
            );
            return zero(Type::Boolean);
        };
        let mut values = Vec::with_capacity(arguments.len());
        let mut failed = false;
        for (at, argument) in arguments.iter().enumerate() {
            let ty = function.parameter(at).unwrap_or(Type::String);
            match self.cast(argument, ty) {
                Some(value) => values.push(value),
                None => failed = true,
            }
        }
        if failed {
            return zero(function.returns());
        }
        if !self.spend(values.iter().map(steps).sum()) {
            return zero(function.returns());
        }
        let (value, error) = function.call(&values);
        let failed = error.is_some();
        if let Some(error) = error {
            self.fail(error.kind, error.reason);
        }
        Got { value, failed }
    }
}
