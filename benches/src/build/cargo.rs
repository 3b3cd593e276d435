//! Generated crates, and what cargo takes to build them.

use super::lines::{self, Function};
use anyhow::{Context as _, Result, ensure};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// Seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spent {
    pub(super) wall_s: f64,
    /// Of all processors (Linux; 0 elsewhere).
    pub(super) processor_s: f64,
}

/// A generated crate, which has the peers' dependencies whatever it uses of them.
#[derive(Debug)]
pub(super) struct Crate {
    folder: PathBuf,
}

impl Crate {
    pub(super) fn write(number: usize, source: &str) -> Result<Self> {
        let benches = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = env::temp_dir().join(format!("cache-benches-{}-build-{number}", std::process::id()));
        fs::create_dir_all(folder.join("src"))?;
        let made = Self { folder };
        let manifest = fs::read_to_string(benches.join("peers/Cargo.toml"))?;
        let (_, dependencies) =
            manifest.split_once("[dependencies]").context("the peers have dependencies")?;
        let (dependencies, _) = dependencies.split_once("[lints").context("and then lints")?;
        let dependencies =
            dependencies.replace("path = \"..\"", &format!("path = {:?}", benches.display().to_string()));
        let runtime = benches.join("../cache-runtime").display().to_string();
        let manifest = format!(
            "[package]\nname = \"fifty-functions-{number}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
             [workspace]\n\n[dependencies]{dependencies}\
             cache-runtime = {{ path = {runtime:?} }}\n\
             quick_cache = \"0.7\"\n\
             redis = {{ version = \"1\", default-features = false, features = [\"tokio-comp\"] }}\n\
             serde_json = \"1\"\n"
        );
        fs::write(made.folder.join("Cargo.toml"), manifest)?;
        fs::copy(benches.join("peers/Cargo.lock"), made.folder.join("Cargo.lock"))?;
        fs::write(made.source(), source)?;
        Ok(made)
    }

    fn source(&self) -> PathBuf {
        self.folder.join("src/lib.rs")
    }

    /// The functions that LLVM is given.
    pub(super) fn lines(&self) -> Result<Vec<Function>> {
        let output = self.folder.join("lines.ll");
        let emit = format!("--emit=llvm-ir={}", output.display());
        self.cargo(&["rustc", "--release", "--", &emit, "-Cno-prepopulate-passes", "-Ccodegen-units=1"])?;
        Ok(lines::count(&fs::read_to_string(output)?))
    }

    /// Changes one function's body for the `round`th time.
    pub(super) fn change(&self, round: usize) -> Result<()> {
        let text = fs::read_to_string(self.source())?;
        let old = if round == 0 { "id + 7)".to_owned() } else { format!("id + {})", 1_000 + round - 1) };
        ensure!(text.contains(&old), "there is no {old}");
        Ok(fs::write(self.source(), text.replacen(&old, &format!("id + {})", 1_000 + round), 1))?)
    }

    /// A release build.
    pub(super) fn build(&self) -> Result<Spent> {
        self.cargo(&["build", "--release"])
    }

    /// A check after what has changed since the last.
    pub(super) fn check(&self) -> Result<Spent> {
        self.cargo(&["check"])
    }

    fn cargo(&self, arguments: &[&str]) -> Result<Spent> {
        let target =
            Path::new(&env::current_exe()?).ancestors().nth(2).context("in a target folder")?.to_owned();
        let (begun, before) = (Instant::now(), processor_s());
        let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(arguments)
            .current_dir(&self.folder)
            .env("CARGO_TARGET_DIR", target)
            .env_remove("CARGO_INCREMENTAL")
            .output()?;
        let spent = Spent { wall_s: begun.elapsed().as_secs_f64(), processor_s: processor_s() - before };
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(spent)
    }
}

impl Drop for Crate {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// What ended children have used, and theirs: `cutime` and `cstime` in hundredths.
fn processor_s() -> f64 {
    let text = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(13).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}
