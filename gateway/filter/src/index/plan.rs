//! How a formula is filed: under which access predicates, and what is left to check there.

use super::access::{Access, ways};
use crate::eval::{Asked, Check, Paths};
use crate::ir::{Field, Formula, Predicate, Test};
use std::sync::Arc;

/// A formula, ready to be filed.
pub(super) struct Plan {
    check: Check,
    /// Ways of which one is met wherever the formula holds, each with what is left to check there;
    /// `None` where every event has to be looked at.
    pub(super) cover: Option<Cover>,
}

pub(super) struct Cover {
    pub(super) ways: Vec<(Access, Check)>,
    cost: usize,
}

/// What planning asks the index.
pub(super) trait Known {
    fn paths(&mut self) -> &mut Paths;
    fn intern(&mut self, asked: Asked) -> Arc<Asked>;
    /// About how many candidates this way would lead to.
    fn cost(&self, access: &Access) -> usize;
}

impl Plan {
    pub(super) fn new(formula: &Formula, known: &mut impl Known) -> Self {
        plan(formula, false, known)
    }

    /// What to check where there is no way.
    pub(super) fn into_check(self) -> Check {
        self.check
    }

    fn open(check: Check) -> Self {
        Self { check, cover: None }
    }
}

fn plan(formula: &Formula, negated: bool, known: &mut impl Known) -> Plan {
    match formula {
        Formula::All(members) | Formula::Any(members) => {
            let members: Vec<_> = members.iter().map(|m| plan(m, negated, known)).collect();
            match matches!(formula, Formula::All(_)) != negated {
                true => all(members),
                false => any(members),
            }
        }
        Formula::Not(member) => plan(member, !negated, known),
        Formula::Told(_, member) => plan(member, negated, known),
        Formula::Test(predicate) => test(predicate, negated, known),
        Formula::Together(fields) if negated => {
            Plan::open(Check::Not(Box::new(together(fields, known))))
        }
        Formula::Together(fields) => {
            let check = together(fields, known);
            let covers = fields.iter().map(|field| {
                let path = known.paths().intern(&field.path);
                let ways = field.tests.iter().flat_map(|test| ways(path, test));
                let ways: Vec<_> = ways.map(|way| (way, check.clone())).collect();
                costed(ways, known)
            });
            let cover = covers.min_by_key(|cover| cover.cost);
            Plan { check, cover }
        }
        Formula::Opaque(opaque) => {
            let check = Check::Opaque(Arc::new(opaque.clone()));
            Plan::open(match negated {
                true => Check::Not(Box::new(check)),
                false => check,
            })
        }
    }
}

fn costed(ways: Vec<(Access, Check)>, known: &impl Known) -> Cover {
    let cost = ways.iter().map(|(way, _)| known.cost(way)).sum();
    Cover { ways, cost }
}

fn test(predicate: &Predicate, negated: bool, known: &mut impl Known) -> Plan {
    let path = known.paths().intern(&predicate.path);
    let test: &Test = &predicate.test;
    let asked = known.intern(Asked {
        path,
        test: test.clone(),
    });
    let check = Check::Test(asked);
    if negated {
        return Plan::open(Check::Not(Box::new(check)));
    }
    let ways = ways(path, test).into_iter().map(|way| {
        let sure = matches!(&way, Access::Key { sure: true, .. });
        let left = if sure { Check::Yes } else { check.clone() };
        (way, left)
    });
    let cover = costed(ways.collect(), known);
    Plan {
        check,
        cover: Some(cover),
    }
}

fn together(fields: &[Field], known: &mut impl Known) -> Check {
    let formula = Formula::Together(fields.to_vec());
    Check::new(&formula, known.paths(), &mut Arc::new)
}

/// Filed under the cheapest member; the others are checked there.
fn all(members: Vec<Plan>) -> Plan {
    let costs = members.iter().enumerate();
    let costs = costs.filter_map(|(at, member)| Some((member.cover.as_ref()?.cost, at)));
    let chosen = costs.min();
    let mut checks = Vec::with_capacity(members.len());
    let mut cover = None;
    let mut others = Vec::with_capacity(members.len());
    for (at, member) in members.into_iter().enumerate() {
        match (chosen, member.cover) {
            (Some((_, chosen)), Some(found)) if chosen == at => cover = Some(found),
            _ => others.push(member.check.clone()),
        }
        checks.push(member.check);
    }
    if let Some(cover) = &mut cover
        && !others.is_empty()
    {
        let others = joined(others);
        let others = match cover.ways.len() {
            1 => others,
            _ => Check::Shared(Arc::new(others)),
        };
        for (_, left) in &mut cover.ways {
            let first = std::mem::replace(left, Check::Yes);
            *left = joined(vec![first, others.clone()]);
        }
    }
    Plan {
        check: joined(checks),
        cover,
    }
}

fn any(members: Vec<Plan>) -> Plan {
    let mut checks = Vec::with_capacity(members.len());
    let mut cover = Some(Cover {
        ways: Vec::new(),
        cost: 0,
    });
    for member in members {
        checks.push(member.check);
        cover = cover.zip(member.cover).map(|(mut all, one)| {
            all.cost += one.cost;
            all.ways.extend(one.ways);
            all
        });
    }
    Plan {
        check: Check::Any(checks.into()),
        cover,
    }
}

/// All of these; flat, and without what holds anyway.
fn joined(checks: Vec<Check>) -> Check {
    let mut flat = Vec::with_capacity(checks.len());
    for check in checks {
        match check {
            Check::Yes => {}
            Check::All(members) => flat.extend(members),
            other => flat.push(other),
        }
    }
    match flat.len() {
        0 => Check::Yes,
        1 => flat.remove(0),
        _ => Check::All(flat.into()),
    }
}
