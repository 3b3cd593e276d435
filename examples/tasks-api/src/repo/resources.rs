//! Images, videos and sounds of tasks.

use std::sync::Arc;

use cache_runtime::{cached, invalidates};
use serde::{Deserialize, Serialize};
use sqlx::AnyPool;

use crate::database::now_ms;
use crate::error::Error;
use crate::model::{Line, ResourceId, ResourceKind, TaskId};

/// A file that belongs to a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Resource {
    /// Its number.
    pub id: ResourceId,
    /// The task it belongs to.
    pub task: TaskId,
    /// What it is.
    #[sqlx(try_from = "String")]
    pub kind: ResourceKind,
    /// Where it lies.
    pub url: String,
    /// How large it is.
    pub bytes: i64,
    /// When it was last changed, in milliseconds since 1970.
    pub updated_at: i64,
}

/// A resource that does not exist yet.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewResource {
    /// What it is.
    pub kind: ResourceKind,
    /// Where it lies.
    pub url: Line,
    /// How large it is.
    pub bytes: u32,
}

/// The queries over resources.
#[derive(Debug, Clone)]
pub struct Resources {
    db: AnyPool,
}

impl Resources {
    pub(super) const fn new(db: AnyPool) -> Self {
        Self { db }
    }

    /// One resource.
    #[cached(ns = "resources", ttl = "medium", tags = ["task:{result.task}"])]
    pub async fn get(&self, id: ResourceId) -> Result<Option<Resource>, Error> {
        Ok(sqlx::query_as("SELECT * FROM resources WHERE id = $1").bind(id).fetch_optional(&self.db).await?)
    }

    /// A task's resources of one kind or of all kinds.
    #[cached(ns = "resources", ttl = "1m", tags = ["task:{task}"])]
    pub async fn by_task(
        &self,
        task: TaskId,
        kind: Option<ResourceKind>,
    ) -> Result<Arc<Vec<Resource>>, Error> {
        let resources = sqlx::query_as(
            "SELECT * FROM resources WHERE task = $1 AND ($2 IS NULL OR kind = $2) ORDER BY id",
        )
        .bind(task)
        .bind(kind.map(ResourceKind::as_str))
        .fetch_all(&self.db)
        .await?;
        Ok(Arc::new(resources))
    }

    /// The stills a task's scenes begin with.
    #[cached(ns = "resources", ttl = "1m", tags = ["task:{task}"])]
    pub async fn first_frames(&self, task: TaskId) -> Result<Arc<Vec<Resource>>, Error> {
        self.of_kind(task, ResourceKind::FirstFrame).await
    }

    /// A task's rendered clips.
    #[cached(ns = "resources", ttl = "1m", tags = ["task:{task}"])]
    pub async fn videos(&self, task: TaskId) -> Result<Arc<Vec<Resource>>, Error> {
        self.of_kind(task, ResourceKind::Video).await
    }

    /// Adds a resource to a task.
    #[invalidates(tags("resources", "task:{task}"), tags("api", "task:{task}"))]
    pub async fn create(&self, task: TaskId, new: NewResource) -> Result<Resource, Error> {
        let resource = sqlx::query_as(
            "INSERT INTO resources (task, kind, url, bytes, updated_at) VALUES ($1, $2, $3, $4, $5) RETURNING *",
        )
        .bind(task)
        .bind(new.kind.as_str())
        .bind(new.url)
        .bind(i64::from(new.bytes))
        .bind(now_ms())
        .fetch_one(&self.db)
        .await?;
        Ok(resource)
    }

    /// Notes that a resource lies elsewhere now.
    #[invalidates(Self::get(id), tags("resources", "task:{result.task}"), tags("api", "task:{result.task}"))]
    pub async fn relocate(&self, id: ResourceId, url: Line) -> Result<Resource, Error> {
        let resource: Option<Resource> =
            sqlx::query_as("UPDATE resources SET url = $2, updated_at = $3 WHERE id = $1 RETURNING *")
                .bind(id)
                .bind(url)
                .bind(now_ms())
                .fetch_optional(&self.db)
                .await?;
        resource.ok_or(Error::NotFound("resource"))
    }

    /// Deletes a resource; gives the task it belonged to.
    #[invalidates(Self::get(id), tags("resources", "task:{result}"), tags("api", "task:{result}"))]
    pub async fn delete(&self, id: ResourceId) -> Result<TaskId, Error> {
        sqlx::query_scalar("DELETE FROM resources WHERE id = $1 RETURNING task")
            .bind(id)
            .fetch_optional(&self.db)
            .await?
            .ok_or(Error::NotFound("resource"))
    }

    async fn of_kind(&self, task: TaskId, kind: ResourceKind) -> Result<Arc<Vec<Resource>>, Error> {
        let resources = sqlx::query_as("SELECT * FROM resources WHERE task = $1 AND kind = $2 ORDER BY id")
            .bind(task)
            .bind(kind.as_str())
            .fetch_all(&self.db)
            .await?;
        Ok(Arc::new(resources))
    }
}
