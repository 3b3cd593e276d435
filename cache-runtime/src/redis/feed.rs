//! The feed: a connection of its own on which the server pushes the names of fences that invalidations touch.

use super::connection::{Connected, Link, client_error, in_time};
use super::fed::{Announced, Untold};
use super::member::is_referral;
use super::place::Place;
use super::{WRITE, invalidate};
use crate::breaker::Backoff;
use crate::key::{Key, without_app};
use crate::store::{FEED_LEASE, Listener, Token};
use crate::time::Instant;
use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, Cmd, PushInfo, PushKind, RedisResult, Value, cmd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::timeout;

/// Between two signs of life.
const HEARTBEAT: Duration = Duration::from_millis(250);
/// How long one may take before the connection counts as dead.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
/// Signs of life in a row that may leave something unknown: fewer than end the lease.
const MOST_UNKNOWN: u32 = 2;
/// Between two proofs that pushes arrive.
const CANARY: Duration = Duration::from_secs(30);

/// What one cache listens to.
pub(super) struct Feed {
    place: Place,
    link: Arc<Link>,
    app: String,
    listener: Weak<dyn Listener>,
}

/// What the pushes of one connection go to; what comes after its end is not heard.
pub(super) struct Ear {
    app: String,
    listener: Weak<dyn Listener>,
    /// Pushes of canaries so far: fences in the lower half, tags in the upper.
    canaries: AtomicU64,
    pub(super) untold: Untold,
    pub(super) runtime: Handle,
}

/// Why a feed ended.
enum End {
    /// Nobody listens any more.
    Unheard,
    /// The connection broke, or never stood.
    Lost,
    /// The server answers, and pushes do not come.
    Filtered(&'static str),
}

impl Feed {
    pub(super) fn new(place: Place, link: Arc<Link>, app: String, listener: &Arc<dyn Listener>) -> Self {
        Self { place, link, app, listener: Arc::downgrade(listener) }
    }

    /// Listens until nobody does any more.
    pub(super) async fn run(self) {
        let mut backoff = Backoff::default();
        let mut warned = false;
        loop {
            let started = Instant::now();
            let end = self.attend().await;
            self.link.fed().ends();
            let Some(listener) = self.listener.upgrade() else { return };
            match end {
                End::Unheard => return,
                End::Lost => {
                    listener.lost();
                    if started.elapsed() > PATIENCE {
                        backoff = Backoff::default();
                    }
                    tokio::time::sleep(backoff.pause()).await;
                }
                End::Filtered(why) => {
                    listener.unavailable();
                    if !std::mem::replace(&mut warned, true) {
                        tracing::warn!(
                            why,
                            "no feed of invalidations: in-process entries are bounded to 1 s"
                        );
                    }
                    drop(listener);
                    tokio::time::sleep(CANARY).await;
                }
            }
        }
    }

    /// One connection, from its start to its end.
    async fn attend(&self) -> End {
        let ear = Arc::new(Ear {
            app: self.app.clone(),
            listener: self.listener.clone(),
            canaries: AtomicU64::new(0),
            untold: Untold::default(),
            runtime: Handle::current(),
        });
        let Ok(mut connection) = self.connect(&ear).await else { return End::Lost };
        match in_time(PATIENCE, self.track(&mut connection)).await {
            Ok(()) => {}
            Err(error) if error.is_io_error() || error.is_unrecoverable_error() => return End::Lost,
            Err(_) => return End::Filtered("the server does not offer CLIENT TRACKING"),
        }
        let mut next_canary = Instant::now();
        let (mut data, mut proven, mut unknown) = (None, false, 0);
        loop {
            // A new data connection may lead to another server than this one.
            let moved = self.link.number().is_some_and(|number| data.replace(number) != Some(number));
            if moved || Instant::now() >= next_canary {
                match self.canary(&mut connection, &ear.canaries).await {
                    Ok(Some(true)) => {
                        next_canary = Instant::now() + CANARY;
                        proven = true;
                        if let Some(number) = data {
                            self.link.fed().is(number, connection.clone(), &ear);
                        }
                    }
                    // Pushes came until the data went elsewhere: to be followed there.
                    Ok(Some(false)) if proven && moved => return End::Lost,
                    Ok(Some(false)) => return End::Filtered("pushes do not arrive"),
                    // There is no place for one now; nor, while that is so, for what it stands for.
                    Ok(None) => {}
                    Err(_) => return End::Lost,
                }
            }
            let asked = Instant::now();
            ear.untold.mark();
            if in_time(PATIENCE, ask(&mut connection, &cmd("PING"))).await.is_err() {
                return End::Lost;
            }
            // What the server had to push before is known: the pushes came before the answer, and what was sent on this connection, which
            // may have been pushed in place of another's, has been told by its own replies.
            let is_known = timeout(HEARTBEAT, ear.untold.told()).await.is_ok();
            let Some(listener) = self.listener.upgrade() else { return End::Unheard };
            unknown = if is_known { 0 } else { unknown + 1 };
            if unknown == MOST_UNKNOWN {
                // What is asked for from now on is answered by what had been executed before the answer.
                listener.flushed();
                unknown = 0;
            }
            if unknown == 0 {
                listener.alive(Some(asked + FEED_LEASE));
            }
            drop(listener);
            tokio::time::sleep_until(asked + HEARTBEAT).await;
        }
    }

    async fn connect(&self, ear: &Arc<Ear>) -> RedisResult<MultiplexedConnection> {
        let ear = Arc::downgrade(ear);
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(None)
            // A closure runs in the order of the stream, before a later reply is given out.
            .set_push_sender(move |push: PushInfo| {
                if let Some(ear) = ear.upgrade() {
                    ear.hear(&push);
                }
                Ok::<(), ()>(())
            });
        let connection =
            async { self.place.client().await?.get_multiplexed_async_connection_with_config(&config).await };
        in_time(PATIENCE, connection).await
    }

    async fn track(&self, connection: &mut MultiplexedConnection) -> RedisResult<()> {
        let mut tracking = cmd("CLIENT");
        // What is sent on this connection itself is known here by its reply.
        tracking.arg("TRACKING").arg("ON").arg("BCAST").arg("NOLOOP");
        for kind in ["fence", "tag"] {
            tracking.arg("PREFIX").arg(format!("cache:{kind}:{{{}", self.prefix()));
        }
        ask(connection, &tracking).await.map(drop)
    }

    /// Touches a fence and a tag by the data connection, and tells whether both pushes came; `None` where the server has no slot for them.
    async fn canary(
        &self,
        connection: &mut MultiplexedConnection,
        canaries: &AtomicU64,
    ) -> RedisResult<Option<bool>> {
        self.link.ready(PATIENCE).await.map_err(|_| client_error("the store is down"))?;
        let mut data = self.link.connected().map_err(|_| client_error("the store is down"))?;
        let before = canaries.load(Ordering::Acquire);
        let Some(key) = self.canary_key(&data) else { return Ok(None) };
        // Where it would be sent on to, this feed does not listen.
        let in_cluster = data.member.take().is_some();
        let touched = async {
            invalidate(&mut data, std::slice::from_ref(&key)).await?;
            let mut tag = cmd("SET");
            tag.arg([b"cache:tag:{", key.name(), b"}:"].concat()).arg("").arg("PX").arg(1);
            data.send(&tag).await
        };
        match in_time(WRITE, touched).await {
            Err(error) if in_cluster && is_referral(&error) => return Ok(None),
            Err(error) if !refused(&error) => return Err(client_error("the store is down")),
            _ => {}
        }
        in_time(PATIENCE, ask(connection, &cmd("PING"))).await?;
        let seen = canaries.load(Ordering::Acquire).wrapping_sub(before);
        Ok(Some(seen & 0xFFFF_FFFF != 0 && seen >> 32 != 0))
    }

    /// A key that nobody else has, on the server that is listened to.
    fn canary_key(&self, data: &Connected) -> Option<Key> {
        let nonce = Token::random();
        let key = |number: u32| Key::new(format!("{}canary:{nonce:?}-{number}", self.prefix()));
        match &data.member {
            None => Some(key(0)),
            // The one of a few slots among 16,384 takes a few milliseconds to hit.
            Some(member) if member.has_slots() => (0..200_000).map(key).find(|key| member.owns(key.name())),
            Some(_) => None,
        }
    }

    fn prefix(&self) -> String {
        if self.app.is_empty() { String::new() } else { format!("{}:", self.app) }
    }
}

/// Whether the server answered with a refusal: it is there.
fn refused(error: &::redis::RedisError) -> bool {
    !(error.is_io_error() || error.is_unrecoverable_error() || error.is_timeout())
}

async fn ask(connection: &mut MultiplexedConnection, command: &Cmd) -> RedisResult<Value> {
    connection.send_packed_command(command).await?.extract_error()
}

impl Ear {
    /// Passes a push on to the listener.
    fn hear(&self, push: &PushInfo) {
        let Some(listener) = self.listener.upgrade() else { return };
        match push.kind {
            PushKind::Disconnection => listener.lost(),
            PushKind::Invalidate => match push.data.first() {
                Some(Value::Array(keys)) => {
                    for key in keys {
                        if let Value::BulkString(key) = key {
                            self.hear_key(key, &*listener);
                        }
                    }
                }
                // FLUSHALL and FLUSHDB.
                _ => listener.flushed(),
            },
            _ => {}
        }
    }

    /// Passes on what was sent on the feed's own connection, which is not pushed there.
    pub(super) fn hear_of(&self, announced: Announced<'_>, number: u64) {
        if let Some(listener) = self.listener.upgrade() {
            self.tell(announced, &*listener);
        }
        self.untold.end(number);
    }

    fn tell(&self, announced: Announced<'_>, listener: &dyn Listener) {
        match announced {
            Announced::Keys(keys) => keys
                .iter()
                .filter_map(|key| key.without_app(&self.app))
                .for_each(|name| listener.invalidated(name)),
            Announced::Tags(tags) => tags.iter().for_each(|tag| self.hear_key(tag.name(), listener)),
        }
    }

    fn hear_key(&self, key: &[u8], listener: &dyn Listener) {
        let inside = |prefix: &[u8]| key.strip_prefix(prefix).and_then(|rest| without_app(&self.app, rest));
        if let Some(name) = inside(b"cache:fence:{").and_then(|name| name.strip_suffix(b"}")) {
            if name.starts_with(b"canary:") {
                self.canaries.fetch_add(1, Ordering::AcqRel);
            }
            listener.invalidated(name);
        } else if let Some(name) = inside(b"cache:tag:{") {
            if name.starts_with(b"canary:") {
                self.canaries.fetch_add(1 << 32, Ordering::AcqRel);
            }
            listener.tag_invalidated(name);
        }
    }
}
