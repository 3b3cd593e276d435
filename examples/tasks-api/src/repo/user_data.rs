//! What is kept about users, one document for each kind.

use cache_runtime::{cached, invalidates};
use serde::{Deserialize, Serialize};
use sqlx::AnyPool;

use crate::database::now_ms;
use crate::error::Error;
use crate::model::{UserDataKind, UserId};

/// One document about a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct UserData {
    /// Whom it is about.
    pub owner: UserId,
    /// What it says of the user.
    #[sqlx(try_from = "String")]
    pub kind: UserDataKind,
    /// The document.
    pub body: String,
    /// When it was last changed, in milliseconds since 1970.
    pub updated_at: i64,
}

/// The queries over the documents about users.
#[derive(Debug, Clone)]
pub struct UserDocuments {
    db: AnyPool,
}

impl UserDocuments {
    pub(super) const fn new(db: AnyPool) -> Self {
        Self { db }
    }

    /// One document about a user.
    #[cached(ns = "user", ttl = "long")]
    pub async fn get(&self, owner: UserId, kind: UserDataKind) -> Result<Option<UserData>, Error> {
        let found = sqlx::query_as("SELECT * FROM user_data WHERE owner = $1 AND kind = $2")
            .bind(owner)
            .bind(kind.as_str())
            .fetch_optional(&self.db)
            .await?;
        Ok(found)
    }

    /// Writes a document about a user.
    #[invalidates(Self::get(owner, kind))]
    pub async fn put(&self, owner: UserId, kind: UserDataKind, body: String) -> Result<UserData, Error> {
        let written = sqlx::query_as(
            "INSERT INTO user_data (owner, kind, body, updated_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (owner, kind) DO UPDATE SET body = excluded.body, updated_at = excluded.updated_at \
             RETURNING *",
        )
        .bind(owner)
        .bind(kind.as_str())
        .bind(body)
        .bind(now_ms())
        .fetch_one(&self.db)
        .await?;
        Ok(written)
    }

    /// Deletes a document about a user.
    #[invalidates(Self::get(owner, kind))]
    pub async fn delete(&self, owner: UserId, kind: UserDataKind) -> Result<(), Error> {
        let deleted = sqlx::query("DELETE FROM user_data WHERE owner = $1 AND kind = $2")
            .bind(owner)
            .bind(kind.as_str())
            .execute(&self.db)
            .await?;
        if deleted.rows_affected() == 0 { Err(Error::NotFound("user data")) } else { Ok(()) }
    }
}
