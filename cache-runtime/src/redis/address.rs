//! Where the server is.

use crate::error::ConfigError;
use ::redis::io::tcp::TcpSettings;
use ::redis::{Client, ConnectionInfo, IntoConnectionInfo, ProtocolVersion};

/// A client for `url`; `setting` is what an error calls it.
pub(super) fn client(url: &str, setting: &str) -> Result<Client, ConfigError> {
    let wrong = |problem: &dyn std::fmt::Display| {
        ConfigError::new(setting, format!("is `{}`: {problem}", without_password(url)))
    };
    let schemes = ["redis://", "rediss://", "unix://", "redis+unix://", "valkey://", "valkeys://"];
    if !schemes.iter().any(|scheme| url.starts_with(scheme)) {
        return Err(wrong(&"write `redis://[user:password@]host[:port][/db]`"));
    }
    let info: ConnectionInfo = url.into_connection_info().map_err(|error| wrong(&without_detail(&error)))?;
    let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    let info = info.set_redis_settings(settings).set_tcp_settings(TcpSettings::default().set_nodelay(true));
    Client::open(info).map_err(|error| wrong(&without_detail(&error)))
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

/// Unix addresses carry the password as a query.
fn hide_queries(url: &str) -> String {
    match url.split_once('?') {
        Some((address, _)) => format!("{address}?***"),
        None => url.to_owned(),
    }
}
