use proc_macro2::TokenStream;
use quote::quote;

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
fn a_mutation() {
    let expanded = super::invalidates(
        quote!(Self::get(id), each tag in result.tags => Self::by_tag(tag, title), on_error = "keep"),
        &quote! {
            async fn rename(&self, id: TaskId, title: String) -> Result<Task, DbError> {
                self.update(id, title).await
            }
        },
    );
    insta::assert_snapshot!(pretty(&expanded));
}
