//! Nothing is cached that nothing invalidates.

/// Without a use of the crate its functions are not in this program.
use tasks_api as _;

#[test]
fn everything_cached_is_invalidated() {
    let catalog = cache_runtime::catalog();
    assert!(catalog.functions().iter().any(|function| function.key() == "tasks:v1:get:{id}"), "{catalog}");
    assert_eq!(catalog.findings(), []);
}
