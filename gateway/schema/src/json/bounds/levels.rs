//! How often one part of the data is checked, over all levels above it: what applies to a value in two ways applies to
//! each of its parts in two, and so on.

use super::{Edges, Steps, Ways, left};
use crate::InvalidSchema;
use std::collections::BTreeMap;

/// The most, where each schema checks a value so often, and each way leads at most once through a ring: what comes of going round is its growth.
pub(super) fn most(
    edges: &[Edges],
    ways: &Ways,
    rings: &[Option<usize>],
    own: &[u64],
    steps: &mut Steps,
) -> Result<u64, InvalidSchema> {
    let next: Vec<Vec<usize>> = edges.iter().map(|edges| edges.all().collect()).collect();
    let mut checks: Vec<u64> = vec![0; edges.len()];
    for group in groups(&next, rings) {
        let mut most = 0;
        for node in &group {
            most = most.max(of(&ways.0[*node], edges, own, &checks, steps)?);
        }
        for node in group {
            checks[node] = most;
        }
    }
    Ok(checks.into_iter().max().unwrap_or_default())
}

/// The schemas, those of a ring together, each after all that it leads to.
fn groups(next: &[Vec<usize>], rings: &[Option<usize>]) -> Vec<Vec<usize>> {
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut last: BTreeMap<usize, usize> = BTreeMap::new();
    let order = left(next);
    for (at, node) in order.iter().enumerate() {
        if let Some(ring) = rings[*node] {
            last.insert(ring, at);
        }
    }
    for (at, node) in order.into_iter().enumerate() {
        let at = rings[node]
            .and_then(|ring| last.get(&ring).copied())
            .unwrap_or(at);
        groups.entry(at).or_default().push(node);
    }
    groups.into_values().collect()
}

/// For a value that meets these schemas; those of its own ring count nothing yet.
fn of(
    met: &BTreeMap<usize, u64>,
    edges: &[Edges],
    each: &[u64],
    checks: &[u64],
    steps: &mut Steps,
) -> Result<u64, InvalidSchema> {
    let sum = |targets: &[usize]| {
        let all = targets.iter().map(|target| checks[*target]);
        all.fold(0, u64::saturating_add)
    };
    let (mut own, mut any): (u64, u64) = (0, 0);
    let mut named: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (schema, times) in met {
        let edges = &edges[*schema];
        steps.take(1 + edges.named.len() + edges.rest.len() + edges.matched.len())?;
        own = own.saturating_add(times.saturating_mul(each[*schema]));
        let rest = times.saturating_mul(sum(&edges.rest));
        any = any.saturating_add(rest);
        any = any.saturating_add(times.saturating_mul(sum(&edges.matched)));
        for (name, targets) in &edges.named {
            let (more, less) = named.entry(name).or_default();
            *more = more.saturating_add(times.saturating_mul(sum(targets)));
            *less = less.saturating_add(rest);
        }
    }
    let named = named.into_values();
    let parts = named.map(|(more, less)| any.saturating_sub(less).saturating_add(more));
    Ok(own.max(parts.fold(any, u64::max)))
}
