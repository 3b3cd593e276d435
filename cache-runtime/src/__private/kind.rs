//! What the macros learn from types.

use crate::flight::Shared;
use crate::typed::ShareError;
use std::marker::PhantomData;
use std::ops::Deref;

/// What a function returns when it can fail.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `Result`",
    label = "the name of this return type ends in `Result`",
    note = "write `returns = \"value\"` in the attribute"
)]
pub trait Fallible {
    /// What is cached.
    type Ok;
    /// What is not.
    type Err;
}

impl<T, E> Fallible for Result<T, E> {
    type Ok = T;
    type Err = E;
}

/// Tells shapes of types apart: a method of its own where its bound holds, else the one of [`AnyKind`], which it dereferences to.
pub struct Kind<T>(AnyKind<T>);

/// The question.
#[must_use]
pub const fn kind<T>() -> Kind<T> {
    Kind(AnyKind(PhantomData))
}

impl<T> Kind<Option<T>> {
    /// `None` is absent.
    #[must_use]
    pub const fn absent(&self) -> fn(&Option<T>) -> bool {
        Option::is_none
    }
}

impl<T> Kind<Option<T>> {
    /// What is inside.
    pub const fn present<'a>(&self, value: &'a Option<T>) -> Option<&'a T> {
        value.as_ref()
    }
}

impl<E: Clone + Send + Sync + 'static> Kind<E> {
    /// A clone can be shared.
    #[must_use]
    pub const fn share(&self) -> ShareError<E> {
        ShareError::cloned()
    }
}

impl<T: Clone + Send + Sync + 'static> Kind<T> {
    /// By a clone.
    #[must_use]
    pub const fn taker(&self) -> Cloned<T> {
        Cloned(PhantomData)
    }
}

impl<T, E> Kind<Result<T, E>> {
    /// The `Ok` value.
    pub fn ok<'a>(&self, returned: &'a Result<T, E>) -> Option<&'a T> {
        returned.as_ref().ok()
    }

    /// Not a plain value.
    #[must_use]
    pub const fn plain(&self) -> HiddenResult<Result<T, E>> {
        HiddenResult(PhantomData)
    }
}

/// The answers for every other type.
pub struct AnyKind<T>(PhantomData<fn() -> T>);

impl<T> Deref for Kind<T> {
    type Target = AnyKind<T>;

    fn deref(&self) -> &AnyKind<T> {
        &self.0
    }
}

impl<T> AnyKind<T> {
    /// Never.
    #[must_use]
    pub fn absent(&self) -> fn(&T) -> bool {
        |_| false
    }

    /// Not.
    #[must_use]
    pub const fn share(&self) -> ShareError<T> {
        ShareError::never()
    }

    /// What cannot be shared is not taken.
    #[must_use]
    pub const fn taker(&self) -> Untaken<T> {
        Untaken(PhantomData)
    }

    /// All of it.
    pub const fn ok<'a>(&self, returned: &'a T) -> Option<&'a T> {
        Some(returned)
    }

    /// All of it.
    pub const fn present<'a>(&self, value: &'a T) -> Option<&'a T> {
        Some(value)
    }

    /// It is.
    #[must_use]
    pub const fn plain(&self) -> PlainReturn<T> {
        PlainReturn(PhantomData)
    }
}

/// How a value is taken out of what all share.
pub trait Taker {
    /// Its type.
    type Value;
    /// The value, if it is of that type.
    fn take(shared: &Shared) -> Option<Self::Value>;
}

/// By a clone.
pub struct Cloned<T>(PhantomData<fn() -> T>);

/// Not at all.
pub struct Untaken<T>(PhantomData<fn() -> T>);

impl<T: Clone + Send + Sync + 'static> Taker for Cloned<T> {
    type Value = T;

    #[inline]
    fn take(shared: &Shared) -> Option<T> {
        shared.downcast_ref().cloned()
    }
}

impl<T> Taker for Untaken<T> {
    type Value = T;

    fn take(_: &Shared) -> Option<T> {
        None
    }
}

/// A return type that is itself the value.
#[diagnostic::on_unimplemented(
    message = "this return type is a `Result` by another name, so its errors would be cached",
    label = "write `returns = \"result\"` in the attribute, or `returns = \"value\"` to cache errors too"
)]
pub trait Plain<V> {}

impl<V> Plain<V> for PlainReturn<V> {}

/// The proof of [`Plain`].
pub struct PlainReturn<T>(PhantomData<fn() -> T>);

/// A `Result` behind an alias that does not look like one; `returns = "result"` says so.
pub struct HiddenResult<T>(PhantomData<fn() -> T>);
