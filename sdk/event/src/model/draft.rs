//! Gathers an event attribute by attribute into one text buffer.

use super::{Attribute, Base, Core, Data, Event, Extension, Slot, Span, validate};
use crate::{InvalidEvent, limits};

/// An event in the making. Every value is checked as it comes in; names may come once.
#[derive(Debug)]
pub(crate) struct Draft {
    text: String,
    core: [Span; 7],
    extensions: Vec<Extension>,
    has_spec_version: bool,
}

impl Draft {
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self {
            text: String::with_capacity(bytes),
            core: [Span::NONE; 7],
            extensions: Vec::new(),
            has_spec_version: false,
        }
    }

    pub(crate) fn set(&mut self, name: &str, value: Attribute<'_>) -> Result<(), InvalidEvent> {
        validate::attribute(name, value)?;
        if name == "specversion" {
            if std::mem::replace(&mut self.has_spec_version, true) {
                return Err(InvalidEvent::twice(name));
            }
            return Ok(());
        }
        match (Core::named(name), value.as_text()) {
            (Some(core), Some((_, text))) => {
                let span = self.push(name, text)?;
                let place = &mut self.core[core as usize];
                if place.is_some() {
                    return Err(InvalidEvent::twice(name));
                }
                *place = span;
            }
            (_, text) => {
                let span = self.push(name, name)?;
                let value = match (text, value) {
                    (Some((ty, text)), _) => Slot::Text(ty, self.push(name, text)?),
                    (None, Attribute::Integer(n)) => Slot::Integer(n),
                    (None, value) => Slot::Boolean(value == Attribute::Boolean(true)),
                };
                self.extensions.push(Extension { name: span, value });
            }
        }
        Ok(())
    }

    /// As [`Draft::set`], for events of strangers: there may be only so many extensions.
    pub(crate) fn add(&mut self, name: &str, value: Attribute<'_>) -> Result<(), InvalidEvent> {
        if Core::named(name).is_none() && name != "specversion" {
            limits::another(self.extensions.len(), name)?;
        }
        self.set(name, value)
    }

    pub(crate) fn get(&self, core: Core) -> Option<&str> {
        let span = self.core[core as usize];
        self.text
            .get(span.start as usize..span.start as usize + span.len as usize)
    }

    pub(crate) fn finish(self, data: Option<Data>) -> Result<Event, InvalidEvent> {
        self.into_base(data).map(Event::from_base)
    }

    pub(crate) fn into_base(self, data: Option<Data>) -> Result<Base, InvalidEvent> {
        if !self.has_spec_version {
            return Err(InvalidEvent::missing("specversion"));
        }
        let base = Base {
            envelope: self.text.into(),
            side: String::new(),
            core: self.core,
            extensions: self.extensions,
            data,
            is_json: false,
            data_span: None,
            well_formed: false,
        };
        base.check_names()?;
        Ok(base)
    }

    fn push(&mut self, name: &str, text: &str) -> Result<Span, InvalidEvent> {
        let start = self.text.len();
        if start + text.len() > Span::LIMIT {
            return Err(InvalidEvent::new(
                name,
                "is too long; attributes end at 2 GiB",
            ));
        }
        self.text.push_str(text);
        Ok(Span::envelope(start, self.text.len()))
    }
}

impl Base {
    /// Required attributes are there, extensions have names of their own.
    pub(crate) fn check_names(&self) -> Result<(), InvalidEvent> {
        for core in Core::REQUIRED {
            if !self.core[core as usize].is_some() {
                return Err(InvalidEvent::missing(core.name()));
            }
        }
        match self.repeated_name() {
            Some(name) => Err(InvalidEvent::twice(name)),
            None => Ok(()),
        }
    }

    fn repeated_name(&self) -> Option<&str> {
        // Comparing each with each is the quickest way for the usual handful.
        const FEW: usize = 12;
        let names = || self.extensions.iter().filter_map(|e| self.text(e.name));
        if self.extensions.len() <= FEW {
            return names()
                .enumerate()
                .find(|(i, name)| names().take(*i).any(|other| other == *name))
                .map(|(_, name)| name);
        }
        let mut sorted: Vec<&str> = names().collect();
        sorted.sort_unstable();
        sorted.windows(2).find(|w| w[0] == w[1]).map(|w| w[0])
    }
}
