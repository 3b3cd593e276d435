//! A Redis connection for those beside us: deadlines, and a new connection when it is lost.

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, RedisResult};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::measure::{MS, now};

/// How long an answer may take.
const DEADLINE: Duration = Duration::from_millis(250);

/// A connection, or the wish to have one.
pub(crate) struct Link {
    client: Client,
    connection: Mutex<Option<(u64, MultiplexedConnection)>>,
    /// When to try again.
    retry: AtomicU64,
}

impl Link {
    /// A link to the server at `url`; waits for nothing.
    pub(crate) fn to(url: &str) -> Self {
        let client = Client::open(url).expect("the driver gives a good url");
        Self { client, connection: Mutex::default(), retry: AtomicU64::new(0) }
    }

    /// The server's answer; `None` when it gave none.
    pub(crate) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Option<T> {
        self.with(async |connection| command.query_async(connection).await).await
    }

    /// What `operation` gets of a connection, within the deadline.
    pub(crate) async fn with<T>(
        &self,
        operation: impl AsyncFnOnce(&mut MultiplexedConnection) -> RedisResult<T>,
    ) -> Option<T> {
        let (number, mut connection) = self.connected().await?;
        match timeout(DEADLINE, operation(&mut connection)).await {
            Ok(Ok(answer)) => return Some(answer),
            Ok(Err(error)) if !error.is_connection_dropped() && !error.is_io_error() => return None,
            Ok(Err(_)) | Err(_) => {}
        }
        self.connection.lock().await.take_if(|current| current.0 == number);
        None
    }

    async fn connected(&self) -> Option<(u64, MultiplexedConnection)> {
        let mut place = self.connection.lock().await;
        let time = now();
        if place.is_none() && self.retry.load(Relaxed) <= time {
            self.retry.store(time + 200 * MS, Relaxed);
            let config = AsyncConnectionConfig::new()
                .set_connection_timeout(Some(DEADLINE))
                .set_response_timeout(Some(DEADLINE));
            let connecting = self.client.get_multiplexed_async_connection_with_config(&config);
            *place = timeout(DEADLINE, connecting).await.ok()?.ok().map(|connection| (time, connection));
        }
        place.clone()
    }
}
