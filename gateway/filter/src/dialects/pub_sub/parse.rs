//! Expressions: OR of AND of terms.

use super::lex::{Token, tokens};
use crate::ir::{Formula, How, Path, Test, Text};
use crate::read::check_name;
use crate::{DEPTH_MAX, InvalidFilter};

type Refused<T> = Result<T, InvalidFilter>;

/// The formula, and how many predicates it holds.
pub(super) fn expression(text: &str) -> Refused<(Formula, usize)> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
        depth: 0,
        predicates: 0,
    };
    // The empty expression takes everything, as in Pub/Sub.
    if *parser.peek() == Token::End {
        return Ok((Formula::yes(), 0));
    }
    let formula = parser.or()?;
    match parser.peek() {
        Token::End => Ok((formula, parser.predicates)),
        _ => Err(parser.expected("AND, OR or the end")),
    }
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    at: usize,
    depth: usize,
    predicates: usize,
}

impl Parser {
    fn peek(&self) -> &Token {
        &self.tokens[self.at].1
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    fn expected(&self, what: &str) -> InvalidFilter {
        let (at, found) = &self.tokens[self.at];
        InvalidFilter::at(*at, format!("expected {what}, found {}", found.shown()))
    }

    fn takes(&mut self, token: &Token) -> bool {
        let takes = self.peek() == token;
        if takes {
            self.next();
        }
        takes
    }

    fn sign(&mut self, sign: &'static str) -> Refused<()> {
        match self.takes(&Token::Sign(sign)) {
            true => Ok(()),
            false => Err(self.expected(&format!("`{sign}`"))),
        }
    }

    fn or(&mut self) -> Refused<Formula> {
        let mut any = vec![self.and()?];
        while self.takes(&Token::Word("OR".into())) {
            any.push(self.and()?);
        }
        Ok(Formula::any(any))
    }

    fn and(&mut self) -> Refused<Formula> {
        let mut all = vec![self.term()?];
        while self.takes(&Token::Word("AND".into())) {
            all.push(self.term()?);
        }
        Ok(Formula::all(all))
    }

    fn term(&mut self) -> Refused<Formula> {
        let mut negated = false;
        while self.takes(&Token::Word("NOT".into())) || self.takes(&Token::Sign("-")) {
            negated = !negated;
        }
        let formula = self.operand()?;
        Ok(if negated { formula.negated() } else { formula })
    }

    fn operand(&mut self) -> Refused<Formula> {
        match self.peek().clone() {
            Token::Sign("(") => {
                if self.depth == DEPTH_MAX {
                    let reason = format!("parentheses nest at most {DEPTH_MAX} deep");
                    return Err(InvalidFilter::at(self.tokens[self.at].0, reason));
                }
                self.next();
                self.depth += 1;
                let formula = self.or()?;
                self.depth -= 1;
                self.sign(")")?;
                Ok(formula)
            }
            Token::Word(word) if word == "hasPrefix" => {
                self.next();
                self.sign("(")?;
                let path = self.attribute()?;
                self.sign(",")?;
                let text = self.text()?;
                self.sign(")")?;
                Ok(self.test(path, Test::Text(Text::new(How::Prefix, text))))
            }
            Token::Word(word) if word == "attributes" => {
                if self.tokens.get(self.at + 1).map(|(_, token)| token) == Some(&Token::Sign(":")) {
                    self.next();
                    self.next();
                    let path = self.key()?;
                    return Ok(self.test(path, Test::Exists));
                }
                let path = self.attribute()?;
                if self.takes(&Token::Sign("=")) {
                    let text = self.text()?;
                    return Ok(self.test(path, Test::exact(text)));
                }
                if self.takes(&Token::Sign("!=")) {
                    let text = self.text()?;
                    let other = Test::NoneOf([Test::exact(text)].into());
                    return Ok(self.test(path, other));
                }
                Err(self.expected("`=` or `!=`"))
            }
            _ => Err(self
                .expected("a comparison")
                .hint("such as attributes.ce-type = \"a\", attributes:key or hasPrefix(attributes.key, \"a\")")),
        }
    }

    fn test(&mut self, path: Option<Path>, test: Test) -> Formula {
        self.predicates += 1;
        match path {
            Some(path) => Formula::test(path, test),
            None => Formula::no(),
        }
    }

    fn attribute(&mut self) -> Refused<Option<Path>> {
        if !self.takes(&Token::Word("attributes".into())) {
            return Err(self.expected("`attributes`"));
        }
        self.sign(".")?;
        self.key()
    }

    /// The attribute that the message's attribute carries; `None` where an event cannot have it.
    fn key(&mut self) -> Refused<Option<Path>> {
        let key = match self.peek().clone() {
            Token::Word(key) | Token::Text(key) if !key.is_empty() => key,
            _ => return Err(self.expected("the key of an attribute")),
        };
        self.next();
        let name = match key.strip_prefix("ce-") {
            Some(name) => name,
            None if key.eq_ignore_ascii_case("content-type") => "datacontenttype",
            // What CloudEvents names is behind `ce-`; other attributes are kept as extensions.
            None if is_core(&key) => return Ok(None),
            None => &key,
        };
        Ok(check_name(name).is_ok().then(|| Path::attribute(name)))
    }

    fn text(&mut self) -> Refused<String> {
        match self.peek().clone() {
            Token::Text(text) => {
                self.next();
                Ok(text)
            }
            _ => Err(self.expected("a text in double quotes")),
        }
    }
}

fn is_core(key: &str) -> bool {
    const CORE: [&str; 8] = [
        "id",
        "source",
        "specversion",
        "type",
        "subject",
        "time",
        "dataschema",
        "datacontenttype",
    ];
    CORE.contains(&key)
}
