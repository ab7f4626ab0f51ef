//! The Gherkin scenarios of the HTTP and the Kafka binding, read from their feature files.

use crate::conformance::folder;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use tradewind_event::http::{Message, Options, decode};
use tradewind_event::{Event, Limits, kafka};

/// One scenario outline: its steps with their doc strings or tables, and its examples.
#[derive(Debug, Default)]
struct Outline {
    name: String,
    request: String,
    headers: Vec<(String, String)>,
    attributes: Vec<(String, String)>,
    data: String,
    examples: Vec<String>,
}

fn outlines(feature: &str) -> Vec<Outline> {
    let mut outlines: Vec<Outline> = Vec::new();
    let mut step = String::new();
    let mut lines = feature.lines();
    while let Some(line) = lines.next() {
        let text = line.trim();
        let begun = text.strip_prefix("Scenario Outline: ");
        if let Some(name) = begun.or_else(|| text.strip_prefix("Scenario: ")) {
            outlines.push(Outline {
                name: name.to_owned(),
                ..Outline::default()
            });
            continue;
        }
        let Some(outline) = outlines.last_mut() else {
            continue;
        };
        if text == "\"\"\"" {
            let indent = line.len() - line.trim_start().len();
            let body: Vec<&str> = lines
                .by_ref()
                .take_while(|line| line.trim() != "\"\"\"")
                .map(|line| line.get(indent..).unwrap_or_default())
                .collect();
            let body = body.join("\n");
            match step.as_str() {
                "Given an HTTP request" | "Given a Kafka message with payload:" => {
                    outline.request = body;
                }
                _ => outline.data = body,
            }
        } else if let Some(row) = text.strip_prefix('|').and_then(|row| row.strip_suffix('|')) {
            let cells: Vec<String> = row.split('|').map(|cell| cell.trim().to_owned()).collect();
            match (step.as_str(), &cells[..]) {
                ("Examples:", [cell]) if cell != "contentType" => {
                    outline.examples.push(cell.clone())
                }
                ("And Kafka headers:", [name, value]) if name != "key" => {
                    outline.headers.push((name.clone(), value.clone()));
                }
                ("Then the attributes are:", [name, value]) if name != "key" => {
                    outline.attributes.push((name.clone(), value.clone()));
                }
                _ => {}
            }
        } else if !text.is_empty() {
            step = text.to_owned();
        }
    }
    outlines
}

fn request(text: &str) -> (HeaderMap, Bytes) {
    let (head, body) = text.split_once("\n\n").unwrap();
    let headers = head.lines().skip(1).map(|line| {
        let (name, value) = line.split_once(':').unwrap();
        let name: HeaderName = name.parse().unwrap();
        (name, HeaderValue::from_str(value.trim()).unwrap())
    });
    (headers.collect(), Bytes::copy_from_slice(body.as_bytes()))
}

#[test]
fn http_binding() {
    let Some(folder) = folder() else { return };
    let feature = folder.join("http-kafka-features/http-protocol-binding.feature");
    let feature = std::fs::read_to_string(feature).unwrap();
    let mut passed = 0;
    for outline in outlines(&feature) {
        for example in &outline.examples {
            let fill = |text: &str| text.replace("<contentType>", example);
            let (headers, body) = request(&fill(&outline.request));
            let event = match decode(&headers, body, &Options::default()).unwrap() {
                Message::Binary(event) if outline.name.starts_with("Binary") => event,
                Message::Structured(event) if outline.name.starts_with("Structured") => event,
                other => panic!("{}: read as {other:?}", outline.name),
            };
            outline.expect(&event, example);
            passed += 1;
        }
    }
    println!("HTTP binding scenarios: {passed}/4");
    assert_eq!(passed, 4);
}

impl Outline {
    fn expect(&self, event: &Event, example: &str) {
        assert_eq!(event.attributes().count(), self.attributes.len());
        for (name, value) in &self.attributes {
            let found = event.attribute(name).unwrap();
            let wanted = value.replace("<contentType>", example);
            assert_eq!(found.to_canonical(), wanted, "{name}");
        }
        let wanted: serde_json::Value = serde_json::from_str(&self.data).unwrap();
        assert_eq!(event.data_json(), Some(wanted));
    }
}

#[test]
fn kafka_binding() {
    let Some(folder) = folder() else { return };
    let feature = folder.join("http-kafka-features/kafka-protocol-binding.feature");
    let feature = std::fs::read_to_string(feature).unwrap();
    let mut passed = 0;
    for mut outline in outlines(&feature) {
        if outline.examples.is_empty() {
            outline.examples.push(String::new());
        }
        for example in &outline.examples {
            let headers: Vec<(String, String)> = outline
                .headers
                .iter()
                .map(|(name, value)| (name.clone(), value.replace("<contentType>", example)))
                .collect();
            let headers = headers
                .iter()
                .map(|(name, value)| (name.as_str(), Some(value.as_bytes())));
            let value = Bytes::copy_from_slice(outline.request.as_bytes());
            let event = kafka::decode(headers, Some(value), &Limits::default()).unwrap();
            outline.expect(&event, example);
            passed += 1;
        }
    }
    println!("Kafka binding scenarios: {passed}/3");
    assert_eq!(passed, 3);
}
