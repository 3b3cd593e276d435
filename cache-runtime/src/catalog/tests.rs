use super::{Catalog, Function, Mutation, Place, Target};
use crate::site::Site;
use std::panic::Location;

const NONE: [&str; 0] = [];

#[track_caller]
fn place(within: fn() -> &'static str) -> Place {
    Place::new(within, "app", Location::caller())
}

fn site(namespace: &'static str, function: &'static str) -> &'static Site {
    Box::leak(Box::new(Site::new(namespace, function, "")))
}

fn catalog(
    functions: impl IntoIterator<Item = Function>,
    mutations: impl IntoIterator<Item = Mutation>,
) -> Catalog {
    Catalog {
        functions: functions.into_iter().map(|function| &*Box::leak(Box::new(function))).collect(),
        mutations: mutations.into_iter().map(|mutation| &*Box::leak(Box::new(mutation))).collect(),
    }
}

/// `get` of `app::Tasks`
#[track_caller]
fn tasks_get() -> Function {
    Function::new(site("tasks", "get"), "tasks:v1:get:{id}", place(|| "app::Tasks::get_entry::_::within"))
        .holds("Option<Task>", "300 s")
}

/// `get` of `app::other::Users`
#[track_caller]
fn users_get() -> Function {
    let place = place(|| "app::<impl app::other::Users<_>>::get_entry::_::within");
    Function::new(site("users", "get"), "users:v1:get:{id}", place).holds("User", "60 s")
}

/// A mutation of `app::Tasks`
#[track_caller]
fn mutation(targets: &'static [Target]) -> Mutation {
    Mutation::new("change", targets, place(|| "<app::Tasks as app::Load>::change::{{closure}}::_::within"))
}

/// The findings, without where they are.
fn findings(catalog: &Catalog) -> Vec<String> {
    let text = |finding: &super::Finding| {
        let text = finding.to_string().replace('`', "");
        let words = text.split(' ').filter(|word| !word.starts_with("(cache-runtime"));
        words.collect::<Vec<_>>().join(" ")
    };
    catalog.findings().iter().map(text).collect()
}

fn never(path: &str) -> String {
    format!(
        "{path} has no tag, and no mutation names it; name it in one, or write ttl_only if the ttl is all that ends its entries"
    )
}

#[test]
fn a_function_that_nothing_invalidates_is_found() {
    let both = [never("app::Tasks::get"), never("app::other::Users::get")];
    assert_eq!(findings(&catalog([tasks_get(), users_get()], [])), both);
    let other = mutation(&[Target::Entry("Self::list"), Target::Namespace("other")]);
    assert_eq!(findings(&catalog([tasks_get(), users_get()], [other]))[1..], both);
    let tagged = users_get().tagged(&["user:{id}"]);
    assert_eq!(findings(&catalog([tasks_get().ttl_only(), tagged], [])), NONE);
    let cleared = mutation(&[Target::Namespace("tasks"), Target::Namespace("users")]);
    assert_eq!(findings(&catalog([tasks_get(), users_get()], [cleared])), NONE);
}

#[test]
fn a_target_counts_for_the_function_that_it_names() {
    let found = |target: &'static str| {
        let targets: &'static [Target] = Box::leak(Box::new([Target::Entry(target)]));
        findings(&catalog([tasks_get(), users_get()], [mutation(targets)]))
    };
    for target in ["Self::get", "self.get", "Tasks::get", "app::Tasks::get", "crate::Tasks::get"] {
        assert_eq!(found(target), [never("app::other::Users::get")], "{target}");
    }
    for target in ["Users::get", "crate::other::Users::get", "super::Users::get"] {
        assert_eq!(found(target), [never("app::Tasks::get")], "{target}");
    }
    // told by nothing here, so it may be either
    for target in ["get", "Renamed::get", "sers::get", "self.users.get", "<T as Load>::get", "super::get"] {
        assert_eq!(found(target), NONE, "{target}");
    }
}

#[test]
fn a_tag_that_no_function_carries_is_found() {
    const MOVED: &[Target] = &[
        Target::Tag { namespace: "tasks", tag: "owner:{result.owner}" },
        Target::Tag { namespace: "tasks", tag: "owners:{owner}" },
        Target::Tag { namespace: "users", tag: "owner:{owner}" },
        Target::Namespace("nothing"),
    ];
    let catalog =
        catalog([tasks_get().tagged(&["owner:{owner}"]), users_get().tagged(&["all"])], [mutation(MOVED)]);
    let unmet = |target: &str| {
        format!(
            "app::Tasks::change invalidates {target}, which no function has; correct it, or give it to the functions that it is for"
        )
    };
    assert_eq!(
        findings(&catalog),
        [
            unmet(r#"tags("tasks", "owners:{owner}")"#),
            unmet(r#"tags("users", "owner:{owner}")"#),
            unmet(r#"namespace("nothing")"#),
        ]
    );
}

#[test]
fn a_key_of_two_functions_is_found() {
    let same = || {
        let place = place(|| "app::Tasks::find_entry::_::within");
        Function::new(site("tasks", "find"), "tasks:v1:get:{name}", place).holds("Task", "60 s").ttl_only()
    };
    let get = || tasks_get().ttl_only();
    let text = "the key tasks:v1:get:{name} is that of two functions, app::Tasks::get of Option<Task> and app::Tasks::find of \
                Task; give one of them another ns, key or version";
    assert_eq!(findings(&catalog([get(), same()], [])), [text]);
    let apart = users_get().ttl_only();
    assert_eq!(findings(&catalog([get(), apart], [])), NONE);
    // each may be in a cache of its own
    assert_eq!(findings(&catalog([get(), same().elsewhere()], [])), NONE);
    // these never run together
    let documented = Place::new(|| "", "doctest_bundle_2024::__doctest_0", Location::caller());
    let documented = Function::new(site("tasks", "find"), "tasks:v1:get:{name}", documented).ttl_only();
    assert_eq!(findings(&catalog([get(), documented], [])), NONE);
    // one function, compiled twice
    assert_eq!(findings(&catalog([same(), same()], [])), NONE);
}

#[test]
fn a_catalog_reads_as_tables() {
    let catalog = catalog(
        [tasks_get().tagged(&["owner:{owner}", "all"]), users_get()],
        [mutation(&[Target::Entry("Self::get"), Target::Tag { namespace: "tasks", tag: "all" }])],
    );
    let text = catalog.to_string();
    let place = |at: &Location<'_>| format!("({}:{})", at.file(), at.line());
    let functions = catalog.functions().iter().map(|function| place(function.location()));
    let [get, users] = functions.collect::<Vec<_>>().try_into().expect("two functions");
    let change = place(catalog.mutations()[0].location());
    assert_eq!(
        text,
        [
            "key                value         ttl    tags                function".to_owned(),
            format!("tasks:v1:get:{{id}}  Option<Task>  300 s  owner:{{owner}}, all  app::Tasks::get {get}"),
            format!(
                "users:v1:get:{{id}}  User          60 s   -                   app::other::Users::get {users}"
            ),
            String::new(),
            format!("{:width$}  invalidates", "mutation", width = "app::Tasks::change ".len() + change.len()),
            format!("app::Tasks::change {change}  Self::get(..), tags(\"tasks\", \"all\")\n"),
        ]
        .join("\n")
    );
}
