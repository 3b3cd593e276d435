use super::Memory;
use crate::store::Store;
use crate::tag::Tag;
use std::thread;
use std::time::{Duration, Instant};

fn block<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(future)
}

/// A clock falls before its tags: who finds it unmoved knows that no tag fell before only if the tags were captured already.
#[test]
fn a_clock_is_captured_after_its_tags() {
    let memory = Memory::default();
    let clock = Tag::clock("", "ns");
    let before = block(memory.capture(std::slice::from_ref(&clock), None)).expect("it answers")[0];
    let held = memory.place(clock.bytes().clone());
    let elsewhere = |tag: &Tag| Memory::shard(tag.name()) != Memory::shard(clock.name());
    let tag =
        (0..=u8::MAX).map(|it| Tag::new("", "ns", &[it])).find(elsewhere).expect("there are several shards");
    let tags = [clock.clone(), tag.clone()];
    thread::scope(|scope| {
        let captured = scope.spawn(|| block(memory.capture(&tags, None)).expect("it answers"));
        let started = Instant::now();
        while memory.place(tag.bytes().clone()).bytes().is_none() {
            assert!(started.elapsed() < Duration::from_secs(10), "it waits for the clock first");
            thread::yield_now();
        }
        let mut held = held;
        held.remove();
        memory.place(tag.bytes().clone()).remove();
        drop(held);
        assert_ne!(captured.join().expect("no panic")[0], before, "the tag fell after it was captured");
    });
}
