//! How a connection is made ready.

use super::connection::{CONNECT, Connected, Link, PIPELINE, State, Supervisor, in_time, plain};
use super::place::Place;
use super::{INVALIDATE_BATCH, Upkeep, guard, invalidate, invalidate_tags, reply, script, turns};
use crate::breaker::Backoff;
use crate::error::StoreError;
use crate::pending::Pending;
use crate::time::wall_ms;
use ::redis::{ErrorKind, PushInfo, PushKind, RedisError, RedisResult, Value, cmd};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, PoisonError};

/// Connects again whenever the connection breaks.
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
