//! Expired values that answer where a load fails (`stale_if_error`), while their namespace is cleared or their entry invalidated.
//!
//! The reader's clock is a minute ahead: what the writer has just stored has expired for it, over either store.

use super::world::{Process, Spy, World, everywhere};
use cache_runtime::{Invalidation, Outcome, cached};
use cache_tests::gate::{Gate, GatedLoad};
use cache_tests::wait::until;
use std::time::Duration;

type Source = GatedLoad<Result<u64, String>>;

#[cached(ns = "expired", ttl = "10s", l1 = "off", stale_if_error = "1h", skip(load))]
async fn forgiving(id: u64, load: Source) -> Result<u64, String> {
    load.load().await
}

fn down() -> Result<u64, String> {
    Err("down".to_owned())
}

fn call(process: &Process, source: &Source) -> super::world::Read<Result<u64, String>> {
    process.spawn(forgiving(1, source.clone()))
}

fn a_minute_ahead() -> Spy {
    Spy { clock_ahead_ms: 60_000, ..Spy::unfed() }
}

async fn stored(writer: &Process, value: u64) {
    let source = Source::open(Ok(value));
    until("it is stored", async || matches!(call(writer, &source).end().await.1, Outcome::Hit(_))).await;
}

async fn clear(writer: &Process) {
    assert_eq!(writer.0.clear_namespace("expired").await, Invalidation::Applied);
}

/// A writer, and a reader for which all that the writer stores has expired.
async fn pair(world: &World, spy: &Spy) -> (Process, Process) {
    (world.process().await, world.spied(spy).await)
}

#[tokio::test]
async fn a_value_that_was_cleared_before_it_was_asked_for_answers_for_no_error() {
    everywhere(async |world| {
        let (writer, reader) = pair(world, &a_minute_ahead()).await;
        stored(&writer, 1).await;
        let source = Source::open(down());
        assert_eq!(call(&reader, &source).end().await, (Ok(1), Outcome::Stale));
        clear(&writer).await;
        assert_eq!(call(&reader, &source).end().await.0, down());
    })
    .await;
}

/// Between the lookup and the load: who asked before may get the old value, who asks later does not.
#[tokio::test]
async fn a_value_that_is_cleared_before_its_load_begins_answers_only_who_had_it() {
    everywhere(async |world| {
        let answers = Gate::default();
        let spy = Spy { value_answers: Some(answers.clone()), ..a_minute_ahead() };
        let (writer, reader) = pair(world, &spy).await;
        stored(&writer, 1).await;
        let source = Source::open(down());
        let early = call(&reader, &source);
        answers.arrived().await;
        clear(&writer).await;
        let late = call(&reader, &source);
        answers.arrived_times(2).await;
        answers.open();
        let (value, _) = early.end().await;
        assert!(value == Ok(1) || value == down(), "{value:?}");
        assert_eq!(late.end().await.0, down());
        assert_eq!(call(&reader, &source).end().await.0, down());
    })
    .await;
}

#[tokio::test]
async fn a_value_that_is_cleared_or_invalidated_during_its_load_answers_no_joiner_from_after() {
    everywhere(async |world| {
        for whole_namespace in [true, false] {
            let (writer, reader) = pair(world, &a_minute_ahead()).await;
            stored(&writer, 1).await;
            let source = Source::new(down());
            let leader = call(&reader, &source);
            source.gate.arrived().await;
            let early = call(&reader, &source);
            if whole_namespace {
                clear(&writer).await;
            } else {
                writer.0.scope_for(async { forgiving_entry(1).invalidate().await }).await;
            }
            let late = call(&reader, &source);
            tokio::task::yield_now().await;
            source.gate.open();
            assert_eq!(leader.end().await, (Ok(1), Outcome::Stale), "it came before");
            let (value, _) = early.end().await;
            assert!(value == Ok(1) || value == down(), "{value:?}");
            assert_eq!(late.end().await.0, down(), "cleared: {whole_namespace}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_load_of_an_expired_value_that_a_clear_overtook_is_not_served() {
    everywhere(async |world| {
        let (writer, reader) = pair(world, &a_minute_ahead()).await;
        stored(&writer, 1).await;
        let source = Source::new(Ok(2));
        let slow = call(&reader, &source);
        source.gate.arrived().await;
        source.set(Ok(3));
        clear(&writer).await;
        source.gate.open();
        assert_eq!(slow.end().await.0, Ok(2), "it began before");
        for process in [&writer, &reader] {
            assert_eq!(call(process, &source).end().await.0, Ok(3));
        }
    })
    .await;
}

/// In whatever order the steps of both fall: once the clear has returned, no call gets the value from before it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clears_race_loads_that_fail() {
    everywhere(async |world| {
        let (writer, reader) = pair(world, &a_minute_ahead()).await;
        let source = Source::open(down());
        let mut answered = [0; 2];
        for round in 0..100 {
            stored(&writer, round).await;
            let calls: Vec<_> = (0..4).map(|_| call(&reader, &source)).collect();
            match round % 4 {
                0 => {}
                1 => tokio::task::yield_now().await,
                2 => for_a_while().await,
                _ => tokio::time::sleep(Duration::from_millis(1)).await,
            }
            clear(&writer).await;
            let late: Vec<_> = (0..4).map(|_| call(&reader, &source)).collect();
            for early in calls {
                let (value, _) = early.end().await;
                assert!(value == Ok(round) || value == down(), "round {round}: {value:?}");
                answered[usize::from(value.is_ok())] += 1;
            }
            for late in late {
                assert_eq!(late.end().await.0, down(), "round {round}");
            }
        }
        assert!(answered.iter().all(|times| *times > 0), "errors and old values: {answered:?}");
    })
    .await;
}

/// About as long as a lookup takes.
async fn for_a_while() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}
