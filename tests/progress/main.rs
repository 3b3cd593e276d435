//! Progress over the in-process store and over a real Redis: what a stream shows, and what it never misses.
#![allow(clippy::large_futures, reason = "a test's futures are polled where they are made")]

use bytes::Bytes;
use cache_runtime::store::{Memory, Publication, Redis, Store, Token};
use cache_runtime::{Cache, Progress, ProgressError, StoreError, Subscription};
use cache_tests::redis_process::RedisServer;
use cache_tests::through::Through;
use cache_tests::wait::{until, within};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::{Duration, Instant};

mod faults;

/// What the tests publish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Job {
    percent: u8,
}

const fn at(percent: u8) -> Job {
    Job { percent }
}

/// Where processes meet.
enum World {
    Memory(Arc<Memory>),
    Redis(RedisServer),
}

impl World {
    async fn store(&self) -> Arc<dyn Store> {
        match self {
            Self::Memory(memory) => memory.clone(),
            Self::Redis(server) => {
                let store = Redis::connect(&server.url()).expect("a good url");
                store.ready(Duration::from_secs(10)).await.expect("the server is up");
                Arc::new(store)
            }
        }
    }

    /// The jobs as another process sees them.
    async fn jobs(&self) -> Progress<Job> {
        jobs_over(self.store().await)
    }

    /// Waits until `count` channels are subscribed to; in-process nothing has to be.
    async fn subscribed(&self, count: usize) {
        if let Self::Redis(server) = self {
            until(format!("{count} channels"), async || channels(server) == count).await;
        }
    }
}

fn jobs_over(store: Arc<dyn Store>) -> Progress<Job> {
    Cache::builder().store(store).app("shop").build().expect("a good configuration").progress("jobs")
}

fn channels(server: &RedisServer) -> usize {
    server.cli(&["PUBSUB", "CHANNELS"]).lines().filter(|line| !line.is_empty()).count()
}

async fn everywhere(scenario: impl AsyncFn(&World)) {
    scenario(&World::Memory(Arc::default())).await;
    scenario(&World::Redis(RedisServer::start())).await;
}

/// The next state of a stream that has one.
async fn next(states: &mut Subscription<Job>) -> Option<Job> {
    within("a state", states.next()).await.map(|state| state.expect("a job"))
}

/// Passes over overtaken states up to `percent`.
async fn reaches(states: &mut Subscription<Job>, percent: u8) {
    loop {
        let state = next(states).await.expect("the stream goes on");
        assert!(state.percent <= percent, "{state:?} instead of {percent}");
        if state.percent == percent {
            return;
        }
    }
}

#[tokio::test]
async fn a_stream_begins_with_the_newest_state_and_ends_with_the_end() {
    everywhere(async |world| {
        let (worker, web) = (world.jobs().await, world.jobs().await);
        assert_eq!(web.current(1).await, Ok(None));
        assert_eq!(worker.publish(1, &at(10)).await, Ok(1));
        assert_eq!(worker.publish(1, &at(20)).await, Ok(2));
        assert_eq!(web.current(1).await, Ok(Some(at(20))));
        let mut states = web.subscribe(1);
        assert_eq!(next(&mut states).await, Some(at(20)));
        world.subscribed(1).await;
        for percent in [30, 40, 50] {
            worker.publish(1, &at(percent)).await.expect("published");
            assert_eq!(next(&mut states).await, Some(at(percent)));
        }
        worker.publish(1, &at(100)).await.expect("published");
        worker.finish(1).await.expect("finished");
        assert_eq!(next(&mut states).await, Some(at(100)), "the last state comes before the end");
        assert_eq!(next(&mut states).await, None);
        assert_eq!(next(&mut states).await, None, "and it stays ended");
        assert_eq!(web.current(1).await, Ok(None));
    })
    .await;
}

#[tokio::test]
async fn a_stream_waits_for_the_first_state_and_ids_are_apart() {
    everywhere(async |world| {
        let (worker, web) = (world.jobs().await, world.jobs().await);
        let mut states = web.subscribe("a:b");
        let waiting = tokio::spawn(async move { next(&mut states).await });
        worker.publish(("a", "b"), &at(1)).await.expect("published");
        worker.publish("a", &at(2)).await.expect("published");
        worker.publish("a:b", &at(3)).await.expect("published");
        assert_eq!(waiting.await.expect("no panic"), Some(at(3)));
    })
    .await;
}

#[tokio::test]
async fn who_comes_a_moment_too_late_still_gets_the_last_state_and_the_end() {
    everywhere(async |world| {
        let (worker, web) = (world.jobs().await, world.jobs().await);
        worker.publish(1, &at(100)).await.expect("published");
        worker.finish(1).await.expect("finished");
        let mut states = web.subscribe(1);
        assert_eq!(next(&mut states).await, Some(at(100)));
        assert_eq!(next(&mut states).await, None);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_end_is_remembered_for_a_minute() {
    let jobs = World::Memory(Arc::default()).jobs().await;
    jobs.publish(1, &at(100)).await.expect("published");
    jobs.finish(1).await.expect("finished");
    tokio::time::advance(Duration::from_secs(59)).await;
    assert_eq!(jobs.subscribe(1).next().await, Some(Ok(at(100))));
    tokio::time::advance(Duration::from_secs(1)).await;
    let mut states = jobs.subscribe(1);
    tokio::select! {
        biased;
        state = states.next() => panic!("{state:?} of a run that is forgotten"),
        () = tokio::time::sleep(Duration::from_secs(1)) => {}
    }
    assert_eq!(jobs.publish(1, &at(1)).await, Ok(1));
    assert_eq!(next(&mut states).await, Some(at(1)));
}

#[tokio::test]
async fn redis_remembers_an_end_for_a_minute_and_a_state_for_ever() {
    let server = RedisServer::start();
    let world = World::Redis(server);
    let jobs = world.jobs().await;
    let World::Redis(server) = &world else { unreachable!() };
    let ttl = || server.cli(&["PTTL", "cache:progress:{shop:jobs:1}"]).parse::<i64>().expect("a number");
    jobs.publish(1, &at(1)).await.expect("published");
    assert_eq!(ttl(), -1);
    jobs.finish(1).await.expect("finished");
    assert!((50_000..=60_000).contains(&ttl()), "{} ms", ttl());
}

/// Nobody looked while a run ended and the next one began: the end is told all the same.
#[tokio::test]
async fn a_new_run_ends_the_streams_of_the_old_one() {
    everywhere(async |world| {
        let (worker, web) = (world.jobs().await, world.jobs().await);
        worker.publish(1, &at(10)).await.expect("published");
        let mut states = web.subscribe(1);
        assert_eq!(next(&mut states).await, Some(at(10)));
        world.subscribed(1).await;
        worker.finish(1).await.expect("finished");
        assert_eq!(worker.publish(1, &at(1)).await, Ok(1), "a run of its own");
        // Who subscribes before this process has heard of the end may see the old run once more.
        assert_eq!(next(&mut states).await, None);
        let mut other = web.subscribe(1);
        reaches(&mut other, 1).await;
    })
    .await;
}

#[tokio::test]
async fn an_end_without_any_state_ends_who_waits() {
    everywhere(async |world| {
        let (worker, web) = (world.jobs().await, world.jobs().await);
        let mut states = web.subscribe(1);
        let waiting = tokio::spawn(async move { next(&mut states).await });
        world.subscribed(1).await;
        worker.finish(1).await.expect("finished");
        assert_eq!(waiting.await.expect("no panic"), None);
    })
    .await;
}

#[tokio::test]
async fn a_slow_subscriber_skips_to_the_newest_state_and_blocks_nobody() {
    everywhere(async |world| {
        let (worker, web) = (world.jobs().await, world.jobs().await);
        worker.publish(1, &at(0)).await.expect("published");
        let (mut slow, mut quick) = (web.subscribe(1), web.subscribe(1));
        assert_eq!(next(&mut slow).await, Some(at(0)));
        assert_eq!(next(&mut quick).await, Some(at(0)));
        world.subscribed(1).await;
        for percent in 1..=99 {
            worker.publish(1, &at(percent)).await.expect("published");
        }
        worker.publish(1, &at(100)).await.expect("published");
        reaches(&mut quick, 100).await;
        assert_eq!(next(&mut slow).await, Some(at(100)), "all between were overtaken");
        worker.finish(1).await.expect("finished");
        assert_eq!(next(&mut slow).await, None);
        assert_eq!(next(&mut quick).await, None);
    })
    .await;
}

#[tokio::test]
async fn many_subscribers_of_many_keys_are_one_subscription_each_and_one_connection() {
    let server = RedisServer::start();
    let world = World::Redis(server);
    let (worker, web) = (world.jobs().await, world.jobs().await);
    let World::Redis(server) = &world else { unreachable!() };
    let subscribers = |id| {
        let answer = server.cli(&["PUBSUB", "NUMSUB", &format!("cache:progress:{{shop:jobs:{id}}}")]);
        answer.lines().last().and_then(|count| count.parse::<u32>().ok()).expect("a number")
    };
    let listening = || server.cli(&["CLIENT", "LIST", "TYPE", "pubsub"]).lines().count();
    let mut streams: Vec<_> = (0..100).map(|n| web.subscribe(n % 2)).collect();
    world.subscribed(2).await;
    assert_eq!((subscribers(0), subscribers(1)), (1, 1));
    assert_eq!(listening(), 1);
    for id in [0, 1] {
        worker.publish(id, &at(7)).await.expect("published");
    }
    for states in &mut streams {
        assert_eq!(next(states).await, Some(at(7)));
    }
    let last = streams.pop().expect("one hundred");
    streams.retain(|_| false);
    world.subscribed(1).await;
    assert_eq!((subscribers(0), subscribers(1)), (0, 1));
    drop(last);
    world.subscribed(0).await;
    until("the connection is given up", async || {
        server.cli(&["CLIENT", "LIST", "TYPE", "pubsub"]).is_empty()
    })
    .await;
    let mut again = web.subscribe(0);
    assert_eq!(next(&mut again).await, Some(at(7)));
}

#[tokio::test]
async fn what_cannot_be_read_is_told_and_the_stream_goes_on() {
    everywhere(async |world| {
        let (worker, web) = (world.jobs().await, world.jobs().await);
        let other = Cache::builder().store(world.store().await).app("shop").build().expect("good");
        other.progress::<u8>("jobs").publish(1, &5).await.expect("published");
        assert_eq!(web.current(1).await, Err(ProgressError::Unreadable));
        let mut states = web.subscribe(1);
        assert_eq!(within("a state", states.next()).await, Some(Err(ProgressError::Unreadable)));
        worker.publish(1, &at(9)).await.expect("published");
        assert_eq!(next(&mut states).await, Some(at(9)));
    })
    .await;
}

#[tokio::test]
async fn a_late_or_repeated_publication_changes_nothing() {
    everywhere(async |world| {
        let store = world.store().await;
        let channels = store.channels().expect("it has channels");
        let publisher = Token::random();
        let publish = async |number, state: Option<&'static str>| {
            let publication = Publication { publisher, number };
            let state = state.map(|state| Bytes::from_static(state.as_bytes()));
            channels.publish(b"cache:progress:{x}", publication, state).await.expect("published")
        };
        let newest = async || channels.state(b"cache:progress:{x}").await.expect("read").expect("a state");
        assert_eq!(publish(1, Some("a")).await, 1);
        assert_eq!(publish(2, Some("b")).await, 2);
        assert_eq!(publish(2, Some("b")).await, 2, "sent again");
        assert_eq!(publish(1, Some("a")).await, 2, "late");
        assert_eq!((newest().await.number, &newest().await.bytes[..]), (2, &b"b"[..]));
        assert_eq!(publish(3, None).await, 2);
        assert!(newest().await.ended);
        assert_eq!(publish(2, Some("b")).await, 2, "after the end");
        assert!(newest().await.ended);
        assert_eq!(publish(4, Some("c")).await, 1);
        assert_eq!(publish(3, None).await, 1, "the end of an earlier run");
        assert!(!newest().await.ended);
    })
    .await;
}

#[tokio::test]
async fn a_store_without_channels_says_so() {
    let jobs =
        jobs_over(Arc::new(Through { store: Arc::new(Memory::default()), channels: false, journal: None }));
    assert_eq!(jobs.publish(1, &at(1)).await, Err(ProgressError::Store(StoreError::Unavailable)));
    let mut states = jobs.subscribe(1);
    assert_eq!(states.next().await, Some(Err(ProgressError::Store(StoreError::Unavailable))));
    assert_eq!(states.next().await, None);
}

#[tokio::test]
async fn publishing_to_a_redis_that_is_down_fails_after_three_tries() {
    let server = RedisServer::start();
    let world = World::Redis(server);
    let jobs = world.jobs().await;
    let World::Redis(server) = &world else { unreachable!() };
    server.kill();
    until("the loss is noticed", async || {
        jobs.current(1).await == Err(ProgressError::Store(StoreError::Unreachable))
    })
    .await;
    let started = Instant::now();
    let refused = jobs.publish(1, &at(1)).await;
    assert_eq!(refused, Err(ProgressError::Store(StoreError::Unreachable)));
    let waited = started.elapsed();
    // Pauses of 50 and 100 ms, a quarter more or less.
    assert!((112..1_000).contains(&waited.as_millis()), "{waited:?}");
}
