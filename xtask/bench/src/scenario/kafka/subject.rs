//! What is measured: processes between a topic, or publishers, and an HTTP target.

use super::super::account::{Begun, Sample, counted, until};
use super::broker::Broker;
use crate::gateway::{Durability, Gateway, delivered_to};
use crate::process::{Process, this};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

/// Partitions of a topic, and shards of a stream: the same for each of one, two, three or six nodes.
const PARTITIONS: usize = 6;

/// Who does what.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// C: a topic to HTTP, by a plain loop.
    Loop,
    /// C with a door: HTTP to a topic, and that to HTTP.
    RelayLoop,
    /// A gateway with a topic as its source.
    Source,
    /// A gateway with its stream on Kafka.
    Stream,
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [Self::Loop, Self::Source, Self::RelayLoop, Self::Stream];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Loop => "C: Kafka to HTTP",
            Self::RelayLoop => "C: HTTP, Kafka, HTTP",
            Self::Source => "Kafka to HTTP",
            Self::Stream => "HTTP, stream, HTTP",
        }
    }

    pub(super) fn is_gateway(self) -> bool {
        matches!(self, Self::Source | Self::Stream)
    }

    /// Whether its events come over HTTP; else they lie in a topic.
    fn is_published(self) -> bool {
        matches!(self, Self::RelayLoop | Self::Stream)
    }
}

/// One run of one row.
pub(super) struct Run<'a> {
    pub(super) broker: &'a Broker,
    pub(super) gateway: &'a Path,
    pub(super) kind: Kind,
    pub(super) nodes: usize,
    /// Of its topic and group; no other run has it.
    pub(super) name: String,
}

enum Node {
    Loop(Process),
    Gateway(Gateway),
}

impl Node {
    fn process(&self) -> &Process {
        match self {
            Self::Loop(process) => process,
            Self::Gateway(gateway) => &gateway.process,
        }
    }
}

impl Run<'_> {
    /// All nodes have their part of the work and have done some of it before anything is measured.
    pub(super) fn measure(&self, events: u64) -> Result<Sample, String> {
        let upstream = Process::role(&["role", "upstream"])?;
        if self.kind != Kind::Stream {
            self.broker.topic(&self.name, PARTITIONS)?;
        }
        let nodes: Vec<Node> = (0..self.nodes)
            .map(|_| self.start(upstream.address))
            .collect::<Result<_, _>>()?;
        let nodes: Vec<Node> = nodes.into_iter().map(ready).collect::<Result<_, _>>()?;
        until("the work is not shared", || self.shared(&nodes))?;
        let warm = events / 10;
        self.send(&nodes, warm)?;
        until("the first events are not delivered", || {
            Ok(counted(upstream.address)? >= warm)
        })?;
        let ids: Vec<u32> = nodes.iter().map(|node| node.process().id()).collect();
        let begun = Begun::now(&ids, self.broker.process.id())?;
        self.send(&nodes, events)?;
        until("the events are not delivered", || {
            Ok(counted(upstream.address)? >= warm + events)
        })?;
        begun.ended(events)
    }

    fn start(&self, upstream: SocketAddr) -> Result<Node, String> {
        let (brokers, name) = (self.broker.address(), &self.name);
        let subscriptions = delivered_to(upstream, 0);
        let gateway = match self.kind {
            Kind::Loop | Kind::RelayLoop => return self.start_loop(upstream).map(Node::Loop),
            Kind::Source => {
                let source = format!(
                    "  topic: {{ kind: kafka, cluster: {{ brokers: [\"{brokers}\"] }}, topics: [{name}], group: {name} }}\n"
                );
                Gateway::reading(self.gateway, Durability::Fsync, &source, &subscriptions)
            }
            Kind::Stream => Gateway::node(self.gateway, brokers, name, PARTITIONS, &subscriptions),
        };
        gateway.map(Node::Gateway)
    }

    fn start_loop(&self, upstream: SocketAddr) -> Result<Process, String> {
        let arguments = [
            format!("--brokers={}", self.broker.address()),
            format!("--topic={}", self.name),
            format!("--group={}", self.name),
            format!("--to={upstream}"),
        ];
        let mut all = vec!["role", "consume"];
        all.extend(arguments.iter().map(String::as_str));
        match self.kind {
            Kind::RelayLoop => {
                all.push("--publish");
                Process::role(&all)
            }
            // It listens nowhere.
            _ => Process::listening(&mut this(&all)?, upstream),
        }
    }

    fn shared(&self, nodes: &[Node]) -> Result<bool, String> {
        match self.kind {
            Kind::Stream => {
                let share = PARTITIONS / self.nodes;
                for node in nodes {
                    if let Node::Gateway(gateway) = node
                        && gateway.shards("to-0")? != share
                    {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            _ => Ok(self.broker.settled(&self.name, self.nodes)),
        }
    }

    /// Publishers as fast as they are answered, or records as fast as the brokers take them.
    fn send(&self, nodes: &[Node], events: u64) -> Result<(), String> {
        if !self.kind.is_published() {
            return self.broker.fill(&self.name, PARTITIONS, events);
        }
        let account = nodes.first().map_or(0, |node| node.process().id());
        let output = this(&["role", "load"])?
            .args(
                nodes
                    .iter()
                    .map(|node| format!("--to={}", node.process().address)),
            )
            .arg(format!("--account={account}"))
            .arg(format!("--events={events}"))
            .stderr(Stdio::inherit())
            .output()
            .map_err(|e| e.to_string())?;
        match output.status.success() {
            true => Ok(()),
            false => Err(format!("the load ended with {}", output.status)),
        }
    }
}

fn ready(node: Node) -> Result<Node, String> {
    match node {
        Node::Gateway(gateway) => gateway.ready().map(Node::Gateway),
        node => Ok(node),
    }
}
