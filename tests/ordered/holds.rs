//! Writers that go away while they wait for the store: what they held is cached again at once, not when the hold lapses.

use super::cancellation::polled;
use super::world::{Process, Spy, everywhere};
use cache_runtime::{Outcome, Tier, cached, updates};
use cache_tests::gate::{Gate, GatedLoad};
use cache_tests::wait::until;
use tokio::task::JoinHandle;

#[cached(ns = "ordered", ttl = "medium", l1 = "off", skip(source))]
async fn written(id: u64, source: GatedLoad<u64>) -> u64 {
    source.load().await
}

/// Held for longer than any test waits.
#[updates(written(id), hold = "60s")]
async fn write(id: u64, value: Result<u64, String>, source: GatedLoad<u64>) -> Result<u64, String> {
    source.set(value.clone().unwrap_or(7));
    value
}

fn spawn_write(
    process: &Process,
    value: &Result<u64, String>,
    source: &GatedLoad<u64>,
) -> JoinHandle<Result<u64, String>> {
    let (cache, value, source) = (process.0.clone(), value.clone(), source.clone());
    tokio::spawn(async move { cache.scope_for(write(1, value, source)).await })
}

async fn served_again(process: &Process, id: u64, source: &GatedLoad<u64>) {
    until("the entry is cached again", async || {
        process.spawn(written(id, source.clone())).end().await.1 == Outcome::Hit(Tier::L2)
    })
    .await;
}

#[tokio::test]
async fn a_hold_whose_answer_nobody_awaits_is_given_up() {
    everywhere(async |world| {
        let answers = Gate::default();
        let spy = Spy { hold_answers: Some(answers.clone()), ..Spy::default() };
        let (process, source) = (world.spied(&spy).await, GatedLoad::open(1));
        let writer = spawn_write(&process, &Ok(2), &source);
        answers.arrived().await;
        writer.abort();
        served_again(&process, 1, &source).await;
    })
    .await;
}

/// The end of a hold may stay unsent when its caller goes away, with a value or without.
#[tokio::test]
async fn a_hold_whose_end_was_not_sent_is_given_up() {
    everywhere(async |world| {
        for value in [Ok(2), Err("refused".to_owned())] {
            let ends = Gate::default();
            let spy = Spy { hold_ends_sent: Some(ends.clone()), ..Spy::default() };
            let (process, source) = (world.spied(&spy).await, GatedLoad::open(1));
            let writer = spawn_write(&process, &value, &source);
            ends.arrived().await;
            writer.abort();
            assert!(writer.await.is_err_and(|error| error.is_cancelled()));
            ends.open();
            served_again(&process, 1, &source).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_writer_can_go_away_at_every_await() {
    everywhere(async |world| {
        let (process, source) = (world.process().await, GatedLoad::open(1));
        for polls in 0..20 {
            let id = 1_000 + polls;
            let call = process.0.scope_for(write(id, Ok(2), source.clone()));
            drop(cache_tests::wait::within("so many polls", polled(call, polls)).await);
            served_again(&process, id, &source).await;
        }
    })
    .await;
}
