//! A broker of librdkafka's own in this process, and a stream there.

use crate::cluster::{Cluster, Copies, Params};
use crate::stream::Common;
use crate::tail::Tail;
use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tempfile::TempDir;
use tradewind_store::testkit::ManualClock;

/// A broker that answers as it is told; and one stream there.
pub(crate) struct Ground {
    broker: MockCluster<'static, DefaultProducerContext>,
    pub(crate) config: ClientConfig,
    pub(crate) common: Arc<Common>,
    _scratch: TempDir,
}

/// With a stream of so many shards.
pub(crate) fn ground(shards: u16) -> Ground {
    let broker = MockCluster::new(1).unwrap();
    for topic in ["t", "t.state"] {
        broker.create_topic(topic, shards.into(), 1).unwrap();
    }
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker.bootstrap_servers());
    let scratch = tempfile::tempdir().unwrap();
    let params = Params {
        copies: Copies::One,
        shared: false,
        ..Params::new(config.clone(), scratch.path().to_owned())
    };
    let common = Common {
        cluster: Arc::new(Cluster::new(params).unwrap()),
        clock: Arc::new(ManualClock::new(1_700_000_000_000)),
        writer: 1,
        owners: AtomicU64::default(),
        topic: "t".into(),
        state_topic: "t.state".into(),
        shards,
        hash_key: [0; 16],
        retention: Duration::from_secs(60),
        identities: 10,
    };
    Ground {
        broker,
        config,
        common: Arc::new(common),
        _scratch: scratch,
    }
}

impl Ground {
    /// What one node follows the stream with.
    pub(crate) fn tail(&self) -> Arc<Tail> {
        Arc::new(Tail::new(&self.common.cluster, "t").unwrap())
    }

    /// The next commit is answered as one that librdkafka takes for its end.
    pub(crate) fn end_the_producer(&self) {
        let answer = RDKafkaRespErr::RD_KAFKA_RESP_ERR_INVALID_TXN_STATE;
        self.broker.request_errors(RDKafkaApiKey::EndTxn, &[answer]);
    }
}
