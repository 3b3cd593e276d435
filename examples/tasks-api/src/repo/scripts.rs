//! Scripts of tasks.

use std::sync::Arc;

use cache_runtime::{cached, invalidates};
use serde::{Deserialize, Serialize};
use sqlx::AnyPool;

use crate::database::now_ms;
use crate::error::Error;
use crate::model::{Line, ScriptId, ScriptStatus, TaskId};

/// A script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Script {
    /// Its number.
    pub id: ScriptId,
    /// The task it belongs to.
    pub task: TaskId,
    /// What it is called.
    pub title: String,
    /// How far it is.
    #[sqlx(try_from = "String")]
    pub status: ScriptStatus,
    /// What is spoken and seen.
    pub body: String,
    /// When it was last changed, in milliseconds since 1970.
    pub updated_at: i64,
}

/// A script that does not exist yet; it begins as a draft.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewScript {
    /// What it is called.
    pub title: Line,
    /// What is spoken and seen.
    pub body: String,
}

/// What to change of a script; what is not given stays.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptPatch {
    /// The new title.
    pub title: Option<Line>,
    /// The new status.
    pub status: Option<ScriptStatus>,
    /// The new text.
    pub body: Option<String>,
}

/// The queries over scripts.
#[derive(Debug, Clone)]
pub struct Scripts {
    db: AnyPool,
}

impl Scripts {
    pub(super) const fn new(db: AnyPool) -> Self {
        Self { db }
    }

    /// One script.
    #[cached(ns = "scripts", ttl = "medium", tags = ["task:{result.task}"])]
    pub async fn get(&self, id: ScriptId) -> Result<Option<Script>, Error> {
        Ok(sqlx::query_as("SELECT * FROM scripts WHERE id = $1").bind(id).fetch_optional(&self.db).await?)
    }

    /// A task's scripts, the newest first.
    #[cached(ns = "scripts", ttl = "1m", tags = ["task:{task}"])]
    pub async fn by_task(
        &self,
        task: TaskId,
        status: Option<ScriptStatus>,
        limit: u32,
        offset: u32,
    ) -> Result<Arc<Vec<Script>>, Error> {
        let scripts = sqlx::query_as(
            "SELECT * FROM scripts WHERE task = $1 AND ($2 IS NULL OR status = $2) \
             ORDER BY id DESC LIMIT $3 OFFSET $4",
        )
        .bind(task)
        .bind(status.map(ScriptStatus::as_str))
        .bind(i64::from(limit))
        .bind(i64::from(offset))
        .fetch_all(&self.db)
        .await?;
        Ok(Arc::new(scripts))
    }

    /// Adds a script to a task.
    #[invalidates(tags("scripts", "task:{task}"), tags("api", "task:{task}"))]
    pub async fn create(&self, task: TaskId, new: NewScript) -> Result<Script, Error> {
        let script = sqlx::query_as(
            "INSERT INTO scripts (task, title, status, body, updated_at) VALUES ($1, $2, 'draft', $3, $4) RETURNING *",
        )
        .bind(task)
        .bind(new.title)
        .bind(new.body)
        .bind(now_ms())
        .fetch_one(&self.db)
        .await?;
        Ok(script)
    }

    /// Changes a script.
    #[invalidates(Self::get(id), tags("scripts", "task:{result.task}"), tags("api", "task:{result.task}"))]
    pub async fn update(&self, id: ScriptId, patch: ScriptPatch) -> Result<Script, Error> {
        let script: Option<Script> = sqlx::query_as(
            "UPDATE scripts SET title = COALESCE($2, title), status = COALESCE($3, status), \
             body = COALESCE($4, body), updated_at = $5 WHERE id = $1 RETURNING *",
        )
        .bind(id)
        .bind(patch.title)
        .bind(patch.status.map(ScriptStatus::as_str))
        .bind(patch.body)
        .bind(now_ms())
        .fetch_optional(&self.db)
        .await?;
        script.ok_or(Error::NotFound("script"))
    }

    /// Deletes a script; gives the task it belonged to.
    #[invalidates(Self::get(id), tags("scripts", "task:{result}"), tags("api", "task:{result}"))]
    pub async fn delete(&self, id: ScriptId) -> Result<TaskId, Error> {
        sqlx::query_scalar("DELETE FROM scripts WHERE id = $1 RETURNING task")
            .bind(id)
            .fetch_optional(&self.db)
            .await?
            .ok_or(Error::NotFound("script"))
    }
}
