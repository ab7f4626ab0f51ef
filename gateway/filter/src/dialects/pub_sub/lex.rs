//! Words of an expression.

use crate::InvalidFilter;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A bare word: a keyword, `attributes`, or a key.
    Word(String),
    Text(String),
    /// `( ) . : = != ,` and `-` for NOT.
    Sign(&'static str),
    End,
}

impl Token {
    pub(super) fn shown(&self) -> String {
        match self {
            Token::Word(word) => format!("`{word}`"),
            Token::Text(text) => format!("\"{text}\""),
            Token::Sign(sign) => format!("`{sign}`"),
            Token::End => "the end".into(),
        }
    }
}

/// All tokens with where they begin, an end behind them.
pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token)>, InvalidFilter> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let at = text.len() - rest.len();
        let Some(first) = rest.chars().next() else {
            tokens.push((at, Token::End));
            return Ok(tokens);
        };
        let sign = ["!=", "(", ")", ".", ":", "=", ",", "-"]
            .into_iter()
            .find(|sign| rest.starts_with(sign));
        let (token, length) = if let Some(sign) = sign {
            (Token::Sign(sign), sign.len())
        } else if first == '"' {
            quoted(rest, at)?
        } else {
            let inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
            let length = rest.find(|c| !inside(c)).unwrap_or(rest.len());
            if length == 0 {
                return Err(
                    InvalidFilter::at(at, format!("`{first}` means nothing here"))
                        .hint("texts and unusual keys stand in double quotes"),
                );
            }
            (Token::Word(rest[..length].to_owned()), length)
        };
        tokens.push((at, token));
        rest = &rest[length..];
    }
}

fn quoted(rest: &str, at: usize) -> Result<(Token, usize), InvalidFilter> {
    let mut text = String::new();
    let mut characters = rest.char_indices().skip(1);
    while let Some((offset, character)) = characters.next() {
        match character {
            '"' => return Ok((Token::Text(text), offset + 1)),
            '\\' => match characters.next() {
                Some((_, escaped @ ('"' | '\\' | '\''))) => text.push(escaped),
                Some((_, 'n')) => text.push('\n'),
                Some((_, 't')) => text.push('\t'),
                Some((_, 'r')) => text.push('\r'),
                _ => {
                    return Err(InvalidFilter::at(at + offset, "unknown escape in a text")
                        .hint("there are \\\" \\' \\\\ \\n \\r \\t"));
                }
            },
            other => text.push(other),
        }
    }
    Err(InvalidFilter::at(at, "a text that does not end").hint("close it with \""))
}
