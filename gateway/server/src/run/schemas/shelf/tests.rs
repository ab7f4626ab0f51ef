use super::*;
use axum::Router;
use axum::extract::State;
use http::{StatusCode, Uri};
use serde_json::{Value, json};
use std::net::SocketAddr;
use tradewind_schema::Definition;

/// Answers as the published interface of Confluent's registry has it, from a table of paths.
#[derive(Debug, Default)]
struct Server {
    answers: Mutex<HashMap<String, (u16, String)>>,
    asked: Mutex<Vec<String>>,
}

impl Server {
    async fn start() -> (Arc<Self>, SocketAddr) {
        let server = Arc::new(Self::default());
        server.put(ANYTHING, json!(["AVRO", "JSON", "PROTOBUF"]));
        let routes = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&server));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        (server, address)
    }

    fn put(&self, path: &str, answer: Value) {
        self.fails(path, 200, &answer.to_string());
    }

    fn fails(&self, path: &str, status: u16, body: &str) {
        locked(&self.answers).insert(path.into(), (status, body.into()));
    }

    /// What was asked since the last call.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *locked(&self.asked))
    }
}

async fn answer(State(server): State<Arc<Server>>, uri: Uri) -> (StatusCode, String) {
    let path = uri.path().strip_prefix("/base").unwrap_or("?").to_owned();
    let answer = locked(&server.answers).get(&path).cloned();
    locked(&server.asked).push(path);
    // Long enough for others to come meanwhile.
    tokio::time::sleep(Duration::from_millis(20)).await;
    let (status, body) = answer.unwrap_or_else(|| (404, r#"{"error_code":40403}"#.into()));
    (StatusCode::from_u16(status).unwrap(), body)
}

fn settings(address: SocketAddr, more: Value) -> BTreeMap<String, SchemaRegistry> {
    let mut settings = json!({
        "url": format!("http://{address}/base"), "allow-http": true, "allow-private": ["127.0.0.1/32"], "timeout": "2s",
    });
    for (key, value) in more.as_object().unwrap() {
        settings[key] = value.clone();
    }
    BTreeMap::from([(
        "shared".to_owned(),
        serde_json::from_value(settings).unwrap(),
    )])
}

fn shelves(address: SocketAddr) -> Arc<Shelves> {
    let shelves = Arc::<Shelves>::default();
    shelves.take(&settings(address, json!({})), &Arc::default());
    shelves
}

fn frame(id: u32, body: &[u8]) -> Bytes {
    [&[0][..], &id.to_be_bytes(), body].concat().into()
}

async fn open(shelves: &Shelves, framed: &Bytes) -> Result<Unframed, Unopened> {
    shelves.open("shared", framed, FramedData::Json, 1000).await
}

fn never(opened: Result<Unframed, Unopened>) -> String {
    match opened {
        Err(Unopened::Never(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

fn not_now(opened: Result<Unframed, Unopened>) -> String {
    match opened {
        Err(Unopened::NotNow(error)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_schema_is_asked_for_once_with_what_it_refers_to() {
    let (server, address) = Server::start().await;
    let letter =
        r#"{"type":"record","name":"Letter","fields":[{"name":"to","type":"shop.Address"}]}"#;
    let to =
        r#"{"type":"record","name":"shop.Address","fields":[{"name":"city","type":"string"}]}"#;
    let refers = json!([{ "name": "shop.Address", "subject": "a/b", "version": 2 }]);
    server.put(
        "/schemas/ids/7",
        json!({ "schema": letter, "references": refers }),
    );
    server.put(
        "/subjects/a%2Fb/versions/2",
        json!({ "schema": to, "version": 2, "id": 6 }),
    );
    let shelves = shelves(address);
    let framed = frame(7, b"\x04ab");
    let all = (0..50).map(|_| open(&shelves, &framed));
    for opened in futures_util::future::join_all(all).await {
        let opened = opened.unwrap();
        assert_eq!(&*opened.data, br#"{"to":{"city":"ab"}}"#);
        assert_eq!(opened.content_type, "application/json");
        assert_eq!(
            opened.schema,
            format!("http://{address}/base/schemas/ids/7")
        );
    }
    assert_eq!(
        server.asked(),
        ["/schemas/ids/7", "/subjects/a%2Fb/versions/2"]
    );
    // A reload keeps what is known of a registry that stays as it is.
    shelves.take(&settings(address, json!({})), &Arc::default());
    open(&shelves, &framed).await.unwrap();
    assert_eq!(server.asked(), Vec::<String>::new());
    shelves.take(
        &settings(address, json!({ "timeout": "3s" })),
        &Arc::default(),
    );
    open(&shelves, &framed).await.unwrap();
    assert_eq!(server.asked().len(), 2);
    let cut = never(open(&shelves, &frame(7, b"\x04a")).await);
    assert_eq!(
        cut,
        "schema 7 of the registry `shared`: to.city breaks `string`: found the end of the data"
    );
}

#[tokio::test]
async fn data_is_kept_as_it_is_where_that_is_wanted() {
    let (server, address) = Server::start().await;
    let text = r#"syntax = "proto3"; package shop; message Order { int32 n = 1; }"#;
    server.put(
        "/schemas/ids/1",
        json!({ "schema": text, "schemaType": "PROTOBUF" }),
    );
    server.put(
        "/schemas/ids/2",
        json!({ "schema": "{}", "schemaType": "JSON" }),
    );
    let shelves = shelves(address);
    let framed = frame(1, b"\0\x08\x05");
    let opened = shelves
        .open("shared", &framed, FramedData::Bytes, 100)
        .await
        .unwrap();
    assert_eq!(
        (&*opened.data, opened.content_type),
        (&b"\x08\x05"[..], "application/protobuf")
    );
    assert_eq!(
        opened.schema,
        format!("http://{address}/base/schemas/ids/1#shop.Order")
    );
    for data in [FramedData::Json, FramedData::Bytes] {
        let opened = shelves
            .open("shared", &frame(2, b" [1.0]"), data, 100)
            .await
            .unwrap();
        assert_eq!(
            (&*opened.data, opened.content_type),
            (&b" [1.0]"[..], "application/json")
        );
    }
}

#[tokio::test]
async fn what_will_never_be_read_is_told_from_what_cannot_be_read_now() {
    let (server, address) = Server::start().await;
    let shelves = shelves(address);
    for (framed, part) in [
        (
            Bytes::from_static(b"{\"secret\":1}"),
            "no frame: its first byte is 123",
        ),
        (Bytes::from_static(b"\0\0"), "no frame: it has 2 bytes"),
        (
            frame(7, &[b'x'; 1001]),
            "1001 bytes, where an event has at most 1000",
        ),
        (
            frame(1 << 31, b""),
            "no frame: 2147483648 is no number of a schema",
        ),
    ] {
        let told = never(open(&shelves, &framed).await);
        assert!(told.contains(part) && !told.contains("secret"), "{told}");
    }
    assert_eq!(
        server.asked(),
        Vec::<String>::new(),
        "nobody is asked for that"
    );
    server.put(
        "/schemas/ids/1",
        json!({ "schema": "no", "schemaType": "XML" }),
    );
    server.put("/schemas/ids/2", json!({ "schema": "no" }));
    let missing = json!([{ "name": "x", "subject": "gone", "version": 1 }]);
    server.put(
        "/schemas/ids/3",
        json!({ "schema": "{}", "schemaType": "JSON", "references": missing }),
    );
    let huge = json!({ "schema": "x".repeat(2 << 20) });
    server.put("/schemas/ids/4", huge);
    for (id, part) in [
        (1, "cannot be read by: `XML` is none of the languages"),
        (2, "cannot be read by: the schema is not JSON"),
        (
            3,
            "cannot be read by: its reference gone/1: the answer is 404",
        ),
        (4, "cannot be read by: "),
    ] {
        let told = never(open(&shelves, &frame(id, b"")).await);
        assert!(told.contains(part), "{id}: {told}");
        server.asked();
        never(open(&shelves, &frame(id, b"")).await);
        assert_eq!(
            server.asked(),
            Vec::<String>::new(),
            "{id} is not asked for again"
        );
    }
    for (status, body) in [(503, ""), (401, "{}"), (429, ""), (302, "")] {
        server.fails("/schemas/ids/5", status, body);
        let told = not_now(open(&shelves, &frame(5, b"")).await);
        assert!(
            told.contains("the registry `shared` gives no schemas"),
            "{told}"
        );
    }
    server.put("/schemas/ids/5", json!({ "schema": "\"int\"" }));
    assert_eq!(
        &*open(&shelves, &frame(5, b"\x02")).await.unwrap().data,
        b"1"
    );
    // Another name than any that is configured, an address that the guard does not let through.
    let other = shelves
        .open("other", &frame(5, b"\x02"), FramedData::Json, 9)
        .await;
    assert!(not_now(other).contains("`other`"));
    shelves.take(
        &settings(address, json!({ "allow-private": [] })),
        &Arc::default(),
    );
    server.asked();
    let told = not_now(open(&shelves, &frame(5, b"\x02")).await);
    assert!(told.contains("allow-private"), "{told}");
    assert_eq!(server.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn a_number_without_a_schema_is_looked_into_once_in_a_while() {
    let (server, address) = Server::start().await;
    let shelves = shelves(address);
    let told = never(open(&shelves, &frame(8, b"")).await);
    assert_eq!(told, "schema 8 of the registry `shared` is not there");
    assert_eq!(
        server.asked(),
        ["/schemas/ids/8", ANYTHING, "/schemas/ids/8"]
    );
    never(open(&shelves, &frame(8, b"")).await);
    assert_eq!(server.asked(), Vec::<String>::new());
    never(open(&shelves, &frame(9, b"")).await);
    assert_eq!(server.asked(), ["/schemas/ids/9"]);
}

#[tokio::test]
async fn a_schema_that_comes_a_moment_later_is_found() {
    let (server, address) = Server::start().await;
    let shelves = shelves(address);
    let registering = async {
        while !server.asked().contains(&ANYTHING.to_owned()) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        server.put("/schemas/ids/8", json!({ "schema": "\"int\"" }));
    };
    let framed = frame(8, b"\x02");
    let (opened, ()) = tokio::join!(open(&shelves, &framed), registering);
    assert_eq!(&*opened.unwrap().data, b"1");
}

/// Others go on, and it is asked for again when a while has passed.
#[tokio::test]
async fn a_number_that_a_registry_refuses_is_unreadable() {
    let (server, address) = Server::start().await;
    server.put("/schemas/ids/1", json!({ "schema": "\"int\"" }));
    let shelves = shelves(address);
    for (id, status, body, part) in [
        (2, 422, "{}", "cannot be read by: the answer is 422"),
        (3, 400, "{}", "cannot be read by: the answer is 400"),
        (4, 403, "{}", "cannot be read by: the answer is 403"),
        (
            5,
            200,
            "<html>",
            "cannot be read by: the answer is no schema",
        ),
    ] {
        let path = format!("/schemas/ids/{id}");
        server.fails(&path, status, body);
        let told = never(open(&shelves, &frame(id, b"")).await);
        assert!(told.contains(part), "{id}: {told}");
        assert_eq!(server.asked(), [&*path, ANYTHING]);
        let told = never(open(&shelves, &frame(id, b"")).await);
        assert!(told.contains(part), "{id}: {told}");
        assert_eq!(server.asked(), Vec::<String>::new());
        open(&shelves, &frame(1, b"\x02")).await.unwrap();
        server.asked();
    }
    for (since, _) in locked(&locked(&shelves.0)["shared"].known)
        .lacking
        .values_mut()
    {
        *since -= LACKING_STAYS;
    }
    server.put("/schemas/ids/2", json!({ "schema": "\"int\"" }));
    open(&shelves, &frame(2, b"\x02")).await.unwrap();
}

/// Where the address leads elsewhere, no record is thought to be wrong.
#[tokio::test]
async fn another_server_than_a_registry_knows_nothing_of_numbers() {
    let (server, address) = Server::start().await;
    server.fails(ANYTHING, 404, "");
    let shelves = shelves(address);
    let told = not_now(open(&shelves, &frame(8, b"")).await);
    assert!(told.contains("it does not answer /schemas/types"), "{told}");
    let told = not_now(open(&shelves, &frame(9, b"")).await);
    assert!(told.contains("it does not answer /schemas/types"), "{told}");
    for (status, body) in [(200, "<html>"), (403, "")] {
        server.fails(ANYTHING, status, body);
        server.fails("/schemas/ids/9", status, body);
        let told = not_now(open(&shelves, &frame(9, b"")).await);
        assert!(told.contains("it does not answer /schemas/types"), "{told}");
    }
    server.put(ANYTHING, json!(["AVRO"]));
    server.put("/schemas/ids/8", json!({ "schema": "\"int\"" }));
    open(&shelves, &frame(8, b"\x02")).await.unwrap();
}

#[test]
fn what_is_kept_is_bounded() {
    let mut known = Known::default();
    let definition = Definition {
        text: "\"int\"".into(),
        ..Definition::default()
    };
    let writer = Writer::new("avro", &definition).unwrap();
    for id in 0..5_000 {
        known.keep(id, writer.clone(), 1 << 10);
        known.find(0);
    }
    assert!(known.schemas.len() == KEPT_MAX.0 && known.schemas.contains_key(&0));
    assert!(known.schemas.contains_key(&4_999));
    for id in 5_000..5_200 {
        known.keep(id, writer.clone(), 256 << 10);
    }
    assert!(known.size <= KEPT_MAX.1, "{}", known.size);
    let size: usize = known.schemas.values().map(|kept| kept.size).sum();
    assert_eq!(size, known.size);
    for id in 0..30_000 {
        known.keep_lacking(id, "is not there".into());
        assert!(known.lacking.len() <= LACKING_MAX);
    }
}
