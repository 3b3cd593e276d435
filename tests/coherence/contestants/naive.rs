//! Cache-aside as it is mostly written: GET, load, SET; and DEL after the commit.

use super::{Answer, Boxed, Contestant, Link, Probe, TTL_MS, Versioned};
use crate::log::How;
use redis::Cmd;
use std::sync::Arc;

/// Without any care for order.
pub(crate) struct Naive(pub(crate) Arc<Link>);

impl Contestant for Naive {
    fn read<'a>(&'a self, id: u16, probe: &'a Probe) -> Boxed<'a, Answer> {
        Box::pin(async move {
            let key = format!("naive:{id}");
            match self.0.ask::<Option<u64>>(&Cmd::get(&key)).await {
                None => return probe.load_as(id, How::Bypassed).await,
                Some(Some(version)) => return (How::HitL2, Some(Versioned::new(id, version))),
                Some(None) => {}
            }
            let loaded = probe.load_as(id, How::Loaded).await;
            if let (_, Some(value)) = loaded {
                self.0.ask::<()>(&Cmd::pset_ex(&key, value.version, TTL_MS)).await;
            }
            loaded
        })
    }

    fn write<'a>(&'a self, id: u16, probe: &'a Probe) -> Boxed<'a, How> {
        Box::pin(async move {
            probe.commit(id).await;
            match self.0.ask::<()>(&Cmd::del(format!("naive:{id}"))).await {
                Some(()) => How::Applied,
                None => How::Queued,
            }
        })
    }
}
