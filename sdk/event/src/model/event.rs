//! The event.

use super::builder::Value;
use super::validate::{self, SPEC_VERSION};
use super::{Attribute, Base, Builder, Core, Data, DataKind, Draft, Span, Timestamp, is_json};
use crate::InvalidEvent;
use bytes::Bytes;
use std::fmt;
use std::sync::Arc;

/// A CloudEvent 1.0. Owned, `'static`, cheap to clone, always valid.
///
/// Attributes are spans into one shared buffer; an attribute set later lies in an overlay above it.
/// Nothing of an event refers to the batch that it came in.
#[derive(Clone)]
pub struct Event {
    base: Arc<Base>,
    overlay: Option<Arc<Overlay>>,
}

/// Attributes set later; each name once.
type Overlay = Vec<(Box<str>, Value)>;

impl Event {
    /// Begins an event with its required attributes.
    pub fn builder(
        id: impl Into<String>,
        source: impl Into<String>,
        ty: impl Into<String>,
    ) -> Builder {
        Builder::new(id.into(), source.into(), ty.into())
    }

    /// `id`
    pub fn id(&self) -> &str {
        self.core(Core::Id).unwrap_or_default()
    }
    /// `source`
    pub fn source(&self) -> &str {
        self.core(Core::Source).unwrap_or_default()
    }
    /// `type`
    pub fn ty(&self) -> &str {
        self.core(Core::Type).unwrap_or_default()
    }
    /// `subject`
    pub fn subject(&self) -> Option<&str> {
        self.core(Core::Subject)
    }
    /// `time` as it was written; see [`Event::time`] for the instant.
    pub fn time_text(&self) -> Option<&str> {
        self.core(Core::Time)
    }
    /// `time` as an instant, parsed on demand.
    pub fn time(&self) -> Option<Timestamp> {
        Timestamp::parse(self.time_text()?).ok()
    }
    /// `datacontenttype`
    pub fn data_content_type(&self) -> Option<&str> {
        self.core(Core::DataContentType)
    }
    /// `dataschema`
    pub fn data_schema(&self) -> Option<&str> {
        self.core(Core::DataSchema)
    }
    /// Any attribute, core or extension, by name.
    pub fn attribute(&self, name: &str) -> Option<Attribute<'_>> {
        if let Some(value) = self.overlaid(name) {
            return Some(value);
        }
        if let Some(core) = Core::named(name) {
            return Some(Attribute::text(core.text_type(), self.base.core(core)?));
        }
        if name == "specversion" {
            return Some(Attribute::String(SPEC_VERSION));
        }
        self.base.extension(name)
    }
    /// All attributes, `specversion` first, core before extensions.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, Attribute<'_>)> {
        let core = Core::ALL.into_iter().filter_map(|core| {
            let text = self.core(core)?;
            Some((core.name(), Attribute::text(core.text_type(), text)))
        });
        std::iter::once(("specversion", Attribute::String(SPEC_VERSION)))
            .chain(core)
            .chain(self.extensions())
    }
    /// Extension attributes only.
    pub fn extensions(&self) -> impl Iterator<Item = (&str, Attribute<'_>)> {
        let below = self
            .base
            .extensions()
            .filter(|(name, _)| self.overlaid(name).is_none());
        let above = self
            .overlay()
            .iter()
            .map(|(name, value)| (&**name, value.as_attribute()))
            .filter(|(name, _)| Core::named(name).is_none());
        below.chain(above)
    }
    /// The payload, if there is one. JSON `null` is a payload; no data is none.
    pub fn data(&self) -> Option<&Data> {
        self.base.data.as_ref()
    }
    /// The payload parsed as JSON; `None` without data or where it is not JSON.
    pub fn data_json(&self) -> Option<serde_json::Value> {
        crate::json::value(self.data_json_bytes()?).ok()
    }
    /// The bytes of the payload, where it says that it is JSON.
    pub fn data_json_bytes(&self) -> Option<&[u8]> {
        let data = self.data()?;
        let is_json = data.kind == DataKind::Json || self.data_content_type().is_some_and(is_json);
        is_json.then_some(&data.bytes[..])
    }
    /// The same event with one attribute set, as an overlay: the buffer is shared.
    ///
    /// A string is taken for any core attribute that it is a valid value of. The kind of the payload
    /// stays what it was, also under another `datacontenttype`.
    pub fn with_attribute(&self, name: &str, value: Attribute<'_>) -> Result<Event, InvalidEvent> {
        validate::attribute(name, value)?;
        if name == "specversion" {
            return Ok(self.clone());
        }
        let added = name.len() + value.as_text().map_or(0, |(_, text)| text.len());
        if self.text_len() + added > Span::LIMIT {
            return Err(InvalidEvent::new(
                name,
                "is too long; attributes end at 2 GiB",
            ));
        }
        let value = match (Core::named(name), value.as_text()) {
            (Some(core), Some((_, text))) => Attribute::text(core.text_type(), text),
            _ => value,
        };
        let mut overlay = self.overlay().to_vec();
        overlay.retain(|(n, _)| **n != *name);
        overlay.push((name.into(), Value::owned(value)));
        Ok(Event {
            base: Arc::clone(&self.base),
            overlay: Some(Arc::new(overlay)),
        })
    }
    /// The same event without an attribute, which must not be a required one. One that is not there
    /// is no mistake. `data` and its kind stay.
    pub fn without_attribute(&self, name: &str) -> Result<Event, InvalidEvent> {
        if self.attribute(name).is_none() {
            return Ok(self.clone());
        }
        self.kept(|kept| kept != name).map(Event::from_base)
    }
    /// The same event with another payload and its `datacontenttype`, which the kind follows from.
    pub fn with_data(
        &self,
        content_type: &str,
        bytes: impl Into<Bytes>,
    ) -> Result<Event, InvalidEvent> {
        let name = Core::DataContentType.name();
        let mut draft = self.draft(|kept| kept != name)?;
        draft.set(name, Attribute::String(content_type))?;
        draft.finish(Some(Data::of(Some(content_type), bytes.into())))
    }
    /// Checks every rule of CloudEvents 1.0 that a single event must obey: names, types, character
    /// sets, URIs (RFC 3986), timestamps (RFC 3339), media types (RFC 2046), and what must not be
    /// missing or empty. Events are checked where they come into being, so this holds for each one.
    pub fn validate(&self) -> Result<(), InvalidEvent> {
        self.base.check_names()?;
        self.attributes()
            .try_for_each(|(name, value)| validate::attribute(name, value))
    }

    /// `data`, where that is JSON which was found to be well-formed when the event came.
    pub(crate) fn known_json(&self) -> Option<&str> {
        let data = self.data()?;
        if !self.base.well_formed || data.kind != DataKind::Json {
            return None;
        }
        match self.base.data_span {
            Some(span) => self.base.text(span),
            None => std::str::from_utf8(&data.bytes).ok(),
        }
    }

    pub(crate) fn from_base(base: Base) -> Self {
        Self {
            base: Arc::new(base),
            overlay: None,
        }
    }

    /// The base, where no overlay hides a part of it.
    pub(crate) fn base(&self) -> &Base {
        &self.base
    }

    pub(crate) fn untouched(&self) -> Option<&Base> {
        self.overlay.is_none().then_some(&*self.base)
    }

    /// A base that holds the overlay too.
    #[expect(clippy::expect_used, reason = "every part was checked when it came in")]
    pub(crate) fn flattened(&self) -> Base {
        self.kept(|_| true)
            .expect("events are valid, and with_attribute keeps them below the size limit")
    }

    /// A base of the attributes that are wanted, with the data.
    fn kept(&self, wanted: impl Fn(&str) -> bool) -> Result<Base, InvalidEvent> {
        let mut base = self.draft(wanted)?.into_base(self.data().cloned())?;
        base.well_formed = self.base.well_formed;
        Ok(base)
    }

    /// A draft of the attributes that are wanted, without data.
    fn draft(&self, wanted: impl Fn(&str) -> bool) -> Result<Draft, InvalidEvent> {
        let mut draft = Draft::with_capacity(256);
        for (name, value) in self.attributes().filter(|(name, _)| wanted(name)) {
            draft.set(name, value)?;
        }
        Ok(draft)
    }

    fn text_len(&self) -> usize {
        let len = |(name, value): (&str, Attribute<'_>)| {
            name.len() + value.as_text().map_or(0, |(_, text)| text.len())
        };
        self.attributes().map(len).sum()
    }

    pub(crate) fn core(&self, core: Core) -> Option<&str> {
        if let Some(overlay) = &self.overlay {
            let hit = overlay.iter().find(|(name, _)| **name == *core.name());
            if let Some((_, Value::Text(_, text))) = hit {
                return Some(text);
            }
        }
        self.base.core(core)
    }

    fn overlaid(&self, name: &str) -> Option<Attribute<'_>> {
        let hit = self.overlay().iter().find(|(n, _)| **n == *name)?;
        Some(hit.1.as_attribute())
    }

    fn overlay(&self) -> &[(Box<str>, Value)] {
        self.overlay.as_ref().map_or(&[], |overlay| overlay)
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_map();
        out.entries(self.attributes());
        if let Some(data) = self.data() {
            out.entry(&"data", data);
        }
        out.finish()
    }
}

/// Events are equal when their attributes (with type, in any order) and their data are.
impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        self.data() == other.data()
            && Core::ALL.into_iter().all(|c| self.core(c) == other.core(c))
            && self.extensions().count() == other.extensions().count()
            && self
                .extensions()
                .all(|(name, value)| other.attribute(name) == Some(value))
    }
}
