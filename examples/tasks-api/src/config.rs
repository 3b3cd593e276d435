//! What the environment says.

use std::env;
use std::net::SocketAddr;

use cache_runtime::{Cache, ConfigError};

use crate::database::{IN_MEMORY, now_ms};
use crate::server::StartError;

/// How to start the service.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// `sqlite:…` or `postgres://…`.
    pub database_url: String,
    /// Where values are kept.
    pub cache: Cache,
    /// How many of the tasks that were changed last are loaded into the cache at the start.
    pub warm: u32,
}

impl Default for Config {
    /// A free port of the loopback, a database in memory and a cache in the process.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            database_url: IN_MEMORY.to_owned(),
            cache: Cache::in_process(),
            warm: 0,
        }
    }
}

impl Config {
    /// Reads `TASKS_ADDR`, `DATABASE_URL`, `CACHE_URL` and its relatives; `TASKS_CACHE=off` turns caching off,
    /// `TASKS_WARM=1000` loads so many tasks into it.
    pub fn from_env() -> Result<Self, StartError> {
        let address = env::var("TASKS_ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
        let database_url = env::var("DATABASE_URL").unwrap_or_else(|_| IN_MEMORY.to_owned());
        let warm = env::var("TASKS_WARM").unwrap_or_else(|_| "0".to_owned());
        Ok(Self {
            warm: warm.parse().map_err(|_| StartError::Warm(warm))?,
            listen: address.parse().map_err(|_| StartError::Address(address))?,
            cache: cache_from_env(&database_url)?,
            database_url,
        })
    }
}

fn cache_from_env(database_url: &str) -> Result<Cache, ConfigError> {
    if env::var("TASKS_CACHE").is_ok_and(|word| word == "off") {
        return Ok(Cache::disabled());
    }
    match env::var("CACHE_URL") {
        // A database in memory is another one at each start, so what was kept of the last one must not be found.
        Ok(url) if database_url == IN_MEMORY => {
            Cache::builder().redis(url).app(format!("tasks-{}-{}", now_ms(), std::process::id())).build()
        }
        _ => Cache::from_env(),
    }
}
