//! A fenced lease in Redis, under the single-flight that everyone knows: who comes while a call is under way gets its result.

use super::{Answer, Boxed, Contestant, LEASE_MS, Link, Probe, TTL_MS, Versioned};
use crate::log::How;
use redis::{Cmd, cmd};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// Stores what was loaded only if the lease is still there.
const FILL: &str = "
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1";

type Flight = watch::Receiver<Option<Answer>>;

/// The calls under way, from their GET until their reply.
pub(crate) struct SingleFlight {
    link: Arc<Link>,
    flights: Mutex<HashMap<u16, Flight>>,
    next: AtomicU64,
}

impl SingleFlight {
    pub(crate) fn new(link: Arc<Link>) -> Self {
        Self { link, flights: Mutex::default(), next: AtomicU64::new(0) }
    }

    async fn fly(&self, id: u16, probe: &Probe) -> Answer {
        let key = format!("flight:{id}");
        let token = format!("L{}:{}", std::process::id(), self.next.fetch_add(1, Relaxed));
        let mut lease = cmd("SET");
        lease.arg(&key).arg(&token).arg("NX").arg("PX").arg(LEASE_MS);
        let mut how = How::HitL2;
        loop {
            match self.link.ask::<Option<String>>(&Cmd::get(&key)).await {
                None => return probe.load_as(id, How::Bypassed).await,
                Some(Some(text)) => {
                    if let Ok(version) = text.parse() {
                        return (how, Some(Versioned::new(id, version)));
                    }
                }
                Some(None) => match self.link.ask::<Option<String>>(&lease).await {
                    None => return probe.load_as(id, How::Bypassed).await,
                    Some(Some(_)) => break,
                    Some(None) => {}
                },
            }
            how = How::Joined;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let loaded = probe.load_as(id, How::Loaded).await;
        if let (_, Some(value)) = loaded {
            let mut fill = cmd("EVAL");
            fill.arg(FILL).arg(1).arg(&key).arg(&token).arg(value.version).arg(TTL_MS);
            self.link.ask::<u64>(&fill).await;
        }
        loaded
    }
}

impl Contestant for SingleFlight {
    fn read<'a>(&'a self, id: u16, probe: &'a Probe) -> Boxed<'a, Answer> {
        Box::pin(async move {
            loop {
                let joined = {
                    let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
                    if let Some(flight) = flights.get(&id).filter(|flight| flight.has_changed().is_ok()) {
                        Ok(flight.clone())
                    } else {
                        let (sender, flight) = watch::channel(None);
                        flights.insert(id, flight);
                        Err(sender)
                    }
                };
                match joined {
                    Ok(mut flight) => {
                        // A leader that was cancelled leaves nothing: another one leads.
                        let Ok(answer) = flight.wait_for(Option::is_some).await else { continue };
                        let Some((how, value)) = *answer else { continue };
                        let joined = if value.is_some() { How::Joined } else { how };
                        return (joined, value);
                    }
                    Err(sender) => {
                        let answer = self.fly(id, probe).await;
                        sender.send_replace(Some(answer));
                        return answer;
                    }
                }
            }
        })
    }

    fn write<'a>(&'a self, id: u16, probe: &'a Probe) -> Boxed<'a, How> {
        Box::pin(async move {
            probe.commit(id).await;
            match self.link.ask::<()>(&Cmd::del(format!("flight:{id}"))).await {
                Some(()) => How::Applied,
                None => How::Queued,
            }
        })
    }
}
