//! Conversations of users with agents.

use std::sync::Arc;

use cache_runtime::{cached, invalidates};
use serde::{Deserialize, Serialize};
use sqlx::AnyPool;

use crate::database::now_ms;
use crate::error::Error;
use crate::model::{ConversationId, Line, UserId};

/// A conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Conversation {
    /// Its number.
    pub id: ConversationId,
    /// Whose it is.
    pub owner: UserId,
    /// What it is about.
    pub title: String,
    /// 1 while it goes on, 0 when it is closed.
    pub active: i64,
    /// When somebody last said something, in milliseconds since 1970.
    pub updated_at: i64,
}

/// One thing that was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Message {
    /// Its number.
    pub id: i64,
    /// Where it was said.
    pub conversation: ConversationId,
    /// Who said it.
    pub author: String,
    /// What was said.
    pub body: String,
    /// When, in milliseconds since 1970.
    pub created_at: i64,
}

/// Something to say.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewMessage {
    /// Who says it.
    pub author: Line,
    /// What is said.
    pub body: String,
}

/// A message that was said, and whose list of conversations it moved.
#[derive(Debug, Clone)]
pub struct Posted {
    /// The message.
    pub message: Message,
    /// The owner of the conversation.
    pub owner: UserId,
}

/// The queries over conversations.
#[derive(Debug, Clone)]
pub struct Conversations {
    db: AnyPool,
}

impl Conversations {
    pub(super) const fn new(db: AnyPool) -> Self {
        Self { db }
    }

    /// One conversation.
    #[cached(ns = "conversations", ttl = "medium")]
    pub async fn get(&self, id: ConversationId) -> Result<Option<Conversation>, Error> {
        Ok(sqlx::query_as("SELECT * FROM conversations WHERE id = $1")
            .bind(id)
            .fetch_optional(&self.db)
            .await?)
    }

    /// The last messages of a conversation, the newest first: much text, which gets small.
    #[cached(ns = "conversations", ttl = "1m", tags = ["messages:{id}"], compress = "lz4")]
    pub async fn messages(&self, id: ConversationId, limit: u32) -> Result<Arc<Vec<Message>>, Error> {
        let messages =
            sqlx::query_as("SELECT * FROM messages WHERE conversation = $1 ORDER BY id DESC LIMIT $2")
                .bind(id)
                .bind(i64::from(limit))
                .fetch_all(&self.db)
                .await?;
        Ok(Arc::new(messages))
    }

    /// A user's conversations, the liveliest first.
    #[cached(ns = "conversations", ttl = "1m", tags = ["owner:{owner}"])]
    pub async fn by_owner(
        &self,
        owner: UserId,
        active_only: bool,
        limit: u32,
        offset: u32,
    ) -> Result<Arc<Vec<Conversation>>, Error> {
        let conversations = sqlx::query_as(
            "SELECT * FROM conversations WHERE owner = $1 AND active >= $2 \
             ORDER BY updated_at DESC, id DESC LIMIT $3 OFFSET $4",
        )
        .bind(owner)
        .bind(i64::from(active_only))
        .bind(i64::from(limit))
        .bind(i64::from(offset))
        .fetch_all(&self.db)
        .await?;
        Ok(Arc::new(conversations))
    }

    /// Begins a conversation.
    #[invalidates(tags("conversations", "owner:{owner}"))]
    pub async fn create(&self, owner: UserId, title: Line) -> Result<Conversation, Error> {
        let conversation = sqlx::query_as(
            "INSERT INTO conversations (owner, title, active, updated_at) VALUES ($1, $2, 1, $3) RETURNING *",
        )
        .bind(owner)
        .bind(title)
        .bind(now_ms())
        .fetch_one(&self.db)
        .await?;
        Ok(conversation)
    }

    /// Renames a conversation, closes it or opens it again.
    #[invalidates(Self::get(id), tags("conversations", "owner:{result.owner}"))]
    pub async fn update(
        &self,
        id: ConversationId,
        title: Option<Line>,
        active: Option<bool>,
    ) -> Result<Conversation, Error> {
        let conversation: Option<Conversation> = sqlx::query_as(
            "UPDATE conversations SET title = COALESCE($2, title), active = COALESCE($3, active), \
             updated_at = $4 WHERE id = $1 RETURNING *",
        )
        .bind(id)
        .bind(title)
        .bind(active.map(i64::from))
        .bind(now_ms())
        .fetch_optional(&self.db)
        .await?;
        conversation.ok_or(Error::NotFound("conversation"))
    }

    /// Says something; the conversation moves to the head of its owner's list.
    #[invalidates(Self::get(id), tags("conversations", "messages:{id}", "owner:{result.owner}"))]
    pub async fn post(&self, id: ConversationId, new: NewMessage) -> Result<Posted, Error> {
        let now = now_ms();
        let mut transaction = self.db.begin().await?;
        let owner =
            sqlx::query_scalar("UPDATE conversations SET updated_at = $2 WHERE id = $1 RETURNING owner")
                .bind(id)
                .bind(now)
                .fetch_optional(&mut *transaction)
                .await?
                .ok_or(Error::NotFound("conversation"))?;
        let message = sqlx::query_as(
            "INSERT INTO messages (conversation, author, body, created_at) VALUES ($1, $2, $3, $4) RETURNING *",
        )
        .bind(id)
        .bind(new.author)
        .bind(new.body)
        .bind(now)
        .fetch_one(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(Posted { message, owner })
    }

    /// Deletes a conversation with its messages; gives its owner.
    #[invalidates(Self::get(id), tags("conversations", "messages:{id}", "owner:{result}"))]
    pub async fn delete(&self, id: ConversationId) -> Result<UserId, Error> {
        sqlx::query_scalar("DELETE FROM conversations WHERE id = $1 RETURNING owner")
            .bind(id)
            .fetch_optional(&self.db)
            .await?
            .ok_or(Error::NotFound("conversation"))
    }
}
