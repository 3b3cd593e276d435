//! How much longer a value lives.

use super::{READ, Redis, bare, reply};
use crate::error::StoreError;
use crate::key::Key;
use crate::store::Lifetime;
use ::redis::{Pipeline, Value};
use std::pin::pin;
use std::time::Duration;

/// How much longer the value at `key` lives; `None` when no value stands there.
pub(super) async fn of(redis: &Redis, key: &Key) -> Result<Option<Lifetime>, StoreError> {
    let mut connected = redis.link.connected()?;
    let mut pipeline = Pipeline::with_capacity(2);
    pipeline.cmd("GETRANGE").arg(&key.place()[..]).arg(0).arg(0).cmd("PTTL").arg(key.name());
    let number = connected.number;
    let asked = connected.send_all(&pipeline);
    match <[Value; 2]>::try_from(redis.link.within(number, READ, pin!(asked)).await?) {
        Ok([kind, _]) if !bare::is_value(key, reply::bytes(kind.clone())?.as_deref()) => Ok(None),
        Ok([_, Value::Int(-1)]) => Ok(Some(Lifetime::Unbounded)),
        Ok([_, Value::Int(ms)]) => Ok(u64::try_from(ms).ok().map(Duration::from_millis).map(Lifetime::Left)),
        _ => Err(StoreError::Other),
    }
}
