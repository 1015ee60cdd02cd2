//! `Shares`: how much of the log each plugin writes. Without one, whoever writes most takes what others have written away.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Most bytes of its lines in a second, as time passes.
const MAX_SHARE_BYTES_A_SECOND: u32 = 16 << 10;
/// And at once.
const MAX_SHARE_BYTES: u32 = 2 << 20;

/// What each plugin has left, by its id: loading it anew gives none.
#[derive(Debug, Default)]
pub(super) struct Shares(BTreeMap<String, Left>);

#[derive(Debug, Clone, Copy)]
struct Left {
    /// Below nothing where the host has said more of it than was left.
    bytes: f64,
    at: Instant,
}

impl Left {
    fn by(self, now: Instant) -> Self {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        let bytes = (self.bytes + passed * f64::from(MAX_SHARE_BYTES_A_SECOND)).min(MAX_SHARE_BYTES.into());
        Self { bytes, at: now.max(self.at) }
    }
}

impl Shares {
    fn left(&self, id: &str, now: Instant) -> Left {
        let whole = Left { bytes: MAX_SHARE_BYTES.into(), at: now };
        self.0.get(id).map_or(whole, |left| left.by(now))
    }

    /// Whether that much is left of a plugin's.
    ///
    /// # Errors
    /// How long until it is.
    pub(super) fn require(&self, id: &str, bytes: usize, now: Instant) -> Result<(), Duration> {
        let missing = wide(bytes) - self.left(id, now).bytes;
        if missing <= 0.0 {
            return Ok(());
        }
        Err(Duration::from_secs_f64(missing / f64::from(MAX_SHARE_BYTES_A_SECOND)))
    }

    /// Takes it, whether it is left or not.
    pub(super) fn take(&mut self, id: &str, bytes: usize, now: Instant) {
        let mut left = self.left(id, now);
        left.bytes -= wide(bytes);
        if !self.0.contains_key(id) {
            // Whoever has all of it is as one that has never written.
            self.0.retain(|_, left| left.by(now).bytes < MAX_SHARE_BYTES.into());
        }
        self.0.insert(id.to_owned(), left);
    }
}

/// A line is shorter than 4 GiB.
fn wide(bytes: usize) -> f64 {
    u32::try_from(bytes).map_or(f64::INFINITY, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_has_its_share_and_time_gives_it_back_and_others_have_theirs() {
        let (mut shares, now) = (Shares::default(), Instant::now());
        let (whole, second) = (2 << 20, 16 << 10);
        assert_eq!(shares.require("one", whole, now), Ok(()));
        assert_eq!(shares.require("one", whole + second, now), Err(Duration::from_secs(1)));
        shares.take("one", whole - 1, now);
        assert_eq!(shares.require("one", 1, now), Ok(()));
        assert!(shares.require("one", 2, now).is_err());
        assert_eq!(shares.require("two", whole, now), Ok(()), "its own");
        // What the host says of it has to be given back first.
        shares.take("one", second + 1, now);
        assert_eq!(shares.require("one", second, now), Err(Duration::from_secs(2)));
        let later = |seconds| now + Duration::from_secs(seconds);
        assert!(shares.require("one", second, later(1)).is_err());
        assert_eq!(shares.require("one", second, later(2)), Ok(()));
        assert_eq!(shares.require("one", whole, later(3_600)), Ok(()));
        assert!(shares.require("one", whole + 1, later(3_600)).is_err(), "no more than at once");
    }

    #[test]
    fn those_who_have_all_of_theirs_are_forgotten() {
        let (mut shares, now) = (Shares::default(), Instant::now());
        for number in 0..100 {
            shares.take(&format!("plugin-{number}"), 1, now + Duration::from_secs(number));
        }
        assert!(shares.0.len() < 5, "{}", shares.0.len());
    }
}
