//! The same API over `PostgreSQL`, in a cluster that the test starts for itself.

mod support;

use support::postgres::Postgres;
use support::{Service, journey};
use tasks_api::Config;

#[tokio::test]
async fn every_endpoint_tells_the_last_change_over_postgresql() {
    let cluster = match Postgres::start() {
        Ok(cluster) => cluster,
        Err(reason) => {
            let required = std::env::var("TASKS_TEST_POSTGRES").is_ok_and(|word| word == "required");
            assert!(!required, "{reason}, and TASKS_TEST_POSTGRES=required");
            println!("skipped: {reason}");
            return;
        }
    };
    let config = Config { database_url: cluster.url.clone(), ..Config::default() };
    let (service, other) = tokio::join!(Service::start(config.clone()), Service::start(config.clone()));
    other.stop().await;
    journey::every_endpoint(&service).await;
    service.stop().await;

    let again = Service::start(config).await;
    assert_eq!(again.read("/tasks/7").await["status"], "in_progress");
    again.stop().await;
}
