//! Tasks: one, a user's, the pending ones.

use std::collections::HashMap;
use std::sync::Arc;

use cache_runtime::{cached, cached_many, invalidates, updates};
use serde::{Deserialize, Serialize};
use sqlx::{AnyConnection, AnyPool, AssertSqlSafe};

use super::Stats;
use crate::database::now_ms;
use crate::error::Error;
use crate::model::{Line, Priority, Status, TaskId, UserId};

/// A task of a production.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Task {
    /// Its number.
    pub id: TaskId,
    /// Whose it is.
    pub owner: UserId,
    /// What is to be done.
    pub title: String,
    /// How far it is.
    #[sqlx(try_from = "String")]
    pub status: Status,
    /// How urgent it is.
    #[sqlx(try_from = "String")]
    pub priority: Priority,
    /// When it was created, in milliseconds since 1970.
    pub created_at: i64,
    /// When it was last changed, in milliseconds since 1970.
    pub updated_at: i64,
}

/// A task that does not exist yet; it begins open.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewTask {
    /// Whose it will be.
    pub owner: UserId,
    /// What is to be done.
    pub title: Line,
    /// How urgent it is; normal when it is not given.
    pub priority: Option<Priority>,
}

/// What to change of a task; what is not given stays.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskPatch {
    /// The new title.
    pub title: Option<Line>,
    /// The new status.
    pub status: Option<Status>,
    /// The new priority.
    pub priority: Option<Priority>,
}

/// The queries over tasks.
#[derive(Debug, Clone)]
pub struct Tasks {
    db: AnyPool,
}

impl Tasks {
    pub(super) const fn new(db: AnyPool) -> Self {
        Self { db }
    }

    /// One task.
    #[cached(ns = "tasks", ttl = "medium")]
    pub async fn get(&self, id: TaskId) -> Result<Option<Task>, Error> {
        Ok(sqlx::query_as("SELECT * FROM tasks WHERE id = $1").bind(id).fetch_optional(&self.db).await?)
    }

    /// Several tasks: those that [`get`](Self::get) has kept, and one query for the others.
    #[cached_many(Self::get, each = ids)]
    pub async fn get_many(&self, ids: &[TaskId]) -> Result<HashMap<TaskId, Task>, Error> {
        let places: Vec<String> = (1..=ids.len()).map(|place| format!("${place}")).collect();
        let select = format!("SELECT * FROM tasks WHERE id IN ({})", places.join(", "));
        let query = ids.iter().fold(sqlx::query_as(AssertSqlSafe(select)), |query, id| query.bind(*id));
        let tasks: Vec<Task> = query.fetch_all(&self.db).await?;
        Ok(tasks.into_iter().map(|task| (task.id, task)).collect())
    }

    /// The numbers of those that were changed last, not cached.
    pub async fn latest(&self, limit: u32) -> Result<Vec<TaskId>, Error> {
        let select = sqlx::query_scalar("SELECT id FROM tasks ORDER BY updated_at DESC, id DESC LIMIT $1");
        Ok(select.bind(i64::from(limit)).fetch_all(&self.db).await?)
    }

    /// A user's tasks, the newest first.
    #[cached(ns = "tasks", ttl = "1m", tags = ["owner:{owner}"])]
    pub async fn by_owner(
        &self,
        owner: UserId,
        status: Option<Status>,
        limit: u32,
        offset: u32,
    ) -> Result<Arc<Vec<Task>>, Error> {
        let tasks = sqlx::query_as(
            "SELECT * FROM tasks WHERE owner = $1 AND ($2 IS NULL OR status = $2) \
             ORDER BY id DESC LIMIT $3 OFFSET $4",
        )
        .bind(owner)
        .bind(status.map(Status::as_str))
        .bind(i64::from(limit))
        .bind(i64::from(offset))
        .fetch_all(&self.db)
        .await?;
        Ok(Arc::new(tasks))
    }

    /// The open tasks of all users, the oldest first.
    #[cached(ns = "tasks", ttl = "1m", tags = ["pending"])]
    pub async fn pending(&self, priority: Option<Priority>, limit: u32) -> Result<Arc<Vec<Task>>, Error> {
        let query = match priority {
            None => sqlx::query_as(
                "SELECT * FROM tasks WHERE status = 'open' ORDER BY created_at, id LIMIT $1",
            ),
            Some(priority) => sqlx::query_as(
                "SELECT * FROM tasks WHERE status = 'open' AND priority = $1 ORDER BY created_at, id LIMIT $2",
            )
            .bind(priority.as_str()),
        };
        Ok(Arc::new(query.bind(i64::from(limit)).fetch_all(&self.db).await?))
    }

    /// Adds a task. [`Stats::overview`] may count without it until its ttl ends.
    #[invalidates(tags("tasks", "owner:{new.owner}", "pending"), Stats::of_user(new.owner))]
    pub async fn create(&self, new: NewTask) -> Result<Task, Error> {
        let task = sqlx::query_as(
            "INSERT INTO tasks (owner, title, status, priority, created_at, updated_at) \
             VALUES ($1, $2, 'open', $3, $4, $4) RETURNING *",
        )
        .bind(new.owner)
        .bind(new.title)
        .bind(new.priority.unwrap_or(Priority::Normal).as_str())
        .bind(now_ms())
        .fetch_one(&self.db)
        .await?;
        Ok(task)
    }

    /// Changes a task; the next [`get`](Self::get) finds the new one without a query. [`Stats::overview`] may count its
    /// old status until its ttl ends.
    #[updates(
        Self::get(id),
        tags("tasks", "owner:{result.owner}", "pending"),
        tags("api", "task:{id}"),
        Stats::of_user(result.owner),
    )]
    pub async fn update(&self, id: TaskId, patch: TaskPatch) -> Result<Task, Error> {
        let task: Option<Task> = sqlx::query_as(
            "UPDATE tasks SET title = COALESCE($2, title), status = COALESCE($3, status), \
             priority = COALESCE($4, priority), updated_at = $5 WHERE id = $1 RETURNING *",
        )
        .bind(id)
        .bind(patch.title)
        .bind(patch.status.map(Status::as_str))
        .bind(patch.priority.map(Priority::as_str))
        .bind(now_ms())
        .fetch_optional(&self.db)
        .await?;
        task.ok_or(Error::NotFound("task"))
    }

    /// Finishes a task, as a part of the transaction of `connection`; gives the task as it will be.
    #[invalidates(
        Self::get(id),
        tags("tasks", "owner:{result.owner}", "pending"),
        tags("api", "task:{id}"),
        Stats::of_user(result.owner),
    )]
    pub(super) async fn finish(connection: &mut AnyConnection, id: TaskId) -> Result<Task, Error> {
        sqlx::query_as("UPDATE tasks SET status = 'done', updated_at = $2 WHERE id = $1 RETURNING *")
            .bind(id)
            .bind(now_ms())
            .fetch_optional(connection)
            .await?
            .ok_or(Error::NotFound("task"))
    }

    /// Deletes a task with everything that hangs on it; gives its owner. [`Stats::overview`] may count it until its ttl
    /// ends.
    #[invalidates(
        Self::get(id),
        tags("tasks", "owner:{result}", "pending"),
        tags("scripts", "task:{id}"),
        tags("storyboards", "task:{id}"),
        tags("resources", "task:{id}"),
        tags("agent", "task:{id}"),
        tags("api", "task:{id}"),
        Stats::of_user(*result),
    )]
    pub async fn delete(&self, id: TaskId) -> Result<UserId, Error> {
        let mut transaction = self.db.begin().await?;
        for delete in [
            "DELETE FROM scripts WHERE task = $1",
            "DELETE FROM storyboards WHERE task = $1",
            "DELETE FROM resources WHERE task = $1",
            "DELETE FROM agent_states WHERE task = $1",
        ] {
            sqlx::query(delete).bind(id).execute(&mut *transaction).await?;
        }
        let owner = sqlx::query_scalar("DELETE FROM tasks WHERE id = $1 RETURNING owner")
            .bind(id)
            .fetch_optional(&mut *transaction)
            .await?
            .ok_or(Error::NotFound("task"))?;
        transaction.commit().await?;
        Ok(owner)
    }
}
