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
/// ```ignore
/// use cache_runtime::cached;
///
/// impl TaskRepo {
///     /// key `tasks:v1:get:42`, fresh for 300 s
///     #[cached(ns = "tasks", ttl = "medium")]
///     pub async fn get(&self, id: TaskId) -> Result<Option<Task>, DbError> {
///         self.query(id).await
///     }
/// }
/// ```
///
/// - The *key* is the namespace, the version, the name of the function, and then every parameter but `self`.
/// - The *value* is the `Ok` of a `Result`, else all that the function returns. Errors pass through and are never cached.
/// - A *companion* stands beside the function: `get_entry(id)` names the entry without calling `get`, and is what
///   [`#[invalidates]`](macro@invalidates) asks. It takes the parameters that the key has, and `&self` only where the key or
///   the cache is read from it.
///
/// # Options
///
/// | option | form | default |
/// |---|---|---|
/// | `ns` | `"tasks"`: lower case, digits, `_ - .` | required, here or on the block |
/// | `ttl` | `"short"` 60 s, `"medium"` 300 s, `"long"` 900 s, `"very_long"` 1 h, `"day"`, `"week"`, `"month"`, `"never"`; a duration such as `"90s"` or `"1h30m"`; the path of a constant `Duration` or `Policy` | `"medium"` |
/// | `key` | a template over parameters and their fields: `"{id}"`, `"{page.limit}"`, `"{self.tenant}:{id}"`; all parameters stand in it or in `skip` | name of the function, then every parameter |
/// | `skip` | parameters that do not identify the value: `skip(db, ctx)` | none |
/// | `version` | a number in the key: raise it when the meaning of the *key* changes | 1 |
/// | `schema` | a number beside the value: raise it when the meaning of the *value* changes and its shape does not | 0 |
/// | `none` | `"skip"`, `"cache"`, or a ttl of its own, `"30s"` | `"skip"` |
/// | `l1` | `"off"`, `"validate"`, or a bound such as `"5s"` | `"off"` |
/// | `load_timeout` | how long others wait for one load: a duration, or the path of a constant | `"30s"` |
/// | `ttl_with` | a ttl by the value, instead of `ttl`: `ttl_with = \|value\| value.ttl()` | none |
/// | `unless` | values that are not stored: `unless = \|value\| value.is_draft()` | none |
/// | `when` | a condition over the parameters; else the body runs uncached | none |
/// | `cache` | an expression that gives the `Cache`: `cache = self.cache` | the ambient one |
/// | `codec` | `"json"`, `"postcard"`, `"msgpack"`, or a type | `"json"` |
/// | `returns` | `"result"` or `"value"`, where the return type does not show whether it can fail | by its name |
/// | `crate` | the path of `cache_runtime`, where it has another name | `::cache_runtime` |
///
/// # On a block
///
/// On an `impl`, the options are the defaults of the functions marked `#[cached]` in it. On the `impl` of a trait the
/// companions go to an inherent `impl` beside it.
///
/// ```ignore
/// #[cached(ns = "tasks", ttl = "medium")]
/// impl TaskRepository for PgTasks {
///     #[cached]
///     async fn get(&self, id: TaskId) -> Result<Option<Task>, DbError> { .. }
///     #[cached(ttl = "long")]
///     async fn stats(&self) -> Result<Stats, DbError> { .. }
///     #[invalidates(Self::get(id))]
///     async fn delete(&self, id: TaskId) -> Result<(), DbError> { .. }
/// }
/// ```
///
/// # Beside other attributes
///
/// `#[async_trait]` stands above or below the block form, `#[tracing::instrument]` above or below `#[cached]`: above, its
/// span is that of a load, below (and in a block always), that of every call.
#[proc_macro_attribute]
pub fn cached(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::cached(args.into(), &item.into()).into()
}

/// Runs an async function and then invalidates the entries that it made untrue, however it ended.
///
/// ```ignore
/// use cache_runtime::invalidates;
///
/// impl TaskRepo {
///     #[invalidates(Self::get(id), each label in result.labels => Self::by_label(label))]
///     pub async fn rename(&self, id: TaskId, title: String) -> Result<Task, DbError> {
///         self.update(id, title).await
///     }
/// }
/// ```
///
/// A target is a call of a cached function as it is written elsewhere: `Self::get(id)`, `get_task(id)`, or `self.get(id)` where
/// its key or its cache is read from `self`. The compiler checks it: when `get` is renamed or takes other parameters, this does
/// not build.
///
/// - Targets are evaluated before the body, and parameters in them are cloned.
/// - A target that names `result` is evaluated after the body, when that gave an `Ok`; `result` is a reference to the value.
/// - `each id in ids => Self::get(id)` is one target for each element; elements of a variable are cloned.
///
/// # Options
///
/// | option | form | default |
/// |---|---|---|
/// | `on_error` | `"invalidate"`, or `"keep"` where an error means that nothing changed | `"invalidate"` |
/// | `crate` | the path of `cache_runtime`, where it has another name | `::cache_runtime` |
#[proc_macro_attribute]
pub fn invalidates(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::mutation(Kind::Invalidates, args.into(), &item.into()).into()
}

/// updates
#[proc_macro_attribute]
pub fn updates(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::mutation(Kind::Updates, args.into(), &item.into()).into()
}

/// Makes the values of a type parts of keys.
///
/// ```ignore
/// use cache_runtime::KeyPart;
///
/// #[derive(KeyPart)]
/// struct TaskId(u64); // 42
///
/// #[derive(KeyPart)]
/// struct Page { limit: u32, offset: u32 } // (20,0)
///
/// #[derive(KeyPart)]
/// enum Status { Open, InProgress, By(UserId) } // in_progress, by(7)
///
/// #[derive(KeyPart)]
/// #[key(display)]
/// struct Slug(String); // what `Display` writes, escaped
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
