//! Nothing is cached that nothing invalidates.

use tasks_api::{Config, start};

#[tokio::test]
async fn everything_cached_is_invalidated() {
    // The namespace of responses is known once they are kept somewhere.
    let service = start(Config::default()).await.expect("the service starts");
    let catalog = cache_runtime::catalog();
    assert!(catalog.functions().iter().any(|function| function.key() == "tasks:v1:get:{id}"), "{catalog}");
    assert_eq!(catalog.findings(), []);
    service.shutdown().await;
}
