//! The way to the engine.

use super::stored::{RULES, Stored};
use crate::context::Loading;
use crate::engine::Answered;
use crate::entry::Place;
use crate::observe::Outcome;
use crate::typed::{ShareError, Slot, Typed};
use std::future::Future;
use std::time::Duration;

/// Whether the request was answered by its own load.
pub(super) fn is_own(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Loaded | Outcome::Bypassed)
}

/// How long ago a response came, as long as that can be.
pub(super) fn resident(answered: Answered) -> Duration {
    answered.age.unwrap_or_default()
}

/// What L1 has.
pub(super) fn local(place: &Place) -> Option<(Stored, Answered)> {
    let engine = &place.cache.engine;
    let mut slot = Slot::empty(place.site, RULES);
    let answered = engine.read_local(&place.request(), &mut slot).filter(|_| engine.enabled)?;
    Some((slot.into_value()?, answered))
}

/// What a tier has.
pub(super) async fn peek(place: &Place) -> Option<(Stored, Answered)> {
    if let Some(found) = local(place) {
        return Some(found);
    }
    let mut slot = Slot::empty(place.site, RULES);
    let answered = place.cache.engine.peek(&place.request(), &mut slot).await?;
    Some((slot.into_value()?, answered))
}

/// What the store has, what another request brings, or what `load` does.
pub(super) async fn read<E: Send>(
    place: &Place,
    load: impl Future<Output = Result<Stored, E>> + Send,
) -> (Result<Stored, E>, Answered) {
    let engine = &place.cache.engine;
    let slot = Slot::empty(place.site, RULES);
    let mut call = Typed::new(slot, place.policy, ShareError::never(), Box::pin(load));
    let answered = if engine.enabled {
        engine.read(&place.request(), &mut call).await
    } else {
        engine.bypass(&place.request(), &mut call).await
    };
    (call.answer(), answered)
}

/// What `load` brings, which takes the place of what is stored.
pub(super) async fn refresh<E: Send>(
    place: &Place,
    load: impl Future<Output = Result<Stored, E>> + Send,
) -> (Result<Stored, E>, Outcome) {
    let slot = Slot::empty(place.site, RULES);
    let mut call = Typed::new(slot, place.policy, ShareError::never(), Box::pin(load));
    let outcome = place.cache.engine.refresh(&place.request(), &mut call).await;
    (call.answer(), outcome)
}

/// Does the same for nobody in particular.
pub(super) fn reload_later<E: Send + 'static>(
    place: Place,
    load: impl Future<Output = Result<Stored, E>> + Send + 'static,
) {
    let engine = place.cache.engine.clone();
    let name = place.key.written().to_vec();
    let loading = Loading::here();
    engine.in_background(&name, || async move {
        let slot = Slot::empty(place.site, RULES);
        let mut call = Typed::new(slot, place.policy, ShareError::never(), Box::pin(load)).within(loading);
        place.cache.engine.refresh_unwatched(&place.request(), &mut call).await;
    });
}
