//! Cache-aside under a lock in another key, which keeps others from loading and nobody from storing what is old.

use super::{Answer, Boxed, Contestant, LEASE_MS, Link, Probe, TTL_MS, Versioned};
use crate::log::How;
use redis::{Cmd, cmd};
use std::sync::Arc;
use std::time::Duration;

/// `SET NX` beside the value.
pub(crate) struct Lock(pub(crate) Arc<Link>);

impl Contestant for Lock {
    fn read<'a>(&'a self, id: u16, probe: &'a Probe) -> Boxed<'a, Answer> {
        Box::pin(async move {
            let (key, lock) = (format!("lock:{id}"), format!("lock:{id}:taken"));
            let mut take = cmd("SET");
            take.arg(&lock).arg(1).arg("NX").arg("PX").arg(LEASE_MS);
            let mut how = How::HitL2;
            loop {
                match self.0.ask::<Option<u64>>(&Cmd::get(&key)).await {
                    None => return probe.load_as(id, How::Bypassed).await,
                    Some(Some(version)) => return (how, Some(Versioned::new(id, version))),
                    Some(None) => {}
                }
                match self.0.ask::<Option<String>>(&take).await {
                    None => return probe.load_as(id, How::Bypassed).await,
                    Some(Some(_)) => break,
                    Some(None) => {}
                }
                how = How::Joined;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let loaded = probe.load_as(id, How::Loaded).await;
            if let (_, Some(value)) = loaded {
                self.0.ask::<()>(&Cmd::pset_ex(&key, value.version, TTL_MS)).await;
            }
            self.0.ask::<()>(&Cmd::del(&lock)).await;
            loaded
        })
    }

    fn write<'a>(&'a self, id: u16, probe: &'a Probe) -> Boxed<'a, How> {
        Box::pin(async move {
            probe.commit(id).await;
            match self.0.ask::<()>(&Cmd::del(format!("lock:{id}"))).await {
                Some(()) => How::Applied,
                None => How::Queued,
            }
        })
    }
}
