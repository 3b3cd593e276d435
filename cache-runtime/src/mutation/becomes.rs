//! What a mutation returns, as what its entry holds.

use std::sync::Arc;

/// A returned value that can become an entry of `V`.
#[diagnostic::on_unimplemented(
    message = "a returned `{Self}` cannot become an entry of `{V}`",
    label = "this function returns something else than the entry holds",
    note = "return the entry's value (`T` may become `Option<T>`, `Arc<T>` and `Option<Arc<T>>`), or use `#[invalidates(..)]`"
)]
pub trait Becomes<V> {
    /// The entry's value.
    fn becomes(&self) -> V;
}

impl<T: Clone> Becomes<T> for T {
    fn becomes(&self) -> T {
        self.clone()
    }
}

impl<T: Clone> Becomes<Option<T>> for T {
    fn becomes(&self) -> Option<T> {
        Some(self.clone())
    }
}

impl<T: Clone> Becomes<Arc<T>> for T {
    fn becomes(&self) -> Arc<T> {
        Arc::new(self.clone())
    }
}

impl<T: Clone> Becomes<Option<Arc<T>>> for T {
    fn becomes(&self) -> Option<Arc<T>> {
        Some(Arc::new(self.clone()))
    }
}
