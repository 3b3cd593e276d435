//! `cargo run -p tasks-api`: the service, with what the environment says.

use std::error::Error;
use std::process::ExitCode;

use tasks_api::{Config, start};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tasks-api: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let config = Config::from_env()?;
    config.cache.install();
    let running = start(config).await?;
    let url = format!("http://{}", running.addr);
    println!("tasks-api listens on {url}\n");
    println!("  curl -i {url}/tasks/1");
    println!("  curl -i '{url}/users/1/tasks?status=open&limit=20'");
    println!(
        "  curl -i -X PATCH {url}/tasks/1 -H 'content-type: application/json' -d '{{\"title\": \"Another title\"}}'\n"
    );
    println!("DATABASE_URL keeps the rows, CACHE_URL shares the cache, TASKS_CACHE=off does without it.");
    asked_to_stop().await?;
    println!("stopping");
    let left = running.shutdown().await;
    if left > 0 {
        eprintln!("tasks-api: Redis does not know of {left} invalidations");
    }
    Ok(())
}

/// Waits for ctrl-c or SIGTERM.
async fn asked_to_stop() -> std::io::Result<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminated.recv() => Ok(()),
    }
}
