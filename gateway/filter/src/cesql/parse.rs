//! Tokens to trees, by precedence.

use super::ast::{Node, Operator, TIGHT};
use super::lex::{Token, tokens};
use super::like::Pattern;
use super::value::Value;
use crate::InvalidFilter;

/// How deep an expression may nest.
const DEPTH_MAX: usize = 64;
/// How many operators may work on each other's results.
const HEIGHT_MAX: usize = 200;
/// Most tokens of an expression.
const TOKENS_MAX: usize = 10_000;

const KEYWORDS: [&str; 9] = [
    "AND", "OR", "XOR", "NOT", "LIKE", "IN", "EXISTS", "TRUE", "FALSE",
];

pub(super) fn parse(source: &str) -> Result<Node, InvalidFilter> {
    let tokens = tokens(source)?;
    if let Some((at, _)) = tokens.get(TOKENS_MAX) {
        return Err(InvalidFilter::at(
            *at,
            format!("an expression holds at most {TOKENS_MAX} words and marks"),
        ));
    }
    let mut parser = Parser {
        tokens: &tokens,
        at: 0,
        end: source.len(),
        depth: 0,
    };
    let parsed = parser.expression(0)?;
    match parser.tokens.get(parser.at) {
        None => Ok(parsed.node),
        Some((_, Token::Mark(")"))) => parser.fail("this bracket was never opened"),
        Some(_) => parser.fail("expected an operator or the end of the expression"),
    }
}

/// A tree and its height.
struct Tall {
    node: Node,
    height: usize,
}

struct Parser<'t> {
    tokens: &'t [(usize, Token)],
    at: usize,
    end: usize,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(_, token)| token)
    }

    fn fail<T>(&self, reason: impl Into<String>) -> Result<T, InvalidFilter> {
        let at = self.tokens.get(self.at).map_or(self.end, |(at, _)| *at);
        Err(InvalidFilter::at(at, reason))
    }

    fn takes_mark(&mut self, mark: &str) -> bool {
        let takes = matches!(self.peek(), Some(Token::Mark(found)) if *found == mark);
        self.at += usize::from(takes);
        takes
    }

    fn is_word(&self, ahead: usize, keyword: &str) -> bool {
        matches!(self.tokens.get(self.at + ahead),
            Some((_, Token::Word(word))) if word.eq_ignore_ascii_case(keyword))
    }

    fn takes_word(&mut self, keyword: &str) -> bool {
        let takes = self.is_word(0, keyword);
        self.at += usize::from(takes);
        takes
    }

    fn deeper<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, InvalidFilter>,
    ) -> Result<T, InvalidFilter> {
        if self.depth == DEPTH_MAX {
            return self.fail(format!(
                "an expression nests at most {DEPTH_MAX} levels deep"
            ));
        }
        self.depth += 1;
        let read = read(self)?;
        self.depth -= 1;
        Ok(read)
    }

    /// An expression whose operators bind at least so tightly.
    fn expression(&mut self, least: u8) -> Result<Tall, InvalidFilter> {
        let mut left = self.unary()?;
        loop {
            if TIGHT >= least && self.is_like_or_in() {
                left = self.like_or_in(left)?;
                continue;
            }
            let Some(operator) = self.operator().filter(|o| o.binding() >= least) else {
                return Ok(left);
            };
            left = match operator.is_logic() {
                true => self.chain(operator, left)?,
                false => {
                    self.at += 1;
                    let right = self.expression(operator.binding() + 1)?;
                    let height = left.height.max(right.height);
                    let node = Node::Binary(operator, Box::new(left.node), Box::new(right.node));
                    self.above(node, height)?
                }
            };
        }
    }

    /// All that is joined by one logic operator.
    fn chain(&mut self, operator: Operator, first: Tall) -> Result<Tall, InvalidFilter> {
        let mut height = first.height;
        let mut members = vec![first.node];
        while self.operator() == Some(operator) {
            self.at += 1;
            let member = self.expression(operator.binding() + 1)?;
            height = height.max(member.height);
            members.push(member.node);
        }
        self.above(Node::Logic(operator, members), height)
    }

    /// A node over others of this height.
    fn above(&self, node: Node, height: usize) -> Result<Tall, InvalidFilter> {
        if height == HEIGHT_MAX {
            return self.fail(format!(
                "more than {HEIGHT_MAX} operators work on each other's results"
            ));
        }
        Ok(Tall {
            node,
            height: height + 1,
        })
    }

    fn operator(&self) -> Option<Operator> {
        Some(match self.peek()? {
            Token::Mark(mark) => match *mark {
                "=" => Operator::Equal,
                "!=" | "<>" => Operator::Unequal,
                "<" => Operator::Less,
                "<=" => Operator::LessOrEqual,
                ">" => Operator::Greater,
                ">=" => Operator::GreaterOrEqual,
                "+" => Operator::Plus,
                "-" => Operator::Minus,
                "*" => Operator::Times,
                "/" => Operator::Divide,
                "%" => Operator::Modulo,
                _ => return None,
            },
            Token::Word(_) if self.is_word(0, "AND") => Operator::And,
            Token::Word(_) if self.is_word(0, "OR") => Operator::Or,
            Token::Word(_) if self.is_word(0, "XOR") => Operator::Xor,
            _ => return None,
        })
    }

    fn is_like_or_in(&self) -> bool {
        let ahead = usize::from(self.is_word(0, "NOT"));
        ahead == 1 || self.is_word(0, "LIKE") || self.is_word(0, "IN")
    }

    fn like_or_in(&mut self, left: Tall) -> Result<Tall, InvalidFilter> {
        let negated = self.takes_word("NOT");
        let value = Box::new(left.node);
        if self.takes_word("LIKE") {
            let Some(Token::Text(pattern, written)) = self.peek().cloned() else {
                return self.fail("the pattern of LIKE is a string literal");
            };
            self.at += 1;
            let node = Node::Like {
                value,
                negated,
                pattern: Pattern::new(&pattern, written),
            };
            return self.above(node, left.height);
        }
        if !self.takes_word("IN") {
            return self.fail("expected LIKE or IN after NOT");
        }
        if !self.takes_mark("(") {
            return self.fail("expected the members of IN in brackets");
        }
        let (set, height) = self.deeper(Self::list)?;
        if set.is_empty() {
            self.at -= 1;
            return self.fail("IN needs at least one member");
        }
        let node = Node::In {
            value,
            negated,
            set,
        };
        self.above(node, left.height.max(height))
    }

    /// Expressions up to the closing bracket, and the height of the highest.
    fn list(&mut self) -> Result<(Vec<Node>, usize), InvalidFilter> {
        let (mut members, mut height) = (Vec::new(), 0);
        if self.takes_mark(")") {
            return Ok((members, height));
        }
        loop {
            let member = self.expression(0)?;
            height = height.max(member.height);
            members.push(member.node);
            if self.takes_mark(")") {
                return Ok((members, height));
            }
            if !self.takes_mark(",") {
                return self.fail("expected a comma or a closing bracket");
            }
        }
    }

    fn unary(&mut self) -> Result<Tall, InvalidFilter> {
        if self.takes_word("NOT") {
            let one = self.deeper(Self::unary)?;
            return self.above(Node::Not(Box::new(one.node)), one.height);
        }
        for sign in ["-", "+"] {
            if !self.takes_mark(sign) {
                continue;
            }
            if let Some(Token::Integer(digits)) = self.peek() {
                let text = match sign {
                    "-" => format!("-{digits}"),
                    _ => digits.clone(),
                };
                return self.integer(text);
            }
            if sign == "+" {
                return self.fail("expected digits after the sign");
            }
            let one = self.deeper(Self::unary)?;
            return self.above(Node::Minus(Box::new(one.node)), one.height);
        }
        self.atom()
    }

    fn integer(&mut self, text: String) -> Result<Tall, InvalidFilter> {
        match text.parse::<i32>() {
            Ok(n) => {
                self.at += 1;
                self.above(Node::Literal(Value::Integer(n), n.to_string()), 0)
            }
            Err(_) => self.fail("an integer has 32 bits: -2147483648 to 2147483647"),
        }
    }

    fn atom(&mut self) -> Result<Tall, InvalidFilter> {
        let Some(token) = self.peek().cloned() else {
            return self.fail("the expression ends where a value is expected");
        };
        match token {
            Token::Integer(digits) => self.integer(digits),
            Token::Text(value, written) => {
                self.at += 1;
                self.above(Node::Literal(Value::String(value), written), 0)
            }
            Token::Mark("(") => {
                self.at += 1;
                let inner = self.deeper(|parser| parser.expression(0))?;
                if !self.takes_mark(")") {
                    return self.fail("expected a closing bracket");
                }
                Ok(inner)
            }
            Token::Mark(mark) => self.fail(format!("expected a value, found `{mark}`")),
            Token::Word(word) => self.word(&word),
        }
    }

    fn word(&mut self, word: &str) -> Result<Tall, InvalidFilter> {
        if self.takes_word("TRUE") {
            return self.above(Node::Literal(Value::Boolean(true), "TRUE".into()), 0);
        }
        if self.takes_word("FALSE") {
            return self.above(Node::Literal(Value::Boolean(false), "FALSE".into()), 0);
        }
        if self.takes_word("EXISTS") {
            let Some(Token::Word(name)) = self.peek().cloned() else {
                return self.fail("expected the name of an attribute after EXISTS");
            };
            let name = self.attribute(&name)?;
            return self.above(Node::Exists(name), 0);
        }
        if KEYWORDS.iter().any(|keyword| self.is_word(0, keyword)) {
            return self.fail(format!("expected a value, found `{word}`"));
        }
        if matches!(self.tokens.get(self.at + 1), Some((_, Token::Mark("(")))) {
            if !word.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_') {
                return self.fail(format!(
                    "`{word}` is no name of a function: it may hold letters and _"
                ));
            }
            self.at += 2;
            let (arguments, height) = self.deeper(Self::list)?;
            return self.above(Node::Call(word.to_ascii_uppercase(), arguments), height);
        }
        let name = self.attribute(word)?;
        self.above(Node::Attribute(name), 0)
    }

    fn attribute(&mut self, word: &str) -> Result<String, InvalidFilter> {
        if KEYWORDS
            .iter()
            .any(|keyword| word.eq_ignore_ascii_case(keyword))
        {
            return self.fail(format!("`{word}` is a keyword, not an attribute"));
        }
        let name = word.to_ascii_lowercase();
        if name == "data" {
            return self.fail("CESQL sees attributes only, not `data`");
        }
        if name.contains('_') {
            return self.fail(format!(
                "`{word}` is no attribute name: it may hold a to z and 0 to 9 only"
            ));
        }
        self.at += 1;
        Ok(name)
    }
}
