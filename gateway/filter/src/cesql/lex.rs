//! Text to tokens (CESQL 1.0.0 §2.2).

use crate::InvalidFilter;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A keyword, an attribute or the name of a function; as it was written.
    Word(String),
    /// Digits.
    Integer(String),
    /// A string: its value, and how it was written.
    Text(String, String),
    /// An operator or a bracket.
    Mark(&'static str),
}

/// Longer ones first.
const MARKS: [&str; 14] = [
    "!=", "<>", "<=", ">=", "<", ">", "=", "(", ")", ",", "+", "-", "*", "/",
];

/// Tokens with the offsets that they begin at.
pub(super) fn tokens(source: &str) -> Result<Vec<(usize, Token)>, InvalidFilter> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = source[at..].chars().next() {
        let rest = &source[at..];
        let (len, token) = match first {
            ' ' | '\t' | '\r' | '\n' => {
                at += 1;
                continue;
            }
            '\'' | '"' => text(source, at, first)?,
            '%' => (1, Token::Mark("%")),
            c if c.is_ascii_alphanumeric() || c == '_' => {
                let word = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
                let len = rest.find(word).unwrap_or(rest.len());
                let word = rest[..len].to_owned();
                let digits = word.bytes().all(|b| b.is_ascii_digit());
                let token = if digits { Token::Integer } else { Token::Word };
                (len, token(word))
            }
            _ => match MARKS.iter().find(|mark| rest.starts_with(**mark)) {
                Some(mark) => (mark.len(), Token::Mark(mark)),
                None => {
                    let error = InvalidFilter::at(at, format!("unexpected character `{first}`"));
                    return Err(match first {
                        '!' => error.hint("write `!=`, or `NOT`"),
                        '&' | '|' => error.hint("write `AND`, or `OR`"),
                        _ => error,
                    });
                }
            },
        };
        tokens.push((at, token));
        at += len;
    }
    Ok(tokens)
}

/// A string: a backslash before its own kind of quote, or the quote twice, stands for the quote.
fn text(source: &str, at: usize, quote: char) -> Result<(usize, Token), InvalidFilter> {
    let mut value = String::new();
    let mut chars = source[at + 1..].char_indices().peekable();
    while let Some((offset, c)) = chars.next() {
        if c == '\\' {
            let Some((_, escaped)) = chars.next() else {
                break;
            };
            if escaped != quote {
                value.push('\\');
            }
            value.push(escaped);
        } else if c != quote {
            value.push(c);
        } else if chars.peek().is_some_and(|(_, next)| *next == quote) {
            chars.next();
            value.push(quote);
        } else {
            let len = offset + 2;
            return Ok((len, Token::Text(value, source[at..at + len].to_owned())));
        }
    }
    Err(InvalidFilter::at(at, "this string does not end").hint(format!("close it with {quote}")))
}

/// The value as a string literal; `None` for one that no literal stands for.
pub(crate) fn quoted(value: &str) -> Option<String> {
    let single = format!("'{}'", value.replace('\'', "\\'"));
    let double = format!("\"{}\"", value.replace('"', "\\\""));
    [single, double].into_iter().find(|literal| {
        matches!(&tokens(literal).as_deref(), Ok([(0, Token::Text(read, _))]) if read == value)
    })
}
