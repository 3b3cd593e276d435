//! The queries, one file for each thing, one function for each query.
//!
//! A read says under which namespace it is cached and for how long; a mutation says which reads it makes untrue. A read
//! that stands there as a call is checked by the compiler. The pages of a list are many and share a tag: a mutation names
//! it, and with it every page, filter and limit.
//!
//! [`Repositories::complete`] changes several tables in one transaction, and nothing is invalidated before its commit.
//!
//! Two things are as old as their ttl at most, and not as new as the last change: [`Stats::overview`], because every
//! mutation would drop it; and the lists around a mutation that failed although the database had committed it (the
//! connection broke before the answer), because whose lists these are stands in the answer. Lists live one minute.

mod agents;
mod completion;
mod conversations;
mod last_seen;
mod prompts;
mod resources;
mod scripts;
mod sessions;
mod settings;
mod stats;
mod storyboards;
mod tasks;
mod user_data;

pub use agents::{AgentState, AgentStates};
pub use conversations::{Conversation, Conversations, Message, NewMessage, Posted};
pub use last_seen::LastSeen;
pub use prompts::{PromptTemplate, Prompts};
pub use resources::{NewResource, Resource, Resources};
pub use scripts::{NewScript, Script, ScriptPatch, Scripts};
pub use sessions::{Session, Sessions};
pub use settings::{VisualSettings, VisualStyles};
pub use stats::{Overview, Stats, UserStats};
pub use storyboards::{NewStoryboard, Storyboard, StoryboardPatch, Storyboards};
pub use tasks::{NewTask, Task, TaskPatch, Tasks};
pub use user_data::{UserData, UserDocuments};

use cache_runtime::Cache;
use sqlx::AnyPool;

/// How many rows a list has when the caller does not say.
pub const DEFAULT_LIMIT: u32 = 20;

/// All repositories over one pool.
#[derive(Debug, Clone)]
pub struct Repositories {
    pool: AnyPool,
    /// Tasks.
    pub tasks: Tasks,
    /// Conversations and their messages.
    pub conversations: Conversations,
    /// Sessions of users.
    pub sessions: Sessions,
    /// Scripts of tasks.
    pub scripts: Scripts,
    /// Storyboards of tasks.
    pub storyboards: Storyboards,
    /// Images, videos and sounds of tasks.
    pub resources: Resources,
    /// When users were last seen.
    pub last_seen: LastSeen,
    /// What is kept about users.
    pub user_data: UserDocuments,
    /// What agents remember of tasks.
    pub agents: AgentStates,
    /// Prompt templates.
    pub prompts: Prompts,
    /// Visual settings.
    pub settings: VisualStyles,
    /// Counts.
    pub stats: Stats,
}

impl Repositories {
    /// The repositories over `pool`; what is written behind goes through `cache`.
    #[must_use]
    pub fn new(pool: &AnyPool, cache: &Cache) -> Self {
        Self {
            pool: pool.clone(),
            tasks: Tasks::new(pool.clone()),
            conversations: Conversations::new(pool.clone()),
            sessions: Sessions::new(pool.clone()),
            scripts: Scripts::new(pool.clone()),
            storyboards: Storyboards::new(pool.clone()),
            resources: Resources::new(pool.clone()),
            last_seen: LastSeen::new(pool.clone(), cache),
            user_data: UserDocuments::new(pool.clone()),
            agents: AgentStates::new(pool.clone()),
            prompts: Prompts::new(pool.clone()),
            settings: VisualStyles::new(pool.clone()),
            stats: Stats::new(pool.clone()),
        }
    }
}
