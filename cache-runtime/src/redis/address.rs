//! Where the servers are, and how they are spoken to.

use super::tls::{self, Certificates, Tls};
use crate::error::ConfigError;
use ::redis::io::tcp::TcpSettings;
use ::redis::{Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, RedisResult};

/// The forms of an address.
const FORMS: &str = "write `redis://[user:password@]host[:port][/db]`";
/// Where sentinels listen unless said.
const SENTINEL_PORT: u16 = 26_379;

/// What a url says.
pub(super) struct Address {
    pub(super) kind: Kind,
    pub(super) manner: Manner,
    /// The servers that it names: host and port.
    #[cfg_attr(not(any(feature = "cluster", feature = "sentinel")), expect(dead_code, reason = "it is one"))]
    pub(super) hosts: Vec<(String, u16)>,
}

/// What the servers are to each other.
pub(super) enum Kind {
    Server,
    #[cfg(feature = "cluster")]
    Cluster,
    #[cfg(feature = "sentinel")]
    Sentinels {
        master: String,
        user: Option<String>,
        password: Option<String>,
    },
}

/// How each server is spoken to: user, database, protocol, certificates.
#[derive(Clone)]
pub(super) struct Manner {
    info: ConnectionInfo,
    certificates: Option<Certificates>,
}

impl Manner {
    /// A client for the server that the url names first.
    pub(super) fn client(&self) -> RedisResult<Client> {
        tls::open(self.info.clone(), self.certificates.as_ref())
    }

    /// A client for another server.
    #[cfg(any(feature = "cluster", feature = "sentinel"))]
    pub(super) fn client_at(&self, host: &str, port: u16) -> RedisResult<Client> {
        let addr = match self.info.addr() {
            ConnectionAddr::TcpTls { .. } => {
                ConnectionAddr::TcpTls { host: host.to_owned(), port, insecure: false, tls_params: None }
            }
            _ => ConnectionAddr::Tcp(host.to_owned(), port),
        };
        tls::open(self.info.clone().set_addr(addr), self.certificates.as_ref())
    }

    /// The same for servers that know another user, and no databases.
    #[cfg(feature = "sentinel")]
    pub(super) fn of_user(&self, user: Option<&str>, password: Option<&str>) -> Self {
        let mut settings = ::redis::RedisConnectionInfo::default().set_protocol(ProtocolVersion::RESP3);
        if let Some(user) = user {
            settings = settings.set_username(user);
        }
        if let Some(password) = password {
            settings = settings.set_password(password);
        }
        Self { info: self.info.clone().set_redis_settings(settings), ..self.clone() }
    }

    /// Whether certificates are checked, which are made out to names.
    #[cfg(feature = "cluster")]
    pub(super) fn is_secure(&self) -> bool {
        matches!(self.info.addr(), ConnectionAddr::TcpTls { .. })
    }
}

impl Address {
    /// Reads `url`; `setting` is what an error calls it.
    pub(super) fn parse(url: &str, setting: &str, tls: Option<&Tls>) -> Result<Self, ConfigError> {
        let wrong = |problem: &dyn std::fmt::Display| {
            ConfigError::new(setting, format!("is `{}`: {problem}", without_password(url)))
        };
        let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong(&FORMS))?;
        let (base, kind) = scheme.split_once('+').unwrap_or((scheme, ""));
        let plain = ["redis", "rediss", "unix", "redis+unix", "valkey", "valkeys"].contains(&scheme);
        let several = ["redis", "rediss", "valkey", "valkeys"].contains(&base) && is_built(kind, &wrong)?;
        if !plain && !several {
            return Err(wrong(&FORMS));
        }
        let secure = ["rediss", "valkeys"].contains(&base);
        if secure && url.contains('#') {
            return Err(wrong(&"certificates are checked; name the authority that issued them (`tls`)"));
        }
        let certificates = tls::certificates(tls, secure)?.filter(|_| secure);
        if secure && !cfg!(feature = "tls") {
            return Err(wrong(&"this program was built without the feature `tls`"));
        }
        let parts = Parts::of(rest, kind);
        if plain && scheme == base && base != "unix" && parts.hosts.contains(',') {
            return Err(wrong(
                &"several servers are a cluster (`redis+cluster://`) or have sentinels (`redis+sentinel://`)",
            ));
        }
        let mut infos = Vec::new();
        for host in parts.hosts.split(',') {
            let url = if plain { url.to_owned() } else { parts.of_host(base, host, kind) };
            infos.push(url.into_connection_info().map_err(|error| wrong(&without_detail(&error)))?);
            if plain {
                break;
            }
        }
        let hosts = infos.iter().filter_map(host).collect();
        let kind = match kind {
            #[cfg(feature = "cluster")]
            "cluster" if parts.path.trim_matches('/').is_empty() && parts.queries.is_empty() => Kind::Cluster,
            #[cfg(feature = "cluster")]
            "cluster" => return Err(wrong(&"a cluster has one database, and no options")),
            #[cfg(feature = "sentinel")]
            "sentinel" => parts.sentinels().map_err(|problem| wrong(&problem))?,
            _ => Kind::Server,
        };
        let info = infos.swap_remove(0);
        let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let tcp = TcpSettings::default().set_nodelay(true);
        let manner = Manner { info: info.set_redis_settings(settings).set_tcp_settings(tcp), certificates };
        manner.client().map_err(|error| wrong(&without_detail(&error)))?;
        Ok(Self { kind, manner, hosts })
    }
}

/// One url for several servers, whose urls differ in nothing but the host.
#[cfg(any(feature = "cluster", feature = "sentinel"))]
pub(crate) fn joined(
    kind: &str,
    urls: impl IntoIterator<Item = impl Into<String>>,
    master: &str,
) -> Result<String, ConfigError> {
    let urls: Vec<String> = urls.into_iter().map(Into::into).collect();
    let first = urls.first().map_or("", String::as_str);
    let (scheme, rest) = first.split_once("://").unwrap_or(("", first));
    let Parts { user, path, queries, .. } = Parts::of(rest, kind);
    let before = format!("{scheme}://{user}");
    let queries = if queries.is_empty() { String::new() } else { format!("?{queries}") };
    let after = format!("{}{queries}", path.trim_end_matches('/'));
    let host = |url: &String| {
        let host = url.strip_prefix(&before)?.trim_end_matches('/').strip_suffix(&after)?;
        (!host.contains(['/', '@', ','])).then(|| host.to_owned())
    };
    let hosts: Option<Vec<_>> = urls.iter().map(host).collect();
    let hosts = hosts.ok_or_else(|| ConfigError::new("redis urls", "differ in more than their hosts"))?;
    let master = if master.is_empty() { String::new() } else { format!("/{}", encoded(master)) };
    Ok(format!("{scheme}+{kind}://{user}{}{master}{after}", hosts.join(",")))
}

/// The parts of a url after its scheme.
struct Parts<'a> {
    /// With its `@`.
    user: &'a str,
    hosts: &'a str,
    /// With its slash.
    path: &'a str,
    #[cfg_attr(
        not(any(feature = "cluster", feature = "sentinel")),
        expect(dead_code, reason = "it has none")
    )]
    queries: &'a str,
}

impl<'a> Parts<'a> {
    fn of(rest: &'a str, kind: &str) -> Self {
        // Passwords may have slashes, hosts and databases no `@`; the options of sentinels are the last part, and may.
        let (rest, queries) = match rest.split_once('?') {
            Some((rest, queries)) if kind == "sentinel" || !queries.contains('@') => (rest, queries),
            _ => (rest, ""),
        };
        let (user, rest) = rest.split_at(rest.rfind('@').map_or(0, |at| at + 1));
        let (hosts, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        Self { user, hosts, path, queries }
    }

    /// The url of one of several servers.
    fn of_host(&self, base: &str, host: &str, kind: &str) -> String {
        let sentinel = kind == "sentinel";
        let has_port = host.rsplit(']').next().is_some_and(|end| end.contains(':'));
        let port = if sentinel && !has_port { format!(":{SENTINEL_PORT}") } else { String::new() };
        let database = if sentinel { self.path.splitn(3, '/').nth(2).unwrap_or_default() } else { "" };
        format!("{base}://{}{host}{port}/{database}", self.user)
    }

    #[cfg(feature = "sentinel")]
    fn sentinels(&self) -> Result<Kind, String> {
        let master = decoded(self.path.split('/').nth(1).unwrap_or_default());
        if master.is_empty() {
            return Err("name the master: `redis+sentinel://host[:port],../master[/db]`".to_owned());
        }
        let (mut user, mut password) = (None, None);
        for query in self.queries.split('&').filter(|query| !query.is_empty()) {
            match query.split_once('=') {
                Some(("sentinel_user", text)) => user = Some(decoded(text)),
                Some(("sentinel_password", text)) => password = Some(decoded(text)),
                _ => return Err("the options are `sentinel_user` and `sentinel_password`".to_owned()),
            }
        }
        Ok(Kind::Sentinels { master, user, password })
    }
}

/// Whether there is such a kind of url, and this program was built with it.
fn is_built(kind: &str, wrong: &dyn Fn(&dyn std::fmt::Display) -> ConfigError) -> Result<bool, ConfigError> {
    match kind {
        "cluster" if !cfg!(feature = "cluster") => {
            Err(wrong(&"this program was built without the feature `cluster`"))
        }
        "sentinel" if !cfg!(feature = "sentinel") => {
            Err(wrong(&"this program was built without the feature `sentinel`"))
        }
        kind => Ok(["cluster", "sentinel"].contains(&kind)),
    }
}

fn host(info: &ConnectionInfo) -> Option<(String, u16)> {
    let (ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. }) = info.addr() else {
        return None;
    };
    Some((host.clone(), *port))
}

/// A part of a url as text; what is no text stays as it is.
#[cfg(feature = "sentinel")]
fn decoded(part: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = part.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| first == b'%').and_then(|code| std::str::from_utf8(code).ok());
        let byte = code.and_then(|code| u8::from_str_radix(code, 16).ok());
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| part.to_owned())
}

#[cfg(any(feature = "cluster", feature = "sentinel"))]
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// The first line of an error; the client's details may repeat the url.
fn without_detail(error: &::redis::RedisError) -> String {
    let text = error.to_string();
    text.split(['-', ':']).next().unwrap_or_default().trim().to_lowercase()
}

/// The url with its password replaced.
fn without_password(url: &str) -> String {
    let start = url.find("://").map_or(0, |at| at + 3);
    let Some(at) = url.rfind('@').filter(|at| *at >= start) else { return hide_queries(url) };
    let user = url[start..at].split(':').next().unwrap_or_default();
    format!("{}{user}:***{}", &url[..start], hide_queries(&url[at..]))
}

/// Unix addresses and sentinels carry passwords as queries.
fn hide_queries(url: &str) -> String {
    match url.split_once('?') {
        Some((address, _)) => format!("{address}?***"),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests;
