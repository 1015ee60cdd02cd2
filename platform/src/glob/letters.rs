//! `Letters`: which bytes stand somewhere in a text, as one number.

/// Which bytes stand in a text. Some bytes share a place, so that one which is not there may seem to be, and never the
/// other way round.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Letters(u64);

/// The place of each byte. Small letters, digits and what stands between words in paths have places of their own.
static PLACES: [u64; 256] = places();

const fn places() -> [u64; 256] {
    let mut places = [0; 256];
    let mut byte = 0;
    while byte < places.len() {
        // From 64 on the case is changed: small letters are then nowhere near the digits.
        places[byte] = 1 << ((byte ^ (byte >> 1 & 32)) & 63);
        byte += 1;
    }
    places
}

impl Letters {
    /// Those of a text.
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(bytes.iter().fold(0, |letters, byte| letters | PLACES[usize::from(*byte)]))
    }

    /// With one byte more.
    pub(super) fn with(self, byte: u8) -> Self {
        Self(self.0 | PLACES[usize::from(byte)])
    }

    /// Whether nothing is there.
    pub(super) const fn are_none(self) -> bool {
        self.0 == 0
    }

    /// Whether all the others may be among them.
    pub(super) const fn hold(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_paths_are_made_of_is_told_apart() {
        let all: Vec<u8> = (b'a'..=b'z').chain(b'0'..=b'9').chain(*b"-_./").collect();
        for one in &all {
            let others: Vec<u8> = all.iter().copied().filter(|other| other != one).collect();
            assert!(!Letters::of(&others).hold(Letters::of(&[*one])), "{}", char::from(*one));
            assert!(Letters::of(&all).hold(Letters::default().with(*one)));
        }
    }

    #[test]
    fn what_is_there_is_never_missed() {
        let all: Vec<u8> = (0..=u8::MAX).collect();
        assert!(all.iter().all(|byte| Letters::of(&all).hold(Letters::of(&[*byte]))));
        assert!(Letters::of(b"").are_none() && Letters::of(b"a").hold(Letters::of(b"")));
    }
}
