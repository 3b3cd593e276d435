//! A table that bodies read, which counts what they ask for and can hold them back.

use cache_runtime::{cached, cached_many};
use cache_tests::gate::Gate;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Rows by id; clones are the same table.
#[derive(Clone, Default)]
pub(crate) struct Table(Arc<Inner>);

#[derive(Default)]
struct Inner {
    rows: Mutex<BTreeMap<u64, u64>>,
    asked: Mutex<Vec<Vec<u64>>>,
    fails: Mutex<bool>,
    /// Where each query stops, after it has read its rows.
    gate: Option<Gate>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Table {
    /// One in which each id of `ids` has the value `id * 10`.
    pub(crate) fn of(ids: impl IntoIterator<Item = u64>) -> Self {
        let rows = Mutex::new(ids.into_iter().map(|id| (id, id * 10)).collect());
        Self(Arc::new(Inner { rows, ..Inner::default() }))
    }

    /// The same, whose queries stop at `gate`.
    pub(crate) fn behind(gate: &Gate, ids: impl IntoIterator<Item = u64>) -> Self {
        let rows = Mutex::new(ids.into_iter().map(|id| (id, id * 10)).collect());
        Self(Arc::new(Inner { rows, gate: Some(gate.clone()), ..Inner::default() }))
    }

    pub(crate) fn set(&self, id: u64, value: u64) {
        lock(&self.0.rows).insert(id, value);
    }

    /// Queries fail from now on, or do not.
    pub(crate) fn fail(&self, fails: bool) {
        *lock(&self.0.fails) = fails;
    }

    /// What was asked for, query by query.
    pub(crate) fn asked(&self) -> Vec<Vec<u64>> {
        lock(&self.0.asked).clone()
    }

    pub(crate) async fn query(&self, ids: &[u64]) -> Result<HashMap<u64, u64>, Down> {
        let found = {
            let rows = lock(&self.0.rows);
            ids.iter().filter_map(|id| Some((*id, *rows.get(id)?))).collect()
        };
        lock(&self.0.asked).push(ids.to_vec());
        if let Some(gate) = &self.0.gate {
            gate.wait().await;
        }
        if *lock(&self.0.fails) { Err(Down) } else { Ok(found) }
    }

    pub(crate) async fn one(&self, id: u64) -> Result<Option<u64>, Down> {
        Ok(self.query(&[id]).await?.remove(&id))
    }
}

/// The table does not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Down;

#[cached(ns = "batches", ttl = "medium", l1 = "off", skip(table))]
pub(crate) async fn get(id: u64, table: &Table) -> Result<Option<u64>, Down> {
    table.one(id).await
}

#[cached_many(get, each = ids)]
pub(crate) async fn get_many(ids: &[u64], table: &Table) -> Result<HashMap<u64, u64>, Down> {
    table.query(ids).await
}

/// Runs a call that a lease of nobody would hold up: one that is not given back lapses after three seconds.
pub(crate) async fn soon<T>(call: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(2), call).await.expect("a lease is left")
}

/// What a table of [`Table::of`] has for `ids`.
pub(crate) fn tens(ids: impl IntoIterator<Item = u64>) -> HashMap<u64, u64> {
    ids.into_iter().map(|id| (id, id * 10)).collect()
}
