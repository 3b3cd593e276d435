//! What a batch function returns: values by id, in one of several forms.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::hash::{BuildHasher, Hash};

/// What a function returns that loads many values: each with its id, or all in the order asked.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say which value belongs to which `{K}`",
    label = "a batch returns each value with its id, or all of them in the order asked",
    note = "return a `HashMap<K, V>`, a `BTreeMap<K, V>`, a `Vec<(K, V)>`, a `Vec<Option<V>>` in the order asked, or a `Result` of one"
)]
pub trait Many<K>: Sized {
    /// The value of one id.
    type Item;
    /// The error beside the values.
    type Error;

    /// The values that a body returned.
    ///
    /// # Errors
    /// The body's own.
    #[doc(hidden)]
    fn open(self) -> Result<Found<K, Self::Item>, Self::Error>;

    /// An answer of the same kind.
    #[doc(hidden)]
    fn close(answer: Result<Answer<'_, K, Self::Item>, Self::Error>) -> Self;
}

/// What a body found.
#[doc(hidden)]
pub enum Found<K, T> {
    /// Values with their ids, in any order.
    ById(Vec<(K, T)>),
    /// One or none for each id, in the order asked.
    InOrder(Vec<Option<T>>),
}

/// What a call answers.
#[doc(hidden)]
pub struct Answer<'a, K, T> {
    /// The ids, each once, in the order asked.
    pub(super) ids: Vec<K>,
    /// Their values.
    pub(super) values: Vec<Option<T>>,
    /// For each id that was asked for, where it is among these.
    pub(super) places: &'a [usize],
}

impl<K, T> Answer<'_, K, T> {
    fn by_id(self) -> impl Iterator<Item = (K, T)> {
        self.ids.into_iter().zip(self.values).filter_map(|(id, value)| Some((id, value?)))
    }
}

fn sure<T>(answer: Result<T, Infallible>) -> T {
    match answer {
        Ok(answer) => answer,
        Err(never) => match never {},
    }
}

impl<K: Eq + Hash, T, S: BuildHasher + Default> Many<K> for HashMap<K, T, S> {
    type Item = T;
    type Error = Infallible;

    fn open(self) -> Result<Found<K, T>, Infallible> {
        Ok(Found::ById(self.into_iter().collect()))
    }

    fn close(answer: Result<Answer<'_, K, T>, Infallible>) -> Self {
        sure(answer).by_id().collect()
    }
}

impl<K: Ord, T> Many<K> for BTreeMap<K, T> {
    type Item = T;
    type Error = Infallible;

    fn open(self) -> Result<Found<K, T>, Infallible> {
        Ok(Found::ById(self.into_iter().collect()))
    }

    fn close(answer: Result<Answer<'_, K, T>, Infallible>) -> Self {
        sure(answer).by_id().collect()
    }
}

impl<K, T> Many<K> for Vec<(K, T)> {
    type Item = T;
    type Error = Infallible;

    fn open(self) -> Result<Found<K, T>, Infallible> {
        Ok(Found::ById(self))
    }

    fn close(answer: Result<Answer<'_, K, T>, Infallible>) -> Self {
        sure(answer).by_id().collect()
    }
}

impl<K, T: Clone> Many<K> for Vec<Option<T>> {
    type Item = T;
    type Error = Infallible;

    fn open(self) -> Result<Found<K, T>, Infallible> {
        Ok(Found::InOrder(self))
    }

    fn close(answer: Result<Answer<'_, K, T>, Infallible>) -> Self {
        let Answer { values, places, .. } = sure(answer);
        if values.len() == places.len() {
            return values;
        }
        places.iter().map(|place| values[*place].clone()).collect()
    }
}

impl<K, M: Many<K, Error = Infallible>, E> Many<K> for Result<M, E> {
    type Item = M::Item;
    type Error = E;

    fn open(self) -> Result<Found<K, M::Item>, E> {
        self.map(|many| sure(many.open()))
    }

    fn close(answer: Result<Answer<'_, K, M::Item>, E>) -> Self {
        answer.map(|answer| M::close(Ok(answer)))
    }
}

/// What an entry holds, as what a batch has of it.
#[diagnostic::on_unimplemented(
    message = "a batch of `{T}` cannot share entries of `{Self}`",
    label = "the cached function's entries hold something else",
    note = "where the cached function returns `T` or `Option<T>`, the batch returns `T` for each id"
)]
pub trait Holds<T>: Sized {
    /// What is stored where the body gave this; nothing where the entry cannot say that there is no value.
    #[doc(hidden)]
    fn of(given: Option<T>) -> Option<Self>;

    /// What the caller gets.
    #[doc(hidden)]
    fn given(self) -> Option<T>;
}

impl<T> Holds<T> for T {
    fn of(given: Option<T>) -> Option<T> {
        given
    }

    fn given(self) -> Option<T> {
        Some(self)
    }
}

impl<T> Holds<T> for Option<T> {
    fn of(given: Option<T>) -> Option<Self> {
        Some(given)
    }

    fn given(self) -> Option<T> {
        self
    }
}
