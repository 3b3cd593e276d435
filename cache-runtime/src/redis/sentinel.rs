//! Sentinels: they watch over a master and its replicas, and know which server is the master now.

use super::address::{Address, Kind, Manner};
use super::connection::{client_error, in_time, plain};
use ::redis::{Client, RedisResult, Value, cmd};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// How long one sentinel may take to connect, and then to answer.
const PATIENCE: Duration = Duration::from_millis(300);

/// The sentinels of one master.
pub(super) struct Sentinels {
    hosts: Vec<(String, u16)>,
    name: String,
    manner: Manner,
    manner_of_master: Manner,
    /// The one to be asked first; another one each time, since one that is cut off goes on naming the old master.
    turn: AtomicUsize,
}

impl Sentinels {
    /// Those that `address` names, if it is one of sentinels.
    pub(super) fn of(address: &Address) -> Option<Self> {
        let Kind::Sentinels { master, user, password } = &address.kind else { return None };
        Some(Self {
            hosts: address.hosts.clone(),
            name: master.clone(),
            manner: address.manner.of_user(user.as_deref(), password.as_deref()),
            manner_of_master: address.manner.clone(),
            turn: AtomicUsize::new(0),
        })
    }

    /// A client for the master, by the word of the first sentinel that answers.
    ///
    /// What a sentinel says may be old: whoever connects asks the server whether it is a master.
    pub(super) async fn master(&self) -> RedisResult<Client> {
        let turn = self.turn.fetch_add(1, Relaxed);
        let mut last = client_error("no sentinel answers");
        for at in (0..self.hosts.len()).map(|step| turn.wrapping_add(step) % self.hosts.len()) {
            match self.ask(at).await {
                Ok(client) => return Ok(client),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn ask(&self, at: usize) -> RedisResult<Client> {
        let (host, port) = &self.hosts[at];
        let client = self.manner.client_at(host, *port)?;
        let config = plain();
        let connection = client.get_multiplexed_async_connection_with_config(&config);
        let mut connection = in_time(PATIENCE, connection).await?;
        let mut ask = cmd("SENTINEL");
        ask.arg("GET-MASTER-ADDR-BY-NAME").arg(&self.name);
        match in_time(PATIENCE, connection.send_packed_command(&ask)).await?.extract_error()? {
            Value::Nil => Err(client_error("the sentinels know no master of this name")),
            address => {
                let (host, port): (String, u16) = ::redis::from_redis_value(address)?;
                self.manner_of_master.client_at(&host, port)
            }
        }
    }
}
