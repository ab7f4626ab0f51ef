//! Expressions as trees.

use super::functions::Function;
use super::value::Value;
use std::ops::Range;
use std::sync::Arc;

/// An expression, and where it stands in the text.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) span: Range<usize>,
    pub(super) expr: Expr,
}

#[derive(Debug, Clone)]
pub(super) enum Expr {
    Literal(Literal),
    /// `message.name`.
    Attribute(Arc<str>),
    /// `message.data`.
    Data,
    /// The variable of a macro, by the number of variables around it.
    Variable(usize),
    /// `a.b`, also written `a['b']`.
    Member(Box<Node>, Arc<str>),
    Index(Box<Node>, Box<Node>),
    /// `has(a.b)`.
    Has(Box<Node>, Arc<str>),
    /// `has(message.name)`.
    HasAttribute(Arc<str>),
    HasData,
    Not(Box<Node>),
    Minus(Box<Node>),
    All(Vec<Node>),
    Any(Vec<Node>),
    Choice(Box<[Node; 3]>),
    Binary(Operator, Box<Node>, Box<Node>),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
    Call(Function, Vec<Node>),
    Matches(Box<Node>, Pattern),
    Each(Box<Each>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Arc<str>),
    Bytes(Arc<[u8]>),
    Type(&'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    More,
    MoreOrEqual,
    In,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// A regular expression, and how long it is, with what is counted written out.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    pub(super) regex: regex::Regex,
    pub(super) length: usize,
}

/// A macro over the members of a list or the keys of a map.
#[derive(Debug, Clone)]
pub(super) struct Each {
    pub(super) over: Node,
    pub(super) how: How,
    pub(super) body: Node,
}

#[derive(Debug, Clone)]
pub(super) enum How {
    All,
    Exists,
    ExistsOne,
    /// Only members for which this holds.
    Map(Option<Node>),
    Filter,
}

impl Operator {
    pub(super) fn mark(self) -> &'static str {
        match self {
            Operator::Equal => "==",
            Operator::Unequal => "!=",
            Operator::Less => "<",
            Operator::LessOrEqual => "<=",
            Operator::More => ">",
            Operator::MoreOrEqual => ">=",
            Operator::In => "in",
            Operator::Add => "+",
            Operator::Subtract => "-",
            Operator::Multiply => "*",
            Operator::Divide => "/",
            Operator::Remainder => "%",
        }
    }

    /// How tightly it binds its sides, and the operator of this spelling.
    pub(super) fn of(mark: &str) -> Option<(u8, Operator)> {
        Some(match mark {
            "==" => (1, Operator::Equal),
            "!=" => (1, Operator::Unequal),
            "<" => (1, Operator::Less),
            "<=" => (1, Operator::LessOrEqual),
            ">" => (1, Operator::More),
            ">=" => (1, Operator::MoreOrEqual),
            "in" => (1, Operator::In),
            "+" => (2, Operator::Add),
            "-" => (2, Operator::Subtract),
            "*" => (3, Operator::Multiply),
            "/" => (3, Operator::Divide),
            "%" => (3, Operator::Remainder),
            _ => return None,
        })
    }

    /// With its sides changed over.
    pub(super) fn mirrored(self) -> Option<Operator> {
        Some(match self {
            Operator::Equal | Operator::Unequal => self,
            Operator::Less => Operator::More,
            Operator::More => Operator::Less,
            Operator::LessOrEqual => Operator::MoreOrEqual,
            Operator::MoreOrEqual => Operator::LessOrEqual,
            _ => return None,
        })
    }
}

impl Literal {
    pub(super) fn value(&self) -> Value<'_> {
        match self {
            Literal::Null => Value::Null,
            Literal::Bool(value) => Value::Bool(*value),
            Literal::Int(value) => Value::Int(*value),
            Literal::Uint(value) => Value::Uint(*value),
            Literal::Double(value) => Value::Double(*value),
            Literal::Text(text) => Value::Text((&**text).into()),
            Literal::Bytes(bytes) => Value::Bytes((&**bytes).into()),
            Literal::Type(name) => Value::Type(name),
        }
    }
}

impl Node {
    /// How much there is to compare, lists included.
    pub(super) fn leaves(&self) -> usize {
        let sum = |nodes: &[Node]| nodes.iter().map(Node::leaves).sum::<usize>();
        match &self.expr {
            Expr::Literal(_) | Expr::Variable(_) | Expr::Attribute(_) | Expr::Data => 1,
            Expr::HasAttribute(_) | Expr::HasData => 1,
            Expr::Member(one, _) | Expr::Has(one, _) | Expr::Not(one) | Expr::Minus(one) => {
                one.leaves()
            }
            Expr::Matches(one, _) => one.leaves(),
            Expr::Index(left, right) => left.leaves() + right.leaves(),
            // A comparison counts once.
            Expr::Binary(Operator::In, left, right) => left.leaves().max(right.leaves()),
            Expr::Binary(_, left, right) => left.leaves() + right.leaves() - 1,
            Expr::All(all) | Expr::Any(all) | Expr::List(all) | Expr::Call(_, all) => {
                sum(all).max(1)
            }
            Expr::Choice(all) => sum(&all[..]),
            Expr::Map(entries) => {
                let entries = entries
                    .iter()
                    .map(|(key, value)| key.leaves() + value.leaves());
                entries.sum::<usize>().max(1)
            }
            Expr::Each(each) => {
                let filter = match &each.how {
                    How::Map(Some(filter)) => filter.leaves(),
                    _ => 0,
                };
                each.over.leaves() + each.body.leaves() + filter
            }
        }
    }

    /// The type of a value that is never true or false, whatever the event.
    pub(super) fn other_type(&self) -> Option<&'static str> {
        match &self.expr {
            Expr::Literal(Literal::Bool(_)) => None,
            Expr::Literal(other) => Some(other.value().kind()),
            Expr::Attribute(name) if &**name == "time" => Some("timestamp"),
            Expr::Attribute(_) => Some("string"),
            Expr::List(_) => Some("list"),
            Expr::Map(_) => Some("map"),
            Expr::Call(function, _) => function.other_type(),
            Expr::Each(each) => matches!(each.how, How::Map(_) | How::Filter).then_some("list"),
            _ => None,
        }
    }
}
