//! A Redis of a test's own.

use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use super::{Program, free_port};

/// A server without files, gone when this is dropped.
pub(crate) struct Redis {
    server: Program,
    pub(crate) url: String,
}

impl Redis {
    /// A fresh server; `None` when it is not installed and `TASKS_TEST_REDIS` is not `required`.
    pub(crate) fn start() -> Option<Self> {
        let port = free_port();
        let started = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .spawn();
        let server = match started {
            Ok(server) => Program(server),
            Err(reason) => {
                let required = std::env::var("TASKS_TEST_REDIS").is_ok_and(|word| word == "required");
                assert!(!required, "redis-server: {reason}, and TASKS_TEST_REDIS=required");
                println!("skipped: redis-server: {reason}");
                return None;
            }
        };
        let up = (0..200).any(|_| {
            sleep(Duration::from_millis(20));
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        assert!(up, "redis-server did not come up");
        Some(Self { server, url: format!("redis://127.0.0.1:{port}/") })
    }

    /// Sends the server a signal, such as `-STOP`.
    pub(crate) fn signal(&self, signal: &str) {
        self.server.signal(signal);
    }
}
