use super::*;
use crate::ir::settings::KNOWN;
use crate::syntax::options;

fn lower(func: &str, options: &str) -> (String, Vec<String>) {
    let diag = Diag::new();
    let given = options::parse(options.parse().unwrap(), KNOWN, &diag);
    let settings = Settings::lower(given, &diag);
    let func = syn::parse_str(func).expect(func);
    let skips = Skips::lower(&func, &settings, &diag);
    let key = Key::lower(&func, &settings, &skips, "t:v1", &diag);
    let shape = key.map(|key| {
        let parts: Vec<String> =
            key.parts.iter().map(|part| format!("{}[{}]", part.before, part.place)).collect();
        let parts = parts.concat();
        format!("{} {}{parts}{}", key.shape, key.head, key.tail).replace(' ', "|")
    });
    (shape.unwrap_or_default(), diag.messages())
}

#[test]
fn the_head_never_ends_in_a_colon() {
    for template in ["{a}", "x:{a}", "x_{a}:y"] {
        let (shape, _) = lower("async fn f(a: u8) -> u8 {}", &format!("key = \"{template}\""));
        let head = shape.split('|').nth(1).unwrap().split('[').next().unwrap();
        assert!(!head.starts_with(':'), "{shape}");
    }
    assert_eq!(lower("async fn f(a: u8) -> u8 {}", "key = \"{a}\"").0, "t:v1:{a}|t:v1:[a]");
}

#[test]
fn every_parameter_is_part_of_the_default_key() {
    for (func, options, shape) in [
        ("async fn all() -> u8 {}", "", "t:v1:all|t:v1:all"),
        (
            "async fn get(&self, id: u64, r#type: u8) -> u8 {}",
            "",
            "t:v1:get:{id}:{type}|t:v1:get:[id]:[r#type]",
        ),
        ("async fn get(mut id: u64, _: Ctx, db: Db) -> u8 {}", "skip(db)", "t:v1:get:{id}|t:v1:get:[id]"),
        ("async fn page<const N: usize>(id: u64) -> u8 {}", "", "t:v1:page:{N}:{id}|t:v1:page:[N]:[id]"),
        ("async fn get(Path(id): Path<u64>, n: u8) -> u8 {}", "skip(id)", "t:v1:get:{n}|t:v1:get:[n]"),
    ] {
        assert_eq!(lower(func, options), (shape.into(), vec![]), "{func}");
    }
}

#[test]
fn a_template_replaces_it() {
    let func = "async fn get(&self, id: u64, page: Page) -> u8 {}";
    for (template, shape) in [
        ("task_{id}:{page.limit}:x", "t:v1:task_{id}:{page.limit}:x|t:v1:task_[id]:[page|.|limit]:x"),
        (
            "{self.tenant}:{id}:{page.0.type}",
            "t:v1:{self.tenant}:{id}:{page.0.type}|t:v1:[self|.|tenant]:[id]:[page|.|0|.|r#type]",
        ),
    ] {
        assert_eq!(lower(func, &format!("key = \"{template}\"")), (shape.into(), vec![]), "{template}");
    }
}

#[test]
fn what_a_key_cannot_hold_is_refused() {
    for (func, options, message) in [
        (
            "async fn f(id: u64, n: u8) -> u8 {}",
            "key = \"{id}\"",
            "parameter `n` is not part of the key; add `{n}` or `skip(n)`",
        ),
        (
            "async fn f<const N: u8>(a: u8) -> u8 {}",
            "key = \"{a}\"",
            "parameter `N` is not part of the key; add `{N}` or `skip(N)`",
        ),
        (
            "async fn f(id: u64) -> u8 {}",
            "key = \"{idd}\", skip(id)",
            "unknown parameter `idd` in the key; the function has none for it",
        ),
        (
            "async fn f(page: u8, b: u8) -> u8 {}",
            "key = \"{pgae}:{page}:{b}\"",
            "unknown parameter `pgae` in the key; did you mean `page`? one of: page, b",
        ),
        (
            "async fn f(a: u8) -> u8 {}",
            "key = \"{a}\", skip(a)",
            "`{a}` is in the key and its parameter is skipped; remove `a` from `skip`",
        ),
        (
            "async fn f(a: u8) -> u8 {}",
            "key = \"{self.a}:{a}\"",
            "`{self.a}` has no meaning in a function without `self`; remove it",
        ),
        (
            "async fn f(a: &mut Db) -> u8 {}",
            "",
            "a `&mut` parameter does not identify a value; add `skip(a)`",
        ),
        (
            "async fn f(Path(a): Path<u8>) -> u8 {}",
            "",
            "a pattern has no name for the key; give the parameter a name, or add `skip(a)`",
        ),
        (
            "async fn f(&self) -> u8 {}",
            "skip(self)",
            "`self` is in no key unless a template names it; remove it from `skip`",
        ),
        ("async fn f(db: Db) -> u8 {}", "skip(db, db)", "`db` is skipped twice; keep one of them"),
        (
            "async fn f(conn: Db) -> u8 {}",
            "skip(con)",
            "unknown parameter `con`; did you mean `conn`? one of: conn",
        ),
    ] {
        assert_eq!(lower(func, options).1, [message], "{func} {options}");
    }
}

#[test]
fn a_type_that_no_part_tells_is_refused() {
    for func in ["fn f<T: M>(id: T::Id) -> T {}", "fn f<T>(id: T) -> Vec<T> {}", "fn f<T: M>() -> u8 {}"] {
        let (_, errors) = lower(&func.replace("fn", "async fn"), "");
        assert_eq!(errors.len(), 1, "{func}");
        assert!(errors[0].contains("two types could share an entry"));
        assert!(lower(&func.replace("fn", "async fn"), "skip(T)").1.is_empty(), "{func}");
    }
    assert!(lower("async fn f<D: Db>(db: &D, id: u8) -> Result<u8, D::Error> {}", "skip(db)").1.is_empty());
}
