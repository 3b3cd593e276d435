use cache_tests::gate::{Counter, Gate, GatedLoad};
use cache_tests::wait::{DEADLINE, real_time, within_time};
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn a_gate_orders_steps_under_a_paused_clock() {
    let begin = Instant::now();
    let gate = Gate::default();
    let body = tokio::spawn({
        let gate = gate.clone();
        async move {
            tokio::time::sleep(DEADLINE * 6).await;
            gate.wait().await;
        }
    });
    gate.arrived().await;
    assert!(!body.is_finished());
    assert_eq!(begin.elapsed().as_secs(), (DEADLINE * 6).as_secs());
    gate.open();
    body.await.unwrap();
    gate.wait().await;
    gate.close();
    assert!(tokio::time::timeout(DEADLINE, gate.wait()).await.is_err());
    gate.arrived_times(3).await;
}

#[tokio::test]
async fn a_load_returns_what_it_read_when_it_came() {
    let source = GatedLoad::new("old");
    let spawned = source.clone();
    let first = tokio::spawn(async move { spawned.load().await });
    source.gate.arrived().await;
    source.set("new");
    source.gate.open();
    assert_eq!(first.await.unwrap(), "old");
    assert_eq!(source.load().await, "new");
    assert_eq!(source.loads.get(), 2);
    assert_eq!(GatedLoad::open(7).load().await, 7);
}

#[tokio::test]
async fn a_counter_is_awaited() {
    let counter = Counter::default();
    for _ in 0..3 {
        let counter = counter.clone();
        tokio::spawn(async move { counter.add() });
    }
    counter.reached(3).await;
    assert_eq!(counter.get(), 3);
}

#[tokio::test(start_paused = true)]
async fn deadlines_are_of_real_time() {
    let (real, paused) = (std::time::Instant::now(), Instant::now());
    real_time(Duration::from_millis(30)).await;
    assert!(real.elapsed() >= Duration::from_millis(30));
    assert_eq!(paused.elapsed(), Duration::ZERO);
}

#[tokio::test]
#[should_panic(expected = "waited 20ms in vain: somebody at the gate")]
async fn waiting_in_vain_fails_with_a_message() {
    let nobody = Gate::default();
    within_time(Duration::from_millis(20), "somebody at the gate", nobody.arrived()).await;
}
