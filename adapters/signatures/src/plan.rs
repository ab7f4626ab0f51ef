//! A scheme that was checked.

use crate::{Algorithm, Encoding, Piece, Place, Places, Scheme, Stamp};
use http::HeaderName;

/// [`Scheme`], owned and checked.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) name: String,
    pub(crate) places: Vec<Set>,
    pub(crate) prefix: String,
    pub(crate) separator: Option<char>,
    pub(crate) algorithm: Algorithm,
    pub(crate) encoding: Encoding,
    pub(crate) signed: Vec<Part>,
}

#[derive(Debug, Clone)]
pub(crate) struct Set {
    pub(crate) signature: Spot,
    pub(crate) id: Option<HeaderName>,
    pub(crate) timestamp: Option<Clock>,
}

#[derive(Debug, Clone)]
pub(crate) enum Spot {
    Header(HeaderName),
    Query(String),
}

#[derive(Debug, Clone)]
pub(crate) enum Clock {
    Header(HeaderName),
    Part(String),
}

/// [`Piece`] with what must not stand in it: the text that follows.
#[derive(Debug, Clone)]
pub(crate) enum Part {
    Text(String),
    Id(String),
    Header(HeaderName, String),
    /// Whether it must have ten digits, because nothing shows where it ends.
    Timestamp(bool),
    Url,
    Form,
    Body,
}

impl Plan {
    /// Checks a scheme; the error is for whoever wrote it into a configuration.
    pub(crate) fn new(scheme: &Scheme<'_>) -> Result<Self, String> {
        let signed = parts(scheme.signed)?;
        let has = |wanted: fn(&Part) -> bool| signed.iter().any(wanted);
        let content = has(|part| matches!(part, Part::Body | Part::Form));
        if content == (scheme.algorithm == Algorithm::Token) {
            return Err(match content {
                true => "a token signs nothing: leave `signed` out".into(),
                false => "`signed` lacks the body".into(),
            });
        }
        let places = scheme
            .places
            .iter()
            .map(Set::new)
            .collect::<Result<Vec<_>, _>>()?;
        for set in &places {
            if has(|part| matches!(part, Part::Timestamp(_))) != set.timestamp.is_some() {
                return Err(match set.timestamp {
                    Some(_) => "the timestamp is not signed, so it shows nothing",
                    None => "`signed` has a timestamp, and nothing says where it stands",
                }
                .into());
            }
            if has(|part| matches!(part, Part::Id(_))) && set.id.is_none() {
                return Err("`signed` has an id, and nothing says where it stands".into());
            }
            if matches!(set.timestamp, Some(Clock::Part(_))) && scheme.separator.is_none() {
                return Err("a timestamp beside the signature needs a `separator`".into());
            }
        }
        Ok(Self {
            name: scheme.name.to_owned(),
            places,
            prefix: scheme.prefix.to_owned(),
            separator: scheme.separator,
            algorithm: scheme.algorithm,
            encoding: scheme.encoding,
            signed,
        })
    }

    /// Whether the address of the receiver is signed.
    pub(crate) fn needs_url(&self) -> bool {
        self.signed.iter().any(|part| matches!(part, Part::Url))
    }
}

impl Set {
    fn new(places: &Places<'_>) -> Result<Self, String> {
        Ok(Self {
            signature: match places.signature {
                Place::Header(name) => Spot::Header(header(name)?),
                Place::Query(name) => Spot::Query(name.to_owned()),
            },
            id: places.id.map(header).transpose()?,
            timestamp: match places.timestamp {
                None => None,
                Some(Stamp::Header(name)) => Some(Clock::Header(header(name)?)),
                Some(Stamp::Part(tag)) => Some(Clock::Part(tag.to_owned())),
            },
        })
    }
}

fn header(name: &str) -> Result<HeaderName, String> {
    name.parse()
        .map_err(|_| format!("`{name}` is no name of a header"))
}

/// Every piece whose length the sender chooses must end recognisably.
fn parts(pieces: &[Piece<'_>]) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        let rest = pieces.get(index + 1..).unwrap_or_default();
        let end = || match rest {
            [Piece::Text(text), ..] if !text.is_empty() => Ok((*text).to_owned()),
            [] => Ok(String::new()),
            _ => Err(
                "between two parts of `signed` there must be a text, or bytes could move from one to the other",
            ),
        };
        parts.push(match *piece {
            Piece::Text(text) => Part::Text(text.to_owned()),
            Piece::Id => Part::Id(end()?),
            Piece::Header(name) => Part::Header(header(name)?, end()?),
            Piece::Timestamp => Part::Timestamp(match rest {
                [Piece::Text(text), ..] => text.starts_with(|c: char| c.is_ascii_digit()),
                [] => false,
                _ => true,
            }),
            Piece::Url => Part::Url,
            Piece::Form | Piece::Body if !rest.is_empty() => {
                return Err("the body must be the last part of `signed`".into());
            }
            Piece::Form => Part::Form,
            Piece::Body => Part::Body,
        });
    }
    Ok(parts)
}
