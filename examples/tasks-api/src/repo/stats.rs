//! Counts over everything: dear to compute, worth keeping.

use cache_runtime::cached;
use serde::{Deserialize, Serialize};
use sqlx::AnyPool;

use crate::error::Error;
use crate::model::UserId;

/// Counts over the whole production.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Overview {
    /// All users.
    pub users: i64,
    /// All tasks.
    pub tasks: i64,
    /// Tasks that wait for somebody.
    pub open: i64,
    /// Tasks that somebody works on.
    pub in_progress: i64,
    /// Tasks that are finished.
    pub done: i64,
    /// All resources.
    pub resources: i64,
    /// The size of all resources.
    pub resource_bytes: i64,
}

/// Counts over one user's tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct UserStats {
    /// All tasks of the user.
    pub tasks: i64,
    /// Those that wait for somebody.
    pub open: i64,
    /// Those that are finished.
    pub done: i64,
}

/// The queries that count.
#[derive(Debug, Clone)]
pub struct Stats {
    db: AnyPool,
}

impl Stats {
    pub(super) const fn new(db: AnyPool) -> Self {
        Self { db }
    }

    /// Counts over the whole production.
    ///
    /// No mutation invalidates this: each one would, and then nothing would be kept. It is as old as its ttl, five
    /// minutes, at most.
    #[cached(ns = "stats", ttl = "medium", ttl_only)]
    pub async fn overview(&self) -> Result<Overview, Error> {
        let overview = sqlx::query_as(
            "SELECT (SELECT COUNT(*) FROM users) AS users, t.tasks, t.open, t.in_progress, t.done, \
             r.resources, r.resource_bytes \
             FROM (SELECT COUNT(*) AS tasks, COUNT(CASE WHEN status = 'open' THEN 1 END) AS open, \
                   COUNT(CASE WHEN status = 'in_progress' THEN 1 END) AS in_progress, \
                   COUNT(CASE WHEN status = 'done' THEN 1 END) AS done FROM tasks) t \
             CROSS JOIN (SELECT COUNT(*) AS resources, CAST(COALESCE(SUM(bytes), 0) AS BIGINT) AS resource_bytes \
                         FROM resources) r",
        )
        .fetch_one(&self.db)
        .await?;
        Ok(overview)
    }

    /// Counts over one user's tasks; every mutation of a task invalidates its owner's.
    #[cached(ns = "stats", ttl = "medium")]
    pub async fn of_user(&self, owner: UserId) -> Result<UserStats, Error> {
        let counts = sqlx::query_as(
            "SELECT COUNT(*) AS tasks, COUNT(CASE WHEN status = 'open' THEN 1 END) AS open, \
             COUNT(CASE WHEN status = 'done' THEN 1 END) AS done FROM tasks WHERE owner = $1",
        )
        .bind(owner)
        .fetch_one(&self.db)
        .await?;
        Ok(counts)
    }
}
