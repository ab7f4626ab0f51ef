//! CloudEvents SQL (CESQL) 1.0.0, complete: parser, total evaluation, functions by registration.
//!
//! ```
//! use tradewind_filter::cesql::{Expression, Value};
//!
//! let event = tradewind_event::Event::builder("1", "/shop", "order.placed").build().unwrap();
//! let expression = Expression::parse("type LIKE 'order.%' AND NOT EXISTS subject").unwrap();
//! let evaluated = expression.evaluate(&event);
//! assert_eq!(evaluated.value, Value::Boolean(true));
//! assert!(evaluated.errors.is_empty());
//! ```
//!
//! Where the text leaves something open:
//!
//! - AND binds tighter than OR, and OR tighter than XOR: the order in which the text lists them.
//! - An operator or function one of whose operands ended in an error gives the zero value of its type,
//!   without a further error of its own.
//! - Arithmetic beyond 32 bits is a `math` error with the value 0.
//! - `'` within `'…'` may be written `\'` or `''`; the same for `"`.
//! - The casts `INT`, `BOOL`, `STRING` exist: the test kit has them.

mod ast;
mod dialect;
mod evaluate;
mod functions;
mod lex;
mod like;
mod lower;
mod parse;
mod render;
mod value;

pub(crate) use dialect::Sql;
pub use functions::{Function, Functions, Outcome};
pub use value::{Error, ErrorKind, Type, Value};

use crate::InvalidFilter;
use ast::Node;
use evaluate::Evaluator;
use std::fmt;
use std::sync::{Arc, LazyLock};
use tradewind_event::Event;

/// A parsed expression.
#[derive(Debug, Clone)]
pub struct Expression {
    root: Node,
    functions: Arc<Functions>,
}

/// What an evaluation gives: always a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluation {
    /// The value; the zero value of its type where an error left none.
    pub value: Value,
    /// Errors in the order in which they came up, 32 at most.
    pub errors: Vec<Error>,
}

impl Expression {
    /// Parses an expression that calls built-in functions.
    pub fn parse(source: &str) -> Result<Self, InvalidFilter> {
        static BUILT_IN: LazyLock<Arc<Functions>> = LazyLock::new(Arc::default);
        Self::parse_with(source, Arc::clone(&BUILT_IN))
    }

    /// Parses an expression that calls these functions. A call of one that does not exist is an error
    /// of the evaluation, not of the parser.
    pub fn parse_with(source: &str, functions: Arc<Functions>) -> Result<Self, InvalidFilter> {
        Ok(Self {
            root: parse::parse(source)?,
            functions,
        })
    }

    /// Evaluates it. Total: every event gives a value.
    pub fn evaluate(&self, event: &Event) -> Evaluation {
        let mut evaluator = self.evaluator(event);
        let value = evaluator.value(&self.root).value;
        Evaluation {
            value,
            errors: evaluator.errors,
        }
    }

    /// As a filter (§1.2): whether it is true, and no error came up.
    pub fn passes(&self, event: &Event) -> bool {
        let evaluated = self.evaluate(event);
        evaluated.value == Value::Boolean(true) && evaluated.errors.is_empty()
    }

    fn evaluator<'e>(&'e self, event: &'e Event) -> Evaluator<'e> {
        Evaluator::new(event, &self.functions)
    }
}

/// Prints an expression that parses to the same tree.
impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.root.fmt(f)
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.root == other.root
    }
}
