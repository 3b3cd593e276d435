//! How a cache is, for those who run it.

use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// How a cache is: its store, what it hears of invalidations, and what speaks against the configuration.
///
/// Its text is for a person, its JSON for a machine; neither shows a password.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Health {
    /// All of it in one word.
    pub status: Status,
    /// Whether this process hears of invalidations.
    pub feed: Feed,
    /// Invalidations that wait for the store.
    pub pending_invalidations: usize,
    /// The store.
    #[serde(flatten)]
    pub store: StoreHealth,
}

/// How a cache is, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Status {
    /// The store answers, the feed is live, and no finding is a warning.
    Healthy,
    /// The store answers, and something is to be looked at.
    Impaired,
    /// The store does not answer: calls run their bodies.
    Unreachable,
}

/// Whether a process hears of invalidations by others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Feed {
    /// It does.
    Live,
    /// Not for a second, or not yet: `"coherent"` entries are not served from memory.
    #[default]
    Lost,
    /// The store offers none: they are, for 1 s at most.
    Unavailable,
}

/// How a store is.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StoreHealth {
    /// What it is: `in-process`, `redis`, `valkey`, or `store` for another one.
    pub kind: String,
    /// Whether it answers.
    pub reachable: bool,
    /// Why it does not.
    pub reason: Option<String>,
    /// How long an answer took, in microseconds.
    pub ping_us: Option<u64>,
    /// What the server says of itself, if there is one and it may be asked.
    pub server: Option<Server>,
    /// What speaks against the configuration, and what could not be found out.
    pub findings: Vec<Finding>,
}

/// What a server says of itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Server {
    /// Its version: `7.2.4`.
    pub version: Option<String>,
    /// `master`, or another role.
    pub role: Option<String>,
    /// How long it runs, in seconds.
    pub uptime_s: Option<u64>,
    /// Connections to it, of all processes.
    pub connected_clients: Option<u64>,
    /// Memory it uses, as it writes it: `1.02M`.
    pub used_memory_human: Option<String>,
    /// Memory it may use in bytes; 0 without a limit.
    pub maxmemory: Option<u64>,
    /// What it evicts when it is full.
    pub maxmemory_policy: Option<String>,
    /// Reads that found a key since it started, of all users.
    pub keyspace_hits: Option<u64>,
    /// Reads that found none.
    pub keyspace_misses: Option<u64>,
    /// How far its clock is ahead of this machine's, in milliseconds.
    pub clock_ahead_ms: Option<i64>,
}

/// What speaks against a configuration, or could not be found out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// What it is about.
    pub subject: Subject,
    /// What it says.
    pub weight: Weight,
    /// What is so, and what it costs.
    pub text: String,
}

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Subject {
    /// What a restart of the server brings back.
    Persistence,
    /// What a full server does.
    Eviction,
    /// How much the server may keep.
    Memory,
    /// The server's version.
    Version,
    /// Master or replica.
    Role,
    /// How invalidations by other processes are heard of.
    Feed,
    /// What the user of the connection may do.
    Rights,
    /// The server's clock.
    Clock,
}

/// What a finding says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Weight {
    /// It should be changed.
    Warning,
    /// It is not known, which is no fault.
    Unknown,
}

/// How many keys the namespaces of an application have in the store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct KeyCounts {
    /// By namespace.
    pub namespaces: BTreeMap<String, u64>,
    /// Whether every key of the store was looked at; else these are those of a sample.
    pub complete: bool,
}

impl Health {
    pub(crate) fn of(mut store: StoreHealth, feed: Feed, pending_invalidations: usize) -> Self {
        if store.reachable && feed == Feed::Unavailable {
            let text = "pushes of invalidations do not arrive (CLIENT TRACKING by RESP3): `coherent` entries are served from memory for \
                        1 s at most";
            store.findings.push(Finding::warning(Subject::Feed, text));
        }
        let warned = store.findings.iter().any(|finding| finding.weight == Weight::Warning);
        let status = match (store.reachable, feed) {
            (false, _) => Status::Unreachable,
            (true, Feed::Live) if !warned => Status::Healthy,
            (true, _) => Status::Impaired,
        };
        Self { status, feed, pending_invalidations, store }
    }
}

impl StoreHealth {
    /// A store that answers.
    #[must_use]
    pub fn reachable(kind: impl Into<String>) -> Self {
        let kind = kind.into();
        Self { kind, reachable: true, reason: None, ping_us: None, server: None, findings: Vec::new() }
    }

    /// A store that does not answer, and why.
    #[must_use]
    pub fn unreachable(kind: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { reachable: false, reason: Some(reason.into()), ..Self::reachable(kind) }
    }
}

impl Finding {
    /// What should be changed.
    #[must_use]
    pub fn warning(subject: Subject, text: impl Into<String>) -> Self {
        Self { subject, weight: Weight::Warning, text: text.into() }
    }

    /// What could not be found out.
    #[must_use]
    pub fn unknown(subject: Subject, text: impl Into<String>) -> Self {
        Self { subject, weight: Weight::Unknown, text: text.into() }
    }
}

impl KeyCounts {
    /// Counts the key of this name, without its application, where it is one of a cached function: `ns:vN:KEY`.
    pub(crate) fn count(&mut self, name: &[u8]) {
        let mut parts = name.splitn(3, |byte| *byte == b':');
        let (Some(namespace), Some(version), Some(_)) = (parts.next(), parts.next(), parts.next()) else {
            return;
        };
        let is_version =
            version.len() > 1 && version[0] == b'v' && version[1..].iter().all(u8::is_ascii_digit);
        if let (true, Ok(namespace)) = (is_version, str::from_utf8(namespace)) {
            *self.namespaces.entry(namespace.to_owned()).or_default() += 1;
        }
    }
}

/// The first line is all of it in short, each further one a finding.
impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, feed, pending_invalidations, store } = self;
        write!(f, "{status}: {store}; feed {feed}; {pending_invalidations} invalidations wait")?;
        store.findings.iter().try_for_each(|finding| write!(f, "\n{finding}"))
    }
}

impl fmt::Display for StoreHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        if let Some(server) = &self.server {
            [&server.version, &server.role]
                .into_iter()
                .flatten()
                .try_for_each(|word| write!(f, " {word}"))?;
        }
        match (&self.reason, self.ping_us) {
            (Some(reason), _) => write!(f, " does not answer: {reason}"),
            (None, Some(ping)) => write!(f, " answers in {:?}", Duration::from_micros(ping)),
            (None, None) => f.write_str(" answers"),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weight = match self.weight {
            Weight::Warning => "",
            Weight::Unknown => "not known: ",
        };
        write!(f, "{}: {weight}{}", self.subject, self.text)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Healthy => "healthy",
            Self::Impaired => "impaired",
            Self::Unreachable => "unreachable",
        })
    }
}

impl fmt::Display for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Live => "live",
            Self::Lost => "lost",
            Self::Unavailable => "unavailable",
        })
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Persistence => "persistence",
            Self::Eviction => "eviction",
            Self::Memory => "memory",
            Self::Version => "version",
            Self::Role => "role",
            Self::Feed => "feed",
            Self::Rights => "rights",
            Self::Clock => "clock",
        })
    }
}
