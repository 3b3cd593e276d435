//! A child process that never outlives the test process, however that one ends.

use crate::wait::until_blocking;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};

/// Begins only when told so; ends by itself when nobody is left to tell.
const LAUNCH: &str = r#"read -r go && exec "$@""#;

/// Outlives the test process for the moment that it takes to kill the child and to remove its folder.
const WATCH: &str = r#"trap "" HUP INT TERM; read -r end; kill -KILL "$1"; [ -z "$2" ] || rm -rf "$2""#;

/// A running child and the watchdog that ends it when the test process is killed.
#[derive(Debug)]
pub(crate) struct Owned {
    child: Child,
    stdin: Option<ChildStdin>,
    watchdog: Child,
    _lifeline: ChildStdin,
}

impl Owned {
    /// Starts `program`; `setup` gives arguments, environment and outputs; `folder` is removed if the watchdog acts.
    pub(crate) fn spawn(program: &Path, folder: &OsStr, setup: impl FnOnce(&mut Command)) -> Self {
        let mut launch = Command::new("sh");
        launch.args(["-c", LAUNCH, "launch"]).arg(program).stdin(Stdio::piped());
        setup(&mut launch);
        let mut child = launch.spawn().expect("cannot run sh");
        let mut watchdog = Command::new("sh")
            .args(["-c", WATCH, "watchdog", &child.id().to_string()])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("cannot run sh");
        let lifeline = watchdog.stdin.take().expect("its stdin is piped");
        let mut stdin = child.stdin.take().expect("its stdin is piped");
        stdin.write_all(b"go\n").expect("the launched sh reads its stdin");
        Self { child, stdin: Some(stdin), watchdog, _lifeline: lifeline }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The child's pipes: its stdin, and the `Child` that has the others.
    pub(crate) fn pipes(&mut self) -> (ChildStdin, &mut Child) {
        (self.stdin.take().expect("its stdin is taken once"), &mut self.child)
    }

    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the child is ours")
    }

    /// Stops the child where it is, and returns when it stands still.
    pub(crate) fn freeze(&mut self) {
        self.signal("-STOP");
        let stat = format!("/proc/{}/stat", self.id());
        let stopped = until_blocking(|| {
            // the state follows the name in parentheses; no such file: no such system, believe the signal
            fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") T "))
        });
        assert!(stopped, "process {} did not stop", self.id());
    }

    pub(crate) fn thaw(&mut self) {
        self.signal("-CONT");
    }

    /// A child that was not reaped still holds its id, so the signal cannot reach anybody else.
    fn signal(&mut self, signal: &str) {
        let id = self.id().to_string();
        assert_eq!(self.ended(), None, "process {id} has ended already");
        let sent = Command::new("sh").args(["-c", r#"kill "$1" "$2""#, "kill", signal, &id]).status();
        assert!(sent.is_ok_and(|status| status.success()), "cannot send {signal} to process {id}");
    }
}

impl Drop for Owned {
    /// SIGKILL also ends a frozen child; the watchdog goes before the id is free for others.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.watchdog.kill();
        let _ = self.watchdog.wait();
        let _ = self.child.wait();
    }
}
