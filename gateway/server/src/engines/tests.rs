use super::*;
use tradewind_adapter::EngineCapability;
use tradewind_store::testkit::{ManualClock, MemoryStreams};
use tradewind_store::{Entry, Kind};

#[derive(Debug)]
struct Depot;

impl StreamEngine for Depot {
    fn describe(&self) -> String {
        "a depot".into()
    }
    fn capability(&self) -> EngineCapability {
        EngineCapability {
            durability: "stored",
            weak: None,
            retention_bytes: false,
            dedupe_max: 1,
            shared: true,
            delays: false,
        }
    }
}

fn entry(kind: Kind) -> Entry {
    Entry {
        shard_key: 0,
        identity: None,
        kind,
        payload: b"x".as_slice().into(),
        decoded: None,
    }
}

#[tokio::test]
async fn a_stream_that_lies_elsewhere_hides_nothing_that_lies_here() {
    let clock = Arc::new(ManualClock::new(1));
    let here: Arc<dyn Streams> = Arc::new(MemoryStreams::new(clock));
    let settings = Settings::default();
    let names = ["default/orders", "default/parcels", "default/letters"];
    for (name, kind) in names
        .iter()
        .zip([Some(Kind::Event), Some(Kind::Control), None])
    {
        let Some(kind) = kind else { continue };
        let stream = here.open(name, &settings).await.unwrap();
        stream.append(vec![entry(kind)]).await.unwrap();
    }
    let all = names.map(|name| {
        (
            name.strip_prefix(SPACE).unwrap().to_owned(),
            Arc::new(Depot) as Arc<dyn StreamEngine>,
        )
    });
    let data = std::env::temp_dir();
    let engines = Engines::new(here, ("node".into(), &data), all.into());
    assert!(engines.list().await.unwrap().is_empty());
    let refused = async |name| engines.open(name, &settings).await.unwrap_err().to_string();
    assert!(
        refused(names[0])
            .await
            .contains("holds events in the data directory")
    );
    // These two get as far as whoever could open them.
    for name in &names[1..] {
        assert!(
            refused(*name).await.contains("nothing in this binary"),
            "{name}"
        );
    }
    engines.place(Places::new());
    assert_eq!(engines.list().await.unwrap().len(), 2);
    assert!(engines.open(names[0], &settings).await.is_ok());
}
