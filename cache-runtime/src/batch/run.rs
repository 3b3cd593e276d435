//! The calls of a batch and the body that they share, polled by one task.

use crate::flight::Shared;
use crate::typed::{Board, Given};
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Poll, ready};

/// What loads for several seats of a board.
pub(crate) struct Body<B, D> {
    /// Makes the future that loads.
    pub(crate) begin: B,
    /// The value of each of them, of what that gave.
    pub(crate) end: D,
}

/// Polls `members` to their ends, and the body for those that want it, whenever none asks any more.
///
/// # Errors
/// The first error of the body, which those have who wanted it, or of `ended`; the other members are dropped then.
pub(crate) async fn run<M, V, O, E, F>(
    members: impl Iterator<Item = M>,
    board: &Board<V>,
    mut ended: impl FnMut(M::Output) -> Result<(), E>,
    body: Body<impl FnMut(&[usize]) -> F, impl FnMut(&[usize], O) -> Result<Vec<Option<V>>, E>>,
    share: impl Fn(&E) -> Option<Shared>,
) -> Result<(), E>
where
    M: Future,
    F: Future<Output = O>,
{
    let Body { mut begin, mut end } = body;
    let mut members: FuturesUnordered<M> = members.collect();
    let mut running: Option<(Vec<usize>, Pin<Box<F>>)> = None;
    poll_fn(|context| {
        loop {
            while let Poll::Ready(Some(output)) = members.poll_next_unpin(context) {
                board.batch.rests();
                if let Err(error) = ended(output) {
                    return Poll::Ready(Err(error));
                }
            }
            if members.is_empty() {
                return Poll::Ready(Ok(()));
            }
            if running.is_none() {
                let seats = board.call_up();
                if seats.is_empty() {
                    return Poll::Pending;
                }
                let loading = Box::pin(begin(&seats));
                running = Some((seats, loading));
            }
            let Some((seats, loading)) = &mut running else { return Poll::Pending };
            let returned = ready!(loading.as_mut().poll(context));
            match end(seats, returned) {
                Ok(values) => {
                    for (seat, value) in seats.iter().zip(values) {
                        board.give(*seat, Given::Value(value));
                    }
                }
                Err(error) => {
                    let shared = share(&error);
                    for seat in &*seats {
                        board.give(*seat, Given::Failed(shared.clone()));
                    }
                    // Those who wanted it tell their joiners and give their leases back.
                    while let Poll::Ready(Some(_)) = members.poll_next_unpin(context) {}
                    return Poll::Ready(Err(error));
                }
            }
            running = None;
        }
    })
    .await
}
