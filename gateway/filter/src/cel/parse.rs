//! Tokens to trees, by precedence; names are resolved on the way.

use super::ast::{Each, Expr, How, Literal, Node, Operator, Pattern};
use super::functions::{self, Function};
use super::lex::{Spanned, Token, tokens};
use crate::InvalidFilter;
use crate::read::check_name;
use regex_syntax::hir::{Hir, HirKind};
use std::sync::Arc;

/// How deep brackets, signs and macros may nest.
const DEPTH_MAX: usize = 40;
/// How many operators may work on each other's results.
const HEIGHT_MAX: usize = 200;
/// Most memory of a regular expression, in bytes.
const PATTERN_MAX: usize = 256 << 10;

const RESERVED: [&str; 18] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "package",
    "return",
    "var",
    "void",
    "while",
];
const MACROS: [&str; 5] = ["all", "exists", "exists_one", "map", "filter"];

type Read<T> = Result<T, InvalidFilter>;

pub(super) fn parse(source: &str) -> Read<Node> {
    let tokens = tokens(source)?;
    let mut parser = Parser {
        tokens: &tokens,
        at: 0,
        end: source.len(),
        depth: 0,
        names: Vec::new(),
    };
    let parsed = parser.expression()?;
    match parser.tokens.get(parser.at) {
        None => Ok(parsed.node),
        Some((_, Token::Mark(")" | "]" | "}"))) => parser.fail("this bracket was never opened"),
        Some(_) => parser.fail("expected an operator or the end of the expression"),
    }
}

/// A tree and its height.
struct Tall {
    node: Node,
    height: usize,
}

struct Parser<'t> {
    tokens: &'t [Spanned],
    at: usize,
    end: usize,
    depth: usize,
    /// Variables of the macros around.
    names: Vec<String>,
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Option<&'t Token> {
        self.tokens.get(self.at).map(|(_, token)| token)
    }

    /// Where the next token begins.
    fn here(&self) -> usize {
        self.tokens
            .get(self.at)
            .map_or(self.end, |(span, _)| span.start)
    }

    /// Where the last token ended.
    fn behind(&self) -> usize {
        let last = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        last.map_or(0, |(span, _)| span.end)
    }

    fn fail<T>(&self, reason: impl Into<String>) -> Read<T> {
        Err(InvalidFilter::at(self.here(), reason))
    }

    fn is(&self, mark: &str) -> bool {
        matches!(self.peek(), Some(Token::Mark(found)) if *found == mark)
    }

    fn takes(&mut self, mark: &str) -> bool {
        let takes = self.is(mark);
        self.at += usize::from(takes);
        takes
    }

    fn expect(&mut self, mark: &str) -> Read<()> {
        match self.takes(mark) {
            true => Ok(()),
            false => self.fail(format!("expected `{mark}`")),
        }
    }

    fn node(&self, start: usize, expr: Expr, height: usize) -> Read<Tall> {
        let span = start..self.behind();
        if height >= HEIGHT_MAX {
            let reason = format!("at most {HEIGHT_MAX} operators work on each other's results");
            return Err(InvalidFilter::at(start, reason));
        }
        Ok(Tall {
            node: Node { span, expr },
            height: height + 1,
        })
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
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

    fn expression(&mut self) -> Read<Tall> {
        self.deeper(|parser| {
            let start = parser.here();
            let condition = parser.any()?;
            if !parser.takes("?") {
                return Ok(condition);
            }
            let yes = parser.any()?;
            parser.expect(":")?;
            let no = parser.expression()?;
            let height = condition.height.max(yes.height).max(no.height);
            let parts = Box::new([condition.node, yes.node, no.node]);
            parser.node(start, Expr::Choice(parts), height)
        })
    }

    fn any(&mut self) -> Read<Tall> {
        self.chain(
            "||",
            |parser| parser.chain("&&", |parser| parser.binary(1), Expr::All),
            Expr::Any,
        )
    }

    fn chain(
        &mut self,
        mark: &str,
        member: impl Fn(&mut Self) -> Read<Tall>,
        joined: fn(Vec<Node>) -> Expr,
    ) -> Read<Tall> {
        let start = self.here();
        let first = member(self)?;
        if !self.is(mark) {
            return Ok(first);
        }
        let mut height = first.height;
        let mut members = vec![first.node];
        while self.takes(mark) {
            let next = member(self)?;
            height = height.max(next.height);
            members.push(next.node);
        }
        self.node(start, joined(members), height)
    }

    fn binary(&mut self, least: u8) -> Read<Tall> {
        let start = self.here();
        let mut left = self.unary()?;
        loop {
            let operator = match self.peek() {
                Some(Token::Mark(mark)) => Operator::of(mark),
                Some(Token::Word(word)) if word == "in" => Operator::of("in"),
                _ => None,
            };
            let Some((binds, operator)) = operator.filter(|(binds, _)| *binds >= least) else {
                return Ok(left);
            };
            self.at += 1;
            let right = self.binary(binds + 1)?;
            let height = left.height.max(right.height);
            let sides = (Box::new(left.node), Box::new(right.node));
            left = self.node(start, Expr::Binary(operator, sides.0, sides.1), height)?;
        }
    }

    fn unary(&mut self) -> Read<Tall> {
        let start = self.here();
        if self.takes("!") {
            let one = self.deeper(Self::unary)?;
            return self.node(start, Expr::Not(Box::new(one.node)), one.height);
        }
        if self.takes("-") {
            let literal = match self.peek() {
                Some(Token::Int(value)) => Some(Literal::Int((*value as i64).wrapping_neg())),
                Some(Token::Double(value)) => Some(Literal::Double(-value)),
                _ => None,
            };
            if let Some(literal) = literal {
                self.at += 1;
                let number = self.node(start, Expr::Literal(literal), 0)?;
                return self.members(start, number);
            }
            let one = self.deeper(Self::unary)?;
            return self.node(start, Expr::Minus(Box::new(one.node)), one.height);
        }
        let primary = self.primary()?;
        self.members(start, primary)
    }

    fn primary(&mut self) -> Read<Tall> {
        let start = self.here();
        let Some(token) = self.peek() else {
            return self.fail("the expression ends where a value belongs");
        };
        let literal = match token {
            Token::Word(word) => return self.word(start, word),
            Token::Mark("(") => {
                self.at += 1;
                let inner = self.expression()?;
                self.expect(")")?;
                return Ok(inner);
            }
            Token::Mark("[") => {
                self.at += 1;
                let (members, height) =
                    self.listed("]", Self::expression, |all, one| all.push(one.node))?;
                return self.node(start, Expr::List(members), height);
            }
            Token::Mark("{") => {
                self.at += 1;
                let entry = |parser: &mut Self| {
                    let key = parser.expression()?;
                    parser.expect(":")?;
                    let value = parser.expression()?;
                    Ok((key.height.max(value.height), (key.node, value.node)))
                };
                let mut entries: Vec<(Node, Node)> = Vec::new();
                let mut tallest = 0;
                while !self.takes("}") {
                    let (height, one) = entry(self)?;
                    tallest = height.max(tallest);
                    entries.push(one);
                    if !self.takes(",") && !self.is("}") {
                        return self.fail("expected `,` or `}`");
                    }
                }
                return self.node(start, Expr::Map(entries), tallest);
            }
            Token::Quoted(_) => return self.fail("a name in backticks stands behind a dot"),
            Token::Mark(mark) => return self.fail(format!("expected a value, found `{mark}`")),
            Token::Int(value) => match i64::try_from(*value) {
                Ok(value) => Literal::Int(value),
                Err(_) => return self.fail("this number is beyond 64 bits"),
            },
            Token::Uint(value) => Literal::Uint(*value),
            Token::Double(value) => Literal::Double(*value),
            Token::Text(text) => Literal::Text(text.as_str().into()),
            Token::Bytes(bytes) => Literal::Bytes(bytes.as_slice().into()),
        };
        self.at += 1;
        self.node(start, Expr::Literal(literal), 0)
    }

    /// What stands between brackets, by commas, up to the closing one.
    fn listed<T>(
        &mut self,
        close: &'static str,
        read: impl Fn(&mut Self) -> Read<Tall>,
        keep: impl Fn(&mut Vec<T>, Tall),
    ) -> Read<(Vec<T>, usize)> {
        let (mut all, mut height) = (Vec::new(), 0);
        while !self.takes(close) {
            let one = read(self)?;
            height = height.max(one.height);
            keep(&mut all, one);
            if !self.takes(",") && !self.is(close) {
                return self.fail(format!("expected `,` or `{close}`"));
            }
        }
        Ok((all, height))
    }

    fn arguments(&mut self) -> Read<(Vec<Node>, usize)> {
        self.listed(")", Self::expression, |all, one| all.push(one.node))
    }

    fn word(&mut self, start: usize, word: &str) -> Read<Tall> {
        let literal = match word {
            "true" => Some(Literal::Bool(true)),
            "false" => Some(Literal::Bool(false)),
            "null" => Some(Literal::Null),
            _ => None,
        };
        if RESERVED.contains(&word) {
            return self.fail(format!("`{word}` is a word of the language, no name"));
        }
        self.at += 1;
        if let Some(literal) = literal {
            return self.node(start, Expr::Literal(literal), 0);
        }
        if self.takes("(") {
            return self.global(start, word);
        }
        if let Some(variable) = self.names.iter().rposition(|name| name == word) {
            return self.node(start, Expr::Variable(variable), 0);
        }
        if word == "message" {
            return self.message(start);
        }
        if let Some(name) = functions::type_named(word) {
            return self.node(start, Expr::Literal(Literal::Type(name)), 0);
        }
        self.at -= 1;
        let unknown = InvalidFilter::at(start, format!("there is no name `{word}` here"));
        Err(match check_name(word).is_ok() || word == "data" {
            true => unknown.hint(format!(
                "what the event holds is in `message`: `message.{word}`"
            )),
            false => unknown.hint("what the event holds is in `message`"),
        })
    }

    /// The event, of which only members are values.
    fn message(&mut self, start: usize) -> Read<Tall> {
        let (at, name) = match (self.peek(), self.tokens.get(self.at + 1)) {
            (Some(Token::Mark(".")), Some((span, Token::Word(name)))) => (span.start, name),
            (Some(Token::Mark("[")), Some((span, Token::Text(name)))) => {
                let closes = matches!(self.tokens.get(self.at + 2), Some((_, Token::Mark("]"))));
                self.at += usize::from(closes);
                (span.start, name)
            }
            _ => {
                let whole = InvalidFilter::at(start, "`message` is no value of its own");
                return Err(whole.hint("name a member, such as `message.type` or `message.data`"));
            }
        };
        if name != "data"
            && let Err(reason) = check_name(name)
        {
            return Err(InvalidFilter::at(at, reason));
        }
        self.at += 2;
        let expr = match &**name {
            "data" => Expr::Data,
            name => Expr::Attribute(name.into()),
        };
        self.node(start, expr, 0)
    }

    fn global(&mut self, start: usize, name: &str) -> Read<Tall> {
        let first = self.here();
        let (mut arguments, height) = self.arguments()?;
        if name != "has" {
            return self.call(start, start, name, arguments, height, false);
        }
        let fields = "`has` takes a member, such as `has(message.subject)`";
        let expr = match (arguments.pop(), arguments.is_empty()) {
            (Some(Node { expr, .. }), true) => match expr {
                Expr::Member(of, name) => Expr::Has(of, name),
                Expr::Attribute(name) => Expr::HasAttribute(name),
                Expr::Data => Expr::HasData,
                _ => return Err(InvalidFilter::at(first, fields)),
            },
            _ => return Err(InvalidFilter::at(first, fields)),
        };
        self.node(start, expr, height)
    }

    fn members(&mut self, start: usize, mut tall: Tall) -> Read<Tall> {
        loop {
            if self.takes("[") {
                let index = self.expression()?;
                self.expect("]")?;
                let height = tall.height.max(index.height);
                let expr = match index.node.expr {
                    Expr::Literal(Literal::Text(name)) => Expr::Member(Box::new(tall.node), name),
                    _ => Expr::Index(Box::new(tall.node), Box::new(index.node)),
                };
                tall = self.node(start, expr, height)?;
            } else if self.takes(".") {
                let at = self.here();
                let name = match self.peek() {
                    Some(Token::Word(name)) => name,
                    Some(Token::Quoted(name)) => {
                        self.at += 1;
                        let expr = Expr::Member(Box::new(tall.node), name.as_str().into());
                        tall = self.node(start, expr, tall.height)?;
                        continue;
                    }
                    _ => return self.fail("expected the name of a member"),
                };
                if matches!(&**name, "true" | "false" | "null" | "in") {
                    return self.fail(format!("`{name}` is a word of the language, no name"));
                }
                self.at += 1;
                tall = match self.takes("(") {
                    true if MACROS.contains(&&**name) => self.each(start, name, tall)?,
                    true => {
                        let (arguments, height) = self.arguments()?;
                        let height = height.max(tall.height);
                        let all = std::iter::once(tall.node).chain(arguments).collect();
                        self.call(start, at, name, all, height, true)?
                    }
                    false => {
                        let expr = Expr::Member(Box::new(tall.node), name.as_str().into());
                        self.node(start, expr, tall.height)?
                    }
                };
            } else {
                return Ok(tall);
            }
        }
    }

    fn each(&mut self, start: usize, name: &str, over: Tall) -> Read<Tall> {
        let Some(Token::Word(variable)) = self.peek() else {
            return self.fail(format!("`{name}` takes a name first"));
        };
        if RESERVED.contains(&&**variable) || matches!(&**variable, "true" | "false" | "null") {
            return self.fail(format!("`{variable}` is a word of the language, no name"));
        }
        self.at += 1;
        self.expect(",")?;
        self.names.push(variable.clone());
        let mut body = self.expression()?;
        let mut height = over.height.max(body.height);
        let mut only = None;
        if name == "map" && self.takes(",") {
            let made = self.expression()?;
            height = height.max(made.height);
            only = Some(std::mem::replace(&mut body, made).node);
        }
        self.names.pop();
        self.expect(")")?;
        let how = match name {
            "all" => How::All,
            "exists" => How::Exists,
            "exists_one" => How::ExistsOne,
            "filter" => How::Filter,
            _ => How::Map(only),
        };
        let each = Each {
            over: over.node,
            how,
            body: body.node,
        };
        self.node(start, Expr::Each(Box::new(each)), height)
    }

    fn call(
        &mut self,
        start: usize,
        at: usize,
        name: &str,
        mut arguments: Vec<Node>,
        height: usize,
        member: bool,
    ) -> Read<Tall> {
        if name == "matches" {
            let literal = match arguments.pop() {
                Some(Node {
                    span,
                    expr: Expr::Literal(Literal::Text(pattern)),
                }) => Some((span, pattern)),
                _ => None,
            };
            let (Some((span, pattern)), Some(text), true) =
                (literal, arguments.pop(), arguments.is_empty())
            else {
                return Err(InvalidFilter::at(
                    at,
                    "`matches` takes a text, and a literal as its pattern",
                ));
            };
            let pattern =
                pattern_of(&pattern).map_err(|reason| InvalidFilter::at(span.start, reason))?;
            return self.node(start, Expr::Matches(Box::new(text), pattern), height);
        }
        let function = Function::find(name, member, &arguments).map_err(|(reason, hint)| {
            let refused = InvalidFilter::at(at, reason);
            match hint {
                Some(hint) => refused.hint(hint),
                None => refused,
            }
        })?;
        if let Some(zone) = function.takes_zone().then(|| arguments.get(1)).flatten() {
            functions::check_zone(zone)
                .map_err(|reason| InvalidFilter::at(zone.span.start, reason))?;
        }
        self.node(start, Expr::Call(function, arguments), height)
    }
}

fn pattern_of(text: &Arc<str>) -> Result<Pattern, String> {
    let regex = regex::RegexBuilder::new(text)
        .size_limit(PATTERN_MAX)
        .dfa_size_limit(PATTERN_MAX)
        .nest_limit(DEPTH_MAX as u32)
        .build();
    regex
        .map(|regex| Pattern {
            regex,
            length: written_out(text),
        })
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => {
                "this regular expression takes too much memory".into()
            }
            other => {
                let text = other.to_string();
                let last = text.lines().last().unwrap_or_default();
                format!(
                    "no regular expression: {}",
                    last.trim_start_matches("error: ")
                )
            }
        })
}

/// How long a pattern would be without counts: `[ab]{1,50}` costs as much as fifty of it one after the other.
fn written_out(pattern: &str) -> usize {
    fn size(hir: &Hir) -> usize {
        let sum = |parts: &[Hir]| parts.iter().map(size).fold(0, usize::saturating_add);
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) | HirKind::Class(_) => 1,
            HirKind::Literal(text) => text.0.len(),
            HirKind::Capture(capture) => size(&capture.sub),
            HirKind::Concat(parts) | HirKind::Alternation(parts) => sum(parts),
            HirKind::Repetition(repeated) => {
                let times = repeated.max.unwrap_or(repeated.min).max(1);
                size(&repeated.sub).saturating_mul(times as usize)
            }
        }
    }
    let parsed = regex_syntax::parse(pattern);
    parsed.map_or(0, |hir| size(&hir)).max(pattern.len())
}
