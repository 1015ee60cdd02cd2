//! `ProgramSigner`: a program that holds the key, or knows a service that does.
//!
//! It is somebody else's, so nothing of what it prints is taken on faith: an answer that holds a private key is
//! refused whole and shown nowhere, words are cut and made printable, and time and room are bounded.

use std::time::{Duration, Instant};

use aisoc_manifests::cancellation::{Cancellation, Cancelled};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use aisoc_programs::{Answer, Failure, Program, Question, ask};
use zeroize::Zeroizing;

use super::contract::{NoReply, PROTOCOL_VERSION, Reply, Request};
use super::key_holder::KeyHolder;
use crate::hidden_key::holds_secret;
use crate::key::{PublicKey, SigningKey};
use crate::signature::Signature;

/// Longest wait for one answer of a program: some ask a person, or a service that asks one.
pub const SIGNER_PATIENCE: Duration = Duration::from_secs(60);
/// Most bytes of an answer; a key and a signature have a few hundred.
const MAX_ANSWER_BYTES: usize = 64 << 10;
/// Bytes of what a program says on standard error that are looked at for its last words.
const MAX_COMPLAINT_BYTES: usize = 16 << 10;
/// Longest words of a program that are shown.
const SHOWN_CHARACTERS: usize = 240;

/// A program that signs.
pub struct ProgramSigner {
    program: Program,
    shown: String,
    passphrase: Option<Zeroizing<String>>,
    public_key: PublicKey,
    patience: Duration,
    cancellation: Cancellation,
}

impl ProgramSigner {
    /// Asks a program which key it signs with. `passphrase` is for programs that open a token with it.
    ///
    /// # Errors
    /// `signer_unavailable`, `signer_failed`, `interrupted`.
    pub fn ask(
        program: Program,
        passphrase: Option<Zeroizing<String>>,
        patience: Duration,
        cancellation: &Cancellation,
    ) -> Result<Self> {
        let shown = shown(&program.name.to_string_lossy(), SHOWN_CHARACTERS);
        let asked = Asked { program: &program, shown: &shown, patience, cancellation };
        let answer = asked.answer(&Request::public_key().with_passphrase(passphrase.clone()), None)?;
        let public_key = asked.read(&answer, Reply::into_public_key)?;
        // Now it is known which 32 bytes would be its seed.
        asked.refuse_secret(&answer, Some(&public_key))?;
        let cancellation = cancellation.clone();
        Ok(Self { program, shown, passphrase, public_key, patience, cancellation })
    }
}

impl KeyHolder for ProgramSigner {
    fn public_key(&self) -> PublicKey {
        self.public_key
    }

    fn name(&self) -> String {
        format!("the signer `{}`", self.shown)
    }

    fn sign(&self, message: &[u8]) -> Result<Signature> {
        let Self { program, shown, patience, cancellation, .. } = self;
        let asked = Asked { program, shown, patience: *patience, cancellation };
        let request = Request::sign(message).with_passphrase(self.passphrase.clone());
        let answer = asked.answer(&request, Some(&self.public_key))?;
        asked.read(&answer, Reply::into_signature)
    }
}

/// A program that is asked once.
struct Asked<'a> {
    program: &'a Program,
    shown: &'a str,
    patience: Duration,
    cancellation: &'a Cancellation,
}

impl Asked<'_> {
    fn answer(&self, request: &Request, key: Option<&PublicKey>) -> Result<Answer> {
        let line = request.to_line();
        let stop = self.cancellation.flag();
        let question = Question {
            input: &line,
            deadline: Instant::now() + self.patience,
            stop: &stop,
            answer_bytes: MAX_ANSWER_BYTES,
            complaint_bytes: MAX_COMPLAINT_BYTES,
        };
        let answer = ask(self.program, &question).map_err(|failure| self.unanswered(failure))?;
        self.refuse_secret(&answer, key)?;
        Ok(answer)
    }

    fn fault(&self, reason: Reason, how: impl std::fmt::Display) -> Fault {
        Fault::new(reason, format!("the signer `{}` {how}", self.shown))
    }

    fn unanswered(&self, failure: Failure) -> Fault {
        match failure {
            Failure::Stopped => Cancelled.into(),
            Failure::TimedOut => self
                .fault(Reason::SignerUnavailable, "did not answer in time, and was ended")
                .expected(format!("an answer within {} seconds", self.patience.as_secs()), "none")
                .hint("see what it waits for: run it by hand with a question, as `aisoc help signing-keys` shows"),
            Failure::TooMuch { at_most } => self
                .fault(Reason::SignerFailed, "prints more than an answer")
                .expected(format!("at most {at_most} bytes"), "more"),
            Failure::NotFound if self.shown.contains(char::is_whitespace) => {
                self.fault(Reason::SignerFailed, "was not found").hint(
                    "what stands behind `exec:` is one program without arguments: write a small script that calls it, \
                     and name that",
                )
            }
            Failure::NotFound => self.fault(Reason::SignerFailed, "was not found").hint(
                "write `exec:` and the path of the program, or a name on the PATH; a script needs its interpreter in \
                 its first line",
            ),
            failure => self.fault(Reason::SignerFailed, failure),
        }
    }

    /// A program that lets the key out has to be stopped from being used, and what it printed from being seen.
    fn refuse_secret(&self, answer: &Answer, key: Option<&PublicKey>) -> Result<()> {
        let is_seed = |seed: &[u8; 32]| key.is_some_and(|key| SigningKey::is_seed_of(seed, key));
        if [&answer.printed, &answer.complaint].iter().any(|text| holds_secret(text, &is_seed)) {
            return Err(self
                .fault(Reason::SignerFailed, "printed a private key: nothing of what it printed is used or shown")
                .hint("hold that key for lost, whoever sees its output: make a new one, and mend the program"));
        }
        Ok(())
    }

    fn read<T>(&self, answer: &Answer, read: impl Fn(Reply) -> Result<T, NoReply>) -> Result<T> {
        let reply = Reply::read(&answer.printed);
        // Its own words say more than its exit code does.
        if !answer.status.success() && !matches!(reply, Err(NoReply::Said(..))) {
            return Err(self.with_last_words(self.fault(Reason::SignerFailed, answer.end()), answer));
        }
        reply.and_then(read).map_err(|no| self.refused(&no, answer))
    }

    fn refused(&self, no: &NoReply, answer: &Answer) -> Fault {
        match no {
            NoReply::Said(words, retry) => {
                let reason = if *retry { Reason::SignerUnavailable } else { Reason::SignerFailed };
                self.fault(reason, no).caused_by(shown(words, SHOWN_CHARACTERS))
            }
            NoReply::Version(found) => self
                .fault(Reason::SignerFailed, no)
                .expected(format!("\"protocol_version\": {PROTOCOL_VERSION}"), found.to_string()),
            _ => self.with_last_words(self.fault(Reason::SignerFailed, no), answer),
        }
    }

    fn with_last_words(&self, fault: Fault, answer: &Answer) -> Fault {
        let said = String::from_utf8_lossy(&answer.complaint);
        let last = said.lines().map(str::trim).rfind(|line| !line.is_empty());
        match last {
            Some(line) => fault.caused_by(shown(line, SHOWN_CHARACTERS)),
            None => fault,
        }
    }
}
