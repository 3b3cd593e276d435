//! Many keys in one trip.

use super::bare::{self, Fenced};
use super::connection::Connected;
use super::member::is_referral;
use super::reply;
use super::script::{INVALIDATE, Script};
use crate::key::Key;
use crate::tag::Tag;
use ::redis::{Cmd, Pipeline, RedisResult, Value, cmd};
use bytes::Bytes;

/// What stands at `names`, which may be of many slots.
pub(super) async fn get_each(connected: &mut Connected, names: &[&Bytes]) -> RedisResult<Vec<Value>> {
    let mut pipeline = Pipeline::with_capacity(names.len());
    let together: Vec<_> = names.chunk_by(|one, next| bare::is_beside(one, next)).collect();
    for names in &together {
        pipeline.cmd(if names.len() == 1 { "GET" } else { "MGET" });
        for name in *names {
            pipeline.arg(&name[..]);
        }
    }
    let mut values = Vec::with_capacity(names.len());
    for (names, reply) in together.into_iter().zip(connected.send_all(&pipeline).await?) {
        match reply {
            Value::Array(replies) => values.extend(replies),
            reply => values.extend(std::iter::repeat_n(reply, names.len())),
        }
    }
    Ok(values)
}

/// Removes `keys`: one script for each, all in one trip.
pub(super) async fn invalidate(connected: &mut Connected, keys: &[Key]) -> RedisResult<()> {
    for_each(connected, keys, &INVALIDATE, &[]).await
}

/// Runs a script for each of `keys` and its fence, all in one trip.
pub(super) async fn for_each(
    connected: &mut Connected,
    keys: &[Key],
    script: &Script,
    args: &[&[u8]],
) -> RedisResult<()> {
    if let [key] = keys
        && each_of_one(connected, key, script, args).await?.is_some()
    {
        return Ok(());
    }
    reply::all_ok(Box::pin(each_of_many(connected, keys, script, args)).await?)
}

/// The same with the replies.
pub(super) async fn each(
    connected: &mut Connected,
    keys: &[Key],
    script: &Script,
    args: &[&[u8]],
) -> RedisResult<Vec<Value>> {
    if let [key] = keys
        && let Some(reply) = each_of_one(connected, key, script, args).await?
    {
        return Ok(vec![reply]);
    }
    each_of_many(connected, keys, script, args).await
}

/// The usual case, which goes without what the others need; `None` if it is not the usual one.
async fn each_of_one(
    connected: &mut Connected,
    key: &Key,
    script: &Script,
    args: &[&[u8]],
) -> RedisResult<Option<Value>> {
    let call = Fenced::of(key).with(|names| script.by_hash(names, args));
    match connected.send(&call).await {
        Err(error) if reply::is_no_script(&error) || is_referral(&error) => Ok(None),
        reply => reply.map(Some),
    }
}

async fn each_of_many(
    connected: &mut Connected,
    keys: &[Key],
    script: &Script,
    args: &[&[u8]],
) -> RedisResult<Vec<Value>> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<_> = keys.iter().map(Fenced::of).collect();
    let pipeline = |call: &dyn Fn(&[&[u8]]) -> Cmd| {
        let mut pipeline = Pipeline::with_capacity(keys.len());
        for names in &names {
            pipeline.add_command(names.with(call));
        }
        pipeline
    };
    let mut replies = connected.send_all(&pipeline(&|names| script.by_hash(names, args))).await?;
    if replies.iter().any(|reply| is(reply, "NOSCRIPT")) {
        replies = connected.send_all(&pipeline(&|names| script.by_text(names, args))).await?;
    }
    for (names, reply) in names.iter().zip(&mut replies) {
        if is(reply, "TRYAGAIN") {
            // Its slot moves, and its names are not at one place: one after the other.
            *reply = connected.send(&script.by_text(&[names.place()], args)).await?;
            if let Some(bare) = names.bare() {
                connected.send(cmd("UNLINK").arg(bare)).await?;
            }
            connected.send(cmd("SET").arg(&names.fence[..]).arg("").arg("PX").arg(1)).await?;
        }
    }
    Ok(replies)
}

fn is(reply: &Value, code: &str) -> bool {
    matches!(reply, Value::ServerError(error) if error.code() == code)
}

/// Ends the generations of `tags`.
pub(super) async fn invalidate_tags(connected: &mut Connected, tags: &[Tag]) -> RedisResult<()> {
    if tags.is_empty() {
        return Ok(());
    }
    let mut pipeline = Pipeline::with_capacity(tags.len());
    for tag in tags {
        pipeline.cmd("DEL").arg(tag.name());
    }
    let replies = connected.connection.send_packed_commands(&pipeline, 0, tags.len()).await?;
    match reply::all_ok(replies) {
        // One after the other on the ways that their slots go, since the clock has to fall before its tags do.
        Err(error) if connected.member.is_some() && is_referral(&error) => {
            for command in pipeline.cmd_iter() {
                connected.send(command).await?;
            }
            Ok(())
        }
        result => result,
    }
}
