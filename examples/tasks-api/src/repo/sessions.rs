//! Sessions of users.

use cache_runtime::{cached, invalidates};
use serde::{Deserialize, Serialize};
use sqlx::AnyPool;

use crate::database::now_ms;
use crate::error::Error;
use crate::model::{Line, SessionId, UserId};

/// A session of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Session {
    /// Whose it is.
    pub owner: UserId,
    /// Its name.
    pub id: SessionId,
    /// The program it runs in.
    pub client: String,
    /// When it was last seen, in milliseconds since 1970.
    pub seen_at: i64,
}

/// The queries over sessions.
#[derive(Debug, Clone)]
pub struct Sessions {
    db: AnyPool,
}

impl Sessions {
    pub(super) const fn new(db: AnyPool) -> Self {
        Self { db }
    }

    /// One session of a user, kept for as long as it is asked for.
    #[cached(ns = "sessions", ttl = sliding("30m"))]
    pub async fn get(&self, owner: UserId, session: &SessionId) -> Result<Option<Session>, Error> {
        let found = sqlx::query_as("SELECT * FROM sessions WHERE owner = $1 AND id = $2")
            .bind(owner)
            .bind(session)
            .fetch_optional(&self.db)
            .await?;
        Ok(found)
    }

    /// Begins a session, or notes that it was seen.
    #[invalidates(Self::get(owner, session))]
    pub async fn touch(&self, owner: UserId, session: &SessionId, client: Line) -> Result<Session, Error> {
        let touched = sqlx::query_as(
            "INSERT INTO sessions (owner, id, client, seen_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (owner, id) DO UPDATE SET client = excluded.client, seen_at = excluded.seen_at RETURNING *",
        )
        .bind(owner)
        .bind(session)
        .bind(client)
        .bind(now_ms())
        .fetch_one(&self.db)
        .await?;
        Ok(touched)
    }

    /// Ends a session.
    #[invalidates(Self::get(owner, session))]
    pub async fn end(&self, owner: UserId, session: &SessionId) -> Result<(), Error> {
        let ended = sqlx::query("DELETE FROM sessions WHERE owner = $1 AND id = $2")
            .bind(owner)
            .bind(session)
            .execute(&self.db)
            .await?;
        if ended.rows_affected() == 0 { Err(Error::NotFound("session")) } else { Ok(()) }
    }
}
