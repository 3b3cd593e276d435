//! Gates: a test decides in which order concurrent steps happen, instead of sleeping and hoping.

use crate::wait::within;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// A number that only grows and that can be awaited; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<watch::Sender<usize>>);

impl Counter {
    /// Adds one.
    pub fn add(&self) {
        self.0.send_modify(|count| *count += 1);
    }

    /// The number now.
    #[must_use]
    pub fn get(&self) -> usize {
        *self.0.borrow()
    }

    /// Waits until the number is `least` or more.
    pub async fn reached(&self, least: usize) {
        let mut numbers = self.0.subscribe();
        let _ = within(format!("a count of {least}"), numbers.wait_for(|count| *count >= least)).await;
    }
}

/// A place in the code under test where it stops until the test lets it go on; clones are the same gate.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    arrivals: Counter,
    open: Arc<watch::Sender<bool>>,
}

impl Gate {
    /// Code under test: announces that it is here, then waits to be let through.
    pub async fn wait(&self) {
        let mut open = self.open.subscribe();
        self.arrivals.add();
        let _ = open.wait_for(|open| *open).await;
    }

    /// Test: waits until somebody has come to the gate.
    pub async fn arrived(&self) {
        self.arrived_times(1).await;
    }

    /// Test: waits until the gate was come to `times` times in all.
    pub async fn arrived_times(&self, times: usize) {
        let mut arrivals = self.arrivals.0.subscribe();
        let _ = within(format!("{times} arrival(s) at the gate"), arrivals.wait_for(|count| *count >= times))
            .await;
    }

    /// Test: lets through whoever waits and whoever comes, until closed again.
    pub fn open(&self) {
        self.open.send_replace(true);
    }

    /// Test: stops whoever comes from now on.
    pub fn close(&self) {
        self.open.send_replace(false);
    }
}

/// A load under the test's control: it counts, reads the value, stops at a gate, and returns what it read.
#[derive(Clone, Debug, Default)]
pub struct GatedLoad<T> {
    /// How often it was called.
    pub loads: Counter,
    /// Where each call stops, after it has read the value.
    pub gate: Gate,
    value: Arc<Mutex<T>>,
}

impl<T: Clone> GatedLoad<T> {
    /// A load of `value` behind a closed gate.
    pub fn new(value: T) -> Self {
        Self { loads: Counter::default(), gate: Gate::default(), value: Arc::new(Mutex::new(value)) }
    }

    /// A load of `value` that nothing stops.
    pub fn open(value: T) -> Self {
        let load = Self::new(value);
        load.gate.open();
        load
    }

    /// Changes the source: a call that is at the gate already still returns the old value.
    pub fn set(&self, value: T) {
        *self.value.lock().unwrap_or_else(PoisonError::into_inner) = value;
    }

    /// The body of the code under test.
    pub async fn load(&self) -> T {
        let value = self.value.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.loads.add();
        self.gate.wait().await;
        value
    }
}
