//! Connections by the address that they come from.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts connections per address. Its size is bounded by the number of connections.
#[derive(Debug, Clone, Default)]
pub(super) struct Peers(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One connection's place; given back when dropped. Unix sockets have no address.
#[derive(Debug)]
pub(super) struct Place {
    peers: Peers,
    peer: Option<IpAddr>,
}

impl Peers {
    fn counts(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection from `peer`; `None` where it has `most` already.
    pub(super) fn place(&self, peer: Option<IpAddr>, most: usize) -> Option<Place> {
        let peer = peer.map(party);
        if let Some(peer) = peer {
            let mut counts = self.counts();
            let count = counts.entry(peer).or_default();
            if *count >= most {
                return None;
            }
            *count += 1;
        }
        Some(Place {
            peers: self.clone(),
            peer,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(peer) = self.peer else { return };
        let mut counts = self.peers.counts();
        if let Some(count) = counts.get_mut(&peer) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&peer);
            }
        }
    }
}

/// Who is behind an address: anybody who has one IPv6 address has the whole /64.
fn party(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_its_own_places() {
        let peers = Peers::default();
        let place = |peer: &str| peers.place(Some(peer.parse().unwrap()), 2);
        let first = place("192.0.2.1");
        let _second = place("::ffff:192.0.2.1").unwrap();
        assert!(place("192.0.2.1").is_none());
        assert!(place("192.0.2.2").is_some());
        drop(first);
        assert!(place("192.0.2.1").is_some());
        let _a = place("2001:db8::1").unwrap();
        let _b = place("2001:db8::2:0:0:1").unwrap();
        assert!(place("2001:db8::3").is_none(), "the same /64");
        assert!(place("2001:db8:0:1::3").is_some());
        assert!(peers.place(None, 0).is_some());
        drop((_a, _b));
        assert_eq!(peers.counts().len(), 1, "who has gone is forgotten");
    }
}
