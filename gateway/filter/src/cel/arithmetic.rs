//! What `+ - * / %` make of two values. What a type cannot hold is a failure, never wrapped.

use super::ast::Operator;
use super::time;
use super::value::{Failure, Outcome, Value};
use std::rc::Rc;

/// `None` for values that the operator does not take.
pub(super) fn apply<'v>(
    operator: Operator,
    left: &Value<'v>,
    right: &Value<'v>,
) -> Outcome<Option<Value<'v>>> {
    use Operator::{Add, Divide, Multiply, Remainder, Subtract};
    let mark = operator.mark();
    let held = |value: Option<Value<'v>>| value.ok_or(Failure::Overflow(mark));
    let made = match (operator, left, right) {
        (Divide | Remainder, Value::Int(_), Value::Int(0)) => return Err(Failure::Zero),
        (Divide | Remainder, Value::Uint(_), Value::Uint(0)) => return Err(Failure::Zero),
        (_, Value::Int(left), Value::Int(right)) => {
            let made = match operator {
                Add => left.checked_add(*right),
                Subtract => left.checked_sub(*right),
                Multiply => left.checked_mul(*right),
                Divide => left.checked_div(*right),
                _ => left.checked_rem(*right),
            };
            held(made.map(Value::Int))?
        }
        (_, Value::Uint(left), Value::Uint(right)) => {
            let made = match operator {
                Add => left.checked_add(*right),
                Subtract => left.checked_sub(*right),
                Multiply => left.checked_mul(*right),
                Divide => left.checked_div(*right),
                _ => left.checked_rem(*right),
            };
            held(made.map(Value::Uint))?
        }
        (Add, Value::Double(left), Value::Double(right)) => Value::Double(left + right),
        (Subtract, Value::Double(left), Value::Double(right)) => Value::Double(left - right),
        (Multiply, Value::Double(left), Value::Double(right)) => Value::Double(left * right),
        (Divide, Value::Double(left), Value::Double(right)) => Value::Double(left / right),
        (Add, Value::Text(left), Value::Text(right)) => {
            Value::Text([&**left, &**right].concat().into())
        }
        (Add, Value::Bytes(left), Value::Bytes(right)) => {
            Value::Bytes([&**left, &**right].concat().into())
        }
        (Add, Value::List(_) | Value::Array(_), Value::List(_) | Value::Array(_)) => {
            let members = left.members().into_iter().flatten();
            Value::List(Rc::from_iter(
                members.chain(right.members().into_iter().flatten()),
            ))
        }
        (Add, Value::Timestamp(at), Value::Duration(by))
        | (Add, Value::Duration(by), Value::Timestamp(at)) => {
            Value::Timestamp(time::plus(*at, *by)?)
        }
        (Subtract, Value::Timestamp(at), Value::Duration(by)) => Value::Timestamp(time::plus(
            *at,
            by.checked_neg().ok_or(Failure::Overflow(mark))?,
        )?),
        (Subtract, Value::Timestamp(at), Value::Timestamp(from)) => {
            Value::Duration(at.duration_since(*from))
        }
        (Add, Value::Duration(left), Value::Duration(right)) => {
            held(left.checked_add(*right).map(Value::Duration))?
        }
        (Subtract, Value::Duration(left), Value::Duration(right)) => {
            held(left.checked_sub(*right).map(Value::Duration))?
        }
        _ => return Ok(None),
    };
    Ok(Some(made))
}

pub(super) fn minus<'v>(value: &Value<'v>) -> Outcome<Value<'v>> {
    match value {
        Value::Int(value) => value
            .checked_neg()
            .map(Value::Int)
            .ok_or(Failure::Overflow("-")),
        Value::Double(value) => Ok(Value::Double(-value)),
        Value::Duration(value) => value
            .checked_neg()
            .map(Value::Duration)
            .ok_or(Failure::Overflow("-")),
        other => Err(Failure::Types("-", other.kind().into())),
    }
}
