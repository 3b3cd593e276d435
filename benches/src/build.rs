//! What 50 annotated functions add to a build: LLVM lines before optimisation, and time.

use crate::rounds::quantile;
use crate::table::{Cell, Table};
use anyhow::{Context as _, Result, ensure};
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

const FUNCTIONS: usize = 50;
const BUILDS: usize = 3;

/// Who, what stands above each function, and what stands above all of them.
const CONTESTANTS: [(&str, &str, &str); 5] = [
    ("no cache = limit", "", ""),
    ("this library", r#"#[cache_runtime::cached(ns = "build", ttl = "medium")]"#, ""),
    (
        "cached, #[concurrent_cached]",
        "#[cached::macros::concurrent_cached(max_size = 1_000, ttl_secs = 300)]",
        "",
    ),
    ("cached, #[cached]", "#[cached::macros::cached(max_size = 1_000, ttl_secs = 300)]", ""),
    ("hitbox", "#[hitbox_fn::cached]", HITBOX),
];

/// Its functions return what it can store, and are called with a cache.
const HITBOX: &str = "\
use hitbox_fn::prelude::*;
use hitbox_moka::MokaBackend;
static CACHE: std::sync::LazyLock<Cache<MokaBackend>> = std::sync::LazyLock::new(|| {
    let policy = PolicyConfig::builder().ttl(std::time::Duration::from_secs(300)).build();
    Cache::builder().backend(MokaBackend::builder().max_entries(1_000).build()).policy(policy).build()
});
";

/// The table.
///
/// # Errors
/// If the limit cannot be built.
pub fn table() -> Result<Table> {
    let columns = [
        "contestant",
        "LLVM lines",
        "ratio",
        "release build s",
        "ratio of s",
        "check after a change s",
        "ratio of check",
    ];
    let mut table =
        Table::new(format!("A crate of {FUNCTIONS} functions `(id: u64) -> Result<Task, E>`"), &columns);
    let mut limit = None;
    for (name, attribute, head) in CONTESTANTS {
        let built = Crate::write(&source(attribute, head)).and_then(|made| made.measure());
        let Ok(figures) = built.inspect_err(|error| eprintln!("{name}: {error:#}")) else {
            table.row([vec![Cell::from(name)], vec![const { Cell::None }; 6]].concat(), "did not build");
            continue;
        };
        let against = *limit.get_or_insert(figures);
        let mut cells = vec![Cell::from(name)];
        for ((figure, limit), places) in figures.into_iter().zip(against).zip([0, 2, 2]) {
            cells.extend([Cell::Number(figure, places), Cell::Number(figure / limit, 2)]);
        }
        table.row(cells, "");
    }
    Ok(table)
}

fn source(attribute: &str, head: &str) -> String {
    let mut text = format!("use cache_benches::work::{{LoadError, load_task}};\n{head}");
    let hitbox = !head.is_empty();
    let value = if hitbox { "Own" } else { "cache_benches::work::Task" };
    if hitbox {
        text += "#[derive(Clone, Debug, serde::Serialize, serde::Deserialize, CacheableResponse)]\n\
                 pub struct Own { inner: cache_benches::work::Task }\n";
    }
    let wrap = if hitbox { ".map(|inner| Own { inner })" } else { "" };
    let call = if hitbox { ".cache(&*CACHE)" } else { "" };
    let mut all = String::new();
    for number in 0..FUNCTIONS {
        let _ = writeln!(
            text,
            "{attribute}\npub async fn f{number}(id: u64) -> Result<{value}, LoadError> {{ load_task(id + {number}){wrap} }}"
        );
        let _ = writeln!(all, "Box::pin(async {{ f{number}(1){call}.await.is_ok() }}),");
    }
    // what is called somewhere is compiled
    let futures = "std::pin::Pin<Box<dyn Future<Output = bool> + Send>>";
    let _ = writeln!(text, "pub fn all() -> Vec<{futures}> {{ vec![{all}] }}");
    text
}

/// A generated crate with the peers' dependencies, which all contestants are given.
struct Crate {
    folder: PathBuf,
}

impl Crate {
    fn write(source: &str) -> Result<Self> {
        let benches = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = env::temp_dir().join(format!("cache-benches-build-{}", std::process::id()));
        fs::create_dir_all(folder.join("src"))?;
        let manifest = fs::read_to_string(benches.join("peers/Cargo.toml"))?;
        let (_, dependencies) =
            manifest.split_once("[dependencies]").context("the peers have dependencies")?;
        let (dependencies, _) = dependencies.split_once("[lints").context("and then lints")?;
        let path = |relative: &str| benches.join(relative).display().to_string();
        let dependencies = dependencies.replace("path = \"..\"", &format!("path = {:?}", path("")));
        let manifest = format!(
            "[package]\nname = \"cache-benches-peers\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n[dependencies]{dependencies}\
             cache-runtime = {{ path = {:?} }}\n",
            path("../cache-runtime")
        );
        fs::write(folder.join("Cargo.toml"), manifest)?;
        fs::copy(benches.join("peers/Cargo.lock"), folder.join("Cargo.lock"))?;
        fs::write(folder.join("src/lib.rs"), source)?;
        Ok(Self { folder })
    }

    /// LLVM lines, seconds of a release build, seconds of a check after a change.
    fn measure(&self) -> Result<[f64; 3]> {
        self.cargo(&["build", "--release"])?;
        self.cargo(&["check"])?;
        let mut builds = Vec::new();
        let mut checks = Vec::new();
        for number in 0..BUILDS {
            self.change(number)?;
            builds.push(self.cargo(&["build", "--release"])?);
            checks.push(self.cargo(&["check"])?);
        }
        let output = self.folder.join("lines.ll");
        let emit = format!("--emit=llvm-ir={}", output.display());
        self.cargo(&["rustc", "--release", "--", &emit, "-Cno-prepopulate-passes", "-Ccodegen-units=1"])?;
        Ok([lines(&fs::read_to_string(output)?), quantile(&builds, 0.5), quantile(&checks, 0.5)])
    }

    /// Changes a function's body.
    fn change(&self, number: usize) -> Result<()> {
        let file = self.folder.join("src/lib.rs");
        let text = fs::read_to_string(&file)?;
        let old = if number == 0 { "id + 7)".to_owned() } else { format!("id + {})", 1_000 + number - 1) };
        ensure!(text.contains(&old), "there is no {old}");
        Ok(fs::write(file, text.replacen(&old, &format!("id + {})", 1_000 + number), 1))?)
    }

    /// The seconds that it takes.
    fn cargo(&self, arguments: &[&str]) -> Result<f64> {
        let begun = Instant::now();
        let target =
            Path::new(&env::current_exe()?).ancestors().nth(2).context("in a target folder")?.to_owned();
        let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(arguments)
            .current_dir(&self.folder)
            .env("CARGO_TARGET_DIR", target)
            .output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(begun.elapsed().as_secs_f64())
    }
}

impl Drop for Crate {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Lines in the bodies of functions, as `cargo llvm-lines` counts them.
#[expect(clippy::cast_precision_loss, reason = "the count is far below 2⁵²")]
fn lines(text: &str) -> f64 {
    let mut inside = false;
    let mut count = 0_u64;
    for line in text.lines() {
        if line.starts_with("define ") {
            inside = true;
        } else if line == "}" {
            inside = false;
        } else if inside && line.starts_with("  ") && !line.starts_with("  ;") {
            count += 1;
        }
    }
    count as f64
}
