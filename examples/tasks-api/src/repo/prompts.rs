//! Prompt templates: read all the time, written by hand now and then.

use cache_runtime::{cached, invalidates};
use serde::{Deserialize, Serialize};
use sqlx::AnyPool;

use crate::database::now_ms;
use crate::error::Error;
use crate::model::PromptName;

/// A prompt template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct PromptTemplate {
    /// Its name.
    pub name: PromptName,
    /// The text, with names in braces where a prompt is filled in.
    pub body: String,
    /// How often it was written.
    pub revision: i64,
    /// When it was last changed, in milliseconds since 1970.
    pub updated_at: i64,
}

/// The queries over prompt templates.
#[derive(Debug, Clone)]
pub struct Prompts {
    db: AnyPool,
}

impl Prompts {
    pub(super) const fn new(db: AnyPool) -> Self {
        Self { db }
    }

    /// One template.
    #[cached(ns = "prompts", ttl = adaptive("very_long", hot = "1d", above = 100 per "1h"))]
    pub async fn get(&self, name: &PromptName) -> Result<Option<PromptTemplate>, Error> {
        Ok(sqlx::query_as("SELECT * FROM prompt_templates WHERE name = $1")
            .bind(name)
            .fetch_optional(&self.db)
            .await?)
    }

    /// All templates, in the order of their names; the response that lists them is kept.
    pub async fn all(&self) -> Result<Vec<PromptTemplate>, Error> {
        Ok(sqlx::query_as("SELECT * FROM prompt_templates ORDER BY name").fetch_all(&self.db).await?)
    }

    /// Writes a template.
    #[invalidates(Self::get(name), tags("api", "path:/prompts"))]
    pub async fn put(&self, name: &PromptName, body: String) -> Result<PromptTemplate, Error> {
        let written = sqlx::query_as(
            "INSERT INTO prompt_templates (name, body, revision, updated_at) VALUES ($1, $2, 1, $3) \
             ON CONFLICT (name) DO UPDATE SET body = excluded.body, revision = prompt_templates.revision + 1, \
             updated_at = excluded.updated_at RETURNING *",
        )
        .bind(name)
        .bind(body)
        .bind(now_ms())
        .fetch_one(&self.db)
        .await?;
        Ok(written)
    }

    /// Deletes a template.
    #[invalidates(Self::get(name), tags("api", "path:/prompts"))]
    pub async fn delete(&self, name: &PromptName) -> Result<(), Error> {
        let deleted =
            sqlx::query("DELETE FROM prompt_templates WHERE name = $1").bind(name).execute(&self.db).await?;
        if deleted.rows_affected() == 0 { Err(Error::NotFound("prompt template")) } else { Ok(()) }
    }
}
