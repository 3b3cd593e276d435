//! When batches go and writers wait, on a paused clock.

use super::{Process, Source, World, WriteError, options};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, advance, sleep};

async fn process(source: &Source, delay: u64, batch: usize, capacity: usize) -> Process {
    let options = options()
        .delay(Duration::from_millis(delay))
        .batch(batch)
        .capacity(capacity)
        .claim_after(Duration::from_secs(30));
    Process::with(World::Memory(Arc::default()).store().await, source, options)
}

#[tokio::test(start_paused = true)]
async fn a_batch_waits_for_more_and_goes_when_it_is_full() {
    let source = Source::open();
    let process = process(&source, 1_000, 3, 100).await;
    process.write(1, 1).await.expect("written");
    sleep(Duration::from_millis(990)).await;
    process.write(2, 2).await.expect("written");
    assert_eq!(source.0.saves.get(), 0);
    sleep(Duration::from_millis(20)).await;
    assert_eq!(source.0.saves.get(), 1, "as old as a batch may be");
    for id in 1..=3 {
        process.write(id, 9).await.expect("written");
    }
    sleep(Duration::from_millis(1)).await;
    assert_eq!(source.0.saves.get(), 2, "as full as a batch may be");
}

#[tokio::test(start_paused = true)]
async fn a_flush_waits_for_nothing() {
    let source = Source::open();
    let process = process(&source, 60_000, 100, 100).await;
    process.write(1, 1).await.expect("written");
    let started = Instant::now();
    assert_eq!(process.flush().await, 0);
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    assert_eq!(source.row(1), 1);
}

#[tokio::test(start_paused = true)]
async fn a_flush_tells_what_is_left_at_its_deadline() {
    let source = Source::default();
    let process = process(&source, 1, 1, 100).await;
    for id in 1..=3 {
        process.write(id, 1).await.expect("written");
    }
    let started = Instant::now();
    assert_eq!(process.behind.flush(Duration::from_secs(7)).await, Ok(3));
    assert_eq!(started.elapsed().as_secs(), 7);
    source.0.gate.open();
    assert_eq!(process.flush().await, 0);
}

#[tokio::test(start_paused = true)]
async fn writers_wait_for_room_and_then_are_refused() {
    let source = Source::default();
    let process = process(&source, 1, 1, 2).await;
    for id in 1..=2 {
        process.write(id, 1).await.expect("written");
    }
    let started = Instant::now();
    assert_eq!(process.write(3, 1).await, Err(WriteError::Full));
    assert_eq!(started.elapsed().as_secs(), 5);
    assert_eq!(process.read(3).await, 0, "it was not taken");
    process.write(1, 2).await.expect("what has a place needs no room");
    let process = Arc::new(process);
    let waiting = tokio::spawn({
        let process = process.clone();
        async move { process.write(3, 3).await }
    });
    advance(Duration::from_secs(1)).await;
    assert!(!waiting.is_finished());
    source.0.gate.open();
    waiting.await.expect("no panic").expect("there is room");
    assert_eq!(process.flush().await, 0);
    assert_eq!((source.row(1), source.row(2), source.row(3)), (2, 1, 3));
}

/// A save that takes longer than others wait is still one save.
#[tokio::test(start_paused = true)]
async fn a_slow_save_is_not_taken_over_and_an_abandoned_one_is() {
    let world = World::Memory(Arc::default());
    let (slow, quick) = (Source::default(), Source::open());
    let one = Process::with(world.store().await, &slow, options());
    one.write(1, 10).await.expect("written");
    slow.0.gate.arrived().await;
    let other = Process::with(world.store().await, &quick, options());
    sleep(Duration::from_secs(10)).await;
    assert_eq!((quick.0.saves.get(), other.read(1).await), (0, 10));
    let started = Instant::now();
    drop(one.behind);
    assert_eq!(other.flush().await, 0);
    assert!(started.elapsed() <= Duration::from_millis(300), "{:?}", started.elapsed());
    assert_eq!((quick.row(1), slow.row(1)), (10, 0));
}
