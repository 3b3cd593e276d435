//! Sentinels, each a process of its own on a free loopback port.

use crate::process::Owned;
use crate::redis_process::{RedisServer, free_port, new_folder, ping, try_cli};
use crate::wait::{DEADLINE, until_blocking};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Three sentinels of one master, called `shop`, who agree by two.
#[derive(Debug)]
pub struct Sentinels {
    running: Vec<(u16, Option<Owned>)>,
    folder: PathBuf,
}

impl Sentinels {
    /// Starts them, and waits until they know each other and `replicas` replicas.
    #[must_use]
    pub fn of(master: &RedisServer, replicas: usize) -> Self {
        Self::with(master, replicas, "")
    }

    /// The same with further lines of configuration.
    #[must_use]
    pub fn with(master: &RedisServer, replicas: usize, lines: &str) -> Self {
        let folder = new_folder();
        let mut sentinels = Self { running: Vec::new(), folder };
        for _ in 0..3 {
            let port = free_port();
            let file = sentinels.folder.join(format!("{port}.conf"));
            let text = format!(
                "port {port}\nbind 127.0.0.1\ndir {}\nsentinel monitor shop 127.0.0.1 {} 2\n\
                 sentinel down-after-milliseconds shop 500\nsentinel failover-timeout shop 2000\n{lines}\n",
                sentinels.folder.display(),
                master.port(),
            );
            fs::write(&file, text).expect("its folder is new");
            let log = File::create(file.with_extension("log")).expect("its folder is new");
            let process = Owned::spawn(Path::new("redis-server"), sentinels.folder.as_os_str(), |command| {
                command.arg(&file).arg("--sentinel").stderr(log.try_clone().expect("shared")).stdout(log);
            });
            sentinels.running.push((port, Some(process)));
            assert!(until_blocking(|| ping(port, DEADLINE).is_ok()), "a sentinel did not answer");
        }
        let knows = |port: u16| {
            let said = try_cli(port, &["SENTINEL", "MASTER", "shop"]).unwrap_or_default();
            said.contains(&format!("num-slaves\n{replicas}\n")) && said.contains("num-other-sentinels\n2\n")
        };
        let ports: Vec<_> = sentinels.ports().collect();
        assert!(lines.contains("requirepass") || until_blocking(|| ports.iter().all(|port| knows(*port))));
        sentinels
    }

    /// Their ports.
    pub fn ports(&self) -> impl Iterator<Item = u16> + '_ {
        self.running.iter().map(|(port, _)| *port)
    }

    /// The urls of the sentinels.
    pub fn urls(&self) -> impl Iterator<Item = String> + '_ {
        self.ports().map(|port| format!("redis://127.0.0.1:{port}"))
    }

    /// Ends one of them as a crash would.
    pub fn kill(&mut self, at: usize) {
        drop(self.running[at].1.take());
    }
}

impl Drop for Sentinels {
    fn drop(&mut self) {
        self.running.clear();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
