use proc_macro2::TokenStream;
use quote::quote;

use crate::ir::mutation::Kind;

/// The methods as a person would write them.
fn pretty(methods: &TokenStream) -> String {
    let item = quote!(impl TaskRepo { #methods });
    prettyplease::unparse(&syn::parse2(item).expect("the expansion is Rust"))
}

#[test]
fn a_cached_function() {
    let expanded = super::cached(
        quote!(ns = "tasks", ttl = "1m30s", none = "30s"),
        &quote! {
            /// Loads a task.
            #[instrument]
            pub async fn get(&self, id: TaskId, mut limit: u32) -> Result<Option<Task>, DbError> {
                self.query(id, limit).await
            }
        },
    );
    insta::assert_snapshot!(pretty(&expanded));
}

#[test]
fn a_batch() {
    let expanded = super::cached_many(
        quote!(each id in ids => self.get(id, &tenant)),
        &quote! {
            /// Loads tasks.
            #[instrument]
            pub async fn get_many(
                &self,
                mut ids: Vec<TaskId>,
                tenant: String,
                limit: &Limit,
            ) -> Result<HashMap<TaskId, Task>, DbError> {
                self.query(ids, tenant, limit).await
            }
        },
    );
    insta::assert_snapshot!(pretty(&expanded));
}

#[test]
fn a_mutation() {
    let expanded = super::mutation(
        Kind::Invalidates,
        quote!(Self::get(id), each tag in result.tags => Self::by_tag(tag, title), on_error = "keep"),
        &quote! {
            async fn rename(&self, id: TaskId, title: String) -> Result<Task, DbError> {
                self.update(id, title).await
            }
        },
    );
    insta::assert_snapshot!(pretty(&expanded));
}

#[test]
fn a_cached_function_with_tags() {
    let expanded = super::cached(
        quote!(
            ns = "tasks",
            key = "{owner}",
            tags = ["owner:{owner}", "status:{result.status}"],
            l1 = "coherent"
        ),
        &quote! {
            async fn by_owner(&self, owner: UserId) -> Result<Option<Task>, DbError> {
                self.query(owner).await
            }
        },
    );
    insta::assert_snapshot!(pretty(&expanded));
}

#[test]
fn a_cached_function_that_loads_in_the_background() {
    let expanded = super::cached(
        quote!(
            ns = "tasks",
            skip(T),
            swr = "30s",
            refresh = "early",
            stale_if_error("10m", Self::is_transient)
        ),
        &quote! {
            #[instrument]
            #[expect(clippy::shadow)]
            pub async fn get<T: Model>(&self, mut id: TaskId, name: &str, _: Ctx) -> Result<Task, DbError> {
                self.query(id, name).await
            }
        },
    );
    insta::assert_snapshot!(pretty(&expanded));
}

#[test]
fn an_update() {
    let expanded = super::mutation(
        Kind::Updates,
        quote!(
            Self::get(id),
            tags("tasks", "owner:{result.owner}:{tenant}"),
            namespace("stats"),
            on_unreachable = "error"
        ),
        &quote! {
            async fn close(&self, id: TaskId, tenant: u64) -> Result<Task, DbError> {
                self.update(id).await
            }
        },
    );
    insta::assert_snapshot!(pretty(&expanded));
}

#[test]
fn a_deferred_mutation() {
    let expanded = super::mutation(
        Kind::Invalidates,
        quote!(Self::get(id), deferred, tags("tasks", "owner:{result.owner}")),
        &quote! {
            async fn close(&self, id: TaskId) -> Result<Task, DbError> {
                self.update(id).await
            }
        },
    );
    insta::assert_snapshot!(pretty(&expanded));
}
