//! A video-production service over `SQLite` or `PostgreSQL` whose repository functions are cached by one line each.
//!
//! Begin with [`repo`]: a function there is a query, and the line above it is all there is of caching.

mod config;
mod database;
mod error;
mod http;
pub mod model;
pub mod rendering;
pub mod repo;
mod server;

pub use config::Config;
pub use database::IN_MEMORY;
pub use error::Error;
pub use server::{Running, StartError, start};

use cache_runtime::Cache;
use repo::Repositories;
use sqlx::AnyPool;
use std::sync::Arc;

/// What every request works with.
struct App {
    repos: Arc<Repositories>,
    pool: AnyPool,
    cache: Cache,
}
