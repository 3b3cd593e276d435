//! The in-process store under several threads: an operation on several tags is not one step.

use cache_runtime::store::Memory;
use cache_runtime::{Cache, Invalidation, cached};
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Barrier};

const ROUNDS: u64 = 10_000;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Task {
    owner: u64,
    status: u64,
    value: u64,
}

#[cached(
    ns = "in-process", ttl = "medium", l1 = "off", skip(source),
    tags = ["a:{result.owner}", "b:{result.owner}", "c:{result.owner}", "d:{result.owner}", "status:{result.status}"]
)]
async fn task(id: u64, source: Arc<Source>) -> Task {
    let value = source.value.load(SeqCst);
    source.read.store(id, SeqCst);
    Task { owner: 7, status: 1, value }
}

#[derive(Default)]
struct Source {
    value: AtomicU64,
    /// Whose load has read it last.
    read: AtomicU64,
}

impl Source {
    /// Returns a little after the load of `round` has read the value, each time by a bit more or less.
    fn read_in(&self, round: u64) {
        while self.read.load(SeqCst) < round {
            std::thread::yield_now();
        }
        (0..round % 64).for_each(|_| std::hint::spin_loop());
    }
}

fn cache(memory: &Arc<Memory>) -> Cache {
    Cache::builder().store(memory.clone()).build().expect("a good configuration")
}

fn block<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(future)
}

/// A load of one thread and an invalidation of another meet anywhere: whichever comes first, the next read sees the mutation.
#[test]
fn a_load_and_an_invalidation_of_its_values_tag_on_two_threads_leave_nothing_old() {
    let memory = Arc::<Memory>::default();
    let (source, barrier) = (Arc::<Source>::default(), Arc::new(Barrier::new(2)));
    let writer = std::thread::spawn({
        let (cache, source, barrier) = (cache(&memory), source.clone(), barrier.clone());
        move || {
            block(async {
                for round in 1..=ROUNDS {
                    barrier.wait();
                    source.read_in(round);
                    source.value.store(round, SeqCst);
                    let outcome = cache.invalidate_tag("in-process", "status:1").await;
                    assert_eq!(outcome, Invalidation::Applied);
                    barrier.wait();
                }
            });
        }
    });
    let reader = cache(&memory);
    let mut stale = Vec::new();
    block(async {
        for round in 1..=ROUNDS {
            barrier.wait();
            reader.scope_for(task(round, source.clone())).await;
            barrier.wait();
            let value = reader.scope_for(task(round, source.clone())).await.value;
            if value != round {
                stale.push(round);
            }
        }
    });
    writer.join().expect("it invalidates");
    assert_eq!(stale, [0; 0], "rounds whose mutation had returned before the old value was read");
}
