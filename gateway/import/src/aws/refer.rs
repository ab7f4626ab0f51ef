//! What an argument of a plan refers to: its value is open, and yet the configuration tells whose it is.

use super::found::What;
use super::terraform::what;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What a reference may ask of a resource, and means the resource by.
const NAMES: &[&str] = &["arn", "event_bus_arn", "id", "name"];
/// Most variables and outputs on the way; a hostile file has them in circles.
const HOPS: usize = 32;

/// A resource of the plan.
#[derive(Debug)]
pub(super) struct Planned<'d> {
    pub(super) address: &'d str,
    pub(super) name: Option<&'d str>,
    what: What,
}

/// Resources and what leads to them.
#[derive(Debug, Default)]
pub(super) struct References<'d> {
    planned: BTreeMap<&'d str, Planned<'d>>,
    /// Addresses by what they are without the resource's own index, where there is one such.
    alone: BTreeMap<&'d str, Option<&'d str>>,
    /// How many buses have a name.
    buses: BTreeMap<&'d str, usize>,
    /// What is given to a module, by its address without indices.
    calls: BTreeMap<String, &'d Map<String, Value>>,
    /// What it gives, by the same.
    outputs: BTreeMap<String, &'d Map<String, Value>>,
}

impl<'d> References<'d> {
    pub(super) fn planned(&mut self, module: &'d Value) {
        let list = |key: &str| module.get(key).and_then(Value::as_array).into_iter();
        for resource in list("resources").flatten() {
            let text = |key: &str| resource.get(key).and_then(Value::as_str);
            let what = text("type").and_then(what);
            let (Some(address), Some(what)) = (text("address"), what) else {
                continue;
            };
            if text("mode") == Some("data") || !resource.get("values").is_some_and(Value::is_object)
            {
                continue;
            }
            let name = resource.pointer("/values/name").and_then(Value::as_str);
            let name = name.filter(|name| !name.is_empty());
            if let (What::Bus, Some(name)) = (what, name) {
                *self.buses.entry(name).or_default() += 1;
            }
            let plain = &address[..address.len() - index(split(address).1).len()];
            let alone = self.alone.entry(plain);
            alone.and_modify(|one| *one = None).or_insert(Some(address));
            let planned = Planned {
                address,
                name,
                what,
            };
            self.planned.insert(address, planned);
        }
        for child in list("child_modules").flatten() {
            self.planned(child);
        }
    }

    /// The module that a call at this address, without indices, makes.
    pub(super) fn called(&mut self, call: &'d Value, address: &str) {
        if let Some(given) = call.get("expressions").and_then(Value::as_object) {
            self.calls.insert(address.to_owned(), given);
        }
        if let Some(outputs) = call.pointer("/module/outputs").and_then(Value::as_object) {
            self.outputs.insert(address.to_owned(), outputs);
        }
    }

    /// The one resource that an argument of the resource at `address` is made of.
    pub(super) fn one(
        &self,
        address: &str,
        expression: &'d Value,
        wanted: What,
    ) -> Option<&Planned<'d>> {
        let (module, own) = split(address);
        let (mut module, mut own) = (module.to_owned(), index(own).to_owned());
        let mut expression = expression;
        for _ in 0..HOPS {
            let (reference, same) = single(expression)?;
            let mut steps = steps(reference);
            let asks = steps.len() - usize::from(steps[0] == "module");
            if asks == 3 && NAMES.contains(&steps[steps.len() - 1]) {
                steps.pop();
            }
            match steps[..] {
                ["var", name] if !same => {
                    expression = self.calls.get(&unindexed(&module))?.get(name)?;
                    let called = self::steps(&module).pop()?.len();
                    own = index(&module[module.len() - called..]).to_owned();
                    module.truncate(module.len().saturating_sub("module.".len() + called));
                    module.truncate(module.trim_end_matches('.').len());
                }
                ["module", called, output] if !same => {
                    module = within(&module, &format!("module.{called}"));
                    own.clear();
                    let outputs = self.outputs.get(&unindexed(&module))?;
                    expression = outputs.get(output)?.get("expression")?;
                }
                [ty, name] if what(ty) == Some(wanted) => {
                    let mut address = within(&module, &format!("{ty}.{name}"));
                    if same {
                        address.push_str(&own);
                    }
                    let indexed = !index(name).is_empty() || same;
                    let address = match indexed {
                        true => address.as_str(),
                        false => (*self.alone.get(address.as_str())?)?,
                    };
                    let found = self.planned.get(address)?;
                    // By their name two buses are one here.
                    let alike = found.name.and_then(|name| self.buses.get(name));
                    let told = wanted != What::Bus || alike.is_none_or(|alike| *alike == 1);
                    return (found.what == wanted && told).then_some(found);
                }
                _ => return None,
            }
        }
        None
    }
}

/// The reference of an expression that has only this one; the parts of it that lead there are listed, too. And whether
/// it goes by the index of what it stands in.
fn single(expression: &Value) -> Option<(&str, bool)> {
    let all = expression.get("references")?.as_array()?.iter();
    let (indices, all): (Vec<&str>, Vec<&str>) = all
        .filter_map(Value::as_str)
        .partition(|text| matches!(*text, "each.key" | "count.index"));
    let longest = *all.iter().max_by_key(|text| text.len())?;
    let leads = |text: &&str| {
        let rest = longest.strip_prefix(*text);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    (all.iter().all(leads)).then_some((longest, !indices.is_empty()))
}

fn within(module: &str, address: &str) -> String {
    match module.is_empty() {
        true => address.to_owned(),
        false => format!("{module}.{address}"),
    }
}

/// The module of an address, and the rest.
fn split(address: &str) -> (&str, &str) {
    let steps = steps(address);
    let modules = steps.chunks_exact(2).take_while(|pair| pair[0] == "module");
    let len: usize = modules.map(|pair| pair[0].len() + pair[1].len() + 2).sum();
    let (module, rest) = address.split_at(len.min(address.len()));
    (module.strip_suffix('.').unwrap_or(module), rest)
}

/// `["x"]` of `n["x"]`.
fn index(step: &str) -> &str {
    step.find('[').map_or("", |at| &step[at..])
}

/// What stands between dots; those within an index are part of it.
fn steps(address: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut from = 0;
    for (at, _) in outside(address).filter(|(_, c)| *c == '.') {
        out.push(&address[from..at]);
        from = at + 1;
    }
    out.push(&address[from..]);
    out
}

/// `module.a["x.y"].t.n[0]` is `module.a.t.n`: the configuration has each block once.
pub(super) fn unindexed(address: &str) -> String {
    outside(address).map(|(_, c)| c).collect()
}

/// What is no index.
fn outside(address: &str) -> impl Iterator<Item = (usize, char)> {
    let (mut within, mut quoted, mut escaped) = (false, false, false);
    address.char_indices().filter(move |(_, c)| {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' if within => quoted = !quoted,
            '[' if !quoted => within = true,
            ']' if !quoted => within = false,
            _ => return !within,
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lose_their_indices() {
        for (address, plain) in [
            ("t.n", "t.n"),
            ("t.n[0]", "t.n"),
            (r#"module.a["x.]\"["].t.n["y"]"#, "module.a.t.n"),
        ] {
            assert_eq!(unindexed(address), plain);
        }
    }

    #[test]
    fn addresses_have_a_module_and_an_index() {
        for (address, module, own) in [
            ("t.n", "", ""),
            ("t.n[0]", "", "[0]"),
            ("module.a.t.n", "module.a", ""),
            (
                r#"module.a["x.y"].module.b.t.n["z.]"]"#,
                r#"module.a["x.y"].module.b"#,
                r#"["z.]"]"#,
            ),
        ] {
            let (of, rest) = split(address);
            assert_eq!((of, index(rest)), (module, own), "{address}");
        }
    }
}
