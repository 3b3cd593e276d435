//! Many operations together.

use std::future::{Future, poll_fn};
use std::task::Poll;

/// Operations under way at once.
const MOST: usize = 512;

/// What each of `operations` gives, in their order; each begins before any is waited for, so that what they send goes out together.
pub(super) async fn together<F: Future>(operations: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut operations = operations.into_iter();
    let mut answers = Vec::new();
    loop {
        let mut running: Vec<_> = operations.by_ref().take(MOST).map(|one| (Box::pin(one), None)).collect();
        if running.is_empty() {
            return answers;
        }
        poll_fn(|context| {
            let mut waiting = false;
            for (operation, answer) in running.iter_mut().filter(|(_, answer)| answer.is_none()) {
                match operation.as_mut().poll(context) {
                    Poll::Ready(ready) => *answer = Some(ready),
                    Poll::Pending => waiting = true,
                }
            }
            if waiting { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
        answers.extend(running.into_iter().filter_map(|(_, answer)| answer));
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST, together};
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    #[tokio::test]
    async fn all_begin_before_one_is_waited_for() {
        let begun = AtomicUsize::new(0);
        let one = async |n: usize| {
            begun.fetch_add(1, SeqCst);
            tokio::task::yield_now().await;
            (n, begun.load(SeqCst))
        };
        let answers = together((0..=MOST).map(one)).await;
        let expected: Vec<_> = (0..MOST).map(|n| (n, MOST)).chain([(MOST, MOST + 1)]).collect();
        assert_eq!(answers, expected);
    }
}
