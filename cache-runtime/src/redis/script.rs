//! The scripts, each one atomic step of the protocol.
//!
//! Their constant arguments are strings: a number is printed anew for each call, which takes the server longer than most commands.

use crate::time::millis;
use ::redis::{Cmd, cmd};
use std::sync::LazyLock;
use std::time::Duration;

/// A script and its hash.
pub(super) struct Script {
    text: &'static str,
    hash: LazyLock<String>,
}

macro_rules! scripts {
    ($($name:ident $file:literal)*) => {
        $(pub(super) static $name: Script = {
            const TEXT: &str = include_str!(concat!("scripts/", $file));
            Script { text: TEXT, hash: LazyLock::new(|| ::redis::Script::new(TEXT).get_hash().to_owned()) }
        };)*
        /// All of them, to be loaded at connect.
        pub(super) static ALL: &[&Script] = &[$(&$name),*];
    };
}

scripts! {
    LEASE "lease.lua"
    FILL "fill.lua"
    LEASE_BARE "lease_bare.lua"
    FILL_BARE "fill_bare.lua"
    RENEW "renew.lua"
    RELEASE "release.lua"
    REFRESH "refresh.lua"
    INVALIDATE "invalidate.lua"
    HOLD "hold.lua"
    UNHOLD "unhold.lua"
    CAPTURE "capture.lua"
    GUARD "guard.lua"
    SET "set.lua"
    REPLACE "replace.lua"
    INCREMENT "increment.lua"
    TOUCH "touch.lua"
    PUBLISH "publish.lua"
    APPEND "append.lua"
    TAKE "take.lua"
    KEEP "keep.lua"
    DONE "done.lua"
}

impl Script {
    pub(super) fn load(&self) -> Cmd {
        let mut load = cmd("SCRIPT");
        load.arg("LOAD").arg(self.text);
        load
    }

    pub(super) fn by_hash(&self, keys: &[&[u8]], args: &[&[u8]]) -> Cmd {
        Self::call("EVALSHA", &self.hash, keys, args)
    }

    pub(super) fn by_text(&self, keys: &[&[u8]], args: &[&[u8]]) -> Cmd {
        Self::call("EVAL", self.text, keys, args)
    }

    fn call(command: &str, script: &str, keys: &[&[u8]], args: &[&[u8]]) -> Cmd {
        let parts = keys.iter().chain(args);
        let bytes = parts.clone().map(|part| part.len()).sum::<usize>() + command.len() + script.len() + 8;
        let mut call = Cmd::with_capacity(3 + keys.len() + args.len(), bytes);
        call.arg(command).arg(script).arg(keys.len());
        for part in parts {
            call.arg(part);
        }
        call
    }
}

/// A ttl as the scripts take it.
pub(super) fn ttl_argument(ttl: Option<Duration>) -> String {
    ttl.map_or(0, |ttl| millis(ttl).max(1)).to_string()
}
