//! A server that comes back from a snapshot may have entries that were invalidated since: with the guard nobody reads them.

use super::connection::{Connected, in_time};
use super::{reply, script};
use ::redis::{RedisResult, Value, cmd};
use std::time::Duration;

/// Tags that one step looks through.
const STEP: u32 = 1_000;
/// How long one step may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// Makes all entries of `app` invalid, if the server was started since they were written.
///
/// Every process does this before it reads on a new connection, and the server is taken as known only afterwards: whoever finds it known
/// knows that the generations from before are gone.
pub(super) async fn check(connected: &mut Connected, app: &str) -> RedisResult<()> {
    if ask(connected, app, b"check").await? {
        return Ok(());
    }
    tracing::warn!("another server, or one from a snapshot: all entries are taken as invalid");
    let separator = if app.is_empty() { "" } else { ":" };
    let pattern = format!("cache:tag:{{{app}{separator}*}}:\\*");
    let mut cursor = 0_u64;
    loop {
        let mut scan = cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(STEP);
        let found = in_time(PATIENCE, connected.send(&scan)).await?;
        let (next, names): (u64, Vec<Vec<u8>>) = ::redis::from_redis_value(found)?;
        for name in names {
            in_time(PATIENCE, connected.send(cmd("UNLINK").arg(name))).await?;
        }
        cursor = next;
        if cursor == 0 {
            break;
        }
    }
    ask(connected, app, b"set").await.map(drop)
}

async fn ask(connected: &mut Connected, app: &str, what: &[u8]) -> RedisResult<bool> {
    let name = format!("cache:guard:{app}");
    let (keys, args) = ([name.as_bytes()], [what]);
    let answer = match in_time(PATIENCE, connected.send(&script::GUARD.by_hash(&keys, &args))).await {
        Err(error) if reply::is_no_script(&error) => {
            in_time(PATIENCE, connected.send(&script::GUARD.by_text(&keys, &args))).await?
        }
        answer => answer?,
    };
    Ok(answer == Value::Int(1))
}
