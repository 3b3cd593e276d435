//! What is said of namespaces when the program starts, over what their functions say.

use crate::codec::Compression;
use crate::policy::Policy;
use std::collections::BTreeMap;

/// What a cache was told of its namespaces.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    /// How long what is loaded in a namespace is fresh.
    pub(crate) ttls: BTreeMap<String, Policy>,
    /// How values of a namespace are compressed.
    pub(crate) compressions: BTreeMap<String, Compression>,
    /// The same where nobody says it.
    pub(crate) compression: Option<Compression>,
}

impl Settings {
    /// The policy of a function of `namespace`.
    pub(crate) fn policy(&self, namespace: &str, policy: Policy) -> Policy {
        match self.ttls.get(namespace) {
            Some(said) => policy.with_fresh(said.fresh()),
            None => policy,
        }
    }

    /// How values of a function of `namespace` that says `own` are compressed.
    pub(crate) fn compression(&self, namespace: &str, own: Option<Compression>) -> Compression {
        self.compressions.get(namespace).copied().or(own).or(self.compression).unwrap_or(Compression::off())
    }
}
