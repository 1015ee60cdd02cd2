//! `Proving`: whether a password is a user's, at a price that says nothing.
//!
//! A password costs the processor much on purpose. So it is compared a few at a time, and one that was right is remembered for
//! a while: who pushes ten thousand blobs sends it ten thousand times. A user that there is none of costs as much as a
//! password that is wrong, whatever each user's own password costs: the rest is made up.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aisoc_manifests::digest::TokenDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};
use zeroize::Zeroizing;

use super::htpasswd::{Hash, Users};

/// Most passwords that are compared at a time: the processors are for transfers, too.
const MAX_COMPARED: usize = 2;
/// Most that wait for it.
const MAX_WAITING: usize = 64;
/// How long each waits.
const TURN_PATIENCE: Duration = Duration::from_secs(10);
/// Longest password: what is behind that, bcrypt does not look at, so it would be right whatever it is.
const MAX_PASSWORD_BYTES: usize = 72;
/// Most that are remembered, and how long.
const MAX_REMEMBERED: usize = 4_096;
const REMEMBERED: Duration = Duration::from_secs(5 * 60);
/// What made-up work is done on.
const NOTHING: &[u8] = b"\0";

/// Compares passwords.
pub(super) struct Proving {
    /// Known to this process alone: what is remembered could be computed by nobody else.
    key: Zeroizing<[u8; 32]>,
    remembered: Mutex<HashMap<TokenDigest, Remembered>>,
    turns: Arc<Semaphore>,
    line: Arc<Semaphore>,
}

/// A password that was right, and by which hash: once the file has another, it is not any more.
struct Remembered {
    hash: String,
    until: Instant,
}

/// There are too many that wait.
#[derive(Debug)]
pub(super) struct Crowded;

impl std::fmt::Debug for Proving {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proving").finish_non_exhaustive()
    }
}

impl Proving {
    /// Nothing is remembered yet.
    ///
    /// # Errors
    /// `io_error` where the system has no randomness.
    pub(super) fn begin() -> Result<Self> {
        let mut key = Zeroizing::new([0; 32]);
        getrandom::fill(key.as_mut_slice())
            .map_err(|error| Fault::new(Reason::IoError, "the system gives no randomness").caused_by(error))?;
        Ok(Self {
            key,
            remembered: Mutex::default(),
            turns: Arc::new(Semaphore::new(MAX_COMPARED)),
            line: Arc::new(Semaphore::new(MAX_WAITING)),
        })
    }

    /// Whether that password was found right a while ago, and the user still has it.
    pub(super) fn remembers(&self, users: &Users, name: &str, secret: &[u8]) -> bool {
        let Some((_, hash)) = users.get(name) else { return false };
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let found = remembered.get(&self.digest(name, secret));
        found.is_some_and(|found| found.hash == hash.text && Instant::now() < found.until)
    }

    /// Whether that password is that user's.
    ///
    /// # Errors
    /// That as many wait as may.
    pub(super) async fn prove(&self, users: &Users, name: &str, secret: &[u8]) -> Result<bool, Crowded> {
        // Where there are no users nobody has a password, and no work would hide that.
        let Some(highest) = users.highest_cost() else { return Ok(false) };
        let turn = self.turn().await?;
        let hash = users.get(name).map(|(_, hash)| Hash { text: hash.text.clone(), cost: hash.cost });
        let (shown, text) = (Zeroizing::new(secret.to_vec()), hash.as_ref().map(|hash| hash.text.clone()));
        let compared = tokio::task::spawn_blocking(move || {
            // Held by the work and not by the client: one that hangs up does not free its turn.
            let _turn = turn;
            is_right(hash.as_ref(), &shown, highest)
        });
        let is_right = compared.await.unwrap_or(false);
        if let Some(hash) = text.filter(|_| is_right) {
            self.remember(self.digest(name, secret), hash);
        }
        Ok(is_right)
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, Crowded> {
        let _place = self.line.try_acquire().map_err(|_| Crowded)?;
        let turn = timeout(TURN_PATIENCE, Arc::clone(&self.turns).acquire_owned()).await;
        turn.ok().and_then(std::result::Result::ok).ok_or(Crowded)
    }

    fn remember(&self, digest: TokenDigest, hash: String) {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if remembered.len() >= MAX_REMEMBERED {
            remembered.retain(|_, known| now < known.until);
        }
        if remembered.len() >= MAX_REMEMBERED
            && let Some(oldest) = remembered.iter().min_by_key(|(_, known)| known.until).map(|(digest, _)| *digest)
        {
            remembered.remove(&oldest);
        }
        remembered.insert(digest, Remembered { hash, until: now + REMEMBERED });
    }

    /// No name holds the NUL between the two, so no other pair has the same.
    fn digest(&self, name: &str, secret: &[u8]) -> TokenDigest {
        TokenDigest::of(&Zeroizing::new([self.key.as_slice(), name.as_bytes(), b"\0", secret].concat()))
    }
}

/// Whether that is the password, for as much work as the most expensive of all users: 2^c for the comparison at cost c, and
/// then 2^c, 2^(c + 1) and so on up to below 2^highest, which together are 2^highest.
fn is_right(hash: Option<&Hash>, secret: &[u8], highest: u32) -> bool {
    // bcrypt repeats a password with a NUL behind it: `a` and `a NUL a` would be the same.
    let is_usable = secret.len() <= MAX_PASSWORD_BYTES && !secret.contains(&0);
    let Some(hash) = hash else {
        work(highest);
        return false;
    };
    let is_right = bcrypt::verify(secret, &hash.text).unwrap_or(false);
    (hash.cost..highest).for_each(work);
    is_right && is_usable
}

fn work(cost: u32) {
    std::hint::black_box(bcrypt::bcrypt(cost, [0; 16], NOTHING));
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN: &str = "$2y$10$DA6S3jBzKrNxQwNRjBjYouztx5K2EEJi0UnHqGECCSlwKC.dfZ.Gy";
    const FOUR: &str = "$2y$04$DA6S3jBzKrNxQwNRjBjYou.NauLo2gzgk/rurwuuf5P8ugDlTEDcK";
    const PASSWORD: &[u8] = b"analytical engine";

    fn users() -> Users {
        Users::read(&format!("ada:{TEN}\ncharles:{FOUR}\n")).expect("users")
    }

    #[tokio::test]
    async fn a_password_is_its_users_alone() {
        let (proving, users) = (Proving::begin().expect("random"), users());
        for (name, secret, expected) in [
            ("charles", PASSWORD, true),
            ("charles", b"analytical engin".as_slice(), false),
            ("charles", b"analytical engine\0analytical engine", false),
            ("charles", b"", false),
            ("ada", PASSWORD, true),
            ("nobody", PASSWORD, false),
            ("", PASSWORD, false),
        ] {
            let found = proving.prove(&users, name, secret).await.expect("a turn");
            assert_eq!(found, expected, "{name} {}", String::from_utf8_lossy(secret));
            assert_eq!(proving.remembers(&users, name, secret), expected, "{name}");
        }
    }

    #[test]
    fn what_bcrypt_does_not_look_at_is_no_password() {
        let exact = vec![b'x'; MAX_PASSWORD_BYTES];
        let hash = Hash { text: bcrypt::hash(&exact, 4).expect("a hash"), cost: 4 };
        for (length, expected) in
            [(MAX_PASSWORD_BYTES - 1, false), (MAX_PASSWORD_BYTES, true), (MAX_PASSWORD_BYTES + 1, false)]
        {
            assert_eq!(is_right(Some(&hash), &vec![b'x'; length], 4), expected, "{length}");
        }
    }

    #[tokio::test]
    async fn a_password_that_was_changed_is_forgotten_at_once() {
        let (proving, users) = (Proving::begin().expect("random"), users());
        assert!(proving.prove(&users, "charles", PASSWORD).await.expect("a turn"));
        assert!(proving.remembers(&users, "charles", PASSWORD));
        assert!(!proving.remembers(&users, "ada", PASSWORD) && !proving.remembers(&users, "charles", b"other"));
        let changed = Users::read(&format!("charles:{TEN}\n")).expect("users");
        assert!(!proving.remembers(&changed, "charles", PASSWORD));
        let gone = Users::read("").expect("users");
        assert!(!proving.remembers(&gone, "charles", PASSWORD));
        assert!(!proving.prove(&gone, "charles", PASSWORD).await.expect("a turn"));
    }

    #[test]
    fn somebody_and_nobody_cost_the_same() {
        let four = Hash { text: FOUR.to_owned(), cost: 4 };
        let ten = Hash { text: TEN.to_owned(), cost: 10 };
        let takes = |hash: Option<&Hash>| {
            let began = std::time::Instant::now();
            assert!(!is_right(hash, b"wrong", 10));
            began.elapsed().as_secs_f64()
        };
        // In turn, and the least of each: what else the machine does only adds, and sooner or later to none of them.
        let mut least = [f64::MAX; 3];
        for _ in 0..50 {
            for (least, hash) in least.iter_mut().zip([None, Some(&four), Some(&ten)]) {
                *least = least.min(takes(hash));
            }
            let [nobody, cheap, dear] = least;
            if [cheap, dear].iter().all(|taken| (0.8..1.25).contains(&(taken / nobody))) {
                return;
            }
        }
        panic!("nobody, a password of cost 4, and one of cost 10 take seconds: {least:?}");
    }

    #[tokio::test]
    async fn as_many_wait_as_may_and_no_more() {
        let proving = Proving::begin().expect("random");
        let all = Arc::clone(&proving.turns).acquire_many_owned(2).await.expect("open");
        let mut waiting = Vec::new();
        let proving = Arc::new(proving);
        for _ in 0..MAX_WAITING {
            let proving = Arc::clone(&proving);
            waiting.push(tokio::spawn(async move { proving.turn().await.is_ok() }));
        }
        while proving.line.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(proving.turn().await.is_err(), "one more than may wait");
        drop(all);
        for each in waiting {
            assert!(each.await.expect("ended"), "who has waited gets a turn");
        }
        drop(proving.turn().await.expect("and then there is room again"));
    }
}
