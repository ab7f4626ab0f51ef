//! One datum, byte by byte. Its blocks may promise what no memory holds, so nothing is kept of it.

use super::plan::{Kind, Plan};
use crate::Violation;
use crate::out::{Full, Json, Said};
use std::collections::HashSet;

/// Deepest nesting of a datum.
const DEPTH_MAX: usize = 64;
/// Most values of a datum; some take no bytes.
const VALUES_MAX: usize = 1_000_000;

/// That the bytes are one datum of the plan, and nothing after it.
pub(super) fn walk(plan: &Plan, bytes: &[u8]) -> Result<(), Violation> {
    walked(plan, bytes, None).map(drop)
}

/// The same, as the specification writes it in JSON ("JSON Encoding"), in at most `max` bytes.
pub(super) fn json(plan: &Plan, bytes: &[u8], max: usize) -> Result<Vec<u8>, Violation> {
    let json = walked(plan, bytes, Some(Json::new(max)))?;
    Ok(json.map(Json::into_bytes).unwrap_or_default())
}

fn walked(plan: &Plan, bytes: &[u8], json: Option<Json>) -> Result<Option<Json>, Violation> {
    let mut walk = Walk {
        plan,
        rest: bytes,
        values: 0,
        path: Vec::new(),
        json,
    };
    walk.value(0)?;
    match walk.rest.len() {
        0 => Ok(walk.json),
        n => Err(Violation::new("", "end", format!("{n} bytes after it"))),
    }
}

struct Walk<'b> {
    plan: &'b Plan,
    rest: &'b [u8],
    values: usize,
    path: Vec<&'b str>,
    /// What is written of it, where that is wanted.
    json: Option<Json>,
}

impl<'b> Walk<'b> {
    fn value(&mut self, kind: usize) -> Result<(), Violation> {
        self.values += 1;
        if self.values > VALUES_MAX {
            return Err(self
                .broken("size", "more")
                .expected(format!("at most {VALUES_MAX} values")));
        }
        if self.path.len() > DEPTH_MAX {
            return Err(self
                .broken("nesting", "more")
                .expected(format!("at most {DEPTH_MAX} levels")));
        }
        match &self.plan.0[kind] {
            Kind::Null => self.say(|json| json.put(b"null")),
            Kind::Boolean => match self.take("boolean", 1)? {
                [0] => self.say(|json| json.put(b"false")),
                [1] => self.say(|json| json.put(b"true")),
                _ => Err(self.broken("boolean", "another byte").expected("0 or 1")),
            },
            Kind::Int => {
                let number = self.long("int")?;
                match i32::try_from(number) {
                    Ok(_) => self.say(|json| json.integer(number)),
                    Err(_) => Err(self.broken("int", "a number of more than 32 bits")),
                }
            }
            Kind::Long => {
                let number = self.long("long")?;
                self.say(|json| json.integer(number))
            }
            Kind::Float => {
                let number = f32::from_le_bytes(self.exactly("float")?);
                self.say(|json| json.float(number))
            }
            Kind::Double => {
                let number = f64::from_le_bytes(self.exactly("double")?);
                self.say(|json| json.double(number))
            }
            Kind::Fixed(size) => {
                let bytes = self.take("fixed", *size)?;
                self.say(|json| json.latin1(bytes))
            }
            Kind::Bytes => {
                let bytes = self.counted("bytes")?;
                self.say(|json| json.latin1(bytes))
            }
            Kind::String => {
                let text = self.string()?;
                self.say(|json| json.string(text))
            }
            Kind::Array(items) => {
                self.say(|json| json.put(b"["))?;
                let mut first = true;
                self.blocks("[]", |walk| {
                    walk.say(|json| json.comma(&mut first))?;
                    walk.value(*items)
                })?;
                self.say(|json| json.put(b"]"))
            }
            Kind::Map(values) => self.map(*values),
            Kind::Union(variants) => self.union(variants),
            Kind::Record(fields) => {
                self.say(|json| json.put(b"{"))?;
                let mut first = true;
                for (name, kind) in fields {
                    self.say(|json| {
                        json.comma(&mut first)?;
                        json.name(name)
                    })?;
                    self.within(name, |walk| walk.value(*kind))?;
                }
                self.say(|json| json.put(b"}"))
            }
            Kind::Enum(symbols) => {
                let symbol = usize::try_from(self.long("enum")?).ok();
                match symbol.and_then(|symbol| symbols.get(symbol)) {
                    Some(symbol) => self.say(|json| json.string(symbol)),
                    None => Err(self
                        .broken("enum", "another one")
                        .expected(format!("one of {} symbols", symbols.len()))),
                }
            }
        }
    }

    fn map(&mut self, values: usize) -> Result<(), Violation> {
        self.say(|json| json.put(b"{"))?;
        let mut first = true;
        let mut seen = HashSet::new();
        self.blocks("{}", |walk| {
            let key = walk.string()?;
            // Readers of JSON do not agree on which of two counts.
            if walk.json.is_some() && !seen.insert(key) {
                return Err(walk.broken("map", "one key twice"));
            }
            walk.say(|json| {
                json.comma(&mut first)?;
                json.name(key)
            })?;
            walk.value(values)
        })?;
        self.say(|json| json.put(b"}"))
    }

    /// Null is itself; any other value stands under the name of its branch.
    fn union(&mut self, variants: &'b [(String, usize)]) -> Result<(), Violation> {
        let branch = usize::try_from(self.long("union")?).ok();
        let Some((name, kind)) = branch.and_then(|branch| variants.get(branch)) else {
            return Err(self
                .broken("union", "another branch")
                .expected(format!("one of {} branches", variants.len())));
        };
        let bare = matches!(self.plan.0[*kind], Kind::Null);
        if !bare {
            self.say(|json| {
                json.put(b"{")?;
                json.name(name)
            })?;
        }
        self.within("", |walk| walk.value(*kind))?;
        match bare {
            true => Ok(()),
            false => self.say(|json| json.put(b"}")),
        }
    }

    fn say(&mut self, what: impl FnOnce(&mut Json) -> Said) -> Result<(), Violation> {
        let Some(json) = &mut self.json else {
            return Ok(());
        };
        let max = json.max();
        what(json).map_err(|Full| {
            self.broken("size", "more")
                .expected(format!("at most {max} bytes of JSON"))
        })
    }

    /// Blocks of values up to an empty one. A negative count is followed by the block's bytes.
    fn blocks(
        &mut self,
        name: &'b str,
        mut value: impl FnMut(&mut Self) -> Result<(), Violation>,
    ) -> Result<(), Violation> {
        loop {
            let count = self.long("block")?;
            if count == 0 {
                return Ok(());
            }
            if count < 0 {
                self.long("block")?;
            }
            for _ in 0..count.unsigned_abs() {
                self.within(name, &mut value)?;
            }
        }
    }

    fn within(
        &mut self,
        name: &'b str,
        inner: impl FnOnce(&mut Self) -> Result<(), Violation>,
    ) -> Result<(), Violation> {
        self.path.push(name);
        inner(self)?;
        self.path.pop();
        Ok(())
    }

    fn string(&mut self) -> Result<&'b str, Violation> {
        let bytes = self.counted("string")?;
        std::str::from_utf8(bytes).map_err(|_| self.broken("string", "bytes that are not UTF-8"))
    }

    fn exactly<const N: usize>(&mut self, rule: &str) -> Result<[u8; N], Violation> {
        let taken = self.take(rule, N)?;
        <[u8; N]>::try_from(taken).map_err(|_| self.broken(rule, "the end of the data"))
    }

    fn counted(&mut self, rule: &str) -> Result<&'b [u8], Violation> {
        match usize::try_from(self.long(rule)?) {
            Ok(count) => self.take(rule, count),
            Err(_) => Err(self.broken(rule, "a negative length")),
        }
    }

    fn take(&mut self, rule: &str, count: usize) -> Result<&'b [u8], Violation> {
        match self.rest.split_at_checked(count) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(self.broken(rule, "the end of the data")),
        }
    }

    /// A zig-zag number of at most 64 bits.
    fn long(&mut self, rule: &str) -> Result<i64, Violation> {
        let mut number: u64 = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(rule, 1)?[0];
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed());
            }
        }
        Err(self.broken(rule, "a number of more than 64 bits"))
    }

    fn broken(&self, rule: &str, found: &str) -> Violation {
        let names = self.path.iter().filter(|name| !name.is_empty());
        let path: Vec<&str> = names.copied().collect();
        Violation::new(&path.join("."), rule, found)
    }
}
