//! Many feeds as one: what each master tells, and how long all of them have told everything.

use super::nodes::Node;
use crate::redis::connection::Supervisor;
use crate::redis::feed::Feed;
use crate::store::Listener;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::time::Instant;

/// What one cache hears of all masters.
pub(super) struct Chorus {
    app: String,
    listener: Weak<dyn Listener>,
    voices: Mutex<Voices>,
}

#[derive(Default)]
struct Voices {
    /// A master may be missing among them.
    incomplete: bool,
    /// The listener knows that one of them does not tell anything.
    told_missing: bool,
    each: Vec<Voice>,
}

struct Voice {
    /// The number of its master.
    number: u64,
    heard: Heard,
    /// The feed itself knows it only weakly.
    _singer: Arc<dyn Listener>,
    _feed: Supervisor,
}

/// What the last word was.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Heard {
    Nothing,
    Alive(Option<Instant>),
    Unavailable,
}

impl Chorus {
    pub(super) fn new(app: &str, listener: &Arc<dyn Listener>) -> Self {
        let voices = Mutex::new(Voices { incomplete: true, ..Voices::default() });
        Self { app: app.to_owned(), listener: Arc::downgrade(listener), voices }
    }

    pub(super) fn is_heard(&self) -> bool {
        self.listener.strong_count() > 0
    }

    /// There is a master that is not listened to: what it has announced is not known, and nothing may be served until it is.
    pub(super) fn interrupt(&self) {
        let mut voices = self.voices();
        (voices.incomplete, voices.told_missing) = (true, false);
        if let Some(listener) = self.listener.upgrade() {
            listener.lost();
        }
    }

    /// Listens to `masters` and to nobody else; those that were listened to before go on.
    pub(super) fn attend(self: &Arc<Self>, masters: &[Arc<Node>]) {
        let mut voices = self.voices();
        voices.each.retain(|voice| masters.iter().any(|master| master.number == voice.number));
        for master in masters {
            if voices.each.iter().all(|voice| voice.number != master.number) {
                voices.each.push(self.voice(master));
            }
        }
        voices.incomplete = false;
    }

    fn voice(self: &Arc<Self>, master: &Node) -> Voice {
        let singer: Arc<dyn Listener> =
            Arc::new(Singer { number: master.number, chorus: Arc::downgrade(self) });
        let (place, link) = (master.store.place.clone(), master.store.link.clone());
        let feed = Feed::new(place, link, self.app.clone(), &singer);
        Voice {
            number: master.number,
            heard: Heard::Nothing,
            _singer: singer,
            _feed: Supervisor(tokio::spawn(feed.run())),
        }
    }

    /// Passes on what holds for all.
    fn hear(&self, number: u64, heard: Heard) {
        let mut voices = self.voices();
        let Some(voice) = voices.each.iter_mut().find(|voice| voice.number == number) else { return };
        voice.heard = heard;
        let Some(listener) = self.listener.upgrade() else { return };
        if heard == Heard::Nothing {
            voices.told_missing = false;
            return listener.lost();
        }
        let mut until: Option<Instant> = None;
        let mut unavailable = false;
        for voice in &voices.each {
            match voice.heard {
                Heard::Nothing => return,
                Heard::Unavailable => unavailable = true,
                Heard::Alive(None) => {}
                Heard::Alive(Some(end)) => until = Some(until.map_or(end, |until| until.min(end))),
            }
        }
        if voices.incomplete {
            return;
        }
        if !unavailable {
            listener.alive(until);
        } else if !voices.told_missing || heard == Heard::Unavailable {
            // Those that are alive say so often; that one is missing empties L1, and is said once.
            listener.unavailable();
        }
        voices.told_missing = unavailable;
    }

    fn voices(&self) -> MutexGuard<'_, Voices> {
        self.voices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The ear of the chorus at one feed.
struct Singer {
    number: u64,
    chorus: Weak<Chorus>,
}

impl Singer {
    fn listener(&self) -> Option<Arc<dyn Listener>> {
        self.chorus.upgrade()?.listener.upgrade()
    }

    fn hear(&self, heard: Heard) {
        if let Some(chorus) = self.chorus.upgrade() {
            chorus.hear(self.number, heard);
        }
    }
}

impl Listener for Singer {
    fn invalidated(&self, name: &[u8]) {
        if let Some(listener) = self.listener() {
            listener.invalidated(name);
        }
    }

    fn tag_invalidated(&self, name: &[u8]) {
        if let Some(listener) = self.listener() {
            listener.tag_invalidated(name);
        }
    }

    fn flushed(&self) {
        if let Some(listener) = self.listener() {
            listener.flushed();
        }
    }

    fn alive(&self, until: Option<Instant>) {
        self.hear(Heard::Alive(until));
    }

    fn lost(&self) {
        self.hear(Heard::Nothing);
    }

    fn unavailable(&self) {
        self.hear(Heard::Unavailable);
    }
}

#[cfg(test)]
mod tests {
    use super::{Chorus, Heard, Singer, Voice};
    use crate::redis::connection::Supervisor;
    use crate::store::Listener;
    use std::sync::{Arc, Mutex, PoisonError};
    use std::time::Duration;
    use tokio::time::Instant;

    #[derive(Default)]
    struct Heads(Mutex<Vec<Told>>);

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Told {
        Alive(Option<Instant>),
        Lost,
        Unavailable,
    }

    impl Heads {
        fn push(&self, told: Told) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(told);
        }

        fn take(&self) -> Vec<Told> {
            std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
        }
    }

    impl Listener for Heads {
        fn invalidated(&self, _: &[u8]) {}
        fn tag_invalidated(&self, _: &[u8]) {}
        fn flushed(&self) {}

        fn alive(&self, until: Option<Instant>) {
            self.push(Told::Alive(until));
        }

        fn lost(&self) {
            self.push(Told::Lost);
        }

        fn unavailable(&self) {
            self.push(Told::Unavailable);
        }
    }

    fn of(numbers: &[u64], listener: &Arc<Heads>) -> (Arc<Chorus>, Vec<Arc<dyn Listener>>) {
        let listener: Arc<dyn Listener> = listener.clone();
        let chorus = Arc::new(Chorus::new("", &listener));
        let singers: Vec<Arc<dyn Listener>> = numbers
            .iter()
            .map(|&number| -> Arc<dyn Listener> {
                Arc::new(Singer { number, chorus: Arc::downgrade(&chorus) })
            })
            .collect();
        let voices = numbers.iter().zip(&singers).map(|(&number, singer)| Voice {
            number,
            heard: Heard::Nothing,
            _singer: singer.clone(),
            _feed: Supervisor(tokio::spawn(async {})),
        });
        chorus.voices().each.extend(voices);
        chorus.voices().incomplete = false;
        (chorus, singers)
    }

    #[tokio::test]
    async fn all_are_alive_until_the_first_of_them_may_not_be() {
        let heads = Arc::new(Heads::default());
        let (_chorus, singers) = of(&[1, 2], &heads);
        let [soon, late] = [1, 2].map(|seconds| Some(Instant::now() + Duration::from_secs(seconds)));
        singers[0].alive(late);
        assert_eq!(heads.take(), [], "nothing is known of the other");
        singers[1].alive(soon);
        singers[0].alive(late);
        assert_eq!(heads.take(), [Told::Alive(soon), Told::Alive(soon)]);
        singers[1].lost();
        singers[0].alive(late);
        assert_eq!(heads.take(), [Told::Lost]);
        singers[1].alive(late);
        assert_eq!(heads.take(), [Told::Alive(late)]);
    }

    #[tokio::test]
    async fn nothing_is_alive_while_a_master_may_be_missing() {
        let heads = Arc::new(Heads::default());
        let (chorus, singers) = of(&[1], &heads);
        singers[0].alive(None);
        chorus.interrupt();
        singers[0].alive(None);
        assert_eq!(heads.take(), [Told::Alive(None), Told::Lost]);
        chorus.attend(&[]);
        singers[0].alive(None);
        assert_eq!(heads.take(), [], "who is not listened to any more has no say");
    }

    #[tokio::test]
    async fn one_that_tells_nothing_bounds_all_and_is_told_once() {
        let heads = Arc::new(Heads::default());
        let (_chorus, singers) = of(&[1, 2], &heads);
        singers[0].alive(None);
        singers[1].unavailable();
        singers[0].alive(None);
        assert_eq!(heads.take(), [Told::Unavailable]);
        singers[0].lost();
        singers[0].alive(None);
        singers[0].alive(None);
        assert_eq!(heads.take(), [Told::Lost, Told::Unavailable]);
        singers[1].alive(None);
        assert_eq!(heads.take(), [Told::Alive(None)]);
    }
}
