//! How a filter is filed: under which access predicates, and what is left to check there.

use super::access::{Access, contraries, ways};
use crate::eval::{Check, Together};
use std::collections::HashMap;
use std::sync::Arc;

/// Ways of which one is met wherever a check holds, each with what is left to check there.
pub(super) struct Cover {
    pub(super) ways: Vec<(Access, Check)>,
    cost: usize,
}

/// About how many candidates a way leads to.
pub(super) type Cost<'c> = &'c dyn Fn(&Access) -> usize;

/// The cheapest cover; `None` where nothing leads to what is checked.
pub(super) fn cover(check: &Check, cost: Cost<'_>) -> Option<Cover> {
    let mut found = of(check, cost)?;
    if found.ways.len() > 1 {
        found.ways = merged(found.ways);
    }
    Some(found)
}

fn of(check: &Check, cost: Cost<'_>) -> Option<Cover> {
    match check {
        Check::Yes | Check::Opaque(_) | Check::Spent(_) => None,
        Check::Not(inner) => match &**inner {
            Check::Test(asked) => {
                let ways = contraries(asked.path, &asked.test)?;
                Some(costed(leading_to(check, ways), cost))
            }
            _ => None,
        },
        Check::Shared(inner) => of(inner, cost),
        Check::All(members) => all(members, cost),
        Check::Any(members) => {
            let mut whole = Cover {
                ways: Vec::new(),
                cost: 0,
            };
            for member in members {
                let one = of(member, cost)?;
                whole.cost += one.cost;
                whole.ways.extend(one.ways);
            }
            Some(whole)
        }
        Check::Test(asked) => {
            let ways = ways(asked.path, &asked.test);
            Some(costed(leading_to(check, ways), cost))
        }
        Check::Together(together) => {
            let covers = (0..together.fields.len())
                .filter(|at| !together.is_spent(*at))
                .map(|at| {
                    let field = &together.fields[at];
                    let left = Check::Together(Together::spending(together, at));
                    let ways = field.tests.iter().flat_map(|test| ways(field.path, test));
                    costed(ways.map(|way| (way, left.clone())).collect(), cost)
                });
            covers.min_by_key(|cover| cover.cost)
        }
    }
}

/// What is left to check where a way to `check` is met.
fn leading_to(check: &Check, ways: Vec<Access>) -> Vec<(Access, Check)> {
    let left = ways.into_iter().map(|way| {
        let left = match way {
            Access::Key { sure: true, .. } => Check::Yes,
            _ => Check::Spent(Box::new(check.clone())),
        };
        (way, left)
    });
    left.collect()
}

fn costed(ways: Vec<(Access, Check)>, cost: Cost<'_>) -> Cover {
    let cost = ways.iter().map(|(way, _)| cost(way)).sum();
    Cover { ways, cost }
}

/// Filed under the cheapest member; the others are checked there.
fn all(members: &[Check], cost: Cost<'_>) -> Option<Cover> {
    let covers = members.iter().enumerate();
    let covers = covers.filter_map(|(at, member)| Some((at, of(member, cost)?)));
    let (chosen, mut cover) = covers.min_by_key(|(_, cover)| cover.cost)?;
    let others = members.iter().enumerate().filter(|(at, _)| *at != chosen);
    let others: Vec<Check> = others.map(|(_, other)| other.clone()).collect();
    if others.is_empty() {
        return Some(cover);
    }
    let others = match (Check::all(others), cover.ways.len()) {
        (others, 1) => others,
        (others, _) => Check::Shared(Arc::new(others)),
    };
    for (_, left) in &mut cover.ways {
        let first = std::mem::replace(left, Check::Yes);
        *left = Check::all(vec![first, others.clone()]);
    }
    Some(cover)
}

/// One filter is filed once under each way: what was to be checked there are alternatives.
fn merged(ways: Vec<(Access, Check)>) -> Vec<(Access, Check)> {
    let mut known: HashMap<Access, usize> = HashMap::with_capacity(ways.len());
    let mut merged: Vec<(Access, Vec<Check>)> = Vec::with_capacity(ways.len());
    for (way, check) in ways {
        match known.get(&way) {
            Some(at) => merged[*at].1.push(check),
            None => {
                known.insert(way.clone(), merged.len());
                merged.push((way, vec![check]));
            }
        }
    }
    let merged = merged.into_iter();
    merged
        .map(|(way, checks)| (way, Check::any(checks)))
        .collect()
}
