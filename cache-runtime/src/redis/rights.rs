//! What the user of the connection may not do, found out by doing what changes nothing.

use super::connection::Connected;
use super::script;
use crate::health::{Finding, Subject};
use crate::store::Token;
use ::redis::{Cmd, Pipeline, RedisResult, Value, cmd};
use std::collections::{BTreeMap, BTreeSet};

/// The hash of no script.
const UNKNOWN: &str = "0000000000000000000000000000000000000000";
/// What a missing right costs.
const ENTRIES: &str = "calls run their bodies, and invalidations stay queued";
const SCRIPTS: &str = "scripts are sent with their first use";
const TIME: &str = "ages by this machine's clock, and no reloads of stale values or holds";
const INFO: &str =
    "no replay after a restart or failover, and a replica is not recognised before a write fails";
const TRACKING: &str = "no feed: `coherent` entries are served from memory for 1 s at most";
const DURABILITY: &str = "`durability` is never reached";

/// A command of the protocol on names that nobody uses.
struct Attempt {
    command: Cmd,
    right: &'static str,
    /// The pattern that its names are under.
    names: String,
    costs: &'static str,
}

/// Does what the protocol does, on names that nobody uses, and tells what is refused.
pub(super) async fn missing(connected: &mut Connected, app: &str) -> RedisResult<Vec<Finding>> {
    let attempts = attempts(app);
    let mut pipeline = Pipeline::with_capacity(attempts.len());
    for attempt in &attempts {
        pipeline.add_command(attempt.command.clone());
    }
    let replies = connected.connection.send_packed_commands(&pipeline, 0, attempts.len()).await?;
    let mut refused: BTreeMap<&str, [BTreeSet<String>; 2]> = BTreeMap::new();
    for (Attempt { right, names, costs, .. }, reply) in attempts.into_iter().zip(&replies) {
        let Value::ServerError(error) = reply else { continue };
        if error.code() != "NOPERM" {
            continue;
        }
        let [commands, patterns] = refused.entry(costs).or_default();
        if error.details().is_some_and(|text| text.contains("run the '")) {
            commands.insert(format!("`{right}`"));
        } else {
            patterns.insert(format!("`{names}`"));
        }
    }
    let text = |(costs, [commands, patterns]): (&str, [BTreeSet<String>; 2])| {
        let list = |names: BTreeSet<String>| names.into_iter().collect::<Vec<_>>().join(", ");
        let mut missing = Vec::new();
        if !commands.is_empty() {
            missing.push(format!("run {}", list(commands)));
        }
        if !patterns.is_empty() {
            missing.push(format!("use {}", list(patterns)));
        }
        format!("the user may not {}: {costs}", missing.join(" and "))
    };
    Ok(refused.into_iter().map(|refused| Finding::warning(Subject::Rights, text(refused))).collect())
}

/// No name here exists, and none does afterwards.
fn attempts(app: &str) -> Vec<Attempt> {
    let prefix = if app.is_empty() { String::new() } else { format!("{app}:") };
    let nonce = format!("{:?}", Token::random());
    let key = format!("{prefix}health:{nonce}");
    let fence = format!("cache:fence:{{{key}}}");
    let tag = format!("cache:tag:{{{prefix}health}}:{nonce}");
    let [keys, fences, tags] = ["", "cache:fence:{", "cache:tag:{"].map(|kind| format!("~{kind}{prefix}*"));

    let mut attempts = Vec::new();
    let mut on = |names: &str, costs, right, words: &[&str]| {
        let mut command = cmd(words[0]);
        command.arg(&words[1..]);
        attempts.push(Attempt { command, right, names: names.to_owned(), costs });
    };
    on(&keys, ENTRIES, "get", &["GET", &key]);
    on(&keys, ENTRIES, "set", &["SET", &key, "", "XX", "PX", "1"]);
    on(&keys, ENTRIES, "getrange", &["GETRANGE", &key, "0", "0"]);
    on(&keys, ENTRIES, "setrange", &["SETRANGE", &key, "0", ""]);
    on(&keys, ENTRIES, "unlink", &["UNLINK", &key]);
    on(&keys, ENTRIES, "pexpire", &["PEXPIRE", &key, "1"]);
    on(&keys, ENTRIES, "pttl", &["PTTL", &key]);
    on(&keys, ENTRIES, "eval", &["EVAL", "return 1", "1", &key]);
    on(&keys, ENTRIES, "evalsha", &["EVALSHA", UNKNOWN, "1", &key]);
    on(&fences, ENTRIES, "set", &["SET", &fence, "", "XX", "PX", "1"]);
    on(&fences, ENTRIES, "del", &["DEL", &fence]);
    on(&tags, ENTRIES, "mget", &["MGET", &tag]);
    on(&tags, ENTRIES, "set", &["SET", &tag, "", "XX", "PX", "1"]);
    on(&tags, ENTRIES, "del", &["DEL", &tag]);
    on(&tags, ENTRIES, "pttl", &["PTTL", &tag]);
    on(&tags, ENTRIES, "pexpire", &["PEXPIRE", &tag, "1"]);
    on(&tags, ENTRIES, "persist", &["PERSIST", &tag]);
    on("", TIME, "time", &["TIME"]);
    on("", INFO, "info", &["INFO", "server"]);
    on("", TRACKING, "client|tracking", &["CLIENT", "TRACKING", "OFF"]);
    on("", DURABILITY, "wait", &["WAIT", "0", "0"]);
    let load = script::ALL[0].load();
    attempts.push(Attempt { command: load, right: "script|load", names: String::new(), costs: SCRIPTS });
    attempts
}
