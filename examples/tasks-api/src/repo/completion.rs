//! The completion of a task: several tables, one transaction, one moment at which the old entries fall.

use cache_runtime::Cache;

use super::{AgentStates, Repositories, Task, Tasks};
use crate::error::Error;
use crate::model::{AgentName, TaskId};

impl Repositories {
    /// Finishes a task, and what `agent` remembers of it: both or neither.
    ///
    /// In the scope, mutations write down what they make untrue; the commit invalidates it. Where a step fails, the rows
    /// are rolled back and the entries stay, because they are still true.
    pub async fn complete(&self, cache: &Cache, task: TaskId, agent: &AgentName) -> Result<Task, Error> {
        cache
            .scope(async |scope| {
                let mut transaction = self.pool.begin().await?;
                let finished = Tasks::finish(&mut transaction, task).await?;
                AgentStates::finish(&mut transaction, agent, task).await?;
                scope.commit(transaction).await?;
                Ok(finished)
            })
            .await
    }
}
