//! Standard input: an event a line, or all of it as one, and what became of each on standard output.

use super::foreign;
use crate::crew::{Crew, End, Ends, Item, Order, Responds, Work};
use crate::response::Body;
use crate::run::Exit;
use crate::{InvalidOptions, Options, Outcome};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderMap;
use serde::Serialize;
use serde_json::value::RawValue;
use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::Instant;
use tradewind_event::{Event, json as event_json};
use tradewind_formats::{Message, decode_each};

const FORMAT: &str = "TRADEWIND_STDIN";
/// Lines that are read ahead.
const AHEAD: usize = 16;

/// What stands for an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Line,
    All,
}

impl Unit {
    pub(crate) fn of(get: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidOptions> {
        match get(FORMAT).as_deref().unwrap_or_default() {
            "" | "lines" => Ok(Unit::Line),
            "raw" => Ok(Unit::All),
            other => Err(InvalidOptions {
                variable: FORMAT,
                reason: format!("`{other}` is neither `lines` nor `raw`"),
            }),
        }
    }
}

/// What came, and its number; or why it was not taken.
type Piece = (usize, Result<Bytes, String>);

/// Not every event was taken, so the program does not end with success.
#[derive(Debug)]
struct Unfinished(String);

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unfinished {}

/// Handles what comes, in order, until it ends or the process is to stop.
pub(crate) async fn run(crew: &Crew, options: &Options, asked: impl Future<Output = ()>) -> Exit {
    let unit = Unit::of(|name| std::env::var(name).ok())?;
    let (sender, pieces) = channel(AHEAD);
    let max = options.body_max;
    // A thread of its own: nothing can wake it from a read, and the process does not wait for it.
    std::thread::spawn(move || {
        let send = |piece| sender.blocking_send(piece).is_ok();
        read(BufReader::new(std::io::stdin().lock()), unit, max, send);
    });
    each(crew, options, unit, pieces, asked).await
}

/// Handles pieces as they come, and tells of each on standard output.
async fn each(
    crew: &Crew,
    options: &Options,
    unit: Unit,
    mut pieces: Receiver<Piece>,
    asked: impl Future<Output = ()>,
) -> Exit {
    let (mut failed, mut count) = (0, 0);
    let mut asked = std::pin::pin!(asked);
    loop {
        let some = tokio::select! {
            some = next(crew, &mut pieces) => some,
            () = &mut asked => {
                crew.stopping.cancel();
                let why = "stopped before the end of the input";
                return Err(Unfinished(why.into()).into());
            }
        };
        if some.is_empty() {
            break;
        }
        let told = handle(crew, options, unit, some).await;
        // Only now: handlers write there as well.
        let mut out = std::io::stdout().lock();
        for told in told {
            count += 1;
            failed += usize::from(!told.is_taken());
            writeln!(out, "{}", told.line())?;
        }
        out.flush()?;
    }
    match failed {
        0 => Ok(()),
        failed => Err(Unfinished(format!("{failed} of {count} events were not taken")).into()),
    }
}

/// The same for what is there already, as the process would be given and would give it.
pub(crate) async fn fed(crew: &Crew, options: &Options, unit: Unit, input: &[u8]) -> String {
    let mut pieces = Vec::new();
    read(input, unit, options.body_max, |piece| {
        pieces.push(piece);
        true
    });
    let told = handle(crew, options, unit, pieces).await;
    told.iter().map(|told| told.line() + "\n").collect()
}

/// Hands over line by line, empty ones as well, until nobody takes them; one that is too long as the reason.
pub(crate) fn lines(
    input: impl BufRead,
    max: usize,
    mut send: impl FnMut(Result<Bytes, String>) -> bool,
) {
    read(input, Unit::Line, max, |(_, line)| send(line));
}

/// One piece; as many as are there, for a handler of several.
async fn next(crew: &Crew, pieces: &mut Receiver<Piece>) -> Vec<Piece> {
    let mut some: Vec<_> = pieces.recv().await.into_iter().collect();
    while crew.batches()
        && !some.is_empty()
        && let Ok(piece) = pieces.try_recv()
    {
        some.push(piece);
    }
    some
}

fn read(mut input: impl BufRead, unit: Unit, max: usize, mut send: impl FnMut(Piece) -> bool) {
    let mut number = 0;
    loop {
        number += 1;
        let mut bytes = Vec::new();
        // One byte more tells what is too large, and no more than that is held.
        let mut limited = input.by_ref().take(max as u64 + 1);
        let got = match unit {
            Unit::Line => limited.read_until(b'\n', &mut bytes),
            Unit::All => limited.read_to_end(&mut bytes),
        };
        let line_end = bytes.ends_with(b"\n");
        let piece = match got {
            Ok(0) => return,
            Ok(_) if bytes.len() > max && !(line_end && bytes.len() == max + 1) => {
                let rest = match unit {
                    Unit::Line => skip_line(&mut input, line_end),
                    Unit::All => std::io::copy(&mut input, &mut std::io::sink()).is_ok(),
                };
                send((
                    number,
                    Err(format!("more than {max} bytes; see TRADEWIND_BODY_MAX")),
                ));
                match rest {
                    true => continue,
                    false => return,
                }
            }
            Ok(_) => Ok(Bytes::from(bytes)),
            Err(error) => {
                send((number, Err(error.to_string())));
                return;
            }
        };
        if !send((number, piece)) {
            return;
        }
    }
}

/// What is left of a line that is too long; false at the end.
fn skip_line(input: &mut impl BufRead, ended: bool) -> bool {
    if ended {
        return true;
    }
    loop {
        let (skipped, ended) = match input.fill_buf() {
            Ok([]) | Err(_) => return false,
            Ok(buffer) => match buffer.iter().position(|byte| *byte == b'\n') {
                Some(place) => (place + 1, true),
                None => (buffer.len(), false),
            },
        };
        input.consume(skipped);
        if ended {
            return true;
        }
    }
}

/// What became of each event, as documents.
async fn handle(crew: &Crew, options: &Options, unit: Unit, pieces: Vec<Piece>) -> Vec<Told> {
    let mut told = Vec::new();
    let mut waiting: Vec<(usize, Vec<Item>)> = Vec::new();
    for (number, piece) in pieces {
        let is_empty = |bytes: &Bytes| unit == Unit::Line && bytes.trim_ascii().is_empty();
        if piece.as_ref().is_ok_and(is_empty) {
            continue;
        }
        let items = piece.and_then(|bytes| items(unit, number, bytes));
        waiting.push((
            number,
            items.unwrap_or_else(|reason| {
                vec![Item {
                    deliveries: Err(reason),
                }]
            }),
        ));
    }
    let (numbers, items): (Vec<_>, Vec<_>) = waiting
        .into_iter()
        .flat_map(|(number, items)| items.into_iter().map(move |item| (number, item)))
        .unzip();
    let ids: Vec<Vec<String>> = items.iter().map(ids).collect();
    let ends: Ends = match crew.batches() {
        true => work(crew, options, items).await,
        false => {
            let mut ends = Vec::with_capacity(items.len());
            for item in items {
                ends.extend(work(crew, options, vec![item]).await);
            }
            ends
        }
    };
    for ((number, ids), ends) in numbers.into_iter().zip(ids).zip(ends) {
        for (place, end) in ends.into_iter().enumerate() {
            told.push(Told::of(number, ids.get(place), end));
        }
    }
    told
}

async fn work(crew: &Crew, options: &Options, items: Vec<Item>) -> Ends {
    let work = Work {
        items,
        order: Order::UntilRetry,
        one_way: false,
        responds: Responds::Whole,
        deadline: None,
        tell: Box::new(|ends| ends),
    };
    crew.work(work, Instant::now() + options.timeout).await
}

fn ids(item: &Item) -> Vec<String> {
    let deliveries = item.deliveries.iter().flatten();
    deliveries.map(|one| one.event.id().to_owned()).collect()
}

/// A CloudEvent, what a payload of a known format carries, or what is there as the data of an event.
fn items(unit: Unit, number: usize, bytes: Bytes) -> Result<Vec<Item>, String> {
    let bytes = match unit {
        Unit::Line => bytes.slice_ref(bytes.trim_ascii()),
        Unit::All => bytes,
    };
    let message = Message {
        headers: &HeaderMap::new(),
        body: &bytes,
    };
    match decode_each(&message) {
        Ok((_, carried)) => {
            let carried = carried.into_iter();
            return Ok(carried
                .map(|one| foreign::item(one, |context| context))
                .collect());
        }
        // What says that it is an event is one, or nothing.
        Err(tradewind_formats::Error::Unknown) if foreign::claims_event(&bytes) => {
            let event = event_json::decode(bytes).map_err(|e| e.to_string())?;
            let context = foreign::context(&event);
            return Ok(vec![Item::one(event, context)]);
        }
        Err(tradewind_formats::Error::Unknown) => {}
        Err(error) => return Err(error.to_string()),
    }
    let json = serde_json::from_slice::<serde::de::IgnoredAny>(&bytes).is_ok();
    let content_type = match (json, std::str::from_utf8(&bytes)) {
        (true, _) => "application/json",
        (false, Ok(_)) => "text/plain; charset=utf-8",
        (false, Err(_)) => "application/octet-stream",
    };
    let (id, ty) = match unit {
        Unit::Line => (format!("{number}"), "stdin.line"),
        Unit::All => ("0".into(), "stdin.data"),
    };
    let event = Event::builder(id, "/stdin", ty)
        .data(content_type, bytes)
        .build()
        .map_err(|e| e.to_string())?;
    let context = foreign::context(&event);
    Ok(vec![Item::one(event, context)])
}

/// What became of an event.
#[derive(Serialize, Default)]
struct Told {
    line: usize,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// As it was written: numbers keep their digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    reply: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after_seconds: Option<f64>,
}

impl Told {
    fn of(line: usize, id: Option<&String>, end: End) -> Self {
        let outcome = match (&end, id) {
            (_, None) => "unreadable",
            (End::Done(Outcome::Ack), _) => "ack",
            (End::Done(Outcome::Reply(_)), _) => "reply",
            (End::Done(Outcome::Respond(_)), _) => "response",
            (End::Done(Outcome::Retry { .. } | Outcome::Each(_)), _) => "retry",
            (End::Done(Outcome::Reject { .. }), _) => "reject",
            (End::Panicked, _) => "panic",
            (End::Late, _) => "late",
            (End::Skipped, _) => "skipped",
        };
        let mut told = Self {
            line,
            outcome,
            id: id.cloned(),
            reason: (!end.is_taken()).then(|| end.reason().to_owned()),
            ..Self::default()
        };
        match end {
            End::Done(Outcome::Reply(event)) => told.reply = foreign::raw(&event),
            End::Done(Outcome::Respond(response)) => {
                told.status = Some(response.status.as_u16());
                if let Body::Whole(body) = response.body {
                    match std::str::from_utf8(&body) {
                        Ok(text) => told.body = Some(text.to_owned()),
                        Err(_) => told.body_base64 = Some(STANDARD.encode(&body)),
                    }
                }
            }
            End::Done(Outcome::Retry { after, .. }) => {
                told.after_seconds = after.map(|after| after.as_secs_f64());
            }
            _ => {}
        }
        told
    }

    fn is_taken(&self) -> bool {
        matches!(self.outcome, "ack" | "reply" | "response")
    }

    /// Data may be on several lines; between the parts of a document a space says the same.
    fn line(&self) -> String {
        let document = serde_json::to_string(self).unwrap_or_default();
        document.replace(['\n', '\r'], " ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Host, Reply, handler_fn};
    use std::sync::Arc;

    /// Another thread writes to standard output, and the handler waits for it.
    async fn writes(_: Event) -> Reply {
        let write = || writeln!(std::io::stdout(), "the handler's own line");
        let written = tokio::task::spawn_blocking(write).await;
        assert!(matches!(written, Ok(Ok(()))));
        Reply::ack()
    }

    #[tokio::test]
    async fn a_handler_may_write_to_standard_output_itself() {
        let options = Options::default();
        let crew = Crew::new(Arc::new(handler_fn(writes)), Host::Stdin, &options);
        let (sender, pieces) = channel(AHEAD);
        for number in 1..=2 {
            sender.send((number, Ok("{}".into()))).await.unwrap();
        }
        drop(sender);
        let told = each(&crew, &options, Unit::Line, pieces, std::future::pending());
        told.await.unwrap();
    }
}
