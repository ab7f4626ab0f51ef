//! Bytes taken apart: what a target needs besides one text.

use http::{HeaderMap, HeaderName, HeaderValue};

/// Takes an input apart from its front. What is missing is zero or empty.
#[derive(Debug, Clone)]
pub(crate) struct Cut<'a>(pub(crate) &'a [u8]);

impl<'a> Cut<'a> {
    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    pub(crate) fn number(&mut self) -> u64 {
        u64::from(self.byte()) << 8 | u64::from(self.byte())
    }

    /// As many bytes as there are, up to `length`.
    pub(crate) fn take(&mut self, length: usize) -> &'a [u8] {
        let (head, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        head
    }

    /// A line as text, without its end; invalid UTF-8 counts as empty.
    pub(crate) fn line(&mut self) -> &'a str {
        let end = self.0.iter().position(|b| *b == b'\n');
        let (line, rest) = match end {
            Some(end) => (&self.0[..end], &self.0[end + 1..]),
            None => (self.0, &[][..]),
        };
        self.0 = rest;
        std::str::from_utf8(line).unwrap_or_default()
    }

    /// Lines `name: value` up to an empty one. What cannot be a header is left out, as the HTTP parser
    /// before us would have refused it.
    pub(crate) fn headers(&mut self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        while !self.0.is_empty() {
            let end = self.0.iter().position(|b| *b == b'\n');
            let (line, rest) = match end {
                Some(end) => (&self.0[..end], &self.0[end + 1..]),
                None => (self.0, &[][..]),
            };
            self.0 = rest;
            if line.is_empty() {
                break;
            }
            let Some(colon) = line.iter().position(|b| *b == b':') else {
                continue;
            };
            let value = line[colon + 1..].trim_ascii();
            if let (Ok(name), Ok(value)) = (
                HeaderName::from_bytes(&line[..colon]),
                HeaderValue::from_bytes(value),
            ) {
                headers.append(name, value);
            }
        }
        headers
    }

    pub(crate) fn rest(self) -> &'a [u8] {
        self.0
    }
}
