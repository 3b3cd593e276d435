//! What a batch is asked for, each entry once.

use super::many::{Found, Holds};
use crate::codec::Value;
use crate::entry::{EntryRef, Place};
use crate::typed::Rules;
use std::collections::HashMap;

pub(crate) struct Asked<K, V> {
    /// The ids, each once, in the order asked.
    pub(crate) ids: Vec<K>,
    /// Their entries.
    pub(crate) entries: Vec<(Place, Rules<V>)>,
    /// For each id that was asked for, where it is among these.
    pub(crate) places: Vec<usize>,
    by_key: HashMap<Vec<u8>, usize>,
}

impl<K: Clone, V: Value> Asked<K, V> {
    /// Ids of one key are one.
    pub(crate) fn of(ids: &[K], entry: impl Fn(&K) -> EntryRef<V>) -> Self {
        let mut asked =
            Self { ids: Vec::new(), entries: Vec::new(), places: Vec::new(), by_key: HashMap::new() };
        for id in ids {
            let (place, rules) = entry(id).into_parts();
            let next = asked.ids.len();
            let at = *asked.by_key.entry(place.key.written().to_vec()).or_insert(next);
            if at == next {
                asked.ids.push(id.clone());
                asked.entries.push((place, rules));
            }
            asked.places.push(at);
        }
        asked
    }

    /// What entries the values that a body found are for those at `places`, which it was called for.
    ///
    /// # Panics
    /// If the body gave values in order, and not as many as it was asked for: whose they are cannot be known.
    pub(crate) fn spread<T>(
        &self,
        places: &[usize],
        found: Found<K, T>,
        entry: impl Fn(&K) -> EntryRef<V>,
    ) -> Vec<Option<V>>
    where
        V: Holds<T>,
    {
        let found = match found {
            Found::InOrder(values) => {
                let (given, asked) = (values.len(), places.len());
                assert!(given == asked, "a batch of {asked} ids returned {given} values in order");
                values
            }
            Found::ById(values) => {
                let mut by_place: HashMap<usize, T> = HashMap::with_capacity(values.len());
                for (id, value) in values {
                    let (place, _) = entry(&id).into_parts();
                    // What nobody asked for is nobody's.
                    if let Some(at) = self.by_key.get(place.key.written()) {
                        by_place.insert(*at, value);
                    }
                }
                places.iter().map(|place| by_place.remove(place)).collect()
            }
        };
        found.into_iter().map(V::of).collect()
    }
}
