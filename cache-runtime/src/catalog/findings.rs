//! What cannot be meant.

use super::names::{Before, Name};
use super::shapes::{meet, shape};
use super::{Catalog, Function, Mutation, Target, is_declared};
use std::collections::HashMap;
use std::fmt;

/// Something that cannot be meant. It displays with its repair.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// A mutation invalidates a tag or a namespace that no function has.
    Unmet {
        /// The mutation, and where it is written.
        mutation: String,
        /// What it invalidates, as it is written.
        target: String,
    },
    /// No mutation names the function or its namespace, and it has no tag: what changes shows when its ttl ends.
    NeverInvalidated {
        /// The function, and where it is written.
        function: String,
    },
    /// Two functions have one key: each is answered with the other's value, or replaces it.
    SharedKey {
        /// The key.
        key: String,
        /// The functions, where they are written, and what they return.
        functions: [String; 2],
    },
}

impl Catalog {
    /// What cannot be meant: a tag or a namespace that a mutation invalidates and no function has, a function that no mutation names and
    /// that has no tag (and does not say `ttl_only`), and a key that two functions have.
    ///
    /// Mutations and functions are put together by their names; where a name can be that of several functions, it counts for all of them.
    /// What is invalidated by hand alone is not seen. Tags of a namespace of HTTP routes are met once its `HttpCache` was made.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = self.unmet();
        findings.extend(self.never_invalidated());
        findings.extend(self.shared_keys());
        findings
    }

    fn unmet(&self) -> Vec<Finding> {
        let met = |target: &Target| match *target {
            Target::Entry(_) => true,
            Target::Namespace(namespace) | Target::Tag { namespace, .. } if is_declared(namespace) => true,
            Target::Namespace(namespace) => {
                self.functions.iter().any(|function| function.namespace() == namespace)
            }
            Target::Tag { namespace, tag } => self
                .functions
                .iter()
                .filter(|function| function.namespace() == namespace)
                .any(|function| function.tags.iter().any(|carried| meet(carried, tag))),
        };
        let unmet = |mutation: &&'static Mutation| {
            let mutation = *mutation;
            mutation.targets.iter().filter(|target| !met(target)).map(move |target| Finding::Unmet {
                mutation: mutation.to_string(),
                target: format!("`{target}`"),
            })
        };
        self.mutations.iter().flat_map(unmet).collect()
    }

    fn never_invalidated(&self) -> impl Iterator<Item = Finding> {
        let cleared = |function: &Function| {
            let targets = self.mutations.iter().flat_map(|mutation| mutation.targets);
            targets.into_iter().any(|target| *target == Target::Namespace(function.namespace()))
        };
        let named: Vec<&Function> =
            self.mutations.iter().flat_map(|mutation| self.named_by(mutation)).collect();
        let is_named = move |function: &Function| named.iter().any(|named| std::ptr::eq(*named, function));
        self.functions
            .iter()
            .filter(|function| function.tags.is_empty() && !function.ttl_only)
            .filter(move |function| !cleared(function) && !is_named(function))
            .map(|function| Finding::NeverInvalidated { function: function.to_string() })
    }

    /// The functions whose entries the mutation names, or may name.
    fn named_by(&self, mutation: &Mutation) -> Vec<&'static Function> {
        let entries = mutation.targets.iter().filter_map(|target| match target {
            Target::Entry(path) => Some(*path),
            _ => None,
        });
        entries.flat_map(|path| self.named(path, mutation)).collect()
    }

    /// The functions that `path` in `mutation` names; all of the name where that does not tell which.
    fn named(&self, path: &str, mutation: &Mutation) -> Vec<&'static Function> {
        let Name { before, name } = Name::of(path);
        let owns = |owner: &str| match before {
            Before::Own => mutation.owner() == Some(owner),
            // beside a method or in a body, another function of this name may be nearer
            Before::Nothing => [Some(owner), mutation.owner()] == [Some(mutation.place.module()); 2],
            Before::Path(path) => {
                owner.strip_suffix(path).is_some_and(|rest| rest.is_empty() || rest.ends_with("::"))
            }
            Before::Other => false,
        };
        let same: Vec<&'static Function> =
            self.functions.iter().copied().filter(|function| function.name() == name).collect();
        let owned: Vec<&'static Function> =
            same.iter().copied().filter(|function| function.owner().is_some_and(owns)).collect();
        if owned.is_empty() { same } else { owned }
    }

    /// The keys that two functions have.
    pub(crate) fn shared_keys(&self) -> Vec<Finding> {
        let mut first: HashMap<String, &Function> = HashMap::new();
        let mut shared = Vec::new();
        for &function in &self.functions {
            if function.elsewhere || function.place.is_doctest() {
                continue;
            }
            let other = *first.entry(shape(function.key)).or_insert(function);
            if !other.place.is(&function.place) {
                let functions =
                    [other, function].map(|function| format!("{function} of `{}`", function.value));
                shared.push(Finding::SharedKey { key: function.key.to_owned(), functions });
            }
        }
        shared
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unmet { mutation, target } => write!(
                f,
                "{mutation} invalidates {target}, which no function has; correct it, or give it to the functions that it is for"
            ),
            Self::NeverInvalidated { function } => write!(
                f,
                "{function} has no tag, and no mutation names it; name it in one, or write `ttl_only` if the ttl is all that ends its entries"
            ),
            Self::SharedKey { key, functions: [one, other] } => write!(
                f,
                "the key `{key}` is that of two functions, {one} and {other}; give one of them another `ns`, `key` or `version`"
            ),
        }
    }
}

/// As it displays: this is what a failed assertion prints.
impl fmt::Debug for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
