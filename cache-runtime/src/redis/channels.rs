//! Channels over the server: a connection of its own on which it pushes what is published, while anyone attends.

use super::connection::{Link, Supervisor, client_error, in_time, plain};
use super::place::Place as Server;
use super::script::PUBLISH;
use super::{READ, Redis, WRITE, reply};
use crate::breaker::Backoff;
use crate::error::StoreError;
use crate::store::channels::{Board, Place};
use crate::store::{Attending, Channels, LINGER, Publication, Seen, State, StoreFuture};
use crate::time::{Instant, millis};
use ::redis::aio::MultiplexedConnection;
use ::redis::{PushInfo, PushKind, RedisResult, Value, cmd};
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::Notify;

/// Between two signs of life.
const HEARTBEAT: Duration = Duration::from_millis(250);
/// How long one step may take before the connection counts as dead.
const PATIENCE: Duration = Duration::from_secs(2);
/// Channels in one command.
const BATCH: usize = 512;

/// Who attends in this process, and the connection that is for them.
#[derive(Default)]
pub(super) struct Ears {
    board: Arc<Board>,
    listening: Mutex<Option<Supervisor>>,
}

impl Channels for Redis {
    fn publish<'a>(
        &'a self,
        channel: &'a [u8],
        publication: Publication,
        state: Option<Bytes>,
    ) -> StoreFuture<'a, u64> {
        Box::pin(async move {
            let (run, number) = (crate::tag::fresh(), publication.number.to_string());
            let linger = if state.is_some() { 0 } else { millis(LINGER) }.to_string();
            let state = state.unwrap_or_default();
            let args =
                [&run[..], publication.publisher.as_bytes(), number.as_bytes(), &state, linger.as_bytes()];
            match self.script(WRITE, &PUBLISH, &[channel], &args).await? {
                Value::Int(number) => u64::try_from(number).map_err(|_| StoreError::Other),
                _ => Err(StoreError::Other),
            }
        })
    }

    fn state<'a>(&'a self, channel: &'a [u8]) -> StoreFuture<'a, Option<State>> {
        Box::pin(async move {
            let record = reply::bytes(self.command(READ, cmd("GET").arg(channel)).await?)?;
            record.map(|record| State::parse(&record).ok_or(StoreError::ForeignType)).transpose()
        })
    }

    fn attend(&self, channel: &[u8]) -> Attending {
        let attending = self.ears.board.join(channel, Seen::Unknown);
        let mut listening = self.ears.listening.lock().unwrap_or_else(PoisonError::into_inner);
        listening.get_or_insert_with(|| {
            let (place, link, board) = (self.place.clone(), self.link.clone(), self.ears.board.clone());
            Supervisor(tokio::spawn(listen(place, link, board)))
        });
        attending
    }
}

/// Listens whenever someone attends.
async fn listen(place: Server, link: Arc<Link>, board: Arc<Board>) {
    let mut backoff = Backoff::default();
    loop {
        while board.attended().is_empty() {
            board.changed.notified().await;
        }
        let started = Instant::now();
        match attend(&place, &link, &board).await {
            Ok(()) => backoff = Backoff::default(),
            Err(error) => {
                tracing::debug!(%error, "channels are not heard of; their states are read again");
                if started.elapsed() > PATIENCE {
                    backoff = Backoff::default();
                }
                tokio::time::sleep(backoff.pause()).await;
            }
        }
    }
}

/// What the pushes of one connection go to; what comes after its end is not heard.
struct Ear {
    board: Mutex<Option<Arc<Board>>>,
    lost: Notify,
}

impl Ear {
    fn hear(&self, push: &PushInfo) {
        match (&push.kind, &push.data[..]) {
            (PushKind::Disconnection, _) => self.lost.notify_one(),
            (PushKind::Message, [Value::BulkString(channel), Value::BulkString(record)]) => {
                let board = self.board.lock().unwrap_or_else(PoisonError::into_inner);
                if let (Some(board), Some(state)) = (&*board, State::parse(&Bytes::copy_from_slice(record))) {
                    board.tell(channel, state);
                }
            }
            _ => {}
        }
    }
}

/// Lets an ear hear until this is dropped.
struct Hearing(Arc<Ear>);

impl Drop for Hearing {
    fn drop(&mut self) {
        self.0.board.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

/// One connection, from its start until nobody attends any more.
async fn attend(place: &Server, link: &Link, board: &Arc<Board>) -> RedisResult<()> {
    let ear = Arc::new(Ear { board: Mutex::new(Some(board.clone())), lost: Notify::new() });
    let hearing = Hearing(ear);
    let data = link.number();
    let mut connection = connect(place, &hearing.0).await?;
    let mut heard = HashMap::<Bytes, Weak<Place>>::new();
    loop {
        follow(&mut connection, board, &mut heard).await?;
        if heard.is_empty() {
            return Ok(());
        }
        tokio::select! {
            () = board.changed.notified() => {}
            () = hearing.0.lost.notified() => return Err(client_error("the connection was closed")),
            () = tokio::time::sleep(HEARTBEAT) => {
                in_time(PATIENCE, ask(&mut connection, &cmd("PING"))).await?;
                // The data may go to another server now: to be followed there.
                if link.number().is_some_and(|number| data != Some(number)) {
                    return Err(client_error("the store has another connection"));
                }
            }
        }
    }
}

async fn connect(place: &Server, ear: &Arc<Ear>) -> RedisResult<MultiplexedConnection> {
    let ear = ear.clone();
    // A closure runs in the order of the stream, before a later reply is given out.
    let config = plain().set_push_sender(move |push: PushInfo| {
        ear.hear(&push);
        Ok::<(), ()>(())
    });
    let connected =
        async { place.client().await?.get_multiplexed_async_connection_with_config(&config).await };
    in_time(PATIENCE, connected).await
}

/// Subscribes to what is attended and to nothing else, and reads what is newly attended.
async fn follow(
    connection: &mut MultiplexedConnection,
    board: &Board,
    heard: &mut HashMap<Bytes, Weak<Place>>,
) -> RedisResult<()> {
    let attended = board.attended();
    let left: Vec<_> = heard
        .extract_if(|channel, _| !attended.iter().any(|place| place.channel == channel))
        .map(|(channel, _)| channel.to_vec())
        .collect();
    for left in left.chunks(BATCH) {
        in_time(PATIENCE, connection.unsubscribe(left)).await?;
    }
    let is_heard =
        |place: &Arc<Place>| heard.get(&place.channel).is_some_and(|known| known.as_ptr() == &**place);
    let joined: Vec<_> = attended.into_iter().filter(|place| !is_heard(place)).collect();
    for joined in joined.chunks(BATCH) {
        let names: Vec<_> = joined.iter().map(|place| place.channel.to_vec()).collect();
        // Pushes before the read: what is published after it is told.
        let subscribed = in_time(PATIENCE, connection.subscribe(&names)).await;
        read(connection, joined).await?;
        // Without the right to subscribe states are read, again and again.
        subscribed?;
        heard.extend(joined.iter().map(|place| (place.channel.clone(), Arc::downgrade(place))));
    }
    Ok(())
}

/// Shows what stands at `places`.
async fn read(connection: &mut MultiplexedConnection, places: &[Arc<Place>]) -> RedisResult<()> {
    let counts: Vec<_> = places.iter().map(|place| place.count()).collect();
    let mut records = cmd("MGET");
    for place in places {
        records.arg(&place.channel[..]);
    }
    let Value::Array(records) = in_time(PATIENCE, ask(connection, &records)).await? else {
        return Err(client_error("it answers another question"));
    };
    for ((place, count), record) in places.iter().zip(counts).zip(records) {
        match record {
            Value::Nil => place.answered(count, Seen::Nothing),
            Value::BulkString(record) => {
                if let Some(state) = State::parse(&record.into()) {
                    place.answered(count, Seen::State(state));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

async fn ask(connection: &mut MultiplexedConnection, command: &::redis::Cmd) -> RedisResult<Value> {
    connection.send_packed_command(command).await?.extract_error()
}
