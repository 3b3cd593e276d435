//! A child process that runs one case, slice by slice; its parent runs those of many in turn.

use crate::case::{Boxed, Case, Setup};
use crate::work;
use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};
use std::hint::black_box;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;
use tokio::runtime::{Builder, Runtime};

/// What a child is told when it begins.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Role {
    /// The case's name.
    pub case: String,
    /// How many keys it asks for.
    pub keys: u64,
    /// How many threads call at once.
    pub threads: usize,
    /// How many tasks call at once, in the subjects over a server.
    pub tasks: u64,
    /// The server's address.
    pub redis: String,
}

/// What a slice took.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Taken {
    /// Nanoseconds by the wall's clock.
    pub wall_ns: u64,
    /// Nanoseconds that its threads waited for a processor, of which each had work (Linux; 0 elsewhere).
    pub waited_ns: u64,
    /// Bodies that ran.
    pub loads: u64,
}

/// The child's side: runs as many calls as each line of its input says.
///
/// # Errors
/// If there is no such case, or the parent is gone.
///
/// # Panics
/// If a call does.
pub fn serve(cases: &[Case], role: &str, once: Option<u64>) -> Result<()> {
    let role: Role = serde_json::from_str(role)?;
    let case = cases.iter().find(|case| case.name() == role.case).context("no such case")?;
    let runtime = runtime()?;
    let setup = Setup { keys: role.keys, tasks: role.tasks, redis: role.redis };
    let slice = runtime.block_on((case.start)(setup));
    let run = |count: u64| {
        let loads = work::loads();
        let begun = Instant::now();
        let waited_ns = if role.threads == 1 {
            one(&runtime, &|| slice(count))
        } else {
            std::thread::scope(|scope| {
                let calls = || one(&runtime, &|| slice(count));
                let threads: Vec<_> = (0..role.threads).map(|_| scope.spawn(calls)).collect();
                threads.into_iter().map(|thread| thread.join().expect("no call panics")).sum()
            })
        };
        let wall_ns = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        Taken { wall_ns, waited_ns, loads: work::loads() - loads }
    };
    if let Some(count) = once {
        let taken = run(count);
        ensure!(taken.loads == 0, "{} of {count} calls were no hits", taken.loads);
        runtime.shutdown_background();
        return Ok(());
    }
    println!("ready");
    for line in std::io::stdin().lines() {
        println!("{}", serde_json::to_string(&run(line?.parse()?))?);
    }
    runtime.shutdown_background();
    Ok(())
}

/// What every contestant runs on.
pub(crate) fn runtime() -> std::io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(1).enable_all().build()
}

/// Runs a slice on this thread and tells how long the thread waited for a processor.
fn one(runtime: &Runtime, slice: &dyn Fn() -> Boxed<()>) -> u64 {
    let waited = || {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
        text.split(' ').nth(1).and_then(|ns| ns.parse::<u64>().ok()).unwrap_or(0)
    };
    let before = waited();
    measured(runtime, slice);
    waited() - before
}

/// What callgrind counts.
#[inline(never)]
fn measured(runtime: &Runtime, slice: &dyn Fn() -> Boxed<()>) {
    runtime.block_on(slice());
    black_box(runtime); // not a tail call
}

/// The parent's side: a running child, ended when dropped.
#[derive(Debug)]
pub struct Served {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Served {
    /// Starts a child and waits until its cache is full.
    ///
    /// # Errors
    /// If it ends before that.
    pub fn start(role: &Role) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["child", &serde_json::to_string(role)?])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let questions = child.stdin.take().context("its stdin is piped")?;
        let answers = BufReader::new(child.stdout.take().context("its stdout is piped")?);
        let mut served = Self { child, questions, answers };
        let ready = served.answer()?;
        ensure!(ready == "ready", "the child said {ready:?}");
        Ok(served)
    }

    /// Runs `count` calls on each thread.
    ///
    /// # Errors
    /// If the child has ended.
    pub fn run(&mut self, count: u64) -> Result<Taken> {
        self.begin(count)?;
        self.end()
    }

    /// Tells the child to run `count` calls on each thread.
    ///
    /// # Errors
    /// If the child has ended.
    pub fn begin(&mut self, count: u64) -> Result<()> {
        Ok(writeln!(self.questions, "{count}")?)
    }

    /// Waits for the end of what has begun.
    ///
    /// # Errors
    /// If the child has ended.
    pub fn end(&mut self) -> Result<Taken> {
        Ok(serde_json::from_str(&self.answer()?)?)
    }

    fn answer(&mut self) -> Result<String> {
        let mut line = String::new();
        let length = self.answers.read_line(&mut line)?;
        ensure!(length > 0, "the child has ended");
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
