//! Starting and stopping.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use cache_runtime::{Cache, ConfigError, Warmed};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::App;
use crate::config::Config;
use crate::database::Database;
use crate::error::Error;
use crate::http::router;
use crate::model::TaskId;
use crate::repo::{Repositories, Tasks};

/// How long requests that run may take after the service was asked to stop.
const GRACE: Duration = Duration::from_secs(10);

/// How long a Redis that was away may take to hear the last invalidations.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How many tasks are loaded in a second at the start.
const WARM_RATE: u32 = 1_000;

/// Why the service did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// `TASKS_ADDR` is no address.
    #[error("TASKS_ADDR: {0:?} is not an address such as 127.0.0.1:3000")]
    Address(String),
    /// `TASKS_WARM` is no number.
    #[error("TASKS_WARM: {0:?} is not a number of tasks")]
    Warm(String),
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
    warming: Option<JoinHandle<Warmed>>,
}

impl Running {
    /// Waits until the tasks that were changed last are in the cache, and tells what became of them.
    pub async fn warmed(&mut self) -> Option<Warmed> {
        self.warming.take()?.await.ok()
    }

    /// Takes no more requests, finishes those that run, closes the database, and sends Redis the invalidations that it
    /// has not had yet. Gives how many of those are left: other services may show what they meant until its ttl ends.
    pub async fn shutdown(self) -> usize {
        if let Some(warming) = self.warming {
            warming.abort();
        }
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
    let warming = (config.warm > 0).then(|| tokio::spawn(warm(app.clone(), config.warm)));
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(serve(listener, router(app), stopped, repos, database, config.cache));
    Ok(Running { addr, stop, served, warming })
}

/// Loads the tasks that were changed last, while requests are answered already.
async fn warm(app: Arc<App>, most: u32) -> Warmed {
    let ids = match app.repos.tasks.latest(most).await {
        Ok(ids) => ids,
        Err(error) => {
            eprintln!("nothing is warmed: {error}");
            return Warmed::default();
        }
    };
    let (tasks, all) = (&app.repos.tasks, ids.len());
    let load = |ids: Vec<TaskId>| async move { tasks.get_many(&ids).await };
    let progress = |warmed: Warmed| {
        let Warmed { stored, fresh, skipped, failed, .. } = warmed;
        let done = warmed.total();
        eprintln!(
            "warmed {done} of {all} tasks: {stored} loaded, {fresh} fresh, {skipped} skipped, {failed} failed"
        );
    };
    let warming = app.cache.warm_with(ids, |id| Tasks::get_entry(*id), load);
    warming.rate(WARM_RATE).on_progress(progress).run().await
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
