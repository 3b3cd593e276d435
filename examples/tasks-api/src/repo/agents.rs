//! What agents remember of tasks.

use cache_runtime::{cached, invalidates};
use serde::{Deserialize, Serialize};
use sqlx::{AnyConnection, AnyPool};

use crate::database::now_ms;
use crate::error::Error;
use crate::model::{AgentName, Line, TaskId};

/// What an agent remembers of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct AgentState {
    /// Who remembers.
    pub agent: AgentName,
    /// What it works on.
    pub task: TaskId,
    /// The step it has reached.
    pub step: i64,
    /// What it does there.
    pub state: String,
    /// When it was last changed, in milliseconds since 1970.
    pub updated_at: i64,
}

/// The queries over what agents remember.
#[derive(Debug, Clone)]
pub struct AgentStates {
    db: AnyPool,
}

impl AgentStates {
    pub(super) const fn new(db: AnyPool) -> Self {
        Self { db }
    }

    /// What one agent remembers of one task.
    #[cached(ns = "agent", ttl = "short", tags = ["task:{task}"])]
    pub async fn get(&self, agent: &AgentName, task: TaskId) -> Result<Option<AgentState>, Error> {
        let found = sqlx::query_as("SELECT * FROM agent_states WHERE agent = $1 AND task = $2")
            .bind(agent)
            .bind(task)
            .fetch_optional(&self.db)
            .await?;
        Ok(found)
    }

    /// Writes what an agent remembers.
    #[invalidates(Self::get(agent, task))]
    pub async fn put(
        &self,
        agent: &AgentName,
        task: TaskId,
        step: u32,
        state: Line,
    ) -> Result<AgentState, Error> {
        let written = sqlx::query_as(
            "INSERT INTO agent_states (agent, task, step, state, updated_at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (agent, task) DO UPDATE SET step = excluded.step, state = excluded.state, \
             updated_at = excluded.updated_at RETURNING *",
        )
        .bind(agent)
        .bind(task)
        .bind(i64::from(step))
        .bind(state)
        .bind(now_ms())
        .fetch_one(&self.db)
        .await?;
        Ok(written)
    }

    /// Notes that an agent is through with a task, as a part of the transaction of `connection`.
    #[invalidates(Self::get(agent, task))]
    pub(super) async fn finish(
        connection: &mut AnyConnection,
        agent: &AgentName,
        task: TaskId,
    ) -> Result<(), Error> {
        let finished = sqlx::query(
            "UPDATE agent_states SET step = step + 1, state = 'finished', updated_at = $3 \
             WHERE agent = $1 AND task = $2",
        )
        .bind(agent)
        .bind(task)
        .bind(now_ms())
        .execute(connection)
        .await?;
        if finished.rows_affected() == 0 { Err(Error::NotFound("agent state")) } else { Ok(()) }
    }

    /// Makes an agent forget a task.
    #[invalidates(Self::get(agent, task))]
    pub async fn forget(&self, agent: &AgentName, task: TaskId) -> Result<(), Error> {
        let forgotten = sqlx::query("DELETE FROM agent_states WHERE agent = $1 AND task = $2")
            .bind(agent)
            .bind(task)
            .execute(&self.db)
            .await?;
        if forgotten.rows_affected() == 0 { Err(Error::NotFound("agent state")) } else { Ok(()) }
    }
}
