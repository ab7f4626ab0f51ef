//! One datum, byte by byte. Its blocks may promise what no memory holds, so nothing is kept of it.

use super::plan::{Kind, Plan};
use crate::Violation;

/// Deepest nesting of a datum.
const DEPTH_MAX: usize = 64;
/// Most values of a datum; some take no bytes.
const VALUES_MAX: usize = 1_000_000;

/// That the bytes are one datum of the plan, and nothing after it.
pub(super) fn walk(plan: &Plan, bytes: &[u8]) -> Result<(), Violation> {
    let mut walk = Walk {
        plan,
        rest: bytes,
        values: 0,
        path: Vec::new(),
    };
    walk.value(0)?;
    match walk.rest.len() {
        0 => Ok(()),
        n => Err(Violation::new("", "end", format!("{n} bytes after it"))),
    }
}

struct Walk<'b> {
    plan: &'b Plan,
    rest: &'b [u8],
    values: usize,
    path: Vec<&'b str>,
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
            Kind::Null => Ok(()),
            Kind::Boolean => match self.take("boolean", 1)? {
                [0 | 1] => Ok(()),
                _ => Err(self.broken("boolean", "another byte").expected("0 or 1")),
            },
            Kind::Int => match i32::try_from(self.long("int")?) {
                Ok(_) => Ok(()),
                Err(_) => Err(self.broken("int", "a number of more than 32 bits")),
            },
            Kind::Long => self.long("long").map(drop),
            Kind::Fixed(size) => self.take("fixed", *size).map(drop),
            Kind::Bytes => self.counted("bytes").map(drop),
            Kind::String => self.string(),
            Kind::Array(items) => self.blocks("[]", |walk| walk.value(*items)),
            Kind::Map(values) => self.blocks("{}", |walk| {
                walk.string()?;
                walk.value(*values)
            }),
            Kind::Union(variants) => {
                let branch = usize::try_from(self.long("union")?).ok();
                match branch.and_then(|branch| variants.get(branch)) {
                    Some(variant) => self.within("", |walk| walk.value(*variant)),
                    None => Err(self
                        .broken("union", "another branch")
                        .expected(format!("one of {} branches", variants.len()))),
                }
            }
            Kind::Record(fields) => fields
                .iter()
                .try_for_each(|(name, kind)| self.within(name, |walk| walk.value(*kind))),
            Kind::Enum(symbols) => match usize::try_from(self.long("enum")?) {
                Ok(symbol) if symbol < *symbols => Ok(()),
                _ => Err(self
                    .broken("enum", "another one")
                    .expected(format!("one of {symbols} symbols"))),
            },
        }
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

    fn string(&mut self) -> Result<(), Violation> {
        let bytes = self.counted("string")?;
        match std::str::from_utf8(bytes) {
            Ok(_) => Ok(()),
            Err(_) => Err(self.broken("string", "bytes that are not UTF-8")),
        }
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
