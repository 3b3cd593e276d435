//! The attributes of `cache-runtime`.
//!
//! Use them through `cache_runtime`, which exports them together with everything that they call.

mod block;
mod diag;
mod expand;
mod func;
mod ir;
mod syntax;

use proc_macro::TokenStream;

use self::ir::mutation::Kind;

/// Caches an async function: its body runs only when no entry answers.
///
/// ```
/// # type DbError = std::io::Error; type Task = String;
/// # #[derive(cache_runtime::KeyPart)] struct TaskId(u64);
/// # struct TaskRepo;
/// # impl TaskRepo { async fn query(&self, id: TaskId) -> Result<Option<Task>, DbError> { Ok(Some(id.0.to_string())) } }
/// use cache_runtime::cached;
///
/// impl TaskRepo {
///     /// key `tasks:v1:get:42`, fresh for 300 s
///     #[cached(ns = "tasks", ttl = "medium")]
///     pub async fn get(&self, id: TaskId) -> Result<Option<Task>, DbError> {
///         self.query(id).await
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), DbError> {
/// TaskRepo.get(TaskId(42)).await?;
/// assert!(TaskRepo::get_entry(TaskId(42)).exists().await);
/// # Ok(()) }
/// ```
///
/// - The *key* is the namespace, the version, the name of the function, and then every parameter but `self`.
/// - The *value* is the `Ok` of a `Result`, else all that the function returns. Errors pass through and are never cached.
/// - A *companion* stands beside the function: `get_entry(id)` names the entry without calling `get`, and is what
///   [`#[invalidates]`](macro@invalidates) and [`#[updates]`](macro@updates) ask. It takes the parameters that the key has, and
///   `&self` only where the key, a tag or the cache is read from it.
///
/// # Options
///
/// | option | form | default |
/// |---|---|---|
/// | `ns` | `"tasks"`: lower case, digits, `_ - .` | required, here or on the block |
/// | `ttl` | `"short"` 60 s, `"medium"` 300 s, `"long"` 900 s, `"very_long"` 1 h, `"day"`, `"week"`, `"month"`, `"never"`; a duration such as `"90s"` or `"1h30m"`; the path of a constant `Duration` or `Policy`; `adaptive("5m", hot = "10m", above = 10 per "1h")`; `sliding("30m")` | `"medium"` |
/// | `ttl_only` | nothing but the ttl ends an entry, and that is meant: `cache_runtime::catalog()` does not find it | off |
/// | `key` | a template over parameters and their fields: `"{id}"`, `"{page.limit}"`, `"{self.tenant}:{id}"`; all parameters stand in it or in `skip` | name of the function, then every parameter |
/// | `skip` | parameters that do not identify the value: `skip(db, ctx)` | none |
/// | `version` | a number in the key: raise it when the meaning of the *key* changes | 1 |
/// | `tags` | names that entries share, so that `tags(..)` in a mutation drops them together: templates as for `key`, over the parameters, `"owner:{owner}"`, or over the value, `"owner:{result.owner}"` | none |
/// | `schema` | a number beside the value: raise it when the meaning of the *value* changes and its shape does not | 0 |
/// | `none` | `"skip"`, `"cache"`, or a ttl of its own, `"30s"` | `"skip"` |
/// | `l1` | `"coherent"`, `"validate"`, `"off"`, or a bound such as `"5s"` | `"coherent"`; with `layout = "plain"`, `"off"` |
/// | `probe` | what a lookup asks first: `"get"`, or `"lease"`, which makes a load one trip shorter and a hit of the store dearer; `"auto"` is `"lease"` while most lookups miss | `"auto"` |
/// | `swr` | how long an entry answers after its ttl, while one caller loads it anew in the background: a duration, or the path of a constant | not at all |
/// | `refresh` | `"early"`: an entry that many ask for is loaded anew shortly before its ttl ends; or `"off"` | `"off"` |
/// | `stale_if_error` | how long an entry answers after its ttl when the load fails: `"10m"`, or `stale_if_error("10m", Self::is_transient)` for some errors only | not at all |
/// | `never_stale` | values that never answer after their ttl: `never_stale = \|value\| value.is_final()` | none |
/// | `load_timeout` | how long others wait for one load: a duration, or the path of a constant | `"30s"` |
/// | `compress` | `"lz4"`, `"zstd"` (features of the runtime), `"off"`, or the path of a constant `Compression`: values are smaller in the store | what the cache says, else off |
/// | `layout` | `"plain"`: values stand as bare JSON in the store, which services in other languages read and write; or `"framed"` | `"framed"` |
/// | `ttl_with` | a ttl by the value, instead of `ttl`: `ttl_with = \|value\| value.ttl()` | none |
/// | `unless` | values that are not stored: `unless = \|value\| value.is_draft()` | none |
/// | `when` | a condition over the parameters; else the body runs uncached | none |
/// | `cache` | an expression that gives the `Cache`: `cache = self.cache` | the ambient one |
/// | `codec` | `"json"`, `"postcard"`, `"msgpack"`, or a type | `"json"` |
/// | `returns` | `"result"` or `"value"`, where the return type does not show whether it can fail | by its name |
/// | `crate` | the path of `cache_runtime`, where it has another name | `::cache_runtime` |
///
/// What loads in the background (`swr`, `refresh = "early"`) outlives the call, so `self` and the parameters must be
/// `Clone + Send + Sync + 'static`; of a `&T`, that holds of the `T`.
///
/// # On a block
///
/// On an `impl`, the options are the defaults of the functions marked `#[cached]` in it. On the `impl` of a trait the
/// companions go to an inherent `impl` beside it.
///
/// ```
/// # type DbError = std::io::Error; type Task = String;
/// # #[derive(Clone, cache_runtime::KeyPart)] struct TaskId(u64);
/// # trait TaskRepository {
/// #     async fn get(&self, id: TaskId) -> Result<Option<Task>, DbError>;
/// #     async fn delete(&self, id: TaskId) -> Result<(), DbError>;
/// # }
/// # struct PgTasks;
/// # impl PgTasks {
/// #     async fn query(&self, id: TaskId) -> Result<Option<Task>, DbError> { Ok(Some(id.0.to_string())) }
/// #     async fn remove(&self, id: TaskId) -> Result<(), DbError> { drop(id); Ok(()) }
/// # }
/// use cache_runtime::{cached, invalidates};
///
/// #[cached(ns = "tasks", ttl = "medium")]
/// impl TaskRepository for PgTasks {
///     #[cached]
///     async fn get(&self, id: TaskId) -> Result<Option<Task>, DbError> {
///         self.query(id).await
///     }
///
///     #[invalidates(Self::get(id))]
///     async fn delete(&self, id: TaskId) -> Result<(), DbError> {
///         self.remove(id).await
///     }
/// }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), DbError> {
/// # PgTasks.get(TaskId(1)).await?;
/// # assert!(PgTasks::get_entry(TaskId(1)).exists().await);
/// # PgTasks.delete(TaskId(1)).await?;
/// # assert!(!PgTasks::get_entry(TaskId(1)).exists().await);
/// # Ok(()) }
/// ```
///
/// # Beside other attributes
///
/// `#[async_trait]` stands above or below the block form (below, where an option loads in the background),
/// `#[tracing::instrument]` above or below `#[cached]`: above, its span is that of a load, below (and in a block always), that
/// of every call.
#[proc_macro_attribute]
pub fn cached(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::cached(args.into(), &item.into()).into()
}

/// Caches an async function that loads many values by their ids: it shares the entries of a `#[cached]` function, looks them up
/// together, and runs its body once with the ids that are missing.
///
/// ```
/// # type DbError = std::io::Error; type Task = String;
/// # #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, cache_runtime::KeyPart)] struct TaskId(u64);
/// # use std::collections::HashMap; struct TaskRepo;
/// # impl TaskRepo {
/// #     async fn query(&self, id: TaskId) -> Result<Option<Task>, DbError> { Ok(Some(id.0.to_string())) }
/// #     async fn query_all(&self, ids: &[TaskId]) -> Vec<(TaskId, Task)> { ids.iter().map(|id| (*id, id.0.to_string())).collect() }
/// # }
/// use cache_runtime::{cached, cached_many};
///
/// impl TaskRepo {
///     #[cached(ns = "tasks", ttl = "medium")]
///     pub async fn get(&self, id: TaskId) -> Result<Option<Task>, DbError> {
///         self.query(id).await
///     }
///
///     /// In the body, `ids` are those that no entry answers for.
///     #[cached_many(Self::get, each = ids)]
///     pub async fn get_many(&self, ids: &[TaskId]) -> Result<HashMap<TaskId, Task>, DbError> {
///         Ok(self.query_all(ids).await.into_iter().collect())
///     }
/// }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), DbError> {
/// TaskRepo.get_many(&[TaskId(1), TaskId(2)]).await?;
/// assert!(TaskRepo::get_entry(TaskId(2)).exists().await);
/// # Ok(()) }
/// ```
///
/// | form | where |
/// |---|---|
/// | `Self::get, each = ids` | `get` takes one id by value, and its entry is not read from `self` |
/// | `each id in ids => Self::get(id, tenant)` | any other: the call of `get` for one `id`, as it is written elsewhere |
///
/// - `ids` is a parameter of the type `&[K]` or `Vec<K>`; a `K` is `Clone`.
/// - It returns a `HashMap<K, V>`, `BTreeMap<K, V>`, `Vec<(K, V)>`, or a `Vec<Option<V>>` in the order asked, or a `Result` of one.
/// - Where `get` returns an `Option<V>`, an id that the body has no value for is a `None`, which is stored as `get` says
///   (`none = ..`); where it returns a `V`, nothing is stored for it.
/// - The options are those of `get`, except `when`, `swr`, `refresh` and `stale_if_error`, which only calls of `get` know.
/// - The body runs once more where ids that others were loading are left to this call after all; parameters that are no references
///   are cloned for each run.
///
/// The one option is `crate`, the path of `cache_runtime` where it has another name.
#[proc_macro_attribute]
pub fn cached_many(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::cached_many(args.into(), &item.into()).into()
}

/// Runs an async function and then invalidates the entries that it made untrue, however it ended.
///
/// ```
/// # type DbError = std::io::Error;
/// # #[derive(Clone, Copy, cache_runtime::KeyPart)] struct TaskId(u64);
/// # struct Task { owner: u64, labels: Vec<String> }
/// # struct TaskRepo;
/// # #[cache_runtime::cached(ns = "tasks")]
/// # impl TaskRepo {
/// #     #[cached] async fn get(&self, id: TaskId) -> Result<String, DbError> { Ok(id.0.to_string()) }
/// #     #[cached] async fn by_label(label: String) -> Result<Vec<u64>, DbError> { drop(label); Ok(vec![]) }
/// #     async fn update(&self, _: TaskId, title: String) -> Result<Task, DbError> { Ok(Task { owner: 1, labels: vec![title] }) }
/// # }
/// use cache_runtime::invalidates;
///
/// impl TaskRepo {
///     #[invalidates(
///         Self::get(id),
///         each label in result.labels => Self::by_label(label),
///         tags("tasks", "owner:{result.owner}"),
///     )]
///     pub async fn rename(&self, id: TaskId, title: String) -> Result<Task, DbError> {
///         self.update(id, title).await
///     }
/// }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), DbError> {
/// # TaskRepo.get(TaskId(1)).await?;
/// # TaskRepo.rename(TaskId(1), "new".into()).await?;
/// # assert!(!TaskRepo::get_entry(TaskId(1)).exists().await);
/// # Ok(()) }
/// ```
///
/// # Targets
///
/// | target | what is invalidated |
/// |---|---|
/// | `Self::get(id)`, `get_task(id)`, or `self.get(id)` where the key, a tag or the cache is read from `self` | one entry, by a call of the cached function as it is written elsewhere |
/// | `tags("tasks", "owner:{owner}")` | all entries of a namespace that carry one of the tags: templates over parameters, `self`, and `result` |
/// | `namespace("tasks")` | all entries of a namespace |
/// | `each id in ids => Self::get(id)` | one target for each element; elements of a variable are cloned |
///
/// - The compiler checks a call: when `get` is renamed or takes other parameters, this does not build.
/// - Targets are evaluated before the body, and parameters in them are cloned.
/// - A target that names `result` is evaluated after the body, when that gave an `Ok`; `result` is a reference to the value.
///
/// # Options
///
/// | option | form | default |
/// |---|---|---|
/// | `on_error` | `"invalidate"`, or `"keep"` where an error means that nothing changed | `"invalidate"` |
/// | `mode` | `"after"`: invalidate when the body is over; `"around"`: also keep the entries empty from before the body, so that not even the death of this process leaves an old one | `"after"` |
/// | `hold` | with `"around"`, for how long at most: longer than the body takes | `"10s"` |
/// | `settle` | return when no process serves the old value from memory any more | off |
/// | `durability` | `wait(1, "100ms")`: wait until so many copies of the store have it, and for how long | not |
/// | `hold_after` | keep the entries empty for so long after the body: the lag of what loads read from | not |
/// | `on_unreachable` | `"queue"`: invalidate as soon as the store can be reached; `"error"`: return an error, with `"around"` before the body runs. The error must be `From<Undone>` | `"queue"` |
/// | `deferred` | the function returns `Deferred<T>` instead of `T`, and the caller invalidates, after the commit; not with `"around"`, `settle`, `durability`, `on_unreachable` | off |
/// | `cache` | an expression that gives the `Cache` of `tags(..)` and `namespace(..)` | the ambient one |
/// | `crate` | the path of `cache_runtime`, where it has another name | `::cache_runtime` |
#[proc_macro_attribute]
pub fn invalidates(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::mutation(Kind::Invalidates, args.into(), &item.into()).into()
}

/// Runs an async function and makes the value that it returns the entry: write-through.
///
/// ```
/// # type DbError = std::io::Error; type Task = String;
/// # #[derive(Clone, Copy, cache_runtime::KeyPart)] struct TaskId(u64);
/// # struct TaskRepo;
/// # impl TaskRepo {
/// #     #[cache_runtime::cached(ns = "tasks")]
/// #     async fn get(&self, id: TaskId) -> Result<Option<Task>, DbError> { Ok(Some(id.0.to_string())) }
/// #     async fn update(&self, _: TaskId) -> Result<Task, DbError> { Ok("closed".into()) }
/// # }
/// use cache_runtime::updates;
///
/// impl TaskRepo {
///     #[updates(Self::get(id), tags("tasks", "open"))]
///     pub async fn close(&self, id: TaskId) -> Result<Task, DbError> {
///         self.update(id).await
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), DbError> {
/// TaskRepo.close(TaskId(42)).await?;
/// assert_eq!(TaskRepo::get_entry(TaskId(42)).peek().await, Some(Some("closed".to_owned())));
/// # Ok(()) }
/// ```
///
/// - The first target is the entry, as a call that does not name `result`; what follows is invalidated, and is written as in
///   [`#[invalidates]`](macro@invalidates#targets).
/// - The entry is held from before the body until after it. A value that another writer overtook is not stored, and the next
///   caller loads.
/// - A returned `T` becomes an entry of `T`, `Option<T>`, `Arc<T>` or `Option<Arc<T>>`, under the entry's rules (`none`, `unless`,
///   `ttl_with`).
/// - A body that fails leaves no entry.
///
/// The options are those of [`#[invalidates]`](macro@invalidates#options), except `mode` and `deferred`.
#[proc_macro_attribute]
pub fn updates(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::mutation(Kind::Updates, args.into(), &item.into()).into()
}

/// Makes the values of a type parts of keys.
///
/// ```
/// use cache_runtime::KeyPart;
///
/// #[derive(KeyPart)]
/// struct TaskId(u64); // 42
///
/// #[derive(KeyPart)]
/// struct Page { limit: u32, offset: u32 } // (20,0)
///
/// #[derive(KeyPart)]
/// enum Status { Open, InProgress, By(TaskId) } // in_progress, by(7)
///
/// #[derive(KeyPart)]
/// #[key(display)]
/// struct Slug(String); // what `Display` writes, escaped
///
/// # impl std::fmt::Display for Slug {
/// #     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(&self.0) }
/// # }
/// # #[cache_runtime::cached(ns = "doc")]
/// # async fn list(page: Page, status: Status, slug: Slug) -> u64 { page.offset.into() }
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let entry = list_entry(Page { limit: 20, offset: 0 }, Status::By(TaskId(7)), Slug("a b".into()));
/// assert!(entry.key().ends_with("doc:v1:list:(20,0):by(7):a%20b"), "{}", entry.key());
/// # }
/// ```
///
/// With `#[key(display)]`, equal texts must mean equal values. `#[key(crate = ::path)]` names `cache_runtime` where it has
/// another name.
#[proc_macro_derive(KeyPart, attributes(key))]
pub fn key_part(input: TokenStream) -> TokenStream {
    expand::key_part(input.into()).into()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    /// Each module names only those before it.
    const ORDER: [&str; 6] = ["diag", "syntax", "func", "block", "ir", "expand"];

    #[test]
    fn a_module_names_only_earlier_ones() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        for (place, module) in ORDER.into_iter().enumerate() {
            let files = [source.join(module), source.join(format!("{module}.rs"))];
            for file in files.iter().filter(|file| file.exists()).flat_map(|file| rust(file)) {
                let text = fs::read_to_string(&file).unwrap();
                for later in &ORDER[place + 1..] {
                    assert!(!text.contains(&format!("crate::{later}")), "{} names {later}", file.display());
                }
            }
        }
    }

    fn rust(path: &Path) -> Vec<PathBuf> {
        if path.is_file() {
            return vec![path.into()];
        }
        fs::read_dir(path).unwrap().flat_map(|entry| rust(&entry.unwrap().path())).collect()
    }
}
