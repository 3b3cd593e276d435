//! Worker processes: the test's own binary, run again as a child that answers questions.
//!
//! The binary has a `#[test] fn worker_process()` that calls [`serve`] for each role; its tests call
//! [`Worker::spawn`].

use crate::process::Owned;
use crate::wait::within;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::env;
use std::ffi::OsStr;
use std::io::Write;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines, Stdin};
use tokio::process::{ChildStdin, ChildStdout};

/// Tells the child that it is one, and which.
const ROLE: &str = "CACHE_TESTS_WORKER";

/// Begins each line of the protocol; all other lines are the test harness's and the code's own.
const MARK: &str = "@worker ";

/// A child process in a role; killed and reaped when dropped.
#[derive(Debug)]
pub struct Worker {
    role: String,
    process: Option<Owned>,
    questions: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    /// What the child printed besides its answers, for the message when it fails.
    printed: String,
}

impl Worker {
    /// Starts a child whose test `worker_process` serves `role`, and waits until it does.
    pub async fn spawn(role: &str, config: impl Serialize) -> Self {
        let binary = env::current_exe().expect("a test knows its own executable");
        let mut process = Owned::spawn(&binary, OsStr::new(""), |command| {
            command.args(["--exact", "worker_process", "--nocapture", "--test-threads=1"]);
            command.env(ROLE, json!([role, config]).to_string()).stdout(Stdio::piped());
        });
        let (questions, child) = process.pipes();
        let output = child.stdout.take().expect("its stdout is piped");
        let mut worker = Self {
            role: role.to_owned(),
            process: Some(process),
            questions: ChildStdin::from_std(questions).expect("a pipe can be awaited"),
            output: BufReader::new(ChildStdout::from_std(output).expect("a pipe can be awaited")).lines(),
            printed: String::new(),
        };
        assert_eq!(worker.receive().await, json!("ready"), "the worker `{role}` did not get ready");
        worker
    }

    /// Sends a question and awaits its answer.
    pub async fn ask(&mut self, question: Value) -> Value {
        self.send(question).await;
        self.receive().await
    }

    /// Sends a question whose answer is received later.
    pub async fn send(&mut self, question: Value) {
        let sent = self.questions.write_all(format!("{question}\n").as_bytes()).await;
        sent.unwrap_or_else(|error| panic!("the worker `{}` takes no questions: {error}", self.role));
    }

    /// Awaits the next answer.
    pub async fn receive(&mut self) -> Value {
        let what = format!("an answer of the worker `{}`", self.role);
        within(what, async {
            while let Some(line) = self.output.next_line().await.expect("a worker prints UTF-8") {
                if let Some(answer) = line.strip_prefix(MARK) {
                    return serde_json::from_str(answer).expect("an answer is JSON");
                }
                self.printed = format!("{}    {line}\n", self.printed);
            }
            panic!("the worker `{}` has ended; it printed:\n{}", self.role, self.printed)
        })
        .await
    }

    /// Ends the child as a crash would: SIGKILL.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Stops the child where it is (SIGSTOP).
    pub fn freeze(&mut self) {
        self.process.as_mut().expect("the worker was killed").freeze();
    }

    /// Lets a frozen child go on.
    pub fn thaw(&mut self) {
        self.process.as_mut().expect("the worker was killed").thaw();
    }
}

/// The child's side: what its parent wants.
#[derive(Debug)]
pub struct Parent {
    config: Value,
    questions: Lines<BufReader<Stdin>>,
}

impl Parent {
    /// The configuration that the worker was spawned with.
    #[must_use]
    pub fn config<C: DeserializeOwned>(&self) -> C {
        serde_json::from_value(self.config.clone()).expect("the configuration fits its type")
    }

    /// The next question; `None` when the parent is gone.
    pub async fn question(&mut self) -> Option<Value> {
        let line = self.questions.next_line().await.expect("questions are UTF-8")?;
        Some(serde_json::from_str(&line).expect("a question is JSON"))
    }

    /// Answers a question.
    pub fn answer(&self, answer: &Value) {
        // the harness leaves its `test worker_process ... ` without an end of line
        let mut out = std::io::stdout().lock();
        let written = write!(out, "\n{MARK}{answer}\n").and_then(|()| out.flush());
        written.expect("the parent reads");
    }
}

/// The body of the test `worker_process`: serves `role` in a worker, returns at once in a test run.
pub fn serve<F: Future<Output = ()>>(role: &str, handler: impl FnOnce(Parent) -> F) {
    let Ok(wanted) = env::var(ROLE) else { return };
    let (wanted, config): (String, Value) = serde_json::from_str(&wanted).expect("the parent wrote it");
    if wanted != role {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    runtime.block_on(async {
        let parent = Parent { config, questions: BufReader::new(tokio::io::stdin()).lines() };
        parent.answer(&json!("ready"));
        handler(parent).await;
    });
    runtime.shutdown_background();
}
