//! Tasks: one, a user's, the pending ones.

use std::sync::Arc;

use cache_runtime::{cached, invalidates};
use serde::{Deserialize, Serialize};
use sqlx::AnyPool;

use super::{AgentStates, DEFAULT_LIMIT, Resources, Scripts, Stats, Storyboards, is_first_page};
use crate::database::now_ms;
use crate::error::Error;
use crate::model::{
    AgentName, Line, Priority, ResourceId, ResourceKind, ScriptId, ScriptStatus, Status, StoryboardId,
    TaskId, UserId,
};

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

/// What went with a deleted task, so that every entry of it can be named.
#[derive(Debug, Clone)]
pub struct DeletedTask {
    /// Whose it was.
    pub owner: UserId,
    /// The scripts that went with it.
    pub scripts: Vec<ScriptId>,
    /// The storyboards that went with it.
    pub storyboards: Vec<StoryboardId>,
    /// The resources that went with it.
    pub resources: Vec<ResourceId>,
    /// The agents that remembered something of it.
    pub agents: Vec<AgentName>,
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

    /// A user's tasks, the newest first.
    #[cached(ns = "tasks", ttl = "1m", when = is_first_page(limit, offset))]
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
    #[cached(ns = "tasks", ttl = "1m", when = limit == DEFAULT_LIMIT)]
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
    #[invalidates(
        each status in Status::filters() => Self::by_owner(result.owner, status, DEFAULT_LIMIT, 0),
        each priority in Priority::filters() => Self::pending(priority, DEFAULT_LIMIT),
        Stats::of_user(result.owner),
    )]
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

    /// Changes a task. [`Stats::overview`] may count its old status until its ttl ends.
    #[invalidates(
        Self::get(id),
        each status in Status::filters() => Self::by_owner(result.owner, status, DEFAULT_LIMIT, 0),
        each priority in Priority::filters() => Self::pending(priority, DEFAULT_LIMIT),
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

    /// Deletes a task with everything that hangs on it. [`Stats::overview`] may count it until its ttl ends.
    #[invalidates(
        Self::get(id),
        each status in Status::filters() => Self::by_owner(result.owner, status, DEFAULT_LIMIT, 0),
        each priority in Priority::filters() => Self::pending(priority, DEFAULT_LIMIT),
        Stats::of_user(result.owner),
        each script in result.scripts => Scripts::get(script),
        each status in ScriptStatus::filters() => Scripts::by_task(id, status, DEFAULT_LIMIT, 0),
        each storyboard in result.storyboards => Storyboards::get(storyboard),
        Storyboards::by_task(id),
        each resource in result.resources => Resources::get(resource),
        each kind in ResourceKind::filters() => Resources::by_task(id, kind),
        Resources::first_frames(id),
        Resources::videos(id),
        each agent in result.agents => AgentStates::get(&agent, id),
    )]
    pub async fn delete(&self, id: TaskId) -> Result<DeletedTask, Error> {
        let mut transaction = self.db.begin().await?;
        let scripts = sqlx::query_scalar("DELETE FROM scripts WHERE task = $1 RETURNING id")
            .bind(id)
            .fetch_all(&mut *transaction)
            .await?;
        let storyboards = sqlx::query_scalar("DELETE FROM storyboards WHERE task = $1 RETURNING id")
            .bind(id)
            .fetch_all(&mut *transaction)
            .await?;
        let resources = sqlx::query_scalar("DELETE FROM resources WHERE task = $1 RETURNING id")
            .bind(id)
            .fetch_all(&mut *transaction)
            .await?;
        let agents = sqlx::query_scalar("DELETE FROM agent_states WHERE task = $1 RETURNING agent")
            .bind(id)
            .fetch_all(&mut *transaction)
            .await?;
        let owner = sqlx::query_scalar("DELETE FROM tasks WHERE id = $1 RETURNING owner")
            .bind(id)
            .fetch_optional(&mut *transaction)
            .await?
            .ok_or(Error::NotFound("task"))?;
        transaction.commit().await?;
        Ok(DeletedTask { owner, scripts, storyboards, resources, agents })
    }
}
