use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use tracing_core::Subscriber;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use super::SpanFields;

/// The spans around an event, looked up once.
///
/// As JSON they are a list of objects with name and fields, the outermost first.
pub(super) struct Scope<'a, S: for<'l> LookupSpan<'l>> {
    /// From the innermost outwards; the rest, if it is full, are the ancestors of the last.
    near: [Option<SpanRef<'a, S>>; NEAR],
}

impl<'a, S: for<'l> LookupSpan<'l>> Scope<'a, S> {
    pub(super) fn of(event: &tracing_core::Event<'_>, context: &'a Context<'a, S>) -> Self
    where
        S: Subscriber,
    {
        let mut near = [const { None }; NEAR];
        if let Some(spans) = context.event_scope(event) {
            for (place, span) in near.iter_mut().zip(spans) {
                *place = Some(span);
            }
        }
        Self { near }
    }

    pub(super) fn innermost(&self) -> Option<&SpanRef<'a, S>> {
        self.near[0].as_ref()
    }

    /// From the innermost outwards.
    pub(super) fn for_each(&self, mut visit: impl FnMut(&SpanRef<'a, S>)) {
        self.near.iter().flatten().for_each(&mut visit);
        self.far().for_each(|span| visit(&span));
    }

    fn far(&self) -> impl Iterator<Item = SpanRef<'a, S>> {
        let last = self.near[NEAR - 1].as_ref();
        last.into_iter().flat_map(|last| last.scope().skip(1))
    }
}

impl<S: for<'l> LookupSpan<'l>> Serialize for Scope<'_, S> {
    fn serialize<T: Serializer>(&self, to: T) -> Result<T::Ok, T::Error> {
        let far: Vec<_> = self.far().collect();
        let mut list = to.serialize_seq(None)?;
        for span in far.iter().rev().chain(self.near.iter().rev().flatten()) {
            list.serialize_element(&NamedSpan(span))?;
        }
        list.end()
    }
}

struct NamedSpan<'s, 'a, S: for<'l> LookupSpan<'l>>(&'s SpanRef<'a, S>);

impl<S: for<'l> LookupSpan<'l>> Serialize for NamedSpan<'_, '_, S> {
    fn serialize<T: Serializer>(&self, to: T) -> Result<T::Ok, T::Error> {
        let extensions = self.0.extensions();
        let fields = extensions.get::<SpanFields>().filter(|fields| fields.has_own());
        let mut object = to.serialize_map(None)?;
        object.serialize_entry("name", self.0.name())?;
        if let Some(fields) = fields {
            object.serialize_entry("fields", fields)?;
        }
        object.end()
    }
}

/// Most events are within no more spans.
const NEAR: usize = 8;
