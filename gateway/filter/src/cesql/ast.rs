//! Expressions as trees, and printed again.

use super::functions::Functions;
use super::like::Pattern;
use super::value::{Type, Value};
use std::fmt;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    /// A literal; a string also as it was written.
    Literal(Value, String),
    /// A context attribute.
    Attribute(String),
    Exists(String),
    Not(Box<Node>),
    Minus(Box<Node>),
    /// AND, OR, XOR over two or more, which join from the right.
    Logic(Operator, Vec<Node>),
    /// Any other operator with two sides.
    Binary(Operator, Box<Node>, Box<Node>),
    Like {
        value: Box<Node>,
        negated: bool,
        pattern: Pattern,
    },
    In {
        value: Box<Node>,
        negated: bool,
        set: Vec<Node>,
    },
    /// A function, its name in upper case.
    Call(String, Vec<Node>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    And,
    Or,
    Xor,
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Plus,
    Minus,
    Times,
    Divide,
    Modulo,
}

impl Operator {
    /// How tightly it binds. The text lists the operators "in precedence order", and the logic ones
    /// as AND, OR, XOR.
    pub(super) fn binding(self) -> u8 {
        match self {
            Operator::Xor => 1,
            Operator::Or => 2,
            Operator::And => 3,
            Operator::Equal
            | Operator::Unequal
            | Operator::Less
            | Operator::LessOrEqual
            | Operator::Greater
            | Operator::GreaterOrEqual => 4,
            Operator::Plus | Operator::Minus => 5,
            Operator::Times | Operator::Divide | Operator::Modulo => 6,
        }
    }

    pub(super) fn is_logic(self) -> bool {
        self.binding() <= 3
    }

    fn text(self) -> &'static str {
        match self {
            Operator::And => "AND",
            Operator::Or => "OR",
            Operator::Xor => "XOR",
            Operator::Equal => "=",
            Operator::Unequal => "!=",
            Operator::Less => "<",
            Operator::LessOrEqual => "<=",
            Operator::Greater => ">",
            Operator::GreaterOrEqual => ">=",
            Operator::Plus => "+",
            Operator::Minus => "-",
            Operator::Times => "*",
            Operator::Divide => "/",
            Operator::Modulo => "%",
        }
    }
}

/// `LIKE` and `IN` bind tighter than every other operator with two sides.
pub(super) const TIGHT: u8 = 7;
/// `NOT` and `-` bind tightest.
const UNARY: u8 = 8;

impl Node {
    fn binding(&self) -> u8 {
        match self {
            Node::Logic(operator, _) | Node::Binary(operator, ..) => operator.binding(),
            Node::Like { .. } | Node::In { .. } => TIGHT,
            // `NOT EXISTS a` and `EXISTS a LIKE 'b'` both read as they are printed.
            Node::Not(_) | Node::Minus(_) => UNARY,
            _ => UNARY + 1,
        }
    }

    /// Prints with brackets if it binds less tightly.
    fn within(&self, binding: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.binding() < binding {
            return write!(f, "({self})");
        }
        write!(f, "{self}")
    }

    /// Attributes that are looked at, in the order of writing.
    pub(super) fn attributes<'n>(&'n self, out: &mut Vec<&'n str>) {
        match self {
            Node::Literal(..) => {}
            Node::Attribute(name) | Node::Exists(name) => out.push(name),
            Node::Not(one) | Node::Minus(one) => one.attributes(out),
            Node::Binary(_, left, right) => {
                left.attributes(out);
                right.attributes(out);
            }
            Node::Logic(_, members) => members.iter().for_each(|m| m.attributes(out)),
            Node::Like { value, .. } => value.attributes(out),
            Node::In { value, set, .. } => {
                value.attributes(out);
                set.iter().for_each(|member| member.attributes(out));
            }
            Node::Call(_, arguments) => arguments.iter().for_each(|a| a.attributes(out)),
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |members: &[Node], f: &mut fmt::Formatter<'_>| {
            for (at, member) in members.iter().enumerate() {
                let comma = if at == 0 { "" } else { ", " };
                write!(f, "{comma}{member}")?;
            }
            f.write_str(")")
        };
        let not = |negated: &bool| if *negated { " NOT" } else { "" };
        match self {
            Node::Literal(_, written) => f.write_str(written),
            Node::Attribute(name) => f.write_str(name),
            Node::Exists(name) => write!(f, "EXISTS {name}"),
            Node::Not(one) => {
                f.write_str("NOT ")?;
                one.within(UNARY, f)
            }
            Node::Minus(one) => {
                f.write_str("-")?;
                // A literal that follows the sign would take it for its own.
                match **one {
                    Node::Literal(Value::Integer(_), _) => write!(f, "({one})"),
                    _ => one.within(UNARY, f),
                }
            }
            Node::Binary(operator, left, right) => {
                left.within(operator.binding(), f)?;
                write!(f, " {} ", operator.text())?;
                right.within(operator.binding() + 1, f)
            }
            Node::Logic(operator, members) => {
                for (at, member) in members.iter().enumerate() {
                    if at > 0 {
                        write!(f, " {} ", operator.text())?;
                    }
                    member.within(operator.binding() + 1, f)?;
                }
                Ok(())
            }
            Node::Like {
                value,
                negated,
                pattern,
            } => {
                value.within(TIGHT, f)?;
                write!(f, "{} LIKE {}", not(negated), pattern.written())
            }
            Node::In {
                value,
                negated,
                set,
            } => {
                value.within(TIGHT, f)?;
                write!(f, "{} IN (", not(negated))?;
                list(set, f)
            }
            Node::Call(name, arguments) => {
                write!(f, "{name}(")?;
                list(arguments, f)
            }
        }
    }
}

impl Node {
    /// Comparisons, calls and the like: what is counted against the limit of predicates.
    pub(super) fn leaves(&self) -> usize {
        match self {
            Node::Not(one) => one.leaves(),
            Node::Logic(_, members) => members.iter().map(Node::leaves).sum(),
            Node::In { set, .. } => set.len(),
            _ => 1,
        }
    }

    /// The contrary of a condition, as one would write it.
    pub(super) fn contrary(&self) -> Node {
        match self.clone() {
            Node::Not(one) => *one,
            Node::Literal(Value::Boolean(value), _) => {
                let written = if value { "FALSE" } else { "TRUE" };
                Node::Literal(Value::Boolean(!value), written.into())
            }
            Node::Like {
                value,
                negated,
                pattern,
            } => Node::Like {
                value,
                negated: !negated,
                pattern,
            },
            Node::In {
                value,
                negated,
                set,
            } => Node::In {
                value,
                negated: !negated,
                set,
            },
            Node::Binary(operator, left, right) => match operator.contrary() {
                Some(contrary) => Node::Binary(contrary, left, right),
                None => Node::Not(Box::new(Node::Binary(operator, left, right))),
            },
            other => Node::Not(Box::new(other)),
        }
    }

    /// The type of what can be no boolean.
    pub(super) fn other_type(&self) -> Option<Type> {
        match self {
            Node::Literal(value, _) => Some(value.ty()).filter(|ty| *ty != Type::Boolean),
            Node::Minus(_) => Some(Type::Integer),
            Node::Binary(operator, ..) => {
                matches!(operator.binding(), 5 | 6).then_some(Type::Integer)
            }
            _ => None,
        }
    }

    /// Whether every function that is called exists.
    pub(super) fn check_calls(&self, functions: &Functions) -> Result<(), String> {
        let each = |nodes: &[Node]| {
            nodes
                .iter()
                .try_for_each(|node| node.check_calls(functions))
        };
        match self {
            Node::Literal(..) | Node::Attribute(_) | Node::Exists(_) => Ok(()),
            Node::Not(one) | Node::Minus(one) => one.check_calls(functions),
            Node::Logic(_, members) => each(members),
            Node::Binary(_, left, right) => {
                left.check_calls(functions)?;
                right.check_calls(functions)
            }
            Node::Like { value, .. } => value.check_calls(functions),
            Node::In { value, set, .. } => {
                value.check_calls(functions)?;
                each(set)
            }
            Node::Call(name, arguments) => {
                let n = arguments.len();
                if functions.find(name, n).is_none() {
                    return Err(match functions.is_known(name) {
                        true => format!("the function `{name}` does not take {n} arguments"),
                        false => format!("there is no function `{name}`"),
                    });
                }
                each(arguments)
            }
        }
    }
}

impl Operator {
    fn contrary(self) -> Option<Operator> {
        Some(match self {
            Operator::Equal => Operator::Unequal,
            Operator::Unequal => Operator::Equal,
            Operator::Less => Operator::GreaterOrEqual,
            Operator::GreaterOrEqual => Operator::Less,
            Operator::Greater => Operator::LessOrEqual,
            Operator::LessOrEqual => Operator::Greater,
            _ => return None,
        })
    }
}
