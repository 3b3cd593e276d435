//! The support code does what the other tests rely on.

mod gates;
mod proxies;
mod servers;
mod workers;

use cache_tests::worker;

#[test]
fn worker_process() {
    worker::serve("echo", workers::echo);
    worker::serve("server", servers::own_a_server);
}
