//! From HTTP over a stream on Apache Kafka to HTTP, and from a topic to HTTP, by one node and by several that share the
//! work, against C, a loop that reads a topic and posts.

mod broker;
mod subject;

use super::account::Sample;
use crate::Options;
use crate::figures::{Spread, row, verdict};
use broker::Broker;
use subject::{Kind, Run};

/// Events of a run.
const EVENTS: u64 = 60_000;
/// Nodes that share the work.
const NODES: [usize; 2] = [1, 3];
/// What is enough of C.
const ENOUGH: f64 = 0.6;

/// A row of the table.
struct Row {
    kind: Kind,
    nodes: usize,
    samples: Vec<Sample>,
}

impl Row {
    fn spread(&self, figure: fn(&Sample) -> f64) -> Spread {
        Spread::of(self.samples.iter().map(figure))
    }

    /// Figure by figure, run by run.
    fn over(&self, other: &Self, figure: fn(&Sample) -> f64) -> Spread {
        let pairs = self.samples.iter().zip(&other.samples);
        Spread::of(pairs.map(|(ours, theirs)| figure(ours) / figure(theirs)))
    }
}

pub(crate) fn kafka(options: &Options) -> Result<(), String> {
    let Some(jars) = &options.jars else {
        return Err(
            "kafka: no `--jars` (hint: `cargo xtask bench kafka` brings it): falls short".into(),
        );
    };
    println!(
        "kafka: 1 KiB events from HTTP over a stream on Apache Kafka to HTTP, and from a topic to HTTP, by nodes that share \
         the work"
    );
    let broker = Broker::start(jars, &options.gateway)?;
    let events = options.events(EVENTS);
    let mut rows: Vec<Row> = Vec::new();
    for nodes in NODES {
        rows.extend(Kind::ALL.map(|kind| Row {
            kind,
            nodes,
            samples: Vec::new(),
        }));
    }
    let run = |number: usize, kind, nodes| {
        let run = Run {
            broker: &broker,
            gateway: &options.gateway,
            kind,
            nodes,
            name: format!("bench-{number}"),
        };
        let found = run.measure(events);
        found.map_err(|e| format!("{} on {nodes}: {e}", kind.label()))
    };
    // A virtual machine compiles what it runs often: not on the account of whoever is first.
    run(0, Kind::RelayLoop, 1)?;
    let mut number = 0;
    for _ in 0..options.rounds() {
        for row in &mut rows {
            number += 1;
            row.samples.push(run(number, row.kind, row.nodes)?);
        }
    }
    show(&rows);
    judge(&rows)
}

fn show(rows: &[Row]) {
    let headings = [
        "events/s",
        "cpu us/event",
        "broker us/event",
        "cores",
        "broker cores",
    ];
    row("", &headings.map(String::from));
    for Row { kind, nodes, .. } in rows {
        let Some(found) = find(rows, *kind, *nodes) else {
            continue;
        };
        let columns: [fn(&Sample) -> f64; 5] = [
            |s| s.per_second,
            |s| s.cpu_us,
            |s| s.server_us,
            |s| s.busy,
            |s| s.server_busy,
        ];
        let label = format!("{}, {nodes}", kind.label());
        row(
            &label,
            &columns.map(|column| found.spread(column).to_string()),
        );
    }
    let (Some(one), Some(many)) = (NODES.first(), NODES.last()) else {
        return;
    };
    for kind in Kind::ALL {
        if let Some((few, more)) = find(rows, kind, *one).zip(find(rows, kind, *many)) {
            println!(
                "  {}: {many} have {} of the rate of {one}, at {} of its CPU per event",
                kind.label(),
                more.over(few, |s| s.per_second),
                more.over(few, |s| s.cpu_us),
            );
        }
    }
    for nodes in NODES {
        let pair = find(rows, Kind::Stream, nodes).zip(find(rows, Kind::RelayLoop, nodes));
        if let Some((ours, theirs)) = pair {
            println!(
                "  {}, {nodes}: {} by rate and {} by CPU of C that takes its events over HTTP as well",
                Kind::Stream.label(),
                ours.over(theirs, |s| s.per_second),
                theirs.over(ours, |s| s.cpu_us),
            );
        }
    }
}

fn find(rows: &[Row], kind: Kind, nodes: usize) -> Option<&Row> {
    rows.iter()
        .find(|row| row.kind == kind && row.nodes == nodes)
}

/// Against as many loops as there are nodes: rate over rate, and CPU of the loops over that of the nodes.
fn judge(rows: &[Row]) -> Result<(), String> {
    let mut found = Vec::new();
    for row in rows.iter().filter(|row| row.kind.is_gateway()) {
        let Some(baseline) = find(rows, Kind::Loop, row.nodes) else {
            continue;
        };
        let rate = row.over(baseline, |s| s.per_second);
        let cpu = baseline.over(row, |s| s.cpu_us);
        found.push((
            format!(
                "{} on {} {:.0} events/s, {:.0} us per event, {rate} C by rate and {cpu} C by CPU, at least \
                 {ENOUGH:.2} each",
                row.kind.label(),
                row.nodes,
                row.spread(|s| s.per_second).median,
                row.spread(|s| s.cpu_us).median,
            ),
            rate.median >= ENOUGH && cpu.median >= ENOUGH,
        ));
    }
    verdict("kafka", &found)
}
