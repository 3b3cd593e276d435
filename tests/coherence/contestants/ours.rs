//! This library, at each of its levels.

use super::{Answer, Boxed, Contestant, Injected, Probe, Versioned};
use crate::broken::{Broken, tampered};
use crate::log::{How, Kind, Record, Recorder};
use crate::measure::{MS, Nanos, now};
use cache_runtime::{Cache, Invalidation, Outcome, Report, Stats, Tier, observed};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// The functions of one level.
pub(crate) struct Level {
    pub(crate) name: &'static str,
    pub(crate) bound: Nanos,
    read: for<'a> fn(u16, &'a Probe) -> Boxed<'a, Result<Versioned, Injected>>,
    /// The same register under a key that no mutation names.
    read_alias: for<'a> fn(u16, &'a Probe) -> Boxed<'a, Result<Versioned, Injected>>,
    write: for<'a> fn(u16, &'a Probe) -> Boxed<'a, ()>,
    /// The invalidation without the commit.
    touch: fn(u16) -> Boxed<'static, ()>,
}

macro_rules! levels {
    ($($module:ident ns = $ns:literal, l1 = $l1:literal, bound = $bound:expr;)*) => {
        $(mod $module {
            use super::super::{Boxed, Injected, Probe, Versioned};
            use cache_runtime::{cached, invalidates};

            #[cached(ns = $ns, ttl = "10s", l1 = $l1, skip(probe))]
            async fn get(id: u16, probe: &Probe) -> Result<Versioned, Injected> {
                probe.load(id).await
            }

            #[cached(ns = $ns, ttl = "10s", l1 = $l1, skip(probe))]
            async fn alias(id: u16, probe: &Probe) -> Result<Versioned, Injected> {
                probe.load(id).await
            }

            #[invalidates(get(id))]
            async fn put(id: u16, probe: &Probe) {
                probe.commit(id).await;
            }

            #[invalidates(get(id))]
            async fn announce(id: u16) {
                let _ = id;
            }

            pub(super) fn read(id: u16, probe: &Probe) -> Boxed<'_, Result<Versioned, Injected>> {
                Box::pin(get(id, probe))
            }

            pub(super) fn read_alias(id: u16, probe: &Probe) -> Boxed<'_, Result<Versioned, Injected>> {
                Box::pin(alias(id, probe))
            }

            pub(super) fn write(id: u16, probe: &Probe) -> Boxed<'_, ()> {
                Box::pin(put(id, probe))
            }

            pub(super) fn touch(id: u16) -> Boxed<'static, ()> {
                Box::pin(announce(id))
            }
        })*

        /// The levels that the library has, and how late each may be in other processes than the mutator's.
        pub(crate) static LEVELS: &[Level] = &[$({
            use $module::{read, read_alias, touch, write};
            Level { name: $l1, bound: $bound, read, read_alias, write, touch }
        }),*];
    };
}

levels! {
    off ns = "checked-off", l1 = "off", bound = 0;
    validate ns = "checked-validate", l1 = "validate", bound = 0;
    coherent ns = "checked-coherent", l1 = "coherent", bound = 1_010 * MS;
    bounded ns = "checked-bounded", l1 = "200ms", bound = 200 * MS;
}

impl Contestant for &'static Level {
    fn read<'a>(&'a self, id: u16, probe: &'a Probe) -> Boxed<'a, Answer> {
        Box::pin(async move {
            let read = if probe.alias { self.read_alias } else { self.read };
            let (result, report) = observed(read(id, probe)).await;
            match result {
                Ok(value) => (how(report.outcome()), Some(value)),
                Err(Injected) => (How::Failed, None),
            }
        })
    }

    fn write<'a>(&'a self, id: u16, probe: &'a Probe) -> Boxed<'a, How> {
        Box::pin(async move {
            let report = match probe.broken {
                Some(Broken::EarlyInvalidation) => {
                    let ((), report) = observed((self.touch)(id)).await;
                    tokio::time::sleep(Duration::from_millis(2)).await;
                    probe.commit(id).await;
                    report
                }
                Some(Broken::PastTheLibrary) => {
                    probe.commit(id).await;
                    Report::default()
                }
                _ => observed((self.write)(id, probe)).await.1,
            };
            if report.invalidations().contains(&Invalidation::Queued) { How::Queued } else { How::Applied }
        })
    }
}

fn how(outcome: Option<Outcome>) -> How {
    match outcome.expect("a cached call reports how it was answered") {
        Outcome::Hit(Tier::L1) => How::HitL1,
        Outcome::Hit(Tier::L2) => How::HitL2,
        Outcome::Joined => How::Joined,
        Outcome::Loaded => How::Loaded,
        Outcome::Stale => How::Stale,
        _ => How::Bypassed,
    }
}

/// Builds and installs the process's cache.
pub(crate) fn cache(redis: &str, broken: Option<Broken>) -> Cache {
    let builder = Cache::builder();
    let builder = match tampered(redis, broken) {
        Some(store) => builder.store(store),
        None => builder.redis(redis),
    };
    let cache = builder.build().expect("a good configuration");
    cache.install();
    cache
}

/// Tells when queued invalidations were sent, and when the store failed.
pub(crate) async fn watch(
    cache: Cache,
    recorder: Arc<Recorder>,
    mut queued: mpsc::UnboundedReceiver<Record>,
) {
    let (mut unsent, mut last, mut errors) = (Vec::new(), now(), 0);
    loop {
        tokio::time::sleep(Duration::from_millis(5)).await;
        // Taken before the queue is looked at: what came later may be in it.
        while let Ok(record) = queued.try_recv() {
            unsent.push(record);
        }
        let stats = cache.stats();
        let time = now();
        if stats.pending_invalidations == 0 {
            unsent.drain(..).for_each(|record| {
                recorder.push(Record { kind: Kind::Drained, end: time, ..record });
            });
        }
        let all = failures(&stats);
        if all > errors {
            recorder.push(Record { version: all - errors, ..Record::of(Kind::Trouble, last, time) });
        }
        (last, errors) = (time, all);
    }
}

fn failures(stats: &Stats) -> u64 {
    let functions = stats.namespaces.values().flat_map(|functions| functions.values());
    functions.flat_map(|function| function.errors.values()).sum()
}
