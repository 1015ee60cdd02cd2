//! `Attempts`: how often somebody may be wrong about who they are. So many times at once, and then now and then: whoever
//! guesses is stopped by it, and whoever mistypes is not.
//!
//! Counted by where it comes from, and not by the name that is tried: else anybody could shut somebody else out.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Attempts that one place may fail at without a wait.
const MAX_FAILURES: u32 = 10;
/// How long until it may fail once more.
const PAUSE: Duration = Duration::from_secs(6);
/// Most places that are remembered. Whoever has more of them than that begins anew with each.
const MAX_PLACES: usize = 4_096;

/// The places from which somebody was wrong lately.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    places: Mutex<HashMap<Ipv6Addr, Place>>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    failures: u32,
    /// Since when the last of them is not forgotten yet.
    since: Instant,
}

impl Attempts {
    /// Counts an attempt from there as a failure, until [`Attempts::forgive`].
    ///
    /// # Errors
    /// How long it is until the next one is looked at.
    pub(super) fn begin(&self, peer: IpAddr, now: Instant) -> Result<(), Duration> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() >= MAX_PLACES && !places.contains_key(&network(peer)) {
            places.retain(|_, place| place.at(now).failures > 0);
            if places.len() >= MAX_PLACES
                && let Some(oldest) = places.iter().min_by_key(|(_, place)| place.since).map(|(peer, _)| *peer)
            {
                places.remove(&oldest);
            }
        }
        let place = places.entry(network(peer)).or_insert(Place { failures: 0, since: now });
        *place = place.at(now);
        if place.failures >= MAX_FAILURES {
            return Err(PAUSE.saturating_sub(now.duration_since(place.since)));
        }
        place.failures += 1;
        Ok(())
    }

    /// Takes back one that was none: who it was has proven it.
    pub(super) fn forgive(&self, peer: IpAddr) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = places.get_mut(&network(peer)) {
            place.failures = place.failures.saturating_sub(1);
        }
    }
}

impl Place {
    /// With what is forgotten by then.
    fn at(self, now: Instant) -> Self {
        let pauses = u32::try_from(now.duration_since(self.since).as_millis() / PAUSE.as_millis()).unwrap_or(u32::MAX);
        match self.failures.checked_sub(pauses).filter(|left| *left > 0) {
            Some(failures) => Self { failures, since: self.since + PAUSE * pauses },
            None => Self { failures: 0, since: now },
        }
    }
}

/// Whoever has one address of IPv6 has all 2^64 of its network.
fn network(peer: IpAddr) -> Ipv6Addr {
    match peer.to_canonical() {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn who_is_wrong_too_often_waits_and_nobody_else_does() {
        let (attempts, guesser, now) = (Attempts::default(), peer("192.0.2.7"), Instant::now());
        for _ in 0..MAX_FAILURES {
            attempts.begin(guesser, now).expect("one of those that are free");
        }
        assert_eq!(attempts.begin(guesser, now), Err(PAUSE));
        attempts.begin(peer("192.0.2.8"), now).expect("somebody else");
        attempts.begin(guesser, now + PAUSE - Duration::from_millis(1)).expect_err("not yet");
        attempts.begin(guesser, now + PAUSE).expect("one is forgotten");
        attempts.begin(guesser, now + PAUSE).expect_err("and no more");
        let later = now + PAUSE * MAX_FAILURES * 10;
        for _ in 0..MAX_FAILURES {
            attempts.begin(guesser, later).expect("all are forgotten, and not more than all");
        }
        attempts.begin(guesser, later).expect_err("as before");
    }

    #[test]
    fn who_is_right_waits_never() {
        let (attempts, peer, now) = (Attempts::default(), peer("::ffff:192.0.2.7"), Instant::now());
        for _ in 0..10 * MAX_FAILURES {
            attempts.begin(peer, now).expect("it was right each time");
            attempts.forgive(peer);
        }
    }

    #[test]
    fn all_addresses_of_a_network_are_one_place_and_places_have_an_end() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        for last in 0..MAX_FAILURES {
            attempts.begin(peer(&format!("2001:db8::{last:x}")), now).expect("free");
        }
        attempts.begin(peer("2001:db8::ffff"), now).expect_err("the same network");
        attempts.begin(peer("2001:db8:0:1::1"), now).expect("another one");
        for place in 0..2 * MAX_PLACES as u32 {
            attempts.begin(IpAddr::V4(place.into()), now).expect("one each");
        }
        assert_eq!(attempts.places.lock().expect("whole").len(), MAX_PLACES);
    }
}
