//! Holders of one entry, each of which ends at its own time.

use super::{At, everywhere, tokens, value};
use bytes::Bytes;
use cache_runtime::store::{Leased, Token};
use cache_tests::wait::{real_time, until};
use std::slice;
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(30);
/// Longer than any test waits.
const LONG: Duration = Duration::from_secs(100);

impl At {
    async fn hold_for(&self, holder: Token, term: Duration) {
        self.store.hold(slice::from_ref(&self.key), holder, term).await.expect("the store answers");
    }

    async fn is_held(&self) -> bool {
        self.get().await.is_some_and(|hold| hold[0] == b'H')
    }
}

/// Until what was held for [`SHORT`] has ended.
async fn past_short() {
    real_time(2 * SHORT).await;
}

#[tokio::test]
async fn a_dead_holder_does_not_stay_as_long_as_the_one_it_joined() {
    everywhere("dead-second", async |at| {
        let [alive, dead] = tokens();
        at.hold_for(alive, LONG).await;
        at.hold_for(dead, SHORT).await;
        at.unhold(alive).await;
        until("the dead one has lapsed", async || !at.is_held().await).await;
    })
    .await;
}

#[tokio::test]
async fn a_dead_holder_does_not_stay_for_as_long_as_others_come() {
    everywhere("dead-first", async |at| {
        let [dead, one, other] = tokens();
        at.hold_for(dead, SHORT).await;
        at.hold_for(one, LONG).await;
        at.hold_for(other, LONG).await;
        past_short().await;
        at.unhold(one).await;
        assert!(at.is_held().await, "the other still holds");
        at.unhold(other).await;
        assert_eq!(at.get().await, None);
    })
    .await;
}

#[tokio::test]
async fn a_hold_lasts_as_long_as_its_last_holder() {
    everywhere("longest", async |at| {
        let [long, short] = tokens();
        at.hold_for(long, LONG).await;
        at.hold_for(short, SHORT).await;
        past_short().await;
        assert!(at.is_held().await, "who joins does not shorten it");
        at.unhold(short).await;
        past_short().await;
        assert!(at.is_held().await, "nor who leaves");
    })
    .await;
}

#[tokio::test]
async fn holding_again_does_not_shorten_a_hold() {
    everywhere("again", async |at| {
        let [writer] = tokens();
        at.hold_for(writer, LONG).await;
        at.hold_for(writer, SHORT).await;
        past_short().await;
        assert!(at.put(writer, &value(writer, "new")).await);
    })
    .await;
}

#[tokio::test]
async fn a_lapsed_holder_leaves_the_hold_shared() {
    everywhere("shared-lapsed", async |at| {
        let [slow, one, other] = tokens();
        at.hold_for(one, LONG).await;
        at.hold_for(slow, SHORT).await;
        past_short().await;
        assert!(!at.put(one, &value(one, "older")).await, "alone now, but not all the time");
        assert_eq!(at.get().await, None);
        // One who comes when another is gone joins what that one was in.
        at.hold_for(one, LONG).await;
        at.hold_for(slow, SHORT).await;
        past_short().await;
        at.hold_for(other, LONG).await;
        at.unhold(one).await;
        assert!(!at.put(other, &value(other, "older")).await);
        assert_eq!(at.get().await, None);
    })
    .await;
}

/// Whatever others did after a slow holder's end, its value is not stored, and no hold of others goes.
#[tokio::test]
async fn a_holder_past_its_end_stores_nothing_once_others_came() {
    everywhere("slow", async |at| {
        let [slow, other, loader] = tokens();
        let late = async || {
            let entry: Bytes = value(slow, "late");
            assert!(!at.put(slow, &entry).await);
        };
        // Another holds on.
        at.hold_for(other, LONG).await;
        at.hold_for(slow, SHORT).await;
        past_short().await;
        late().await;
        assert!(at.is_held().await, "the other's hold stays");
        assert!(!at.put(other, &value(other, "older")).await);
        // Another has come and gone.
        at.hold_for(other, LONG).await;
        at.hold_for(slow, SHORT).await;
        past_short().await;
        at.unhold(other).await;
        late().await;
        assert_eq!(at.get().await, None);
        // Another has come since, and would store its own value.
        at.hold_for(slow, SHORT).await;
        until("the slow one has lapsed", async || !at.is_held().await).await;
        at.hold_for(other, LONG).await;
        late().await;
        assert!(at.is_held().await, "the other's hold stays");
        assert!(!at.put(other, &value(other, "older")).await);
        // Another has invalidated, and someone has loaded.
        at.hold_for(slow, SHORT).await;
        at.invalidate().await;
        until("the slow one has lapsed", async || !at.is_held().await).await;
        assert_eq!(at.lease(loader).await, Leased::Granted);
        assert!(at.fill(loader, &value(loader, "loaded")).await);
        late().await;
        assert_eq!(at.get().await, None);
    })
    .await;
}
