//! Deadlines in real time, which hold under tokio's paused clock too.

use std::fmt::Display;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How long a test waits for anything before it fails.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// Waits for `length` of real time without moving a paused clock.
pub async fn real_time(length: Duration) {
    let (fire, fired) = oneshot::channel();
    let (_still_wanted, dropped) = mpsc::channel::<()>();
    thread::spawn(move || {
        if dropped.recv_timeout(length) == Err(RecvTimeoutError::Timeout) {
            let _ = fire.send(());
        }
    });
    let _ = fired.await;
}

/// Awaits `future`, and panics naming `what` when the deadline passes first.
pub async fn within<F: Future>(what: impl Display, future: F) -> F::Output {
    within_time(DEADLINE, what, future).await
}

/// The same with a deadline of its own.
pub async fn within_time<F: Future>(limit: Duration, what: impl Display, future: F) -> F::Output {
    tokio::select! {
        biased;
        output = future => output,
        () = real_time(limit) => panic!("waited {limit:?} in vain: {what}"),
    }
}

/// Asks `condition` again and again until it holds, and panics naming `what` when the deadline passes first.
pub async fn until(what: impl Display, mut condition: impl AsyncFnMut() -> bool) {
    within(what, async {
        while !condition().await {
            real_time(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// `until` for code that is not async.
pub(crate) fn until_blocking(mut condition: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + DEADLINE;
    while !condition() {
        if Instant::now() > end {
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
    true
}
