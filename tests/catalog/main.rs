//! What the catalogue says of a program: of this one, in which some things cannot be meant.
#![forbid(unsafe_code)]

mod forms;
mod mistakes;

use cache_runtime::catalog::{Finding, Function, Target};
use cache_runtime::{Cache, catalog};

fn function(key: &str) -> &'static Function {
    let catalog = catalog();
    let found = catalog.functions().iter().find(|function| function.key() == key);
    found.copied().unwrap_or_else(|| panic!("no {key} in\n{catalog}"))
}

/// A finding without the lines and the repair.
fn found(finding: &Finding) -> String {
    let text = finding.to_string();
    let mut pieces = text.split(" (tests/catalog/");
    let mut found = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        found.push_str(piece.split_once(')').expect("a bracket is closed").1);
    }
    found.split(';').next().unwrap_or_default().to_owned()
}

#[test]
fn what_cannot_be_meant_is_found_and_nothing_else() {
    let found: Vec<String> = catalog().findings().iter().map(found).collect();
    assert_eq!(
        found,
        [
            "`catalog::mistakes::Users::leave` invalidates `tags(\"mistakes\", \"owners:{owner}\")`, which no function has",
            "`catalog::mistakes::Users::leave` invalidates `namespace(\"mistake\")`, which no function has",
            "`catalog::mistakes::Users::forgotten` has no tag, and no mutation names it",
            "the key `mistakes:v1:one:{name}` is that of two functions, `catalog::mistakes::Users::one` of `u64` and \
             `catalog::mistakes::another` of `String`",
        ]
    );
}

#[test]
fn a_finding_says_where_and_how_to_repair_it() {
    let text = catalog().findings()[2].to_string();
    let line = function("mistakes:v1:forgotten:{id}").location().line();
    assert_eq!(
        text,
        format!(
            "`catalog::mistakes::Users::forgotten` (tests/catalog/mistakes.rs:{line}) has no tag, and no mutation names it; name it in one, \
             or write `ttl_only` if the ttl is all that ends its entries"
        )
    );
    assert_eq!(line, mistakes::FORGOTTEN);
}

#[test]
fn a_cache_is_not_built_where_two_functions_have_one_key() {
    let error = Cache::builder().build().expect_err("two functions have one key").to_string();
    let line = |key| function(key).location().line();
    assert_eq!(
        error,
        format!(
            "annotated functions clash: the key `mistakes:v1:one:{{name}}` is that of two functions, `catalog::mistakes::Users::one` \
             (tests/catalog/mistakes.rs:{}) of `u64` and `catalog::mistakes::another` (tests/catalog/mistakes.rs:{}) of `String`; give one \
             of them another `ns`, `key` or `version`",
            line("mistakes:v1:one:{id}"),
            line("mistakes:v1:one:{name}"),
        )
    );
}

#[test]
fn a_function_is_listed_as_its_attribute_says() {
    let get = function("forms:v2:tagged:{owner}:{limit}");
    assert_eq!(get.path(), "catalog::forms::Repo::tagged");
    assert_eq!((get.namespace(), get.ttl(), get.value_type()), ("forms", "300 s", "Option<(u8, u8)>"));
    assert_eq!(get.tags(), ["owner:{owner}", "first:{result.0}"]);
    assert_eq!(function("forms:v1:constant").ttl(), "Self::TTL");
    assert_eq!(function("forms:v1:by_value").ttl(), "ttl_with");
}

#[test]
fn a_mutation_is_listed_with_all_its_targets() {
    let catalog = catalog();
    let mut all =
        catalog.mutations().iter().filter(|mutation| mutation.path() == "catalog::forms::Repo::change");
    let change = all.next().expect("it is there");
    assert_eq!(
        change.targets(),
        [
            Target::Entry("Self::get"),
            Target::Entry("self.of_tenant"),
            Target::Entry("super::free"),
            Target::Tag { namespace: "forms", tag: "owner:{owner}" },
            Target::Namespace("forms.cleared"),
            Target::Tag { namespace: "forms", tag: "first:{result}" },
        ]
    );
    assert!(all.next().is_none());
    let update =
        catalog.mutations().iter().find(|mutation| mutation.path() == "catalog::forms::Repo::replace");
    assert_eq!(update.expect("it is there").targets(), [Target::Entry("Repo::get")]);
}

/// Every form in which an attribute can stand gives the path that its function has.
#[test]
fn every_form_is_listed_by_its_path() {
    let catalog = catalog();
    let functions: Vec<String> = catalog.functions().iter().map(|function| function.path()).collect();
    let mutations: Vec<String> = catalog.mutations().iter().map(|mutation| mutation.path()).collect();
    for path in [
        "catalog::forms::free",
        "catalog::forms::generic",
        "catalog::forms::r#type",
        "catalog::forms::Repo::get",
        "catalog::forms::Repo::elsewhere",
        "catalog::forms::Generic::get",
        "catalog::forms::Plain::load",
        "catalog::forms::Boxed::load",
        "catalog::forms::First::get",
        "catalog::forms::Second::get",
        "catalog::forms::Background::get",
    ] {
        let raw = path.replace("r#", "");
        assert_eq!(
            functions.iter().filter(|function| **function == raw).count(),
            1,
            "{path}: {functions:#?}"
        );
    }
    for path in ["Generic::change", "Plain::save", "Boxed::save", "First::change", "Second::change"] {
        let path = format!("catalog::forms::{path}");
        assert_eq!(
            mutations.iter().filter(|mutation| **mutation == path).count(),
            1,
            "{path}: {mutations:#?}"
        );
    }
}

#[test]
fn the_tables_have_a_line_for_each() {
    let catalog = catalog();
    let text = catalog.to_string();
    assert_eq!(text.lines().count(), catalog.functions().len() + catalog.mutations().len() + 3, "{text}");
    let get = function("forms:v2:tagged:{owner}:{limit}");
    let place = format!("(tests/catalog/forms.rs:{})", get.location().line());
    let row = text.lines().find(|line| line.starts_with(get.key())).expect(&text);
    let words: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(
        words,
        [
            "forms:v2:tagged:{owner}:{limit}",
            "Option<(u8,",
            "u8)>",
            "300",
            "s",
            "owner:{owner},",
            "first:{result.0}",
            "catalog::forms::Repo::tagged",
            &place
        ]
    );
}
