//! Which server has which slot, by the word of those servers.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Slots of a cluster.
const SLOTS: u16 = 16_384;
/// The owner of a slot that nobody has.
const NOBODY: u16 = u16::MAX;

/// The slot of a key: by what stands inside its first braces, if there is something.
pub(super) fn slot(name: &[u8]) -> u16 {
    let inside = |name: &[u8]| -> Option<(usize, usize)> {
        let open = name.iter().position(|&byte| byte == b'{')? + 1;
        let length = name[open..].iter().position(|&byte| byte == b'}')?;
        (length > 0).then_some((open, open + length))
    };
    let (from, to) = inside(name).unwrap_or((0, name.len()));
    name[from..to].iter().fold(0, |crc: u16, &byte| crc << 8 ^ CRC[usize::from(crc >> 8 ^ u16::from(byte))])
        % SLOTS
}

/// CRC16 of each byte (XMODEM: polynomial 0x1021).
const CRC: [u16; 256] = {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "it is below 256")]
        let mut crc = (at as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 };
            bit += 1;
        }
        table[at] = crc;
        at += 1;
    }
    table
};

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Host {
    pub(super) ip: Arc<str>,
    /// What certificates are made out to, where the cluster announces it.
    pub(super) name: Option<Arc<str>>,
    pub(super) port: u16,
}

impl Host {
    pub(super) fn new(ip: &str, port: u16) -> Self {
        Self { ip: ip.into(), name: None, port }
    }

    /// Whether an address that a server gave is this one's.
    pub(super) fn is(&self, host: &str, port: u16) -> bool {
        port == self.port && (host == &*self.ip || Some(host) == self.name.as_deref())
    }
}

impl std::fmt::Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.ip, self.port)
    }
}

/// Which master has which slot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Topology {
    pub(super) masters: Vec<Master>,
    /// For each slot the index of its owner.
    slots: Vec<u16>,
}

/// A master, and the epoch of its claims: it changes when it takes a slot, or another one's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Master {
    pub(super) host: Host,
    epoch: u64,
}

impl Topology {
    /// What `views` say together: each is who was asked, and its `CLUSTER NODES`.
    ///
    /// A slot is its whose claim has the highest epoch in anybody's view, so that a server that is late or cut off decides nothing. A
    /// master without slots counts, for what is being moved to it, as long as nobody takes it for dead.
    pub(super) fn of(views: &[(String, String)]) -> Self {
        let lines =
            views.iter().flat_map(|(asked, view)| view.lines().filter_map(|line| Line::read(asked, line)));
        let lines: Vec<Line> = lines.collect();
        let mut claims: Vec<Option<&Line>> = vec![None; usize::from(SLOTS)];
        let mut newest: BTreeMap<(&str, u16), &Line> = BTreeMap::new();
        for line in &lines {
            for slot in line.slots.iter().cloned().flatten() {
                let claim = &mut claims[usize::from(slot)];
                if claim.is_none_or(|other| other.epoch < line.epoch) {
                    *claim = Some(line);
                }
            }
            let known = newest.entry((&line.host.ip, line.host.port)).or_insert(line);
            if known.epoch < line.epoch || known.epoch == line.epoch && line.is_own {
                *known = line;
            }
        }
        let mut masters: Vec<Master> = Vec::new();
        let mut place = |line: &Line| {
            let at = masters.iter().position(|master| master.host == line.host).unwrap_or_else(|| {
                masters.push(line.master());
                masters.len() - 1
            });
            masters[at].epoch = masters[at].epoch.max(line.epoch);
            u16::try_from(at).unwrap_or(NOBODY)
        };
        for line in newest.values().filter(|line| line.is_master && !line.is_dead) {
            place(line);
        }
        let slots = claims.into_iter().map(|claim| claim.map_or(NOBODY, &mut place)).collect();
        Self { masters, slots }
    }

    /// The owner of a slot.
    pub(super) fn owner(&self, slot: u16) -> Option<&Master> {
        self.masters.get(usize::from(*self.slots.get(usize::from(slot))?))
    }

    /// Whether no server has any slot.
    pub(super) fn is_empty(&self) -> bool {
        self.slots.iter().all(|owner| *owner == NOBODY)
    }

    /// Whether a server has any slot.
    pub(super) fn has_slots(&self, host: &Host) -> bool {
        let at = self.masters.iter().position(|master| master.host == *host);
        at.and_then(|at| u16::try_from(at).ok()).is_some_and(|at| self.slots.contains(&at))
    }
}

/// All servers that `views` name: each of them can be asked where the others are.
pub(super) fn known(views: &[(String, String)]) -> Vec<Host> {
    let lines =
        views.iter().flat_map(|(asked, view)| view.lines().filter_map(|line| Line::read(asked, line)));
    let mut known: Vec<Host> = Vec::new();
    for line in lines {
        if !known.contains(&line.host) {
            known.push(line.host);
        }
    }
    known
}

/// A line of `CLUSTER NODES`.
struct Line {
    host: Host,
    epoch: u64,
    is_own: bool,
    is_master: bool,
    is_dead: bool,
    slots: Vec<RangeInclusive<u16>>,
}

impl Line {
    /// `id ip:port@bus[,name] flags master ping pong epoch link slot..`, of who was asked at `asked`.
    fn read(asked: &str, line: &str) -> Option<Self> {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let (address, flags) = (fields.next()?, fields.next()?);
        let mut address = address.split(',');
        let (ip, port) = address.next()?.split('@').next()?.rsplit_once(':')?;
        let name = address.next().filter(|name| !name.is_empty() && !name.contains('='));
        let is = |flag: &str| flags.split(',').any(|word| word == flag);
        let ip = if ip.is_empty() && is("myself") { asked } else { ip };
        let port = port.parse().ok().filter(|port| *port > 0)?;
        if ip.is_empty() || is("noaddr") || is("handshake") {
            return None;
        }
        let epoch = fields.nth(3)?.parse().ok()?;
        let range = |text: &str| {
            let (first, last) = text.split_once('-').unwrap_or((text, text));
            let (first, last) = (first.parse().ok()?, last.parse().ok().filter(|last| *last < SLOTS)?);
            Some(first..=last)
        };
        // What is being moved stands in brackets.
        let slots = fields.skip(1).filter(|text| !text.starts_with('[')).filter_map(range).collect();
        let host = Host { name: name.map(Arc::from), ..Host::new(ip, port) };
        Some(Self { host, epoch, is_own: is("myself"), is_master: is("master"), is_dead: is("fail"), slots })
    }

    fn master(&self) -> Master {
        Master { host: self.host.clone(), epoch: self.epoch }
    }
}

#[cfg(test)]
mod tests {
    use super::{Host, Topology, slot};

    /// By `CLUSTER KEYSLOT` of Redis 7.0.15.
    #[test]
    fn keys_have_the_slots_that_servers_give_them() {
        let known = [
            ("", 0),
            ("123456789", 12_739),
            ("shop:tasks:v1:get:42", 14_887),
            ("cache:fence:{shop:tasks:v1:get:42}", 14_887),
            ("cache:tag:{shop:tasks}:*", 9_627),
            ("cache:tag:{shop:tasks}:owner:7", 9_627),
            ("{}a", 10_875),
            ("a{b{c}d}e", 15_725),
            ("a{b", 13_340),
        ];
        for (key, expected) in known {
            assert_eq!(slot(key.as_bytes()), expected, "{key}");
        }
    }

    fn of(views: &[&str]) -> Topology {
        let views: Vec<_> = views.iter().map(|view| ("10.0.0.9".to_owned(), (*view).to_owned())).collect();
        Topology::of(&views)
    }

    fn owner(topology: &Topology, slot: u16) -> Option<String> {
        Some(topology.owner(slot)?.host.to_string())
    }

    const THREE: &str = "\
a 10.0.0.1:7000@17000,one.example myself,master - 0 1 3 connected 0-99 [100->-b]
b 10.0.0.2:7000@17000, master - 0 1 2 connected 100-199 16383
c 10.0.0.3:7000@17000 slave b 0 1 2 connected
d 10.0.0.4:7000@17000 master - 0 1 0 connected
e 10.0.0.5:7000@17000 master,fail - 0 1 0 connected
f :0@0 master,noaddr - 0 1 1 disconnected 300
";

    #[test]
    fn slots_are_whose_the_servers_say() {
        let topology = of(&[THREE]);
        let hosts: Vec<_> = topology.masters.iter().map(|master| master.host.to_string()).collect();
        assert_eq!(hosts, ["10.0.0.1:7000", "10.0.0.2:7000", "10.0.0.4:7000"]);
        let expected =
            [(0, Some("10.0.0.1")), (100, Some("10.0.0.2")), (16_383, Some("10.0.0.2")), (300, None)];
        for (slot, expected) in expected {
            assert_eq!(owner(&topology, slot), expected.map(|ip| format!("{ip}:7000")));
        }
        assert!(topology.masters[0].host.is("one.example", 7000));
        let [with, without] = ["10.0.0.2", "10.0.0.4"].map(|ip| topology.has_slots(&Host::new(ip, 7000)));
        assert!(with && !without);
    }

    #[test]
    fn the_highest_epoch_decides_whoever_says_it() {
        let moved = "c 10.0.0.3:7000@17000 master - 0 1 7 connected 100-199";
        for views in [[THREE, moved], [moved, THREE]] {
            let topology = of(&views);
            assert_eq!(owner(&topology, 150).as_deref(), Some("10.0.0.3:7000"));
            assert_eq!(owner(&topology, 16_383).as_deref(), Some("10.0.0.2:7000"));
            assert_ne!(topology, of(&[THREE]));
        }
        assert_eq!(of(&[THREE]), of(&[THREE, THREE]));
    }

    #[test]
    fn a_server_that_does_not_know_its_address_is_where_it_was_asked() {
        let topology = of(&["a :7000@17000 myself,master - 0 0 1 connected 5"]);
        assert_eq!(owner(&topology, 5).as_deref(), Some("10.0.0.9:7000"));
    }
}
