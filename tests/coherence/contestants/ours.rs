//! This library, at each of its levels.

use super::{Answer, Boxed, Contestant, Injected, Probe, Versioned};
use crate::broken::{Broken, tampered};
use crate::log::{How, Kind, Record, Recorder, Way};
use crate::measure::{MS, Nanos, now};
use crate::registers::{HOLD_MS, group};
use cache_runtime::{Cache, Invalidation, Outcome, Stats, Tier, Undone, observed};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::mpsc;

/// How long holds last; longer than anything that stands still between one and its commit.
const HOLD: Duration = Duration::from_millis(HOLD_MS);

/// The functions of one level.
pub(crate) struct Level {
    pub(crate) name: &'static str,
    pub(crate) bound: Nanos,
    /// The namespace of the registers with tags.
    tagged: &'static str,
    read: for<'a> fn(u16, &'a Probe) -> Boxed<'a, Result<Versioned, Injected>>,
    /// The same register under a key that no mutation names.
    read_alias: for<'a> fn(u16, &'a Probe) -> Boxed<'a, Result<Versioned, Injected>>,
    /// A mutation by an attribute.
    write: for<'a> fn(u16, &'a Probe) -> Boxed<'a, Result<(), Undone>>,
    /// The invalidation without the commit.
    touch: fn(u16) -> Boxed<'static, ()>,
}

macro_rules! levels {
    ($($module:ident ns = $ns:literal, tagged = $tagged:tt, l1 = $l1:literal, bound = $bound:expr;)*) => {
        $(mod $module {
            use super::super::{Boxed, Injected, Probe, Versioned};
            use crate::log::Way;
            use crate::registers::{group, is_tagged, is_tagged_by_value};
            use cache_runtime::{Undone, cached, invalidates, updates};

            #[cached(ns = $ns, ttl = "10s", l1 = $l1, skip(probe))]
            async fn get(id: u16, probe: &Probe) -> Result<Versioned, Injected> {
                probe.load(id).await
            }

            #[cached(ns = $ns, ttl = "10s", l1 = $l1, skip(probe))]
            async fn alias(id: u16, probe: &Probe) -> Result<Versioned, Injected> {
                probe.load(id).await
            }

            #[cached(ns = $tagged, ttl = "10s", l1 = $l1, skip(probe), tags = ["group:{group}"])]
            async fn of_group(id: u16, group: u16, probe: &Probe) -> Result<Versioned, Injected> {
                let _ = group;
                probe.load(id).await
            }

            #[cached(ns = $tagged, ttl = "10s", l1 = $l1, skip(probe), tags = ["group:{result.group}"])]
            async fn of_value(id: u16, probe: &Probe) -> Result<Versioned, Injected> {
                probe.load(id).await
            }

            #[invalidates(get(id))]
            async fn after(id: u16, probe: &Probe) {
                probe.commit(id).await;
            }

            #[invalidates(get(id), mode = "around", hold = "10s", on_unreachable = "error")]
            async fn around(id: u16, probe: &Probe) -> Result<(), Undone> {
                probe.commit(id).await;
                Ok(())
            }

            #[updates(get(id), hold = "10s", on_unreachable = "error")]
            async fn update(id: u16, probe: &Probe) -> Result<Versioned, Undone> {
                Ok(probe.commit(id).await)
            }

            #[invalidates(tags($tagged, "group:{group}"))]
            async fn tag(id: u16, group: u16, probe: &Probe) {
                let _ = group;
                probe.commit(id).await;
            }

            #[invalidates(tags($tagged, "group:{result.group}"))]
            async fn tag_of_result(id: u16, probe: &Probe) -> Versioned {
                probe.commit(id).await
            }

            #[invalidates(namespace($tagged))]
            async fn namespace(id: u16, probe: &Probe) {
                probe.commit(id).await;
            }

            #[invalidates(get(id))]
            async fn touch_key(id: u16) {
                let _ = id;
            }

            #[invalidates(tags($tagged, "group:{group}"))]
            async fn touch_tag(group: u16) {
                let _ = group;
            }

            pub(super) fn read(id: u16, probe: &Probe) -> Boxed<'_, Result<Versioned, Injected>> {
                match id {
                    _ if is_tagged_by_value(id) => Box::pin(of_value(id, probe)),
                    _ if is_tagged(id) => Box::pin(of_group(id, group(id), probe)),
                    _ => Box::pin(get(id, probe)),
                }
            }

            pub(super) fn read_alias(id: u16, probe: &Probe) -> Boxed<'_, Result<Versioned, Injected>> {
                Box::pin(alias(id, probe))
            }

            pub(super) fn write(id: u16, probe: &Probe) -> Boxed<'_, Result<(), Undone>> {
                Box::pin(async move {
                    match probe.way {
                        Way::Around => around(id, probe).await?,
                        Way::Updates => drop(update(id, probe).await?),
                        Way::Tag => tag(id, group(id), probe).await,
                        Way::TagOfResult => drop(tag_of_result(id, probe).await),
                        Way::Namespace => namespace(id, probe).await,
                        _ => after(id, probe).await,
                    }
                    Ok(())
                })
            }

            pub(super) fn touch(id: u16) -> Boxed<'static, ()> {
                if is_tagged(id) { Box::pin(touch_tag(group(id))) } else { Box::pin(touch_key(id)) }
            }
        })*

        /// The levels that the library has, and how late each may be in other processes than the mutator's.
        pub(crate) static LEVELS: &[Level] = &[$({
            use $module::{read, read_alias, touch, write};
            Level { name: $l1, bound: $bound, tagged: $tagged, read, read_alias, write, touch }
        }),*];
    };
}

levels! {
    off ns = "checked-off", tagged = "tagged-off", l1 = "off", bound = 0;
    validate ns = "checked-validate", tagged = "tagged-validate", l1 = "validate", bound = 0;
    coherent ns = "checked-coherent", tagged = "tagged-coherent", l1 = "coherent", bound = 1_010 * MS;
    bounded ns = "checked-bounded", tagged = "tagged-bounded", l1 = "200ms", bound = 200 * MS;
}

/// The place of the level that a feed keeps true.
pub(crate) const COHERENT: usize = 2;

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
            let (ended, report) = observed(self.mutate(id, probe)).await;
            match ended {
                Ended::Undone(Undone::NotBegun) => How::Refused,
                Ended::RolledBack => How::RolledBack,
                _ if report.invalidations().contains(&Invalidation::Queued) => How::Queued,
                _ => How::Applied,
            }
        })
    }
}

/// How a mutation ended.
enum Ended {
    Done,
    Undone(Undone),
    RolledBack,
}

impl From<Undone> for Ended {
    fn from(undone: Undone) -> Self {
        Self::Undone(undone)
    }
}

impl Level {
    async fn mutate(&'static self, id: u16, probe: &Probe) -> Ended {
        match (probe.broken, probe.way) {
            (Some(Broken::EarlyInvalidation), _) => {
                (self.touch)(id).await;
                tokio::time::sleep(Duration::from_millis(2)).await;
                probe.commit(id).await;
            }
            (Some(Broken::PastTheLibrary), _) => {
                probe.commit(id).await;
            }
            (_, Way::Scope | Way::ScopeAround | Way::Rollback) => return self.transact(id, probe).await,
            (_, Way::TagByHand) => {
                probe.commit(id).await;
                ambient().invalidate_tag(self.tagged, &format!("group:{}", group(id))).await;
            }
            (_, Way::Clear) => {
                probe.commit(id).await;
                ambient().clear_namespace(self.tagged).await;
            }
            _ => return (self.write)(id, probe).await.map_or_else(Ended::from, |()| Ended::Done),
        }
        Ended::Done
    }

    /// A mutation in a transaction, which also reads its own row.
    async fn transact(&'static self, id: u16, probe: &Probe) -> Ended {
        let early = probe.broken == Some(Broken::EarlyScope);
        let ended = ambient().scope(async |scope| {
            (self.touch)(id).await;
            probe.seen_inside.store(self.read_inside(id, probe).await, Relaxed);
            match probe.way {
                Way::Rollback => return Err(Ended::RolledBack),
                Way::ScopeAround => scope.around(HOLD),
                _ if early => return Ok(()),
                _ => {}
            }
            let commit = async || {
                probe.commit(id).await;
                Ok(())
            };
            scope.commit_with(commit).await
        });
        let ended = ended.await;
        if early {
            tokio::time::sleep(Duration::from_millis(5)).await;
            probe.commit(id).await;
        }
        ended.map_or_else(|ended| ended, |()| Ended::Done)
    }

    /// The version that a transaction reads after it wrote.
    async fn read_inside(&'static self, id: u16, probe: &Probe) -> u64 {
        let inside = probe.inside();
        let value = if probe.broken == Some(Broken::LostScope) {
            // Another task is not in the scope.
            let read = tokio::spawn(async move { (self.read)(id, &inside).await });
            read.await.expect("it neither panics nor ends")
        } else {
            (self.read)(id, &inside).await
        };
        value.map_or(0, |value| value.version)
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
    assert!(AMBIENT.set(cache.clone()).is_ok(), "a process has one cache");
    cache
}

/// The installed cache.
static AMBIENT: OnceLock<Cache> = OnceLock::new();

fn ambient() -> &'static Cache {
    AMBIENT.get().expect("it is installed before the first call")
}

/// Tells when queued invalidations were sent, and when the store failed.
pub(crate) async fn watch(
    cache: Cache,
    recorder: Arc<Recorder>,
    mut queued: mpsc::UnboundedReceiver<Record>,
) {
    let (mut unsent, mut last, mut errors) = (Vec::new(), now(), Failures::default());
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
        let failures = Failures::of(&stats);
        if failures.all > errors.all {
            let how = if failures.late > errors.late { How::Late } else { How::Applied };
            let version = failures.all - errors.all;
            recorder.push(Record { how, version, ..Record::of(Kind::Trouble, last, time) });
        }
        (last, errors) = (time, failures);
    }
}

/// How often the store failed.
#[derive(Default)]
struct Failures {
    all: u64,
    /// By not answering in time.
    late: u64,
}

impl Failures {
    fn of(stats: &Stats) -> Self {
        let functions = stats.namespaces.values().flat_map(|functions| functions.values());
        let mut failures = Self::default();
        for (error, count) in functions.flat_map(|function| &function.errors) {
            failures.all += count;
            failures.late += if *error == "timeout" { *count } else { 0 };
        }
        failures
    }
}
