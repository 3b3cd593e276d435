//! When users were last seen: written far more often than anyone reads it, so it is written behind.

use cache_runtime::{Cache, WriteBehind, WriteBehindOptions, Written, cached};
use sqlx::AnyPool;

use crate::database::now_ms;
use crate::error::Error;
use crate::model::UserId;

/// Milliseconds since 1970; `None` for who was never seen.
type SeenAt = Option<i64>;

/// The queries over when users were last seen.
#[derive(Debug, Clone)]
pub struct LastSeen {
    db: AnyPool,
    behind: WriteBehind<UserId, SeenAt>,
}

impl LastSeen {
    /// Begins to save what is noted, by whatever service.
    pub(super) fn new(db: AnyPool, cache: &Cache) -> Self {
        let saving = db.clone();
        let options = WriteBehindOptions::default().namespace("seen").dead_letters(
            |write: Written<UserId, SeenAt>, error| eprintln!("tasks-api: {:?} was seen: {error}", write.key),
        );
        let save = move |batch| save(saving.clone(), batch);
        Self { db, behind: cache.write_behind("last_seen", options, save) }
    }

    /// When a user was last seen. Written behind, so no mutation names it.
    #[cached(ns = "seen", ttl = "long", ttl_only)]
    pub async fn get(&self, owner: UserId) -> Result<SeenAt, Error> {
        let query = sqlx::query_scalar("SELECT seen_at FROM last_seen WHERE owner = $1");
        Ok(query.bind(owner).fetch_optional(&self.db).await?)
    }

    /// Notes that a user is there: at once for who asks, a moment later in the database.
    pub async fn note(&self, owner: UserId) -> Result<(), Error> {
        self.behind.write(&Self::get_entry(owner), owner, Some(now_ms())).await?;
        Ok(())
    }

    /// Saves what is noted, for as long as `deadline`; gives how much is left.
    pub(crate) async fn flush(&self, deadline: std::time::Duration) -> usize {
        self.behind.flush(deadline).await.unwrap_or(0)
    }
}

/// A write may come twice, and one of a service that stood still may come late: the greater number stays.
async fn save(db: AnyPool, batch: Vec<Written<UserId, SeenAt>>) -> Result<(), Error> {
    let mut transaction = db.begin().await?;
    for Written { key, value, number, .. } in batch {
        sqlx::query(
            "INSERT INTO last_seen (owner, seen_at, number) VALUES ($1, $2, $3) \
             ON CONFLICT (owner) DO UPDATE SET seen_at = excluded.seen_at, number = excluded.number \
             WHERE last_seen.number < excluded.number",
        )
        .bind(key)
        .bind(value.unwrap_or_default())
        .bind(i64::try_from(number).unwrap_or(i64::MAX))
        .execute(&mut *transaction)
        .await?;
    }
    transaction.commit().await?;
    Ok(())
}
