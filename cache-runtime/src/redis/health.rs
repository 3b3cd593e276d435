//! How the server is, and what speaks against its configuration.

use super::connect::clock_offset;
use super::connection::{Connected, Link, in_time};
use super::rights;
use crate::error::StoreError;
use crate::health::{Finding, KeyCounts, Server, StoreHealth, Subject};
use crate::key::without_app;
use crate::time::Instant;
use ::redis::{RedisResult, Value, cmd, from_redis_value};
use std::collections::HashMap;
use std::pin::pin;
use std::time::Duration;

/// How long a sign of life may take, and then everything else.
const PATIENCE: Duration = Duration::from_millis(500);
/// Keys that one step of a count looks at.
const STEP: usize = 1_000;
/// How long a count may take.
const COUNT: Duration = Duration::from_secs(1);
/// How far clocks may be apart.
const APART_MS: u64 = 1_000;

/// What was found out about a server; `None` where that was refused or took too long.
#[derive(Default)]
struct Known {
    info: Option<Info>,
    /// When it takes snapshots.
    save: Option<String>,
    clock_ahead_ms: Option<i64>,
    /// The same when the connection was made, which ages go by.
    assumed_ahead_ms: i64,
    missing_rights: Option<Vec<Finding>>,
}

/// The fields of `INFO`.
struct Info(HashMap<String, String>);

/// How the server of `link` is, for the application `app`; within a second.
pub(super) async fn examine(link: &Link, app: &str) -> StoreHealth {
    let Ok(mut connected) = link.connected() else {
        return StoreHealth::unreachable("redis", link.reason());
    };
    let asked = Instant::now();
    let answer = link.answered(connected.number, PATIENCE, pin!(connected.send(&cmd("PING")))).await;
    // Whatever else it refuses, it is there.
    if let Err(error @ (StoreError::Timeout | StoreError::Unreachable | StoreError::Unavailable)) = answer {
        return StoreHealth::unreachable("redis", error.to_string());
    }
    let ping_us = u64::try_from(asked.elapsed().as_micros()).ok();
    let known = know(link, &connected, app).await;
    StoreHealth {
        ping_us,
        findings: known.findings(),
        server: known.server(),
        ..StoreHealth::reachable(known.kind())
    }
}

/// Counts keys of `app` by namespace, until it has looked at `most` keys or for a second.
pub(super) async fn key_counts(link: &Link, app: &str, most: usize) -> Result<KeyCounts, StoreError> {
    let pattern = if app.is_empty() { "*".to_owned() } else { format!("{app}:*") };
    let mut counts = KeyCounts::default();
    let (begun, mut cursor) = (Instant::now(), 0_u64);
    for looked_at in (0..most).step_by(STEP) {
        let mut connected = link.connected()?;
        let mut scan = cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(STEP.min(most - looked_at));
        let found = link.within(connected.number, PATIENCE, pin!(connected.send(&scan))).await?;
        let (next, names): (u64, Vec<Vec<u8>>) = from_redis_value(found).map_err(|_| StoreError::Other)?;
        names.iter().filter_map(|name| without_app(app, name)).for_each(|name| counts.count(name));
        cursor = next;
        counts.complete = cursor == 0;
        if counts.complete || begun.elapsed() > COUNT {
            break;
        }
    }
    Ok(counts)
}

async fn know(link: &Link, connected: &Connected, app: &str) -> Known {
    async fn ask<T>(step: impl Future<Output = RedisResult<T>>) -> Option<T> {
        in_time(PATIENCE, step).await.ok()
    }
    let [mut one, mut two, mut three, mut four] = std::array::from_fn(|_| connected.clone());
    let (mut save, (info, time)) = (cmd("CONFIG"), (cmd("INFO"), cmd("TIME")));
    save.arg("GET").arg("save");
    let (info, save, time, missing_rights) = tokio::join!(
        ask(one.send(&info)),
        ask(two.send(&save)),
        ask(three.send(&time)),
        ask(rights::missing(&mut four, app)),
    );
    let save: Option<HashMap<String, String>> = save.and_then(|reply| from_redis_value(reply).ok());
    Known {
        info: info.and_then(|reply| from_redis_value(reply).ok()).map(|text: String| Info::of(&text)),
        save: save.and_then(|mut settings| settings.remove("save")),
        clock_ahead_ms: match time {
            Some(Value::Array(time)) => Some(clock_offset(&time)),
            _ => None,
        },
        assumed_ahead_ms: link.clock_offset_ms(),
        missing_rights,
    }
}

impl Info {
    fn of(text: &str) -> Self {
        let fields = text.lines().filter_map(|line| line.split_once(':'));
        Self(fields.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect())
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }
}

impl Known {
    fn kind(&self) -> &str {
        self.info.as_ref().and_then(|info| info.text("server_name")).unwrap_or("redis")
    }

    fn server(&self) -> Option<Server> {
        let info = self.info.as_ref();
        let text = |name| info?.text(name).map(str::to_owned);
        let number = |name| info?.number(name);
        let known = info.is_some() || self.clock_ahead_ms.is_some();
        known.then(|| Server {
            version: text("valkey_version").or_else(|| text("redis_version")),
            role: text("role"),
            uptime_s: number("uptime_in_seconds"),
            connected_clients: number("connected_clients"),
            used_memory_human: text("used_memory_human"),
            maxmemory: number("maxmemory"),
            maxmemory_policy: text("maxmemory_policy"),
            keyspace_hits: number("keyspace_hits"),
            keyspace_misses: number("keyspace_misses"),
            clock_ahead_ms: self.clock_ahead_ms,
        })
    }

    fn findings(&self) -> Vec<Finding> {
        let mut findings = match &self.info {
            Some(info) => info.findings(),
            None => {
                [Subject::Version, Subject::Role, Subject::Eviction, Subject::Memory, Subject::Persistence]
                    .map(|subject| Finding::unknown(subject, "the server does not answer `INFO`"))
                    .into()
            }
        };
        findings.extend(match self.save.as_deref() {
            Some("") => None,
            Some(save) => Some(Finding::warning(
                Subject::Persistence,
                format!("`save {save}`: what comes back after a restart is older than what was acknowledged"),
            )),
            None => {
                Some(Finding::unknown(Subject::Persistence, "the server does not answer `CONFIG GET save`"))
            }
        });
        findings.extend(self.clock());
        match &self.missing_rights {
            Some(missing) => findings.extend_from_slice(missing),
            None => findings.push(Finding::unknown(Subject::Rights, "the server did not answer in time")),
        }
        findings
    }

    fn clock(&self) -> Option<Finding> {
        let Some(ahead) = self.clock_ahead_ms else {
            return Some(Finding::unknown(Subject::Clock, "the server does not answer `TIME`"));
        };
        let moved = ahead - self.assumed_ahead_ms;
        let text = if moved.unsigned_abs() > APART_MS {
            format!("it moved by {moved} ms since the connection was made: ages are wrong by that")
        } else if ahead.unsigned_abs() > APART_MS {
            format!("it is {ahead} ms ahead of this machine's; ages go by the server's")
        } else {
            return None;
        };
        Some(Finding::warning(Subject::Clock, text))
    }
}

impl Info {
    fn findings(&self) -> Vec<Finding> {
        let version = self.text("redis_version").unwrap_or_default();
        let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
        let mut findings = Vec::new();
        let mut warn = |subject, text: String| findings.push(Finding::warning(subject, text));
        if major.is_some_and(|major| major < 7) {
            warn(Subject::Version, format!("{version} is older than 7.0: not tested"));
        }
        if self.text("role") == Some("slave") {
            warn(Subject::Role, "a replica: it takes no writes".to_owned());
        }
        if self.text("aof_enabled") == Some("1") {
            let costs = "what comes back after a restart may be older than what was acknowledged";
            warn(Subject::Persistence, format!("`appendonly yes`: {costs}"));
        }
        match self.text("maxmemory_policy") {
            Some("noeviction") => {
                warn(Subject::Eviction, "`noeviction`: a full server stores nothing more".to_owned());
            }
            Some(policy) if policy.starts_with("volatile-") => {
                let costs =
                    "entries without an end are never evicted, and a server full of them stores nothing more";
                warn(Subject::Eviction, format!("`{policy}`: {costs}"));
            }
            _ => {}
        }
        if self.number("maxmemory") == Some(0) {
            warn(
                Subject::Memory,
                "no `maxmemory`: the server grows as long as the machine lets it".to_owned(),
            );
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::{Info, Known};
    use crate::health::{Finding, Subject, Weight};

    const WELL: &str = "# Server\r\nredis_version:7.2.4\r\nrole:master\r\naof_enabled:0\r\n\
                        maxmemory:1048576\r\nmaxmemory_policy:allkeys-lru\r\n";

    fn known(info: &str) -> Known {
        Known {
            info: Some(Info::of(info)),
            save: Some(String::new()),
            clock_ahead_ms: Some(3),
            assumed_ahead_ms: 2,
            missing_rights: Some(Vec::new()),
        }
    }

    fn only(findings: &[Finding]) -> (Subject, Weight) {
        let [Finding { subject, weight, .. }] = findings else { panic!("{findings:?}") };
        (*subject, *weight)
    }

    #[test]
    fn nothing_is_found_where_nothing_is_wrong() {
        assert_eq!(known(WELL).findings(), []);
    }

    #[test]
    fn each_fault_is_one_finding() {
        for (well, wrong, subject) in [
            ("redis_version:7.2.4", "redis_version:6.2.14", Subject::Version),
            ("role:master", "role:slave", Subject::Role),
            ("aof_enabled:0", "aof_enabled:1", Subject::Persistence),
            ("allkeys-lru", "volatile-lru", Subject::Eviction),
            ("allkeys-lru", "noeviction", Subject::Eviction),
            ("maxmemory:1048576", "maxmemory:0", Subject::Memory),
        ] {
            let findings = known(&WELL.replace(well, wrong)).findings();
            assert_eq!(only(&findings), (subject, Weight::Warning), "{wrong}");
        }
        let snapshots = Known { save: Some("3600 1".to_owned()), ..known(WELL) };
        assert_eq!(only(&snapshots.findings()), (Subject::Persistence, Weight::Warning));
    }

    #[test]
    fn a_valkey_is_called_so() {
        let known = known(
            &WELL.replace("redis_version", "server_name:valkey\r\nvalkey_version:8.1.3\r\nredis_version"),
        );
        let version = known.server().and_then(|server| server.version);
        assert_eq!((known.kind(), version.as_deref()), ("valkey", Some("8.1.3")));
    }

    #[test]
    fn clocks_that_are_apart_or_moved_are_found() {
        for (ahead, assumed, said) in [
            (5_000, 5_000, "5000 ms ahead"),
            (-5_000, -5_000, "-5000 ms ahead"),
            (0, 5_000, "moved by -5000 ms"),
        ] {
            let known = Known { clock_ahead_ms: Some(ahead), assumed_ahead_ms: assumed, ..known(WELL) };
            let text = known.findings()[0].text.clone();
            assert!(text.contains(said), "{text}");
        }
    }

    #[test]
    fn what_is_not_told_is_not_known() {
        let findings = Known::default().findings();
        assert_eq!(findings.len(), 8, "{findings:?}");
        assert!(findings.iter().all(|finding| finding.weight == Weight::Unknown), "{findings:?}");
    }
}
