//! A child process that runs one case, slice by slice; its parent runs those of many in turn.

use crate::case::{Boxed, Case, Setup, Slice};
use crate::work;
use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};
use std::hint::black_box;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{
    AtomicUsize,
    Ordering::{AcqRel, Acquire},
};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

/// What a child is told when it begins.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Role {
    /// The case's name.
    pub case: String,
    /// How many keys it asks for.
    pub keys: u64,
    /// How many threads may call at once.
    pub threads: usize,
    /// How many tasks call at once, in the subjects over a server.
    pub tasks: u64,
    /// The server's address.
    pub redis: String,
}

/// What a child is told to run.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Asked {
    count: u64,
    threads: usize,
}

/// What a slice took.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Taken {
    /// Nanoseconds by the wall's clock, the mean of its threads'.
    pub wall_ns: u64,
    /// Nanoseconds that its threads waited for a processor while each had work (Linux; 0 elsewhere), and that they began apart.
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
    if let Some(count) = once {
        let loads = work::loads();
        measured(&runtime, &|| slice(count));
        let loads = work::loads() - loads;
        ensure!(loads == 0, "{loads} of {count} calls were no hits");
    } else {
        let arrived = [const { AtomicUsize::new(0) }; 2];
        let part = |part: Part| part.run(&runtime, &slice, &arrived);
        thread::scope(|scope| answer(&Callers::start(scope, role.threads, &part)))?;
    }
    runtime.shutdown_background();
    Ok(())
}

fn answer(callers: &Callers<'_>) -> Result<()> {
    println!("ready");
    let mut met = 0;
    for line in std::io::stdin().lines() {
        let asked: Asked = serde_json::from_str(&line?)?;
        met += asked.threads;
        println!("{}", serde_json::to_string(&callers.run(asked, met)?)?);
    }
    Ok(())
}

/// What one thread's part of a slice took.
#[derive(Clone, Copy)]
struct Spent {
    begun: Instant,
    wall_ns: u64,
    waited_ns: u64,
}

/// One thread's part of a slice.
#[derive(Clone, Copy)]
struct Part {
    count: u64,
    /// It begins when so many threads have arrived since the process began.
    met: usize,
}

impl Part {
    fn run(self, runtime: &Runtime, slice: &Slice, arrived: &[AtomicUsize; 2]) -> Spent {
        let waited = || {
            let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
            text.split(' ').nth(1).and_then(|ns| ns.parse::<u64>().ok()).unwrap_or(0)
        };
        // the first meeting leaves the processor to others, which may be the thread that is awaited
        let pauses: [fn(); 2] = [thread::yield_now, std::hint::spin_loop];
        let mut before = 0;
        for (arrived, pause) in arrived.iter().zip(pauses) {
            before = waited();
            arrived.fetch_add(1, AcqRel);
            while arrived.load(Acquire) < self.met {
                pause();
            }
        }
        let begun = Instant::now();
        measured(runtime, &|| slice(self.count));
        Spent { begun, wall_ns: nanoseconds(begun.elapsed()), waited_ns: waited() - before }
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// This thread and others, which live as long as the child and call when it does.
struct Callers<'a> {
    part: &'a (dyn Fn(Part) -> Spent + Sync),
    others: Vec<Sender<Part>>,
    ends: Receiver<Spent>,
}

impl<'a> Callers<'a> {
    fn start<'s>(
        scope: &'s thread::Scope<'s, 'a>,
        threads: usize,
        part: &'a (dyn Fn(Part) -> Spent + Sync),
    ) -> Self {
        let (ended, ends) = channel();
        let other = |_| {
            let (begin, begins) = channel();
            let ended = ended.clone();
            scope.spawn(move || begins.into_iter().try_for_each(|next| ended.send(part(next))));
            begin
        };
        Self { part, others: (1..threads).map(other).collect(), ends }
    }

    fn run(&self, Asked { count, threads }: Asked, met: usize) -> Result<Taken> {
        let loads = work::loads();
        let part = Part { count, met };
        let others = self.others.get(..threads - 1).context("there are not so many threads")?;
        for other in others {
            other.send(part)?;
        }
        let mut spent = vec![(self.part)(part)];
        for _ in others {
            spent.push(self.ends.recv()?);
        }
        let sum = |of: fn(&Spent) -> u64| spent.iter().map(of).sum::<u64>();
        let begun = spent.iter().map(|spent| spent.begun);
        let apart = begun.clone().max().zip(begun.min()).map_or(Duration::ZERO, |(last, first)| last - first);
        Ok(Taken {
            wall_ns: sum(|spent| spent.wall_ns) / threads as u64,
            waited_ns: sum(|spent| spent.waited_ns) + nanoseconds(apart),
            loads: work::loads() - loads,
        })
    }
}

/// What every contestant runs on.
pub(crate) fn runtime() -> std::io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(1).enable_all().build()
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

    /// Runs `count` calls on each of `threads`.
    ///
    /// # Errors
    /// If the child has ended, or has fewer threads.
    pub fn run(&mut self, count: u64, threads: usize) -> Result<Taken> {
        self.begin(count, threads)?;
        self.end()
    }

    /// Tells the child to run `count` calls on each of `threads`.
    ///
    /// # Errors
    /// If the child has ended.
    pub fn begin(&mut self, count: u64, threads: usize) -> Result<()> {
        Ok(writeln!(self.questions, "{}", serde_json::to_string(&Asked { count, threads })?)?)
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
