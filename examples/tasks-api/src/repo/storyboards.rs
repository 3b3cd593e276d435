//! Storyboards of tasks.

use std::sync::Arc;

use cache_runtime::{cached, invalidates};
use serde::{Deserialize, Serialize};
use sqlx::AnyPool;

use crate::database::now_ms;
use crate::error::Error;
use crate::model::{Line, StoryboardId, TaskId};

/// A storyboard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Storyboard {
    /// Its number.
    pub id: StoryboardId,
    /// The task it belongs to.
    pub task: TaskId,
    /// What it is called.
    pub title: String,
    /// How many pictures it has.
    pub panels: i64,
    /// When it was last changed, in milliseconds since 1970.
    pub updated_at: i64,
}

/// A storyboard that does not exist yet.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewStoryboard {
    /// What it is called.
    pub title: Line,
    /// How many pictures it has.
    pub panels: u16,
}

/// What to change of a storyboard; what is not given stays.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoryboardPatch {
    /// The new title.
    pub title: Option<Line>,
    /// How many pictures it has now.
    pub panels: Option<u16>,
}

/// The queries over storyboards.
#[derive(Debug, Clone)]
pub struct Storyboards {
    db: AnyPool,
}

impl Storyboards {
    pub(super) const fn new(db: AnyPool) -> Self {
        Self { db }
    }

    /// One storyboard.
    #[cached(ns = "storyboards", ttl = "medium", tags = ["task:{result.task}"])]
    pub async fn get(&self, id: StoryboardId) -> Result<Option<Storyboard>, Error> {
        Ok(sqlx::query_as("SELECT * FROM storyboards WHERE id = $1")
            .bind(id)
            .fetch_optional(&self.db)
            .await?)
    }

    /// All storyboards of a task, the newest first.
    #[cached(ns = "storyboards", ttl = "1m", tags = ["task:{task}"])]
    pub async fn by_task(&self, task: TaskId) -> Result<Arc<Vec<Storyboard>>, Error> {
        let storyboards = sqlx::query_as("SELECT * FROM storyboards WHERE task = $1 ORDER BY id DESC")
            .bind(task)
            .fetch_all(&self.db)
            .await?;
        Ok(Arc::new(storyboards))
    }

    /// Adds a storyboard to a task.
    #[invalidates(tags("storyboards", "task:{task}"), tags("api", "task:{task}"))]
    pub async fn create(&self, task: TaskId, new: NewStoryboard) -> Result<Storyboard, Error> {
        let storyboard = sqlx::query_as(
            "INSERT INTO storyboards (task, title, panels, updated_at) VALUES ($1, $2, $3, $4) RETURNING *",
        )
        .bind(task)
        .bind(new.title)
        .bind(i64::from(new.panels))
        .bind(now_ms())
        .fetch_one(&self.db)
        .await?;
        Ok(storyboard)
    }

    /// Changes a storyboard.
    #[invalidates(
        Self::get(id),
        tags("storyboards", "task:{result.task}"),
        tags("api", "task:{result.task}")
    )]
    pub async fn update(&self, id: StoryboardId, patch: StoryboardPatch) -> Result<Storyboard, Error> {
        let storyboard: Option<Storyboard> = sqlx::query_as(
            "UPDATE storyboards SET title = COALESCE($2, title), panels = COALESCE($3, panels), updated_at = $4 \
             WHERE id = $1 RETURNING *",
        )
        .bind(id)
        .bind(patch.title)
        .bind(patch.panels.map(i64::from))
        .bind(now_ms())
        .fetch_optional(&self.db)
        .await?;
        storyboard.ok_or(Error::NotFound("storyboard"))
    }

    /// Deletes a storyboard; gives the task it belonged to.
    #[invalidates(Self::get(id), tags("storyboards", "task:{result}"), tags("api", "task:{result}"))]
    pub async fn delete(&self, id: StoryboardId) -> Result<TaskId, Error> {
        sqlx::query_scalar("DELETE FROM storyboards WHERE id = $1 RETURNING task")
            .bind(id)
            .fetch_optional(&self.db)
            .await?
            .ok_or(Error::NotFound("storyboard"))
    }
}
