//! Text to tokens.

use crate::InvalidFilter;
use std::ops::Range;

/// Most tokens of an expression.
const TOKENS_MAX: usize = 10_000;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Word(String),
    /// A name between backticks.
    Quoted(String),
    Int(u64),
    Uint(u64),
    Double(f64),
    Text(String),
    Bytes(Vec<u8>),
    Mark(&'static str),
}

const MARKS: [&str; 24] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ".", ",",
    "(", ")", "[", "]", "{", "}",
];

pub(super) type Spanned = (Range<usize>, Token);

pub(super) fn tokens(source: &str) -> Result<Vec<Spanned>, InvalidFilter> {
    let mut lexer = Lexer { source, at: 0 };
    let mut tokens = Vec::new();
    while lexer.skip_blank() {
        let start = lexer.at;
        if tokens.len() == TOKENS_MAX {
            let reason = format!("an expression holds at most {TOKENS_MAX} words and marks");
            return Err(InvalidFilter::at(start, reason));
        }
        let token = lexer.token()?;
        tokens.push((start..lexer.at, token));
    }
    Ok(tokens)
}

struct Lexer<'s> {
    source: &'s str,
    at: usize,
}

impl<'s> Lexer<'s> {
    fn rest(&self) -> &'s str {
        &self.source[self.at..]
    }

    /// Passes blanks and comments; false at the end.
    fn skip_blank(&mut self) -> bool {
        loop {
            let rest = self.rest();
            let text = rest.trim_start_matches([' ', '\t', '\n', '\r', '\x0c']);
            self.at += rest.len() - text.len();
            if !text.starts_with("//") {
                return !text.is_empty();
            }
            self.at += text.find('\n').unwrap_or(text.len());
        }
    }

    fn token(&mut self) -> Result<Token, InvalidFilter> {
        let rest = self.rest();
        let prefix = rest.len() - rest.trim_start_matches(['r', 'R', 'b', 'B']).len();
        if prefix <= 2 && rest[prefix..].starts_with(['"', '\'']) {
            let lower = rest[..prefix].to_ascii_lowercase();
            if matches!(&*lower, "" | "r" | "b" | "rb" | "br") {
                self.at += prefix;
                return self.quoted(lower.contains('r'), lower.contains('b'));
            }
        }
        let first = rest.as_bytes()[0];
        if first.is_ascii_alphabetic() || first == b'_' {
            let other = |c: char| !c.is_ascii_alphanumeric() && c != '_';
            let word = &rest[..rest.find(other).unwrap_or(rest.len())];
            self.at += word.len();
            return Ok(Token::Word(word.to_owned()));
        }
        if let Some(tail) = rest.strip_prefix('`') {
            let other =
                |c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '.' | '-' | '/' | ' ');
            let name = &tail[..tail.find(other).unwrap_or(tail.len())];
            if name.is_empty() || !tail[name.len()..].starts_with('`') {
                return Err(InvalidFilter::at(self.at, "no name between backticks"));
            }
            self.at += name.len() + 2;
            return Ok(Token::Quoted(name.to_owned()));
        }
        let second = rest.as_bytes().get(1);
        if first.is_ascii_digit() || first == b'.' && second.is_some_and(u8::is_ascii_digit) {
            return self.number();
        }
        match MARKS.iter().find(|mark| rest.starts_with(**mark)) {
            Some(mark) => {
                self.at += mark.len();
                Ok(Token::Mark(mark))
            }
            None => {
                let found: String = rest.chars().take(1).collect();
                let error = InvalidFilter::at(self.at, format!("`{found}` means nothing in CEL"));
                Err(match &*found {
                    "=" => error.hint("equality is `==`"),
                    "&" => error.hint("and is `&&`"),
                    "|" => error.hint("or is `||`"),
                    _ => error,
                })
            }
        }
    }

    fn number(&mut self) -> Result<Token, InvalidFilter> {
        let (start, rest) = (self.at, self.rest());
        let fail = |reason: &str| Err(InvalidFilter::at(start, reason));
        let digits = |from: usize, hex: bool| {
            let tail = &rest[from..];
            let other = |c: char| {
                if hex {
                    !c.is_ascii_hexdigit()
                } else {
                    !c.is_ascii_digit()
                }
            };
            from + tail.find(other).unwrap_or(tail.len())
        };
        let hex = rest.starts_with("0x") || rest.starts_with("0X");
        let mut end = digits(if hex { 2 } else { 0 }, hex);
        let mut double = false;
        if !hex {
            let bytes = rest.as_bytes();
            if bytes.get(end) == Some(&b'.') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit) {
                double = true;
                end = digits(end + 1, false);
            }
            if matches!(bytes.get(end), Some(b'e' | b'E')) {
                let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
                let after = digits(end + 1 + sign, false);
                if after == end + 1 + sign {
                    return fail("an exponent needs digits");
                }
                double = true;
                end = after;
            }
        }
        let written = &rest[..end];
        let uint = !double && rest[end..].starts_with(['u', 'U']);
        self.at += end + usize::from(uint);
        if self
            .rest()
            .starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        {
            return fail("a number and a word have nothing between them");
        }
        if double {
            return match written.parse::<f64>() {
                Ok(value) if value.is_finite() => Ok(Token::Double(value)),
                _ => fail("this number is beyond what a double holds"),
            };
        }
        let value = match hex {
            true => u64::from_str_radix(&written[2..], 16),
            false => written.parse(),
        };
        match value {
            Ok(value) if uint => Ok(Token::Uint(value)),
            Ok(value) if value <= 1 << 63 => Ok(Token::Int(value)),
            _ => fail("this number is beyond 64 bits"),
        }
    }

    fn quoted(&mut self, raw: bool, bytes: bool) -> Result<Token, InvalidFilter> {
        let start = self.at;
        let rest = self.rest();
        let long = rest.starts_with("'''") || rest.starts_with("\"\"\"");
        let quote = &rest[..if long { 3 } else { 1 }];
        self.at += quote.len();
        let mut out = Vec::new();
        loop {
            let rest = self.rest();
            if rest.starts_with(quote) {
                self.at += quote.len();
                break;
            }
            let Some(c) = rest
                .chars()
                .next()
                .filter(|c| long || !matches!(c, '\n' | '\r'))
            else {
                return Err(InvalidFilter::at(start, "this text has no end"));
            };
            if c == '\\' && !raw {
                self.escape(bytes, &mut out)?;
            } else {
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                self.at += c.len_utf8();
            }
        }
        if bytes {
            return Ok(Token::Bytes(out));
        }
        String::from_utf8(out)
            .map(Token::Text)
            .map_err(|_| InvalidFilter::at(start, "this text is no UTF-8"))
    }

    fn escape(&mut self, bytes: bool, out: &mut Vec<u8>) -> Result<(), InvalidFilter> {
        let rest = &self.rest()[1..];
        let simple = match rest.as_bytes().first() {
            Some(b'a') => Some(7),
            Some(b'b') => Some(8),
            Some(b'f') => Some(12),
            Some(b'n') => Some(b'\n'),
            Some(b'r') => Some(b'\r'),
            Some(b't') => Some(b'\t'),
            Some(b'v') => Some(11),
            Some(c @ (b'\\' | b'?' | b'"' | b'\'' | b'`')) => Some(*c),
            _ => None,
        };
        if let Some(simple) = simple {
            out.push(simple);
            self.at += 2;
            return Ok(());
        }
        let (from, len, radix) = match rest.as_bytes().first() {
            Some(b'x' | b'X') => (1, 2, 16),
            Some(b'u') if !bytes => (1, 4, 16),
            Some(b'U') if !bytes => (1, 8, 16),
            Some(b'0'..=b'3') => (0, 3, 8),
            _ => (0, 0, 10),
        };
        let code = rest
            .get(from..from + len)
            .filter(|digits| len > 0 && digits.chars().all(|digit| digit.is_digit(radix)));
        let code = code.and_then(|digits| u32::from_str_radix(digits, radix).ok());
        match (code, code.and_then(char::from_u32)) {
            (Some(code), _) if bytes => out.push(code as u8),
            (_, Some(c)) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            _ => {
                return Err(
                    InvalidFilter::at(self.at, "no escape of CEL").hint("a backslash is `\\\\`")
                );
            }
        }
        self.at += 1 + from + len;
        Ok(())
    }
}

/// The text as a literal.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => out.push_str(&format!("\\U{:08x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
