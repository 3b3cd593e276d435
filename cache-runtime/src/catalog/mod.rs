//! What is cached in this program, and what invalidates it: every annotated function that is linked into it, whether or not it was called.

mod findings;
mod names;
mod place;
mod shapes;
mod table;

pub use self::findings::Finding;
pub use self::place::Place;

use crate::site::Site;
use std::collections::BTreeSet;
use std::panic::Location;
use std::sync::{Mutex, PoisonError};

/// Namespaces whose entries are those of no function.
static DECLARED: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

/// Makes a namespace known whose entries are those of no function.
#[cfg(feature = "http")]
pub(crate) fn declare(namespace: &'static str) {
    DECLARED.lock().unwrap_or_else(PoisonError::into_inner).insert(namespace);
}

fn is_declared(namespace: &str) -> bool {
    DECLARED.lock().unwrap_or_else(PoisonError::into_inner).contains(namespace)
}

/// The annotated functions and the mutations of this program.
///
/// Those of a crate that is linked count, those of a crate that nothing uses do not.
///
/// # Examples
/// ```
/// # use cache_runtime::{cached, invalidates};
/// #[cached(ns = "greetings")]
/// async fn greeting(name: &str) -> String {
///     format!("hello {name}")
/// }
///
/// #[invalidates(greeting(name))]
/// async fn rename(name: &str) {
///     # let _ = name;
/// }
///
/// # /*
/// #[test]
/// # */
/// fn everything_cached_is_invalidated() {
///     assert_eq!(cache_runtime::catalog().findings(), []);
/// }
/// # println!("{}", cache_runtime::catalog());
/// # let catalog = cache_runtime::catalog();
/// # assert!(catalog.functions().iter().any(|function| function.key() == "greetings:v1:greeting:{name}"));
/// ```
#[must_use]
pub fn catalog() -> Catalog {
    let mut functions: Vec<_> = inventory::iter::<Function>.into_iter().collect();
    functions.sort_by_cached_key(|function| (function.key, function.place.to_string()));
    let mut mutations: Vec<_> = inventory::iter::<Mutation>.into_iter().collect();
    mutations.sort_by_cached_key(|mutation| (mutation.path(), mutation.place.to_string()));
    Catalog { functions, mutations }
}

/// The annotated functions and the mutations of a program; it displays as a table.
#[derive(Debug, Clone)]
pub struct Catalog {
    functions: Vec<&'static Function>,
    mutations: Vec<&'static Mutation>,
}

impl Catalog {
    /// The cached functions, in the order of their keys.
    #[must_use]
    pub fn functions(&self) -> &[&'static Function] {
        &self.functions
    }

    /// The functions with `#[invalidates]` or `#[updates]`, in the order of their paths.
    #[must_use]
    pub fn mutations(&self) -> &[&'static Mutation] {
        &self.mutations
    }
}

/// A cached function.
#[derive(Debug)]
pub struct Function {
    site: &'static Site,
    key: &'static str,
    ttl: &'static str,
    value: &'static str,
    tags: &'static [&'static str],
    ttl_only: bool,
    /// Whether the attribute names the cache, so that nothing is known of which it is.
    elsewhere: bool,
    place: Place,
}

inventory::collect!(Function);

impl Function {
    #[doc(hidden)]
    #[must_use]
    pub const fn new(site: &'static Site, key: &'static str, place: Place) -> Self {
        Self { site, key, ttl: "", value: "", tags: &[], ttl_only: false, elsewhere: false, place }
    }

    #[doc(hidden)]
    #[must_use]
    pub const fn holds(mut self, value: &'static str, ttl: &'static str) -> Self {
        self.value = value;
        self.ttl = ttl;
        self
    }

    #[doc(hidden)]
    #[must_use]
    pub const fn tagged(mut self, tags: &'static [&'static str]) -> Self {
        self.tags = tags;
        self
    }

    #[doc(hidden)]
    #[must_use]
    pub const fn ttl_only(mut self) -> Self {
        self.ttl_only = true;
        self
    }

    #[doc(hidden)]
    #[must_use]
    pub const fn elsewhere(mut self) -> Self {
        self.elsewhere = true;
        self
    }

    /// The namespace: `tasks`.
    #[must_use]
    pub fn namespace(&self) -> &'static str {
        self.site.namespace
    }

    /// The path: `app::repo::Tasks::get`.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}::{}", self.owner().unwrap_or(self.place.module()), self.site.function)
    }

    /// The key as its template says: `tasks:v1:get:{id}`.
    #[must_use]
    pub fn key(&self) -> &'static str {
        self.key
    }

    /// How long an entry is fresh, as the attribute says: `300 s`, or the path of a constant.
    #[must_use]
    pub fn ttl(&self) -> &'static str {
        self.ttl
    }

    /// The templates of the tags: `owner:{owner}`.
    #[must_use]
    pub fn tags(&self) -> &'static [&'static str] {
        self.tags
    }

    /// The type of the value as the function writes it: `Option<Task>`.
    #[must_use]
    pub fn value_type(&self) -> &'static str {
        self.value
    }

    /// Where it is written.
    #[must_use]
    pub fn location(&self) -> &'static Location<'static> {
        self.place.location()
    }

    fn name(&self) -> &'static str {
        self.site.function
    }

    fn owner(&self) -> Option<&'static str> {
        self.place.owner(&format!("{}_entry", self.site.function))
    }
}

/// A function with `#[invalidates]` or `#[updates]`.
#[derive(Debug)]
pub struct Mutation {
    function: &'static str,
    targets: &'static [Target],
    place: Place,
}

inventory::collect!(Mutation);

/// What a mutation makes untrue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// An entry of the function that is called, as it is written: `Self::get`.
    Entry(&'static str),
    /// The entries of a namespace with a tag.
    Tag {
        /// The namespace.
        namespace: &'static str,
        /// The template of the tag: `owner:{owner}`.
        tag: &'static str,
    },
    /// All entries of a namespace.
    Namespace(&'static str),
}

impl Mutation {
    #[doc(hidden)]
    #[must_use]
    pub const fn new(function: &'static str, targets: &'static [Target], place: Place) -> Self {
        Self { function, targets, place }
    }

    /// The path: `app::repo::Tasks::rename`.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}::{}", self.owner().unwrap_or(self.place.module()), self.function)
    }

    /// What it makes untrue.
    #[must_use]
    pub fn targets(&self) -> &'static [Target] {
        self.targets
    }

    /// Where it is written.
    #[must_use]
    pub fn location(&self) -> &'static Location<'static> {
        self.place.location()
    }

    fn owner(&self) -> Option<&'static str> {
        self.place.owner(self.function)
    }
}

#[cfg(test)]
mod tests;
