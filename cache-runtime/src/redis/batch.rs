//! Many keys in one trip.

use super::connection::Connected;
use super::script::{INVALIDATE, Script};
use super::{bare, reply};
use crate::key::Key;
use crate::tag::Tag;
use ::redis::{Cmd, Pipeline, Value};

/// Removes `keys`: one script for each, all in one trip.
pub(super) async fn invalidate(connected: &mut Connected, keys: &[Key]) -> ::redis::RedisResult<()> {
    for_each(connected, keys, &INVALIDATE, &[]).await
}

/// Runs a script for each of `keys` and its fence, all in one trip.
pub(super) async fn for_each(
    connected: &mut Connected,
    keys: &[Key],
    script: &Script,
    args: &[&[u8]],
) -> ::redis::RedisResult<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = keys.iter().map(bare::fenced).collect();
    let pipeline = |call: &dyn Fn(&[&[u8]]) -> Cmd| {
        let mut pipeline = Pipeline::with_capacity(keys.len());
        for names in &names {
            pipeline.add_command(call(&names.iter().map(|name| &name[..]).collect::<Vec<_>>()));
        }
        pipeline
    };
    let by_hash = pipeline(&|names| script.by_hash(names, args));
    let replies = connected.connection.send_packed_commands(&by_hash, 0, keys.len()).await?;
    let unknown =
        replies.iter().any(|reply| matches!(reply, Value::ServerError(e) if e.code() == "NOSCRIPT"));
    if !unknown {
        return reply::all_ok(replies);
    }
    let by_text = pipeline(&|names| script.by_text(names, args));
    reply::all_ok(connected.connection.send_packed_commands(&by_text, 0, keys.len()).await?)
}

/// Ends the generations of `tags`.
pub(super) async fn invalidate_tags(connected: &mut Connected, tags: &[Tag]) -> ::redis::RedisResult<()> {
    if tags.is_empty() {
        return Ok(());
    }
    let mut pipeline = Pipeline::with_capacity(tags.len());
    for tag in tags {
        pipeline.cmd("DEL").arg(tag.name());
    }
    reply::all_ok(connected.connection.send_packed_commands(&pipeline, 0, tags.len()).await?)
}
