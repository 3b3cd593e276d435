//! What becomes of a body's error: shared, or forgiven.

use crate::flight::Shared;
use std::sync::Arc;

/// Which errors a stale value may answer for.
pub struct Transient<E>(pub(super) Option<fn(&E) -> bool>);

impl<E> Transient<E> {
    /// None.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }

    /// All.
    #[must_use]
    pub const fn all() -> Self {
        Self(Some(|_| true))
    }

    /// Those that `transient` says yes to.
    #[must_use]
    pub const fn by(transient: fn(&E) -> bool) -> Self {
        Self(Some(transient))
    }
}

/// Whether and how an error is shared with those who joined a load.
pub struct ShareError<E>(Option<Sharing<E>>);

struct Sharing<E> {
    give: fn(&E) -> Shared,
    take: fn(&Shared) -> Option<E>,
}

impl<E> ShareError<E> {
    /// It is not.
    #[must_use]
    pub const fn never() -> Self {
        Self(None)
    }

    pub(crate) fn give(&self, error: &E) -> Option<Shared> {
        self.0.as_ref().map(|sharing| (sharing.give)(error))
    }

    pub(super) fn take(&self, shared: &Shared) -> Option<E> {
        self.0.as_ref().and_then(|sharing| (sharing.take)(shared))
    }
}

impl<E: Clone + Send + Sync + 'static> ShareError<E> {
    /// As a clone.
    #[must_use]
    pub const fn cloned() -> Self {
        let give: fn(&E) -> Shared = |error| Arc::new(error.clone());
        let take: fn(&Shared) -> Option<E> = |shared| shared.downcast_ref::<E>().cloned();
        Self(Some(Sharing { give, take }))
    }
}
