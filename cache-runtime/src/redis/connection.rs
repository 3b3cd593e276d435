//! The connection: one, shared, watched over. While it is down every operation fails at once.

use super::fed::Fed;
use super::member::Member;
use super::reply;
use super::turns::Turns;
use crate::breaker::Breaker;
use crate::error::{NotReady, StoreError};
use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, Cmd, ErrorKind, Pipeline, RedisError, RedisResult, Value};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

/// How long one attempt to connect may take, and then one step of the setup.
pub(super) const CONNECT: Duration = Duration::from_secs(1);
/// Commands that wait to be written; beyond them senders wait in turn.
pub(super) const PIPELINE: usize = 4_096;

/// What operations see of the connection.
pub(super) struct Link {
    pub(super) state: watch::Sender<State>,
    pub(super) breaker: Breaker,
    broken: Notify,
    turns: Turns,
    fed: Fed,
    /// Whether anything was answered since this was last asked.
    used: AtomicBool,
    pub(super) clock_offset_ms: AtomicI64,
    /// The server's run and history, as the last connection saw them.
    pub(super) server: Mutex<Option<String>>,
}

pub(super) enum State {
    Down(String),
    Up(Connected),
}

/// A connection that is ready for the protocol.
#[derive(Clone)]
pub(super) struct Connected {
    pub(super) connection: MultiplexedConnection,
    /// `SET .. NX GET` is known (Redis 7.0).
    pub(super) sets_and_gets: bool,
    pub(super) number: u64,
    /// Its place in a cluster.
    pub(super) member: Option<Arc<Member>>,
}

impl Connected {
    /// Sends one command; what the server refuses is an error.
    pub(super) async fn send(&mut self, command: &Cmd) -> RedisResult<Value> {
        let reply = self.connection.send_packed_command(command).await?.extract_error();
        match (reply, &self.member) {
            (Err(refusal), Some(member)) => match Box::pin(member.follow(command, &refusal)).await {
                Some(reply) => reply.extract_error(),
                None => Err(refusal),
            },
            (reply, _) => reply,
        }
    }

    /// Sends commands that need no order, in one trip; what the server refuses is among the replies.
    pub(super) async fn send_all(&mut self, pipeline: &Pipeline) -> RedisResult<Vec<Value>> {
        let mut replies = self.connection.send_packed_commands(pipeline, 0, pipeline.len()).await?;
        let Some(member) = &self.member else { return Ok(replies) };
        for (command, reply) in pipeline.cmd_iter().zip(&mut replies) {
            if let Err(refusal) = reply.clone().extract_error()
                && let Some(followed) = Box::pin(member.follow(command, &refusal)).await
            {
                *reply = followed;
            }
        }
        Ok(replies)
    }
}

impl Link {
    /// A link for this many operations at once; `None`: without a limit.
    pub(super) fn limited(operations: Option<usize>) -> Self {
        Self {
            state: watch::Sender::new(State::Down("not connected yet".to_owned())),
            breaker: Breaker::default(),
            broken: Notify::new(),
            turns: Turns::limited(operations),
            fed: Fed::default(),
            used: AtomicBool::new(false),
            clock_offset_ms: AtomicI64::new(0),
            server: Mutex::new(None),
        }
    }

    pub(super) fn connected(&self) -> Result<Connected, StoreError> {
        self.peek(Connected::clone)
    }

    /// What `look` makes of the connection.
    pub(super) fn peek<T>(&self, look: impl FnOnce(&Connected) -> T) -> Result<T, StoreError> {
        match &*self.state.borrow() {
            State::Up(connected) => Ok(look(connected)),
            State::Down(_) => Err(StoreError::Unreachable),
        }
    }

    /// The connection on which this server's pushes come, if it is known.
    pub(super) fn fed(&self) -> &Fed {
        &self.fed
    }

    /// The number of the connection that is up.
    pub(super) fn number(&self) -> Option<u64> {
        match &*self.state.borrow() {
            State::Up(connected) => Some(connected.number),
            State::Down(_) => None,
        }
    }

    /// How far the server's clock is ahead of this machine's.
    pub(super) fn clock_offset_ms(&self) -> i64 {
        self.clock_offset_ms.load(Relaxed)
    }

    pub(super) async fn ready(&self, patience: Duration) -> Result<(), NotReady> {
        let mut states = self.state.subscribe();
        let up = states.wait_for(|state| matches!(state, State::Up(_)));
        match timeout(patience, up).await {
            Ok(_) => Ok(()),
            Err(_) => Err(NotReady { waited: patience, reason: self.reason() }),
        }
    }

    /// Why there is no connection.
    pub(super) fn reason(&self) -> String {
        match &*self.state.borrow() {
            State::Down(reason) => reason.clone(),
            State::Up(_) => "it has just connected".to_owned(),
        }
    }

    /// Waits until the connection breaks.
    pub(super) async fn broken(&self) {
        self.broken.notified().await;
    }

    /// Whether anything was answered since this was last asked.
    pub(super) fn was_used(&self) -> bool {
        self.used.swap(false, Relaxed)
    }

    /// Runs an operation on the connection `number` within its deadline, which its turn has to come within, too. It stays where it is,
    /// since it is large.
    pub(super) async fn within<T>(
        &self,
        number: u64,
        deadline: Duration,
        operation: Pin<&mut impl Future<Output = RedisResult<T>>>,
    ) -> Result<T, StoreError> {
        let _turn = self.turns.take(deadline).await?;
        self.answered(number, deadline, operation).await
    }

    /// Runs an operation on another connection to the server of the one with this number; `None` if that failed.
    pub(super) async fn aside<T>(
        &self,
        number: u64,
        deadline: Duration,
        operation: Pin<&mut impl Future<Output = RedisResult<T>>>,
    ) -> Result<Option<T>, StoreError> {
        let _turn = self.turns.take(deadline).await?;
        timeout(deadline, operation).await.map(Result::ok).map_err(|_| self.timed_out(number))
    }

    /// Runs an operation out of turn, and notices when the connection is dead.
    pub(super) async fn answered<T>(
        &self,
        number: u64,
        deadline: Duration,
        operation: Pin<&mut impl Future<Output = RedisResult<T>>>,
    ) -> Result<T, StoreError> {
        match timeout(deadline, operation).await {
            Ok(Ok(answer)) => {
                self.breaker.answered();
                if !self.used.load(Relaxed) {
                    self.used.store(true, Relaxed);
                }
                Ok(answer)
            }
            Ok(Err(error)) => {
                let kind = reply::error(&error);
                // A server that turned read-only is no longer the one to ask: its address may lead elsewhere by now.
                if kind == StoreError::Unreachable || error.code() == Some("READONLY") {
                    self.give_up(number, &error);
                } else {
                    self.breaker.answered();
                }
                Err(kind)
            }
            Err(_) => Err(self.timed_out(number)),
        }
    }

    /// Counts an operation that was not answered in time.
    fn timed_out(&self, number: u64) -> StoreError {
        if self.breaker.timed_out() {
            self.give_up(number, &"it does not answer");
        }
        StoreError::Timeout
    }

    /// Marks the connection as down, if it is still this one.
    pub(super) fn give_up(&self, number: u64, reason: &dyn std::fmt::Display) {
        let gave_up = self.state.send_if_modified(|state| {
            let current = matches!(state, State::Up(connected) if connected.number == number);
            if current {
                *state = State::Down(reason.to_string());
            }
            current
        });
        if gave_up {
            tracing::warn!(%reason, "lost the store; calls run their bodies until it is back");
            self.broken.notify_one();
        }
    }
}

/// A task that ends when this is dropped.
pub(super) struct Supervisor(pub(super) tokio::task::JoinHandle<()>);

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// How any connection is made; its operations have their own deadlines.
pub(super) fn plain() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT)).set_response_timeout(None)
}

/// An error of ours in the client's type.
pub(super) fn client_error(what: &'static str) -> RedisError {
    RedisError::from((ErrorKind::Io, what))
}

pub(super) async fn in_time<T>(
    deadline: Duration,
    step: impl Future<Output = RedisResult<T>>,
) -> RedisResult<T> {
    match timeout(deadline, step).await {
        Ok(result) => result,
        Err(_) => Err(client_error("it does not answer")),
    }
}
