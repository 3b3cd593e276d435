//! The connection: one, shared, watched over. While it is down every operation fails at once.

use super::member::Member;
use super::place::Place;
use super::turns::{self, Turns};
use super::{INVALIDATE_BATCH, Upkeep, guard, invalidate, invalidate_tags, reply, script};
use crate::breaker::{Backoff, Breaker};
use crate::error::{NotReady, StoreError};
use crate::pending::Pending;
use crate::time::wall_ms;
use ::redis::aio::MultiplexedConnection;
use ::redis::{
    AsyncConnectionConfig, Cmd, ErrorKind, Pipeline, PushInfo, PushKind, RedisError, RedisResult, Value, cmd,
};
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

/// How long one attempt to connect may take, and then one step of the setup.
const CONNECT: Duration = Duration::from_secs(1);
/// Commands that wait to be written; beyond them senders wait in turn.
const PIPELINE: usize = 4_096;

/// What operations see of the connection.
pub(super) struct Link {
    state: watch::Sender<State>,
    breaker: Breaker,
    broken: Notify,
    turns: Turns,
    /// Whether anything was answered since this was last asked.
    used: AtomicBool,
    clock_offset_ms: AtomicI64,
    /// The server's run and history, as the last connection saw them.
    server: Mutex<Option<String>>,
}

enum State {
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
            used: AtomicBool::new(false),
            clock_offset_ms: AtomicI64::new(0),
            server: Mutex::new(None),
        }
    }

    pub(super) fn connected(&self) -> Result<Connected, StoreError> {
        match &*self.state.borrow() {
            State::Up(connected) => Ok(connected.clone()),
            State::Down(_) => Err(StoreError::Unreachable),
        }
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

    /// Runs an operation on the connection `number` within its deadline, which its turn has to come within, too.
    pub(super) async fn within<T>(
        &self,
        number: u64,
        deadline: Duration,
        operation: impl Future<Output = RedisResult<T>>,
    ) -> Result<T, StoreError> {
        let _turn = self.turns.take(deadline).await?;
        self.answered(number, deadline, operation).await
    }

    /// Runs an operation out of turn, and notices when the connection is dead.
    pub(super) async fn answered<T>(
        &self,
        number: u64,
        deadline: Duration,
        operation: impl Future<Output = RedisResult<T>>,
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
            Err(_) => {
                if self.breaker.timed_out() {
                    self.give_up(number, &"it does not answer");
                }
                Err(StoreError::Timeout)
            }
        }
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

pub(super) fn supervise(place: Place, link: Arc<Link>, upkeep: Upkeep) -> Supervisor {
    Supervisor(tokio::spawn(async move {
        let mut backoff = Backoff::default();
        for number in 0.. {
            match connect(&place, &link, &upkeep, number).await {
                Ok(connected) => {
                    tracing::info!("connected to the store");
                    link.breaker.answered();
                    link.state.send_replace(State::Up(connected.clone()));
                    turns::watch(&link, connected, upkeep.idle.unwrap_or(turns::IDLE)).await;
                    backoff = Backoff::default();
                }
                Err(error) => {
                    tracing::debug!(%error, "the store cannot be reached");
                    link.state.send_replace(State::Down(error.to_string()));
                }
            }
            tokio::time::sleep(backoff.pause()).await;
        }
    }))
}

/// Connects, and does all that must have happened before anyone reads: scripts, clock, unsent invalidations.
async fn connect(
    place: &Place,
    link: &Arc<Link>,
    Upkeep { pending, guarded, member, .. }: &Upkeep,
    number: u64,
) -> RedisResult<Connected> {
    let noticed = Arc::downgrade(link);
    let config = plain().set_pipeline_buffer_size(PIPELINE).set_push_sender(move |push: PushInfo| {
        if push.kind == PushKind::Disconnection
            && let Some(link) = noticed.upgrade()
        {
            link.give_up(number, &"the connection was closed");
        }
        Ok::<(), ()>(())
    });
    let connection =
        async { place.client().await?.get_multiplexed_async_connection_with_config(&config).await };
    let connection = in_time(CONNECT * 2, connection).await?;
    let mut connected = Connected { connection, sets_and_gets: true, number, member: member.clone() };
    let server = in_time(CONNECT, set_up(&mut connected, link)).await?;
    let mine = |name: &[u8]| member.as_ref().is_none_or(|member| member.owns(name));
    let before = link.server.lock().unwrap_or_else(PoisonError::into_inner).replace(server.clone());
    if before.is_some_and(|before| before != server) {
        // Another server, or this one from a snapshot: it may lack what the old one had acknowledged.
        pending.replay(mine);
    }
    if let Some(app) = guarded {
        guard::check(&mut connected, app).await?;
    }
    drain(&mut connected, pending, mine).await?;
    Ok(connected)
}

/// Sends what is pending and this server's.
pub(super) async fn drain(
    connected: &mut Connected,
    pending: &Pending,
    mine: impl Fn(&[u8]) -> bool,
) -> RedisResult<()> {
    while let Some(batch) = pending.batch(INVALIDATE_BATCH, &mine) {
        in_time(CONNECT, invalidate(connected, &batch.keys)).await?;
        in_time(CONNECT, invalidate_tags(connected, &batch.tags)).await?;
        pending.sent(&batch);
    }
    Ok(())
}

/// Prepares a connection, and tells which server it leads to.
async fn set_up(connected: &mut Connected, link: &Link) -> RedisResult<String> {
    for script in script::ALL {
        allowed(connected.send(&script.load()).await)?;
    }
    if let Some(Value::Array(time)) = allowed(connected.send(&cmd("TIME")).await)? {
        link.clock_offset_ms.store(clock_offset(&time), Relaxed);
    }
    let info = allowed(connected.send(cmd("INFO").arg("server").arg("replication")).await)?;
    let info: String = info.map(::redis::from_redis_value).transpose()?.unwrap_or_default();
    let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    if field("role") == Some("slave") {
        return Err(RedisError::from((ErrorKind::Client, "the server is a replica")));
    }
    let major = field("redis_version").and_then(|version| version.split('.').next()?.parse().ok());
    connected.sets_and_gets = major.is_none_or(|major: u32| major >= 7);
    Ok([field("run_id"), field("master_replid")].map(Option::unwrap_or_default).join(" "))
}

/// A step of the setup that the user of the connection may lack the right for.
fn allowed(reply: RedisResult<Value>) -> RedisResult<Option<Value>> {
    match reply {
        Ok(value) => Ok(Some(value)),
        Err(error) if reply::error(&error) == StoreError::Denied => Ok(None),
        Err(error) => Err(error),
    }
}

/// How far the server is ahead whose `TIME` has just come.
pub(super) fn clock_offset(time: &[Value]) -> i64 {
    let number = |at: usize| time.get(at).and_then(|value| ::redis::from_redis_value_ref::<i64>(value).ok());
    match (number(0), number(1)) {
        (Some(seconds), Some(micros)) => {
            seconds * 1_000 + micros / 1_000 - i64::try_from(wall_ms()).unwrap_or(i64::MAX)
        }
        _ => 0,
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
