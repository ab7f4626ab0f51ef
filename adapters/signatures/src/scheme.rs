//! How one provider signs, as data.

use crate::KeyFormat;
use std::time::Duration;

/// One way of signing requests. Another provider is another value.
#[derive(Debug, Clone, Copy)]
pub struct Scheme<'a> {
    /// For logs, errors and configuration.
    pub name: &'a str,
    /// Alternative sets of places; the first set whose signature is present counts, and the others
    /// are not looked at.
    pub places: &'a [Places<'a>],
    /// Stands before each signature (`sha256=`, `v1,`). What carries another tag is ignored, so an
    /// older, weaker version beside it is no way in.
    pub prefix: &'a str,
    /// Between the parts of one header, where it may carry several.
    pub separator: Option<char>,
    /// What a signature is.
    pub algorithm: Algorithm,
    /// How it is written.
    pub encoding: Encoding,
    /// How a configured secret becomes a key.
    pub key: KeyFormat<'a>,
    /// What is signed, in order; nothing for [`Algorithm::Token`].
    pub signed: &'a [Piece<'a>],
    /// How far a signed timestamp may lie in the past or the future. Unused where none is signed.
    pub tolerance: Duration,
}

impl Scheme<'_> {
    /// What most have: HMAC-SHA256 over the body, in hexadecimal.
    pub const BODY: Scheme<'static> = Scheme {
        name: "",
        places: &[],
        prefix: "",
        separator: None,
        algorithm: Algorithm::HmacSha256,
        encoding: Encoding::Hex,
        key: KeyFormat::Text,
        signed: &[Piece::Body],
        tolerance: Duration::ZERO,
    };
}

/// Where the parts of one proof are. Names of headers are in lower case.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    /// Where the signature is.
    pub signature: Place<'a>,
    /// The header with the message id, where one is signed.
    pub id: Option<&'a str>,
    /// The timestamp in seconds since the Unix epoch, where one is signed.
    pub timestamp: Option<Stamp<'a>>,
}

impl<'a> Places<'a> {
    /// A signature in this header, and nothing else.
    pub const fn header(name: &'a str) -> Self {
        Self {
            signature: Place::Header(name),
            id: None,
            timestamp: None,
        }
    }

    /// The same with a timestamp in a header of its own.
    #[must_use]
    pub const fn at(self, timestamp: &'a str) -> Self {
        Self {
            timestamp: Some(Stamp::Header(timestamp)),
            ..self
        }
    }
}

/// A named value of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    /// A header.
    Header(&'a str),
    /// A parameter of the query.
    Query(&'a str),
}

/// Where a timestamp is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stamp<'a> {
    /// In a header of its own.
    Header(&'a str),
    /// Among the parts of the signature's header, behind this text (`t=`).
    Part(&'a str),
}

/// What a signature is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-1, 20 bytes. Not broken as a MAC, but for senders that have nothing better.
    HmacSha1,
    /// HMAC with SHA-256, 32 bytes.
    HmacSha256,
    /// HMAC with SHA-512, 64 bytes.
    HmacSha512,
    /// No signature: the secret itself. Protects neither the body nor against repetition.
    Token,
    /// ECDSA over P-256 with SHA-256, in DER. The configured secret is a public key.
    EcdsaP256,
    /// Ed25519, 64 bytes. The configured secret is a public key.
    Ed25519,
}

/// How a signature is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Hexadecimal, either case.
    Hex,
    /// Standard base64 with padding.
    Base64,
    /// The URL-safe alphabet of base64, without padding.
    Base64Url,
}

/// A part of the signed bytes. Header values count as the text that was received, the body as the
/// bytes that were received.
///
/// Whatever a sender can choose the length of must end in a recognisable way, or bytes could move to
/// its neighbour under one signature: [`crate::Verifier`] checks that for every scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Fixed text.
    Text(&'a str),
    /// The value of [`Places::id`].
    Id,
    /// The value of [`Places::timestamp`].
    Timestamp,
    /// The value of any other header.
    Header(&'a str),
    /// The address that the sender was given, from the configuration.
    Url,
    /// Names and values of a form, sorted, as Twilio signs them. For a body that is no form, nothing:
    /// then the query must hold `bodySHA256`, which counts as a part of [`Piece::Url`].
    Form,
    /// The body.
    Body,
}
