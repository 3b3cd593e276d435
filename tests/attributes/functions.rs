//! Free functions and methods, in every shape of signature and return type.

use std::borrow::Cow;
use std::pin::Pin;
use std::sync::Arc;

use cache_runtime::{Cache, Scope, cached};

use crate::{Failed, Runs, is_about};

#[tokio::test]
async fn the_second_call_does_not_run_the_body() {
    static RUNS: Runs = Runs::none();
    #[cached(ns = "functions")]
    async fn double(n: u32) -> u32 {
        RUNS.next();
        n * 2
    }
    assert_eq!((double(2).await, double(2).await, RUNS.count()), (4, 4, 1));
    assert_eq!((double(3).await, RUNS.count()), (6, 2));
    assert_eq!(double_entry(2).key(), double_entry(2).key());
    assert!(double_entry(2).key().ends_with("functions:v1:double:2"), "{}", double_entry(2).key());
    double_entry(2).invalidate().await;
    assert_eq!((double(2).await, RUNS.count()), (4, 3));
}

/// What a thread keeps for itself has the entries of both caches.
#[tokio::test]
async fn a_task_gets_what_is_in_its_own_cache_and_a_transaction_what_its_body_says() {
    static RUNS: Runs = Runs::none();
    #[cached(ns = "functions")]
    async fn run(n: u32) -> u32 {
        RUNS.next() * n
    }
    let twice = async || (run(1).await, run(1).await);
    assert_eq!(twice().await, (1, 1));
    let own = Cache::in_process();
    assert_eq!(own.scope_for(twice()).await, (2, 2));
    assert_eq!((twice().await, own.scope_for(twice()).await), ((1, 1), (2, 2)));
    let scoped = async |_: &Scope| Ok::<_, Failed>((run(1).await, twice().await));
    assert_eq!(own.scope(scoped).await, Ok((3, (4, 5))));
    assert_eq!(twice().await, (1, 1));
}

#[tokio::test]
async fn an_error_passes_through_and_is_not_cached() {
    static RUNS: Runs = Runs::none();
    #[cached(ns = "functions")]
    async fn second_time(n: u32) -> Result<u32, Failed> {
        if RUNS.next() == 1 {
            return Err(Failed);
        }
        let checked = Some(n).ok_or(Failed)?;
        Ok(checked)
    }
    assert_eq!(second_time(1).await, Err(Failed));
    assert_eq!(second_time(1).await, Ok(1));
    assert_eq!((second_time(1).await, RUNS.count()), (Ok(1), 2));
}

type Loaded<T> = Result<T, Failed>;
type LoadResult<T> = Result<T, Failed>;

#[tokio::test]
async fn a_result_is_seen_through_its_aliases() {
    static RUNS: Runs = Runs::none();
    static NAMED: Runs = Runs::none();
    #[cached(ns = "functions")]
    async fn by_suffix(n: u32) -> LoadResult<u32> {
        if RUNS.next() == 1 { Err(Failed) } else { Ok(n) }
    }
    #[cached(ns = "functions", returns = "result")]
    async fn by_option(n: u32) -> Loaded<u32> {
        if NAMED.next() == 1 { Err(Failed) } else { Ok(n) }
    }
    assert_eq!((by_suffix(1).await, by_suffix(1).await, by_suffix(1).await), (Err(Failed), Ok(1), Ok(1)));
    assert_eq!(RUNS.count(), 2);
    assert_eq!((by_option(1).await, by_option(1).await, by_option(1).await), (Err(Failed), Ok(1), Ok(1)));
    assert_eq!(NAMED.count(), 2);
}

#[tokio::test]
async fn errors_that_cannot_be_cloned_pass_through_too() {
    static RUNS: Runs = Runs::none();
    #[cached(ns = "functions")]
    async fn loads(n: u32) -> anyhow::Result<u32> {
        if RUNS.next() == 1 {
            anyhow::bail!("not yet");
        }
        Ok(n)
    }
    assert_eq!(loads(1).await.unwrap_err().to_string(), "not yet");
    assert_eq!(loads(1).await.unwrap(), 1);
    assert_eq!(loads(1).await.unwrap(), 1);
    assert_eq!(RUNS.count(), 2);
}

#[tokio::test]
async fn none_is_not_cached_unless_it_is_said() {
    static RUNS: Runs = Runs::none();
    static KEPT: Runs = Runs::none();
    #[cached(ns = "functions")]
    async fn find(n: u32) -> Option<u32> {
        RUNS.next();
        (n > 10).then_some(n)
    }
    #[cached(ns = "functions", none = "cache")]
    async fn find_once(n: u32) -> LoadResult<Option<u32>> {
        KEPT.next();
        Ok((n > 10).then_some(n))
    }
    assert_eq!((find(1).await, find(1).await, RUNS.count()), (None, None, 2));
    assert_eq!((find(11).await, find(11).await, RUNS.count()), (Some(11), Some(11), 3));
    assert_eq!((find_once(1).await, find_once(1).await, KEPT.count()), (Ok(None), Ok(None), 1));
}

#[tokio::test]
async fn parameters_are_borrowed_for_the_key_and_moved_into_the_body() {
    static RUNS: Runs = Runs::none();
    #[cached(ns = "functions")]
    async fn join(
        mut first: String,
        second: &str,
        third: Cow<'_, str>,
        fourth: impl Into<u64> + Copy + Send + cache_runtime::KeyPart,
    ) -> String {
        RUNS.next();
        first.push_str(second);
        drop(first.clone());
        format!("{first}{third}{}", fourth.into())
    }
    for _ in 0..2 {
        assert_eq!(join("a".into(), "b", Cow::Borrowed("c"), 4_u8).await, "abc4");
    }
    assert_eq!(RUNS.count(), 1);
    assert!(join_entry("a".into(), "b", "c".into(), 4_u8).exists().await);
    assert!(!join_entry("ab".into(), "", "c".into(), 4_u8).exists().await);
}

#[derive(Default)]
struct Repo {
    runs: Runs,
    tenant: u64,
}

impl Repo {
    const TTL: std::time::Duration = std::time::Duration::from_secs(7);

    #[cached(ns = "methods", ttl = Self::TTL)]
    async fn shared(&self, id: u64) -> Result<Arc<Vec<u64>>, Failed> {
        self.runs.next();
        Ok(Arc::new(vec![id]))
    }

    #[cached(ns = "methods", key = "{self.tenant}:{id}")]
    async fn of_tenant(&self, id: u64) -> u64 {
        self.runs.next();
        self.tenant * 100 + id
    }

    #[cached(ns = "methods")]
    async fn unique(&mut self, id: u64) -> u64 {
        self.tenant += 1;
        id + u64::from(self.runs.next())
    }

    #[cached(ns = "methods")]
    async fn consumed(self, id: u64) -> u64 {
        id + u64::from(self.runs.next())
    }

    #[cached(ns = "methods")]
    async fn counted(self: Arc<Self>, id: u64) -> u64 {
        id + u64::from(self.runs.next())
    }

    #[cached(ns = "methods", key = "boxed:{id}:{self.tenant}")]
    fn boxed(&self, id: u64) -> Pin<Box<dyn Future<Output = u64> + Send + '_>> {
        Box::pin(async move {
            self.runs.next();
            id + self.tenant
        })
    }

    #[cached(ns = "methods")]
    async fn borrowed<'a>(&'a self, name: &'a str, other: &str) -> String {
        self.runs.next();
        format!("{name}{other}")
    }
}

#[tokio::test]
async fn methods_take_self_in_every_way() {
    let mut repo = Repo::default();
    for _ in 0..2 {
        assert_eq!(repo.shared(1).await, Ok(Arc::new(vec![1])));
        assert_eq!(repo.unique(1).await, 3);
        assert_eq!(repo.borrowed("a", "b").await, "ab");
    }
    assert_eq!((repo.runs.count(), repo.tenant), (3, 1));
    assert_eq!((repo.boxed(1).await, repo.boxed(1).await, repo.runs.count()), (2, 2, 4));
    assert!(repo.boxed_entry(1).exists().await);
    let counted = Arc::new(Repo::default());
    for _ in 0..2 {
        assert_eq!(Arc::clone(&counted).counted(1).await, 2);
        assert_eq!(Repo::default().consumed(1).await, 2);
    }
    assert_eq!(counted.runs.count(), 1);
    assert!(Repo::borrowed_entry("a", "b").exists().await);
    assert!(Repo::unique_entry(1).exists().await);
}

#[tokio::test]
async fn a_ttl_can_be_a_constant() {
    let repo = Repo::default();
    repo.shared(2).await.unwrap();
    assert!(is_about(Repo::shared_entry(2).ttl().await, 7));
}

#[tokio::test]
async fn a_template_over_self_gives_the_companion_a_receiver() {
    let (one, two) = (Repo { tenant: 1, ..Repo::default() }, Repo { tenant: 2, ..Repo::default() });
    assert_eq!((one.of_tenant(5).await, two.of_tenant(5).await), (105, 205));
    assert_eq!((one.of_tenant(5).await, one.runs.count()), (105, 1));
    one.of_tenant_entry(5).invalidate().await;
    assert!(two.of_tenant_entry(5).exists().await && !one.of_tenant_entry(5).exists().await);
}

#[tokio::test]
async fn a_body_may_return_early_and_borrow_what_it_likes() {
    #[cached(ns = "functions")]
    async fn early(words: Vec<String>) -> Result<String, Failed> {
        #![allow(clippy::needless_pass_by_value)]
        let Some(first) = words.first() else { return Err(Failed) };
        for word in &words {
            if word.len() > 3 {
                return Ok(word.clone());
            }
        }
        tokio::task::yield_now().await;
        Ok(first.clone())
    }
    assert_eq!(early(vec![]).await, Err(Failed));
    assert_eq!(early(vec!["a".into(), "long".into()]).await, Ok("long".into()));
    assert_eq!(early(vec!["a".into()]).await, Ok("a".into()));
}

#[tokio::test]
async fn a_plain_value_may_be_a_result_kept_whole() {
    static RUNS: Runs = Runs::none();
    #[cached(ns = "functions", returns = "value")]
    async fn whole(n: u32) -> Result<u32, String> {
        RUNS.next();
        Err(n.to_string())
    }
    assert_eq!((whole(1).await, whole(1).await, RUNS.count()), (Err("1".into()), Err("1".into()), 1));
}

#[tokio::test]
async fn the_future_is_send() {
    #[cached(ns = "functions")]
    async fn sent(n: u32) -> u32 {
        tokio::task::yield_now().await;
        n
    }
    assert_eq!(tokio::spawn(sent(1)).await.unwrap(), 1);
}

macro_rules! made_by_a_macro {
    ($name:ident($param:ident: $ty:ty) -> $out:ty $body:block) => {
        #[cached(ns = "functions")]
        async fn $name($param: $ty) -> $out $body
    };
}

#[tokio::test]
async fn a_function_may_come_from_a_macro() {
    made_by_a_macro!(made(n: u32) -> Option<u32> { Some(n) });
    made_by_a_macro!(made_to_fail(n: u32) -> Result<u32, Failed> { if n > 0 { Ok(n) } else { Err(Failed) } });
    assert_eq!((made(4).await, made_to_fail(4).await), (Some(4), Ok(4)));
    assert_eq!(made_to_fail(0).await, Err(Failed));
    assert!(made_entry(4).exists().await && made_to_fail_entry(4).exists().await);
}

#[rustfmt::skip]
mod on_one_line {
    #[cache_runtime::cached(ns = "lines")] async fn value(n: u32) -> u32 { n }
    #[cache_runtime::invalidates(value(n))] async fn change(n: u32) -> u32 { n }
    #[cache_runtime::invalidates(value(1))] async fn nothing() {}
    #[cache_runtime::cached(ns = "lines")] async fn diverges(n: u32) -> Result<u32, u8> { panic!("{n}") }
    #[cache_runtime::invalidates(value(1))] async fn diverges_too(n: u32) -> Result<u32, u8> { panic!("{n}") }
    #[cache_runtime::cached(ns = "lines")] async fn r#match(r#type: u32) -> u32 { r#type }
    #[cache_runtime::invalidates(r#match(r#type))] async fn change_match(r#type: u32) -> u32 { r#type }

    #[tokio::test]
    async fn braces_around_one_expression_are_not_superfluous() {
        assert_eq!(value(1).await + change(1).await, 2);
        nothing().await;
        assert!(tokio::spawn(diverges(1)).await.is_err() && tokio::spawn(diverges_too(1)).await.is_err());
        assert_eq!(r#match(1).await, 1);
        assert!(match_entry(1).exists().await);
        assert_eq!(change_match(1).await, 1);
        assert!(!match_entry(1).exists().await);
    }
}

/// Callers hold many calls at once, and nest them: what a miss needs is not part of them.
#[test]
fn a_call_is_hardly_larger_than_its_arguments() {
    #[cached(ns = "attributes", ttl = "short")]
    async fn inner(id: u64) -> [u64; 8] {
        let large = [id; 512];
        tokio::task::yield_now().await;
        std::array::from_fn(|place| large[place])
    }
    #[cached(ns = "attributes", ttl = "short")]
    async fn outer(id: u64) -> u64 {
        inner(id).await[0] + inner(id + 1).await[0]
    }
    assert!(size_of_val(&inner(1)) <= 128, "{} bytes", size_of_val(&inner(1)));
    assert!(size_of_val(&outer(1)) <= 64, "{} bytes", size_of_val(&outer(1)));
}
