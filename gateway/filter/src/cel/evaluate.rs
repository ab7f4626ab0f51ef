//! Evaluation: an event in, a value or a failure out, in a bounded number of steps.

use super::arithmetic;
use super::ast::{Each, Expr, How, Node, Operator, Pattern};
use super::functions::Function;
use super::time;
use super::value::{Failure, Outcome, Value, order};
use crate::View;
use std::cell::Cell;
use std::sync::Arc;

/// How many steps one evaluation takes at most: nodes, elements, and texts by their length.
const STEPS_MAX: usize = 250_000;

pub(super) struct Evaluator<'v> {
    view: &'v View<'v>,
    left: Cell<usize>,
}

/// The values of the variables of the macros around.
type Variables<'v> = Vec<Value<'v>>;

impl<'v> Evaluator<'v> {
    pub(super) fn new(view: &'v View<'v>) -> Self {
        Self {
            view,
            left: Cell::new(STEPS_MAX),
        }
    }

    /// Whether the condition holds.
    pub(super) fn holds(&self, node: &'v Node) -> Outcome<bool> {
        self.truth(node, &mut Variables::new())
    }

    fn spend(&self, steps: usize) -> Outcome<()> {
        let left = self.left.get().checked_sub(steps);
        self.left.set(left.unwrap_or(0));
        left.map(|_| ()).ok_or(Failure::Steps)
    }

    fn truth(&self, node: &'v Node, variables: &mut Variables<'v>) -> Outcome<bool> {
        match self.value(node, variables)? {
            Value::Bool(truth) => Ok(truth),
            other => Err(Failure::Condition(other.kind())),
        }
    }

    fn value(&self, node: &'v Node, variables: &mut Variables<'v>) -> Outcome<Value<'v>> {
        self.spend(1)?;
        Ok(match &node.expr {
            Expr::Literal(literal) => literal.value(),
            Expr::Attribute(name) => self.attribute(name)?,
            Expr::Data => match self.view.data() {
                Some(data) => Value::of_json(data),
                None => return Err(Failure::Missing("data".into())),
            },
            Expr::Variable(at) => match variables.get(*at) {
                Some(value) => value.clone(),
                None => return Err(Failure::Key),
            },
            Expr::Member(of, name) => {
                let of = self.value(of, variables)?;
                match self.member(&of, name)? {
                    Some(value) => value,
                    None if of.is_map() => return Err(Failure::Missing(Arc::clone(name))),
                    None => return Err(Failure::Types("a member", of.kind().into())),
                }
            }
            Expr::Index(of, index) => {
                let (of, index) = (self.value(of, variables)?, self.value(index, variables)?);
                self.element(&of, &index)?
            }
            Expr::Has(of, name) => {
                let of = self.value(of, variables)?;
                if !of.is_map() {
                    return Err(Failure::Types("has", of.kind().into()));
                }
                Value::Bool(self.member(&of, name)?.is_some())
            }
            Expr::HasAttribute(name) => Value::Bool(self.view.event().attribute(name).is_some()),
            Expr::HasData => Value::Bool(self.view.data().is_some()),
            Expr::Not(one) => Value::Bool(!self.truth(one, variables)?),
            Expr::Minus(one) => arithmetic::minus(&self.value(one, variables)?)?,
            Expr::All(members) => {
                self.joined(members.iter().map(|m| self.truth(m, variables)), true)?
            }
            Expr::Any(members) => {
                self.joined(members.iter().map(|m| self.truth(m, variables)), false)?
            }
            Expr::Choice(parts) => match self.truth(&parts[0], variables)? {
                true => self.value(&parts[1], variables)?,
                false => self.value(&parts[2], variables)?,
            },
            Expr::Binary(operator, left, right) => {
                let (left, right) = (self.value(left, variables)?, self.value(right, variables)?);
                self.binary(*operator, &left, &right)?
            }
            Expr::List(members) => {
                let members: Outcome<Vec<_>> =
                    members.iter().map(|m| self.value(m, variables)).collect();
                Value::List(members?.into())
            }
            Expr::Map(entries) => self.map(entries, variables)?,
            Expr::Call(function, arguments) => {
                let values: Outcome<Vec<_>> =
                    arguments.iter().map(|a| self.value(a, variables)).collect();
                let values = values?;
                self.spend(values.iter().map(Value::steps).sum())?;
                match (function, &values[..]) {
                    (Function::Timestamp, [Value::Text(text)]) => {
                        Value::Timestamp(time::parse(text)?)
                    }
                    _ => function.call(&values)?,
                }
            }
            Expr::Matches(text, pattern) => match self.value(text, variables)? {
                Value::Text(text) => Value::Bool(self.matches(&text, pattern)?),
                other => return Err(Failure::Types("matches", other.kind().into())),
            },
            Expr::Each(each) => self.each(each, variables)?,
        })
    }

    /// Attributes are texts whatever their type, but for `time`.
    fn attribute(&self, name: &Arc<str>) -> Outcome<Value<'v>> {
        let Some(value) = self.view.event().attribute(name) else {
            return Err(Failure::Missing(Arc::clone(name)));
        };
        let text = value.to_canonical();
        match &**name {
            "time" => Ok(Value::Timestamp(time::parse(&text)?)),
            _ => Ok(Value::Text(text.into())),
        }
    }

    /// The member of a map of this name: it is held against the names that are there.
    fn member(&self, of: &Value<'v>, name: &str) -> Outcome<Option<Value<'v>>> {
        let entries = match of {
            Value::Map(entries) => entries.len(),
            _ => 0,
        };
        self.spend(name.len() / 64 + entries)?;
        Ok(of.member(name))
    }

    fn element(&self, of: &Value<'v>, index: &Value<'v>) -> Outcome<Value<'v>> {
        let types = || Failure::Types("[]", format!("{}, {}", of.kind(), index.kind()));
        if let (Value::Object(_) | Value::Map(_), Value::Text(name)) = (of, index) {
            return self.member(of, name)?.ok_or(Failure::Key);
        }
        if let Value::Map(entries) = of {
            for (key, value) in entries.iter() {
                if self.equal(key, index)? {
                    return Ok(value.clone());
                }
            }
            return Err(Failure::Key);
        }
        let at = match index {
            Value::Int(at) => *at,
            Value::Uint(at) => i64::try_from(*at).unwrap_or(i64::MAX),
            Value::Double(at) if at.fract() == 0.0 => *at as i64,
            _ => return Err(types()),
        };
        let place = usize::try_from(at).ok();
        let found = match of {
            Value::List(members) => place.and_then(|at| members.get(at)).cloned(),
            Value::Array(members) => place.and_then(|at| members.get(at)).map(Value::of_json),
            _ => return Err(types()),
        };
        found.ok_or(Failure::Index(at))
    }

    fn map(
        &self,
        entries: &'v [(Node, Node)],
        variables: &mut Variables<'v>,
    ) -> Outcome<Value<'v>> {
        let mut map: Vec<(Value<'v>, Value<'v>)> = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let (key, value) = (self.value(key, variables)?, self.value(value, variables)?);
            if !matches!(
                key,
                Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Text(_)
            ) {
                return Err(Failure::Types("a key", key.kind().into()));
            }
            for (known, _) in &map {
                if self.equal(known, &key)? {
                    return Err(Failure::Types("a map", "a key twice".into()));
                }
            }
            map.push((key, value));
        }
        Ok(Value::Map(map.into()))
    }

    /// What settles the matter counts, whatever failed beside it.
    fn joined(
        &self,
        members: impl Iterator<Item = Outcome<bool>>,
        all: bool,
    ) -> Outcome<Value<'v>> {
        let mut failed = None;
        for member in members {
            match member {
                Ok(truth) if truth != all => return Ok(Value::Bool(!all)),
                Ok(_) => {}
                Err(Failure::Steps) => return Err(Failure::Steps),
                Err(failure) => failed = failed.or(Some(failure)),
            }
        }
        failed.map_or(Ok(Value::Bool(all)), Err)
    }

    fn each(&self, each: &'v Each, variables: &mut Variables<'v>) -> Outcome<Value<'v>> {
        let over = self.value(&each.over, variables)?;
        let Some(members) = over.members() else {
            return Err(Failure::Types("a macro", over.kind().into()));
        };
        let depth = variables.len();
        let mut with = |node: &'v Node, member: &Value<'v>| {
            self.spend(1)?;
            variables.truncate(depth);
            variables.push(member.clone());
            let value = self.value(node, variables);
            variables.truncate(depth);
            value
        };
        let truth = |value: Outcome<Value<'v>>| match value? {
            Value::Bool(truth) => Ok(truth),
            other => Err(Failure::Condition(other.kind())),
        };
        match &each.how {
            How::All | How::Exists => {
                let all = matches!(each.how, How::All);
                self.joined(members.map(|member| truth(with(&each.body, &member))), all)
            }
            How::ExistsOne => {
                let mut found = 0;
                for member in members {
                    found += usize::from(truth(with(&each.body, &member))?);
                }
                Ok(Value::Bool(found == 1))
            }
            How::Filter => {
                let mut kept = Vec::new();
                for member in members {
                    if truth(with(&each.body, &member))? {
                        kept.push(member);
                    }
                }
                Ok(Value::List(kept.into()))
            }
            How::Map(only) => {
                let mut made = Vec::new();
                for member in members {
                    let wanted = match only {
                        Some(only) => truth(with(only, &member))?,
                        None => true,
                    };
                    if wanted {
                        made.push(with(&each.body, &member)?);
                    }
                }
                Ok(Value::List(made.into()))
            }
        }
    }

    fn matches(&self, text: &str, pattern: &Pattern) -> Outcome<bool> {
        self.spend(text.len().saturating_mul(pattern.length + 1) / 16)?;
        Ok(pattern.regex.is_match(text))
    }

    fn binary(
        &self,
        operator: Operator,
        left: &Value<'v>,
        right: &Value<'v>,
    ) -> Outcome<Value<'v>> {
        let types = || {
            Failure::Types(
                operator.mark(),
                format!("{}, {}", left.kind(), right.kind()),
            )
        };
        Ok(Value::Bool(match operator {
            Operator::Equal => self.equal(left, right)?,
            Operator::Unequal => !self.equal(left, right)?,
            Operator::In => self.is_in(left, right)?.ok_or_else(types)?,
            Operator::Less | Operator::LessOrEqual | Operator::More | Operator::MoreOrEqual => {
                self.spend(left.steps().min(right.steps()))?;
                let order = order(left, right).ok_or_else(types)?;
                match operator {
                    Operator::Less => order.is_some_and(std::cmp::Ordering::is_lt),
                    Operator::LessOrEqual => order.is_some_and(std::cmp::Ordering::is_le),
                    Operator::More => order.is_some_and(std::cmp::Ordering::is_gt),
                    _ => order.is_some_and(std::cmp::Ordering::is_ge),
                }
            }
            _ => {
                let size = |value: &Value<'_>| match value {
                    Value::List(_) | Value::Array(_) => value.len().unwrap_or(0),
                    other => other.steps(),
                };
                self.spend(size(left) + size(right))?;
                return arithmetic::apply(operator, left, right)?.ok_or_else(types);
            }
        }))
    }

    fn is_in(&self, value: &Value<'v>, of: &Value<'v>) -> Outcome<Option<bool>> {
        if let (Value::Object(_), Value::Text(name)) = (of, value) {
            return Ok(Some(self.member(of, name)?.is_some()));
        }
        let Some(members) = of.members() else {
            return Ok(None);
        };
        for member in members {
            if self.equal(&member, value)? {
                return Ok(Some(true));
            }
        }
        Ok(Some(false))
    }

    /// Values of different types are not equal, but for numbers.
    fn equal(&self, left: &Value<'v>, right: &Value<'v>) -> Outcome<bool> {
        self.spend(1 + left.steps().min(right.steps()))?;
        if let Some(order) = order(left, right) {
            return Ok(order.is_some_and(std::cmp::Ordering::is_eq));
        }
        if left.kind() != right.kind() || left.len() != right.len() {
            return Ok(false);
        }
        match (left, right) {
            (Value::Null, Value::Null) => Ok(true),
            (Value::Type(left), Value::Type(right)) => Ok(left == right),
            _ => {
                let (Some(members), Some(others)) = (left.members(), right.members()) else {
                    return Ok(false);
                };
                if left.is_map() {
                    for key in members {
                        match (self.element(left, &key), self.element(right, &key)) {
                            (Ok(one), Ok(other)) if self.equal(&one, &other)? => {}
                            (Err(Failure::Steps), _) | (_, Err(Failure::Steps)) => {
                                return Err(Failure::Steps);
                            }
                            _ => return Ok(false),
                        }
                    }
                    return Ok(true);
                }
                for (one, other) in members.zip(others) {
                    if !self.equal(&one, &other)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_text_is_not_copied_where_it_is_referred_to() {
        let event = tradewind_event::Event::builder("1", "/s", "t").build();
        let event = event.unwrap();
        let view = View::new(&event);
        for made in ["message.type + 'x'", "b'x' + b'y'"] {
            let source =
                format!("[{made}].map(x, [x, [x][0], {{'m': x}}.m, {{1: x}}[1], dyn(x)])[0] == []");
            let root = super::super::parse::parse(&source).unwrap();
            let Expr::Binary(_, list, _) = &root.expr else {
                panic!("{root:?}");
            };
            let value = Evaluator::new(&view).value(list, &mut Variables::new());
            let places: Vec<_> = value.unwrap().members().unwrap().map(place).collect();
            assert_eq!(places, [places[0]; 5], "{made}");
        }
    }

    fn place(value: Value<'_>) -> *const u8 {
        match value {
            Value::Text(text) => text.as_ptr(),
            Value::Bytes(bytes) => bytes.as_ptr(),
            other => panic!("{other:?}"),
        }
    }
}
