//! What the server said, in the words of the port.

use crate::error::StoreError;
use crate::tag::Generation;
use ::redis::{RedisError, RedisResult, Value};
use bytes::Bytes;

/// What Redis 7.0 says, with the code `ERR`, of a right that is missing inside a script.
const DENIED_IN_SCRIPT: &str = "user executing the script can't";

pub(super) fn bytes(reply: Value) -> Result<Option<Bytes>, StoreError> {
    match reply {
        Value::Nil => Ok(None),
        Value::BulkString(bytes) => Ok(Some(bytes.into())),
        Value::ServerError(error) => Err(by_code(error.code())),
        // No command of the protocol answers otherwise: this is the reply of another command.
        _ => Err(StoreError::Other),
    }
}

pub(super) fn yes(reply: &Value) -> Result<bool, StoreError> {
    match reply {
        Value::Int(answer) => Ok(*answer == 1),
        Value::ServerError(error) => Err(by_code(error.code())),
        _ => Err(StoreError::Other),
    }
}

pub(super) fn generations(reply: Value) -> Result<Vec<Option<Generation>>, StoreError> {
    let Value::Array(replies) = reply else { return Err(StoreError::Other) };
    Ok(generations_of(replies.into_iter().map(bytes).collect::<Result<Vec<_>, _>>()?))
}

pub(super) fn generations_of(values: impl IntoIterator<Item = Option<Bytes>>) -> Vec<Option<Generation>> {
    values.into_iter().map(|value| value.and_then(|bytes| bytes[..].try_into().ok())).collect()
}

pub(super) fn all_ok(replies: Vec<Value>) -> RedisResult<()> {
    replies.into_iter().try_for_each(|reply| match reply {
        Value::Int(_) | Value::Okay => Ok(()),
        reply => reply.extract_error().map(drop),
    })
}

pub(super) fn is_no_script(error: &RedisError) -> bool {
    error.code() == Some("NOSCRIPT")
}

pub(super) fn error(error: &RedisError) -> StoreError {
    if error.is_timeout() {
        StoreError::Timeout
    } else if error.is_io_error() || error.is_unrecoverable_error() {
        StoreError::Unreachable
    } else if error.detail().is_some_and(|detail| detail.contains(DENIED_IN_SCRIPT)) {
        StoreError::Denied
    } else {
        error.code().map_or(StoreError::Other, by_code)
    }
}

fn by_code(code: &str) -> StoreError {
    match code {
        "OOM" => StoreError::OutOfMemory,
        "NOPERM" | "NOAUTH" | "WRONGPASS" => StoreError::Denied,
        "WRONGTYPE" => StoreError::ForeignType,
        "NOTINT" => StoreError::NotAnInteger,
        "LOADING" | "READONLY" | "CLUSTERDOWN" | "MASTERDOWN" | "MOVED" | "ASK" | "TRYAGAIN" | "BUSY"
        | "NOREPLICAS" | "MISCONF" => StoreError::Unavailable,
        _ => StoreError::Other,
    }
}
