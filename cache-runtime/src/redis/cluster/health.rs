//! How a cluster is: as its worst master.

use super::RedisCluster;
use crate::error::StoreError;
use crate::health::{KeyCounts, StoreHealth};
use crate::store::Store;
use futures_util::future::join_all;

impl RedisCluster {
    /// The master that does not answer, if there is one, else the first; with what is found at any of them.
    pub(super) async fn examine(&self, app: &str) -> StoreHealth {
        let nodes = self.nodes.all();
        let mut healths = join_all(nodes.iter().map(|node| node.store.health(app))).await;
        let worst = healths.iter().position(|health| !health.reachable).unwrap_or(0);
        if healths.is_empty() {
            return StoreHealth::unreachable("redis", "no master of the cluster is known");
        }
        let mut worst = healths.swap_remove(worst);
        for finding in healths.into_iter().flat_map(|health| health.findings) {
            if !worst.findings.contains(&finding) {
                worst.findings.push(finding);
            }
        }
        worst
    }

    /// Those of all masters, each looked at for its part of `most`.
    pub(super) async fn counts(&self, app: &str, most: usize) -> Result<KeyCounts, StoreError> {
        let nodes = self.nodes.all();
        let mut sum = KeyCounts { complete: !nodes.is_empty(), ..KeyCounts::default() };
        for node in &nodes {
            let counts = node.store.key_counts(app, most.div_ceil(nodes.len())).await?;
            sum.complete &= counts.complete;
            for (namespace, count) in counts.namespaces {
                *sum.namespaces.entry(namespace).or_default() += count;
            }
        }
        Ok(sum)
    }
}
