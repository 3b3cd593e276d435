//! A `PostgreSQL` cluster of a test's own.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use super::{Program, free_port};

/// A cluster in a directory of its own, gone when this is dropped.
pub(crate) struct Postgres {
    server: Option<Program>,
    directory: PathBuf,
    pub(crate) url: String,
}

impl Postgres {
    /// A fresh cluster, or why there is none.
    pub(crate) fn start() -> Result<Self, String> {
        let programs = programs().ok_or("PostgreSQL is not installed")?;
        let account = account()?;
        let port = free_port();
        let directory = std::env::temp_dir().join(format!("tasks-api-postgres-{port}"));
        fs::create_dir(&directory).map_err(|error| error.to_string())?;
        let mut cluster = Self {
            server: None,
            url: format!("postgres://postgres@127.0.0.1:{port}/postgres?sslmode=disable"),
            directory,
        };
        let at = cluster.directory.join("data");
        if let Some((user, group)) = account {
            chown(&cluster.directory, Some(user), Some(group)).map_err(|error| error.to_string())?;
        }
        let run = |name: &str| {
            let mut command = Command::new(programs.join(name));
            command.current_dir(&cluster.directory).stdout(Stdio::null()).stderr(Stdio::null());
            if let Some((user, group)) = account {
                command.gid(group).uid(user);
            }
            command
        };
        let made = run("initdb").arg("-D").arg(&at).args(["-A", "trust", "-U", "postgres", "-N"]).status();
        if !made.is_ok_and(|status| status.success()) {
            return Err("initdb failed".to_owned());
        }
        let port = port.to_string();
        let server = run("postgres")
            .arg("-D")
            .arg(&at)
            .args(["-p", &port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="])
            .args(["-c", "fsync=off"])
            .spawn()
            .map_err(|error| error.to_string())?;
        let ready = || run("pg_isready").args(["-q", "-h", "127.0.0.1", "-p", &port]).status();
        let up = (0..200).any(|_| {
            sleep(Duration::from_millis(50));
            ready().is_ok_and(|status| status.success())
        });
        cluster.server = Some(Program(server));
        if up { Ok(cluster) } else { Err("the cluster did not come up".to_owned()) }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.server.take());
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Where the programs of the newest `PostgreSQL` are.
fn programs() -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|version| Some(version.ok()?.path().join("bin")))
        .filter(|programs| programs.join("initdb").exists())
        .collect();
    found.sort_by_key(|path| version(path));
    found.pop()
}

fn version(programs: &Path) -> Option<u32> {
    programs.parent()?.file_name()?.to_str()?.parse().ok()
}

/// `PostgreSQL` refuses to run as root: then the account `postgres`, as user and group; `None` keeps the own account.
fn account() -> Result<Option<(u32, u32)>, String> {
    if number(&["-u"])? != 0 {
        return Ok(None);
    }
    Ok(Some((number(&["-u", "postgres"])?, number(&["-g", "postgres"])?)))
}

fn number(arguments: &[&str]) -> Result<u32, String> {
    let told = Command::new("id").args(arguments).output().map_err(|error| error.to_string())?;
    String::from_utf8_lossy(&told.stdout)
        .trim()
        .parse()
        .map_err(|_| "no account to run PostgreSQL as".to_owned())
}
