//! Running a model: completely with all its guards, to the shortest counterexample without one of them.

use stateright::{Checker, Expectation, HasDiscoveries, Model};
use std::fmt::Debug;
use std::hash::Hash;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// A model whose steps can be told to a reader.
pub trait Protocol: Model<State: Spread, Action: Debug + Clone + PartialEq> + Send + Sync + 'static {
    /// What `action` did, in a few words.
    fn tell(&self, before: &Self::State, action: &Self::Action, after: &Self::State) -> String;
}

/// What the checker needs of a state.
pub trait Spread: Hash + Clone + PartialEq + Send + Sync + 'static {}
impl<T: Hash + Clone + PartialEq + Send + Sync + 'static> Spread for T {}

/// The guards that are taken out of a model.
#[derive(Debug)]
pub struct Without<G: 'static>(pub &'static [G]);

impl<G: PartialEq> Without<G> {
    /// Whether `guard` is in place.
    #[must_use]
    pub fn has(&self, guard: &G) -> bool {
        !self.0.contains(guard)
    }
}

/// Which events any step of a run has shown; kept beside the states, so that it does not multiply them.
#[derive(Debug)]
pub struct Witness<E>(Arc<AtomicU32>, PhantomData<fn(E)>);

impl<E> Default for Witness<E> {
    fn default() -> Self {
        Self(Arc::default(), PhantomData)
    }
}

impl<E: Into<u32>> Witness<E> {
    pub(crate) fn note(&self, event: E) {
        self.0.fetch_or(1 << event.into(), Relaxed);
    }

    pub(crate) fn saw(&self, event: E) -> bool {
        self.0.load(Relaxed) & (1 << event.into()) != 0
    }
}

/// Names events and the `sometimes` properties that ask for them.
macro_rules! events {
    ($model:ident: $($event:ident $name:literal),* $(,)?) => {
        /// What must have happened in a complete run, lest its result be vacuous.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs, reason = "each is described by its property")]
        pub enum Event { $($event),* }

        impl From<Event> for u32 {
            fn from(event: Event) -> Self {
                event as Self
            }
        }

        impl $model {
            fn sometimes(&self) -> Vec<Property<Self>> {
                let mut properties = Vec::new();
                $(if self.expects.contains(&Event::$event) {
                    properties.push(Property::sometimes($name, |model: &Self, _| model.seen.saw(Event::$event)));
                })*
                properties
            }
        }
    };
}
pub(crate) use events;

/// In place of a property: nothing breaks without the guard, which is there for other reasons.
pub const SPARE: &str = "nothing";

/// What came of a run.
#[derive(Debug)]
pub struct Outcome {
    /// Distinct states that were visited.
    pub states: usize,
    /// Steps of the longest shortest way to a state.
    pub depth: usize,
    /// How long the run took.
    pub elapsed: Duration,
    /// Whether every reachable state was visited.
    pub complete: bool,
    /// The `sometimes` properties without an example.
    pub unseen: Vec<&'static str>,
    /// The shortest way to a violation.
    pub broken: Option<Counterexample>,
}

/// A property and the steps that break it.
#[derive(Debug)]
pub struct Counterexample {
    /// The property.
    pub property: &'static str,
    /// The steps.
    pub steps: Vec<String>,
}

/// One run of a scenario: intact, or without a guard.
pub struct Case {
    /// The scenario.
    pub scenario: &'static str,
    /// The guard that is missing, and the property that breaks without it.
    pub without: Option<(String, &'static str)>,
    run: Box<dyn Fn() -> Outcome>,
}

impl Case {
    /// A run of `scenario` that must find nothing, and one without each of `guards` that must break its property.
    pub fn each<P: Protocol, G: Debug + Sync>(
        scenario: &'static str,
        model: fn(&'static [G]) -> P,
        guards: &'static [(G, &'static str)],
    ) -> Vec<Self> {
        let intact = Self { scenario, without: None, run: Box::new(move || explore(model(&[]), None)) };
        let removed = guards.iter().map(|(guard, property)| Self {
            scenario,
            without: Some((format!("{guard:?}"), *property)),
            run: Box::new(move || shortest(|| model(std::slice::from_ref(guard)))),
        });
        std::iter::once(intact).chain(removed).collect()
    }

    /// Runs it.
    #[must_use]
    pub fn run(&self) -> Outcome {
        (self.run)()
    }
}

/// Looks for a violation again and again, each time for a shorter way to one: the checker stops at the end of a block of
/// states, with the last violation of that block.
fn shortest<P: Protocol>(model: impl Fn() -> P) -> Outcome {
    let mut outcome = explore(model(), None);
    while let Some(length) = outcome.broken.as_ref().map(|broken| broken.steps.len()) {
        let shorter = explore(model(), Some(length));
        if shorter.broken.is_none() {
            break;
        }
        outcome = shorter;
    }
    outcome
}

/// Visits all states (all less than `below` steps away), breadth first, until a property fails.
fn explore<P: Protocol>(model: P, below: Option<usize>) -> Outcome {
    let started = Instant::now();
    let mut checker = model.checker().finish_when(HasDiscoveries::AnyFailures);
    if let Some(below) = below {
        // A state's depth counts states, and the deepest states are skipped.
        checker = checker.target_max_depth(below + 1);
    }
    let checker = checker.spawn_bfs().join();
    let mut discoveries = checker.discoveries();
    let properties = checker.model().properties();
    let examples = properties.iter().filter(|property| property.expectation == Expectation::Sometimes);
    let unseen =
        examples.filter(|property| !discoveries.contains_key(property.name)).map(|it| it.name).collect();
    let failed = properties.iter().find(|property| {
        property.expectation != Expectation::Sometimes && discoveries.contains_key(property.name)
    });
    let broken = failed.and_then(|property| {
        let path = discoveries.remove(property.name)?.into_vec();
        let steps = path.windows(2).filter_map(|pair| {
            let (before, action) = &pair[0];
            Some(checker.model().tell(before, action.as_ref()?, &pair[1].0))
        });
        Some(Counterexample { property: property.name, steps: steps.collect() })
    });
    Outcome {
        states: checker.unique_state_count(),
        depth: checker.max_depth().saturating_sub(1),
        elapsed: started.elapsed(),
        complete: below.is_none() && broken.is_none() && checker.is_done(),
        unseen,
        broken,
    }
}

impl Outcome {
    /// Whether the run of `case` found what it should: nothing, or the violation that its guard prevents.
    #[must_use]
    pub fn is_as_expected(&self, case: &Case) -> bool {
        match (&case.without, &self.broken) {
            (None, None) => self.complete && self.unseen.is_empty(),
            (Some((_, property)), None) => *property == SPARE && self.complete,
            (Some((_, property)), Some(broken)) => broken.property == *property,
            (None, Some(_)) => false,
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.broken {
            Some(broken) => write!(f, "not \"{}\" after {} steps", broken.property, broken.steps.len())?,
            None => f.write_str(if self.complete { "holds, complete" } else { "cut" })?,
        }
        if self.unseen.is_empty() || self.broken.is_some() {
            return Ok(());
        }
        write!(f, ", but never: {}", self.unseen.join(", "))
    }
}
