//! Starting and stopping.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use cache_runtime::{Cache, ConfigError};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::App;
use crate::config::Config;
use crate::database::Database;
use crate::error::Error;
use crate::http::router;
use crate::repo::Repositories;

/// How long requests that run may take after the service was asked to stop.
const GRACE: Duration = Duration::from_secs(10);

/// How long a Redis that was away may take to hear the last invalidations.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Why the service did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// `TASKS_ADDR` is no address.
    #[error("TASKS_ADDR: {0:?} is not an address such as 127.0.0.1:3000")]
    Address(String),
    /// The settings of the cache cannot be used.
    #[error(transparent)]
    Cache(#[from] ConfigError),
    /// The database cannot be reached or prepared.
    #[error("DATABASE_URL: {0}")]
    Database(#[from] Error),
    /// Nobody can listen there.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, std::io::Error),
}

/// A service that answers.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub addr: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<usize>,
}

impl Running {
    /// Takes no more requests, finishes those that run, closes the database, and sends Redis the invalidations that it
    /// has not had yet. Gives how many of those are left: other services may show what they meant until its ttl ends.
    pub async fn shutdown(self) -> usize {
        let _ = self.stop.send(());
        self.served.await.unwrap_or(0)
    }
}

/// Opens the database and listens.
pub async fn start(config: Config) -> Result<Running, StartError> {
    let database = Database::open(&config.database_url).await?;
    let listener =
        TcpListener::bind(config.listen).await.map_err(|error| StartError::Listen(config.listen, error))?;
    let addr = listener.local_addr().map_err(|error| StartError::Listen(config.listen, error))?;
    let repos = Arc::new(Repositories::new(&database.pool, &config.cache));
    let app =
        Arc::new(App { repos: repos.clone(), pool: database.pool.clone(), cache: config.cache.clone() });
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(serve(listener, router(app), stopped, repos, database, config.cache));
    Ok(Running { addr, stop, served })
}

async fn serve(
    listener: TcpListener,
    router: Router,
    stopped: oneshot::Receiver<()>,
    repos: Arc<Repositories>,
    database: Database,
    cache: Cache,
) -> usize {
    let (asked, mut finishing) = oneshot::channel::<()>();
    let server = axum::serve(listener, router).with_graceful_shutdown(async move {
        let _ = stopped.await;
        drop(asked);
    });
    let mut server = std::pin::pin!(server.into_future());
    tokio::select! {
        _ = &mut server => {}
        _ = &mut finishing => {
            let _ = timeout(GRACE, server).await;
        }
    }
    let unsaved = repos.last_seen.flush(LAST_WORDS).await;
    if unsaved > 0 {
        eprintln!("tasks-api: when {unsaved} users were seen is left to other services");
    }
    database.close().await;
    cache.shutdown(LAST_WORDS).await
}
