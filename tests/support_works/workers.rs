use cache_tests::worker::{Parent, Worker};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process;
use std::time::Duration;

/// Answers each question with its process, its configuration and the question.
pub(crate) async fn echo(mut parent: Parent) {
    let config: Value = parent.config();
    while let Some(question) = parent.question().await {
        if question == json!("leave") {
            return;
        }
        print!("noise without an end of line");
        parent.answer(&json!([process::id(), config, question]));
    }
}

#[tokio::test]
async fn workers_answer_side_by_side() {
    let mut workers = vec![];
    for number in 0..3 {
        workers.push(Worker::spawn("echo", json!({ "number": number })).await);
    }
    for worker in &mut workers {
        worker.send(json!("line\nline")).await;
    }
    let mut seen = vec![process::id()];
    for (number, worker) in workers.iter_mut().enumerate() {
        let answer = worker.receive().await;
        assert_eq!(answer[1]["number"], number);
        assert_eq!(answer[2], "line\nline");
        let id = process_of(&answer);
        assert!(!seen.contains(&id));
        seen.push(id);
    }
}

#[tokio::test]
async fn a_killed_worker_is_gone() {
    let mut worker = Worker::spawn("echo", ()).await;
    let id = process_of(&worker.ask(json!(1)).await);
    assert!(runs(id));
    worker.kill();
    assert!(!runs(id));
    let asked = tokio::spawn(async move { worker.ask(json!(2)).await });
    assert!(asked.await.unwrap_err().is_panic());
}

#[tokio::test]
async fn a_frozen_worker_answers_when_thawed_and_can_be_dropped() {
    let mut worker = Worker::spawn("echo", ()).await;
    let id = process_of(&worker.ask(json!(1)).await);
    worker.freeze();
    worker.send(json!(2)).await;
    assert!(tokio::time::timeout(Duration::from_millis(200), worker.receive()).await.is_err());
    worker.thaw();
    assert_eq!(worker.receive().await[2], 2);
    worker.freeze();
    drop(worker);
    assert!(!runs(id));
}

#[tokio::test]
#[should_panic(expected = "the worker `echo` has ended; it printed:")]
async fn a_worker_that_ends_fails_the_question() {
    let mut worker = Worker::spawn("echo", ()).await;
    worker.ask(json!("leave")).await;
}

fn process_of(answer: &Value) -> u32 {
    serde_json::from_value(answer[0].clone()).unwrap()
}

/// Whether there is such a process, one not reaped included.
fn runs(id: u32) -> bool {
    PathBuf::from(format!("/proc/{id}")).exists()
}
