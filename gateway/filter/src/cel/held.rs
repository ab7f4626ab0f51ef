//! Texts and bytes of values: borrowed where they are there already, shared where they were made.

use std::borrow::Cow;
use std::ops::Deref;
use std::rc::Rc;

/// A clone costs the same however much it holds: an expression may refer to a value at each step.
#[derive(Debug)]
pub(super) enum Held<'v, T: ?Sized> {
    Borrowed(&'v T),
    Made(Rc<T>),
}

impl<T: ?Sized> Clone for Held<'_, T> {
    fn clone(&self) -> Self {
        match self {
            Held::Borrowed(held) => Held::Borrowed(held),
            Held::Made(held) => Held::Made(Rc::clone(held)),
        }
    }
}

impl<T: ?Sized> Deref for Held<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            Held::Borrowed(held) => held,
            Held::Made(held) => held,
        }
    }
}

impl<'v, T: ?Sized> From<&'v T> for Held<'v, T> {
    fn from(held: &'v T) -> Self {
        Held::Borrowed(held)
    }
}

impl From<String> for Held<'_, str> {
    fn from(made: String) -> Self {
        Held::Made(made.into())
    }
}

impl From<Vec<u8>> for Held<'_, [u8]> {
    fn from(made: Vec<u8>) -> Self {
        Held::Made(made.into())
    }
}

impl<'v> From<Cow<'v, str>> for Held<'v, str> {
    fn from(text: Cow<'v, str>) -> Self {
        match text {
            Cow::Borrowed(text) => Held::Borrowed(text),
            Cow::Owned(text) => text.into(),
        }
    }
}
